use std::time::Duration;

use super::Flow;
use sidetone_base::clock;

/// The gaps between frames sent at these milliseconds; more is expected after each but the last.
fn breaks(frames: impl IntoIterator<Item = u64>) -> Vec<u128> {
    let (begin, mut flow) = (clock::now(), Flow::default());
    let frames = frames.into_iter();
    let silences = frames.filter_map(|ms| flow.frame(begin + Duration::from_millis(ms), true));
    silences.map(|silence| silence.as_millis()).collect()
}

#[test]
fn sound_in_time_has_no_breaks() {
    assert!(breaks((0..100).map(|n| n * 10)).is_empty());
    // The room takes four frames ahead; a frame that is late by less is not heard as late.
    let ahead = [0, 0, 0, 0, 10, 20, 65, 65, 65, 65, 70];
    assert!(breaks(ahead).is_empty());
}

#[test]
fn what_the_room_waits_for_is_a_break() {
    // 40 ms are buffered, and the next frame comes at 130.
    assert_eq!(breaks([0, 0, 0, 0, 130]), [90]);
    // A trickle: each frame comes 60 ms after the one before.
    assert_eq!(breaks([0, 60, 120, 180]), [50, 50, 50]);
}

#[test]
fn a_pause_between_sentences_or_on_hold_is_not_a_break() {
    let (begin, mut flow) = (clock::now(), Flow::default());
    let at = |ms| begin + Duration::from_millis(ms);
    flow.frame(at(0), true);
    assert_eq!(flow.frame(at(10), false), None);
    assert_eq!(
        flow.frame(at(900), true),
        None,
        "the sentence before was over"
    );
    flow.rests();
    assert_eq!(flow.frame(at(2_000), true), None, "it was held");
    assert!(flow.frame(at(2_500), true).is_some());
}
