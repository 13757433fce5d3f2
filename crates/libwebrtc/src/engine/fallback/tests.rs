use super::*;
use crate::engine::clock;

const MS: Duration = Duration::from_millis(1);

#[test]
fn udp_has_a_head_start_and_no_more() {
    let start = clock::now();
    let mut fallback = Fallback::default();
    assert_eq!(fallback.due(), None, "nobody is searched yet");
    fallback.searching(start);
    // A repeated report does not extend the wait.
    fallback.searching(start + 100 * MS);
    assert!(!fallback.advance(start + HEAD_START - MS));
    assert!(fallback.advance(start + HEAD_START));
    assert!(fallback.is_open());
    assert!(!fallback.advance(start + 10 * HEAD_START), "told once");
}

#[test]
fn nothing_else_is_tried_where_udp_answers() {
    let start = clock::now();
    let mut fallback = Fallback::default();
    fallback.searching(start);
    fallback.found();
    assert!(!fallback.advance(start + 10 * HEAD_START));
    // It no longer answers: UDP gets the head start again.
    let lost = start + 1000 * MS;
    fallback.searching(lost);
    assert_eq!(fallback.due(), Some(lost + HEAD_START));
}
