use super::*;

#[test]
fn loops_are_cut_after_their_first_round() {
    assert_eq!(before_loop(&[1, 2, 3, 4, 5]), None);
    assert_eq!(before_loop(&[7, 7, 7, 7]), None);
    assert_eq!(before_loop(&[1, 5, 5, 5, 5, 5, 5]), Some(2));
    let phrase = [9, 8, 1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4];
    assert_eq!(before_loop(&phrase), Some(6));
}

#[test]
fn a_language_has_to_be_likelier_than_all_others_to_take_the_place_of_english() {
    assert_eq!(likeliest(&[("en", 1.0), ("de", 9.0), ("nl", 6.0)]), "de");
    assert_eq!(likeliest(&[("en", 8.0), ("de", 8.1), ("nl", 8.1)]), "en");
    assert_eq!(likeliest(&[("en", 9.0), ("de", 1.0)]), "en");
    assert_eq!(likeliest(&[]), "en");
}

#[test]
fn long_audio_is_cut_in_its_pauses() {
    let mut samples = vec![0.5; INPUT_RATE * 60];
    samples[INPUT_RATE * 25..INPUT_RATE * 26].fill(0.0);
    let windows = windows(&samples);
    assert!(
        (25..26).contains(&(windows[0].end / INPUT_RATE)),
        "{windows:?}"
    );
    assert_eq!(windows.last().unwrap().end, samples.len());
    assert!(windows.windows(2).all(|pair| pair[0].end == pair[1].start));
    assert!(super::windows(&[]).is_empty());
}
