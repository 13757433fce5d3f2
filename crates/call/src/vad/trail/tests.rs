use super::*;

#[test]
fn consonants_belong_to_the_speech_and_silence_does_not() {
    let mut trail = Trail::new();
    assert!(!trail.is_over(256, Some(-24.0)));
    assert!(!trail.is_over(256, Some(-52.0)));
    assert!(trail.is_over(256, Some(-62.0)));
    assert!(trail.is_over(256, None));
}

#[test]
fn soft_speech_after_a_knock_counts_again() {
    let mut trail = Trail::new();
    trail.is_over(256, Some(-3.0));
    assert!(trail.is_over(256, Some(-42.0)));
    for _ in 0..125 {
        trail.is_over(256, Some(-42.0));
    }
    assert!(!trail.is_over(256, Some(-42.0)), "two seconds later");
    trail.reset();
    assert!(!trail.is_over(256, Some(-80.0)));
}
