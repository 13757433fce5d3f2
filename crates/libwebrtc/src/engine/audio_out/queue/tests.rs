use super::*;

#[test]
fn sound_leaves_in_order_and_silence_follows() {
    let mut queue = CaptureQueue::new(4, 8);
    queue.push(&[1, 2, 3, 4, 5, 6]);
    let mut out = Vec::new();
    assert!(queue.tick(&mut out));
    assert_eq!(out, [1, 2, 3, 4]);
    // A partial frame waits for the rest of it.
    assert!(!queue.tick(&mut out));
    assert_eq!(out, [0; 4]);
    queue.push(&[7, 8]);
    assert!(queue.tick(&mut out));
    assert_eq!(out, [5, 6, 7, 8]);
}

#[test]
fn a_capture_settles_at_the_size_and_clearing_settles_at_once() {
    let mut queue = CaptureQueue::new(4, 8);
    let mut out = Vec::new();
    queue.push(&[1; 8]);
    assert!(queue.is_settled());
    queue.push(&[1; 8]);
    assert_eq!(queue.room(), 0);
    assert!(!queue.is_settled());
    queue.tick(&mut out);
    assert!(!queue.is_settled());
    queue.tick(&mut out);
    assert!(queue.is_settled());
    queue.push(&[1; 8]);
    queue.clear();
    assert!(queue.is_settled());
    assert!(!queue.tick(&mut out));
}
