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
