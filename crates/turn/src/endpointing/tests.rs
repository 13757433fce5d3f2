use super::*;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn words_lengthen_the_wait_and_the_model_has_its_say() {
    let endpointing = Endpointing::default();
    for (text, probability, expected) in [
        ("What are your opening hours?", None, 500),
        ("My number is five five", None, 1200),
        ("My number is five five", Some(0.9), 1200),
        ("I would like to order a", None, 1500),
        ("I would like to order a", Some(0.9), 500),
        ("I would like to order a", Some(0.5), 500),
        ("I would like to order a", Some(0.0), 3000),
        ("I would like to order a", Some(0.45), 1500),
        ("Well, my sister", Some(0.25), 1125),
        ("Well, my sister", Some(0.0), 3000),
    ] {
        let delay = endpointing.delay(text, &Pauses::default(), probability);
        assert_eq!(delay, ms(expected), "{text:?} at {probability:?}");
    }
}

#[test]
fn slow_talkers_are_waited_for_up_to_a_limit() {
    let endpointing = Endpointing::default();
    let mut pauses = Pauses::default();
    let delay = |pauses: &Pauses| endpointing.delay("Yes.", pauses, None);
    pauses.went_on_after(ms(300));
    assert_eq!(delay(&pauses), ms(500));
    pauses.went_on_after(ms(1100));
    assert_eq!(delay(&pauses), ms(840));
    pauses.turn_over();
    assert_eq!(delay(&pauses), ms(630));
    pauses.went_on_after(ms(9000));
    assert_eq!(delay(&pauses), ms(3000));
    let fixed = Endpointing {
        dynamic: false,
        ..endpointing
    };
    assert_eq!(fixed.delay("Yes.", &pauses, None), ms(500));
}

#[test]
fn a_threshold_of_nought_asks_no_model() {
    let endpointing = Endpointing {
        threshold: 0.0,
        ..Default::default()
    };
    let delay = endpointing.delay("Yes.", &Pauses::default(), Some(0.0));
    assert_eq!(delay, ms(500));
}

#[test]
fn a_doubtful_model_does_not_keep_complete_words_waiting() {
    let endpointing = Endpointing::default();
    for (text, probability, expected) in [
        ("Hello.", Some(0.0), 700),
        ("Hello?", Some(0.1), 700),
        ("Yes.", Some(0.2), 700),
        ("Who is that?", Some(0.0), 700),
        ("Who is that?", Some(0.49), 501),
        ("Who is that?", Some(0.9), 500),
        ("Hello.", None, 500),
        ("Hello, my name is", Some(0.0), 3000),
        ("Yes, but", Some(0.0), 3000),
        ("Yes, but", Some(0.4), 1500),
        ("Hello,", Some(0.1), 2100),
    ] {
        let delay = endpointing.delay(text, &Pauses::default(), probability);
        let rounded = Duration::from_millis(delay.as_micros().div_ceil(1000) as u64);
        assert_eq!(rounded, ms(expected), "{text:?} at {probability:?}");
    }
    let waits = Endpointing {
        complete_delay: ms(2000),
        complete_phrases: vec!["aye aye".into()],
        ..endpointing
    };
    let delay = |text| waits.delay(text, &Pauses::default(), Some(0.0));
    assert_eq!(delay("Aye, aye!"), ms(2000));
    assert_eq!(delay("Hello."), ms(3000));
}

#[test]
fn a_slow_talker_is_waited_for_after_complete_words_too() {
    let mut pauses = Pauses::default();
    pauses.went_on_after(ms(1500));
    let delay = Endpointing::default().delay("Yes.", &pauses, Some(0.0));
    assert_eq!(delay, ms(1800));
}
