use super::*;

#[test]
fn vowels_get_the_marks_that_piper_knows() {
    // the right-hand sides are espeak-ng's own output for these words
    for (word, misaki, espeak) in [
        ("hello", "həlˈO", "həlˈoʊ"),
        ("nurse", "nˈɜɹs", "nˈɜːs"),
        ("hurry", "hˈɜɹi", "hˈɜːɹi"),
        ("letter", "lˈɛTəɹ", "lˈɛɾɚ"),
        ("memory", "mˈɛməɹi", "mˈɛmɚɹi"),
        ("we", "wi", "wiː"),
        ("happy", "hˈæpi", "hˈæpi"),
        ("see", "sˈi", "sˈiː"),
        ("judge", "ʤˈʌʤ", "dʒˈʌdʒ"),
        ("north", "nˈɔɹθ", "nˈɔːɹθ"),
    ] {
        assert_eq!(from_misaki(misaki), espeak, "{word}");
    }
}

#[test]
fn punctuation_and_spaces_stay() {
    assert_eq!(from_misaki("wi, ju?"), "wiː, juː?");
}
