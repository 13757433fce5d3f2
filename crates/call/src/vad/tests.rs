use std::path::Path;

use super::*;
use sidetone_base::audio::wav;

const RATE: usize = 16_000;

/// Milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Start(u64),
    Stop(u64),
}

fn listen(vad: &mut Vad, pcm: &Pcm<16_000>) -> Vec<Event> {
    let frames = pcm.samples().chunks_exact(160);
    let events = frames.filter_map(|frame| vad.push(&Pcm::new(frame.to_vec())));
    events
        .filter_map(|event| match event {
            VadEvent::SpeechStarted { at } => Some(Event::Start(at / 16)),
            VadEvent::SpeechStopped { at } => Some(Event::Stop(at / 16)),
            VadEvent::Paused { .. } | VadEvent::Resumed => None,
        })
        .collect()
}

fn neural() -> Vad {
    Vad::new(&VadConfig::default())
}

fn silence(seconds: usize) -> Vec<i16> {
    vec![0; seconds * RATE]
}

fn clip(name: &str) -> Vec<i16> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/audio")
        .join(name);
    wav::read::<16_000>(&path).unwrap().into_inner()
}

/// White noise with this root mean square, the same in each run.
fn noise(samples: usize, level: f32) -> impl Iterator<Item = f32> {
    let mut state = 1u64;
    let mut next = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
    };
    // A uniform distribution of width 1 has the root mean square 12^-0.5.
    (0..samples).map(move |_| next() * 12f32.sqrt() * level * 32_768.0)
}

fn tone(hz: f32, level: f32) -> Pcm<16_000> {
    let step = hz * std::f32::consts::TAU / RATE as f32;
    Pcm::new(
        (0..10 * RATE)
            .map(|n| ((n as f32 * step).sin() * level * 32_768.0) as i16)
            .collect(),
    )
}

/// Where the loud part of a clip begins and ends, in milliseconds.
fn loud(samples: &[i16]) -> (u64, u64) {
    let level = |frame: &[i16]| {
        Pcm::<16_000>::new(frame.to_vec())
            .level_dbfs()
            .unwrap_or(-99.0)
    };
    let levels: Vec<f32> = samples.chunks(160).map(level).collect();
    let peak = levels.iter().copied().fold(-99.0, f32::max);
    let is_loud = |level: &f32| *level > peak - 15.0;
    let first = levels.iter().position(is_loud).unwrap() as u64;
    let last = levels.iter().rposition(is_loud).unwrap() as u64;
    (first * 10, (last + 1) * 10)
}

#[track_caller]
fn hears_a_sentence(name: &str, noise_level: f32) {
    let speech = clip(name);
    let (first, last) = loud(&speech);
    let whole = [silence(2), speech, silence(2)].concat();
    let mixed = whole.iter().zip(noise(whole.len(), noise_level));
    let mixed = mixed
        .map(|(&s, n)| (f32::from(s) + n).round() as i16)
        .collect();
    let events = listen(&mut neural(), &Pcm::new(mixed));
    let (Some(&Event::Start(start)), Some(&Event::Stop(stop))) = (events.first(), events.last())
    else {
        panic!("{name}: {events:?}");
    };
    // Pauses within the sentence may be longer than `silence_duration`.
    assert!(events.len() <= 4, "{name}: {events:?}");
    let (begins, ends) = (2_000 + first, 2_000 + last);
    assert!(
        start.abs_diff(begins) <= 250,
        "{name} begins at {begins}: {events:?}"
    );
    assert!(
        stop.abs_diff(ends) <= 250,
        "{name} ends at {ends}: {events:?}"
    );
}

#[test]
fn a_sentence_is_heard_from_begin_to_end() {
    for name in ["librivox-not-ill-disposed.wav", "librivox-made-amiable.wav"] {
        hears_a_sentence(name, 0.0);
        // The readings are at about -24 dBFS: this is a signal-to-noise ratio of about 16 dB.
        hears_a_sentence(name, 0.01);
    }
}

