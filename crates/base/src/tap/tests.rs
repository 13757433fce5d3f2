use super::*;

#[test]
fn a_paused_tap_records_silence_and_a_full_tap_drops() {
    let (tap, mut tapping) = Tap::open("r1");
    let frame = Pcm::new(vec![7; 160]);
    tap.caller(&frame);
    tap.command(br#"{"recording": "r1", "paused": true}"#);
    tap.caller(&frame);
    tap.command(br#"{"recording": "r2", "paused": false}"#);
    tap.command(b"?");
    assert!(*tapping.paused.borrow());
    tap.pause(false);
    tap.caller(&frame);
    let mut heard = || tapping.sound.try_recv().unwrap().sound;
    assert_eq!(heard(), Sound::Caller(frame.clone()));
    assert_eq!(heard(), Sound::Caller(Pcm::new(vec![0; 160])));
    assert_eq!(heard(), Sound::Caller(frame.clone()));
    for _ in 0..TAPPED + 3 {
        tap.caller(&frame);
    }
    assert_eq!(tapping.dropped(), 3);
    drop(tapping);
    tap.caller(&frame);
}
