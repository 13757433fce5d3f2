use opus::Decoder;

use super::*;

/// 10 ms of a tone of 200 Hz, or of silence.
fn frame(sounds: bool, number: usize) -> Vec<i16> {
    let sample = |n: usize| (n as f64 / 240.0 * std::f64::consts::TAU).sin() * 8_000.0;
    let at = number * 480;
    (at..at + 480)
        .map(|n| if sounds { sample(n) as i16 } else { 0 })
        .collect()
}

/// What is sent for frames that sound where `sounds` returns true.
fn packets(dtx: bool, frames: usize, sounds: impl Fn(usize) -> bool) -> Vec<EncodedPacket> {
    let track = Arc::new(TrackCore::new("voice".into()));
    let settings = EncoderSettings {
        dtx: AtomicBool::new(dtx),
        ..EncoderSettings::default()
    };
    let (sender, mut receiver) = mpsc::channel(frames);
    let mut encoder = TrackEncoder::new(0, track, (48_000, 1), Arc::new(settings), sender).unwrap();
    for number in 0..frames {
        assert!(encoder.push(&frame(sounds(number), number)));
    }
    std::iter::from_fn(|| receiver.try_recv().ok()).collect()
}

#[test]
fn silence_is_told_every_400_ms_and_sound_begins_a_spurt() {
    // A second of sound, four of silence, one of sound.
    let sent = packets(true, 600, |frame| !(100..500).contains(&frame));
    let at = |packet: &EncodedPacket| packet.ticks / 48;
    let quiet: Vec<u32> = sent
        .iter()
        .map(at)
        .filter(|at| (1_300..5_000).contains(at))
        .collect();
    assert!((8..=14).contains(&quiet.len()), "{quiet:?}");
    assert!(
        quiet.windows(2).all(|pair| pair[1] - pair[0] <= 400),
        "{quiet:?}"
    );
    let back: Vec<_> = sent.iter().filter(|packet| at(packet) >= 5_000).collect();
    assert_eq!(back.len(), 50);
    assert!(back[0].talkspurt && !back[1].talkspurt);
    // What follows the pause is as loud as what came before it.
    let mut decoder = Decoder::new(48_000, Channels::Mono).unwrap();
    let mut loudness = |packet: &EncodedPacket| {
        let mut pcm = [0; 960];
        let length = decoder.decode(&packet.payload, &mut pcm, false).unwrap();
        pcm[..length]
            .iter()
            .map(|&s| f64::from(s).powi(2))
            .sum::<f64>()
    };
    let all: Vec<f64> = sent.iter().map(&mut loudness).collect();
    let before: f64 = all[20..30].iter().sum();
    let after: f64 = all[all.len() - 30..all.len() - 20].iter().sum();
    assert!((0.8..1.25).contains(&(after / before)), "{after} {before}");
}

#[test]
fn without_dtx_every_packet_is_sent() {
    assert_eq!(packets(false, 200, |_| false).len(), 100);
}
