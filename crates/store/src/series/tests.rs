use super::*;

#[test]
fn days_begin_at_the_readers_midnight() {
    let at = |text: &str| text.parse::<At>().unwrap();
    let berlin = Buckets {
        seconds: 86_400,
        ahead: 7_200,
    };
    let day = berlin.of(at("2026-06-01T22:00:00Z"));
    assert_eq!(berlin.of(at("2026-06-02T21:59:59Z")), day);
    assert_eq!(berlin.of(at("2026-06-01T21:59:59Z")), day - 1);
    assert_eq!(berlin.start(day), Some(at("2026-06-01T22:00:00Z")));
}