#[test]
fn what_is_no_speech_is_not_heard() {
    let steady = |level| Pcm::new(noise(10 * RATE, level).map(|n| n as i16).collect());
    let mut clicks = silence(10);
    for at in (1000..clicks.len()).step_by(5000) {
        clicks[at] = i16::MAX;
        clicks[at + 1] = i16::MIN;
    }
    let cases = [
        ("silence", Pcm::new(silence(10))),
        ("the hiss of a line", steady(0.003)),
        ("clicks", Pcm::new(clicks)),
        ("hum", tone(50.0, 0.1)),
        ("a beep", tone(1000.0, 0.1)),
    ];
    for (name, pcm) in cases {
        assert_eq!(listen(&mut neural(), &pcm), [], "{name}");
    }
}

#[test]
fn a_reset_ends_speech_and_keeps_the_time() {
    let speech = clip("librivox-not-ill-disposed.wav");
    let (first, last) = loud(&speech);
    let middle = (first + last) as usize / 2 * 16 / 160 * 160;
    let mut vad = neural();
    let events = listen(&mut vad, &Pcm::new(speech[..middle].to_vec()));
    assert!(matches!(events.last(), Some(Event::Start(_))), "{events:?}");
    let Some(VadEvent::SpeechStopped { at }) = vad.reset() else {
        panic!("speech goes on")
    };
    assert!(
        at <= middle as u64 && at + 8_000 > middle as u64,
        "{at} of {middle}"
    );
    assert_eq!(vad.reset(), None);
    let events = listen(&mut vad, &Pcm::new([silence(1), speech].concat()));
    assert!(
        matches!(events[0], Event::Start(at) if at > middle as u64 / 16 + 900),
        "{events:?} after {middle} samples and a second"
    );
}

fn by_level(events: &[(u64, bool)]) -> Vec<Event> {
    let mut vad = Vad::by_level(&VadConfig::default(), -40.0);
    let samples = events.iter().flat_map(|&(ms, loud)| {
        let value = if loud { 10_000 } else { 0 };
        std::iter::repeat_n(value, ms as usize * 16)
    });
    listen(&mut vad, &Pcm::new(samples.collect()))
}

#[test]
fn short_sounds_and_short_pauses_do_not_count() {
    let (on, off) = (true, false);
    // The defaults: 50 ms of speech, 180 ms of silence.
    assert_eq!(by_level(&[(100, off), (40, on), (500, off)]), []);
    assert_eq!(
        by_level(&[(100, off), (50, on), (500, off)]),
        [Event::Start(100), Event::Stop(150)]
    );
    assert_eq!(
        by_level(&[(100, off), (300, on), (170, off), (300, on), (190, off)]),
        [Event::Start(100), Event::Stop(870)]
    );
}

#[test]
fn a_pause_is_told_once_and_before_the_end() {
    let mut vad = Vad::by_level(&VadConfig::default(), -40.0);
    let sound = |milliseconds: usize| vec![8000i16; milliseconds * RATE / 1000];
    let quiet = |milliseconds: usize| vec![0i16; milliseconds * RATE / 1000];
    let clip = [
        sound(300),
        quiet(20),
        sound(170),
        quiet(150),
        sound(100),
        quiet(600),
    ]
    .concat();
    let frames = clip.chunks_exact(160).enumerate();
    let told: Vec<_> = frames
        .filter_map(|(n, frame)| Some((10 * (n + 1), vad.push(&Pcm::new(frame.to_vec()))?)))
        .collect();
    let at = |milliseconds: u64| milliseconds * 16;
    assert_eq!(
        told,
        [
            (50, VadEvent::SpeechStarted { at: 0 }),
            (520, VadEvent::Paused { at: at(490) }),
            (650, VadEvent::Resumed),
            (770, VadEvent::Paused { at: at(740) }),
            (920, VadEvent::SpeechStopped { at: at(740) }),
        ]
    );
}
