use super::*;

#[test]
fn words_that_follow_the_rules() {
    assert_eq!(phonemes("sidetone"), "sˈɪdɛtOn"); // compounds are beyond the rules
    assert_eq!(phonemes("zorbane"), "zˈɔɹbAn");
    assert_eq!(phonemes("flickshaw"), "flˈɪkʃɔ");
    assert_eq!(phonemes("blorption"), "blˈɔɹpʃən");
}

#[test]
fn abbreviations_and_vowelless_words_are_spelled() {
    assert_eq!(phonemes("SFU"), "ˈɛs ˈɛf jˈu");
    assert_eq!(phonemes("qzx"), "kjˈu zˈi ˈɛks");
    assert_eq!(phonemes("x264"), "ˈɛks tˈu sˈɪks fˈɔɹ");
}

#[test]
fn anything_is_survived() {
    assert_eq!(phonemes(""), "");
    assert_eq!(phonemes("日本"), "");
    assert_eq!(phonemes("Ångström"), "ˈæŋstɹɑm");
}
