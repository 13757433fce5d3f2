use super::*;
use sidetone_base::audio::wav;
use sidetone_base::clock;
use std::path::Path;

fn fixture<const HZ: u32>(name: &str) -> Pcm<HZ> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/audio");
    wav::read(&folder.join(name)).unwrap()
}

#[derive(Default)]
struct Found {
    begun: usize,
    near: usize,
    /// By the early look.
    early: usize,
}

/// Plays the agent's voice and the microphone side by side, with a speech begun every half second. Returns in how
/// many of them the caller was near.
fn near(agent: &Pcm<48_000>, mic: &[i16]) -> Found {
    let zero = clock::now();
    let mut nearness = Nearness::new();
    let mut found = Found::default();
    for (n, frame) in mic.chunks_exact(160).enumerate() {
        let now = zero + Duration::from_millis(10 * n as u64);
        let said = agent.samples().chunks_exact(480).nth(n);
        if let Some(said) = said {
            nearness.agent(now, &Pcm::new(said.to_vec()));
        }
        if n % 50 == 30 {
            nearness.begins();
            found.begun += 1;
        }
        let is_near = nearness.caller(now, &Pcm::new(frame.to_vec()));
        let lasted = Duration::from_millis(10 * ((n + 50 - 30) % 50 + 1) as u64);
        found.near += usize::from(is_near);
        found.early += usize::from(is_near && lasted < EARLY);
    }
    found
}

/// `voice` after a delay of 150 ms and a room's reverberation, at a fifth of its level.
fn echo_of(voice: &[i16]) -> Vec<i16> {
    let (way, mut walls) = (2400, vec![(0, 1.0f32)]);
    let mut seed = 1u32;
    for n in 1..40u32 {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let gain = 0.35 * (-0.07 * n as f32).exp() * if seed > u32::MAX / 2 { 1.0 } else { -1.0 };
        walls.push((80 * n as usize + (seed % 80) as usize, gain));
    }
    let at = |n: usize| -> f32 {
        let heard = walls.iter().filter_map(|(delay, gain)| {
            Some(gain * f32::from(*voice.get(n.checked_sub(way + delay)?)?))
        });
        heard.sum()
    };
    (0..voice.len()).map(|n| (0.2 * at(n)) as i16).collect()
}

#[test]
fn the_agents_echo_is_far_and_another_voice_is_near() {
    let agent: Pcm<48_000> = fixture("librivox-cold-hearted.wav");
    let heard: Pcm<16_000> = fixture("librivox-cold-hearted.wav");
    let echoes = near(&agent, &echo_of(heard.samples()));
    assert!(echoes.begun >= 9);
    assert!(
        echoes.near <= 1,
        "{} of {} echoes were taken for the caller",
        echoes.near,
        echoes.begun
    );
    assert_eq!(echoes.early, 0, "an early look is stricter");

    for other in ["librivox-made-amiable.wav", "cards-eight-of-spades.wav"] {
        let caller: Pcm<16_000> = fixture(other);
        let Found { begun, near, early } = near(&agent, caller.samples());
        assert!(near + 1 >= begun, "{other}: near in {near} of {begun}");
        assert!(2 * early > begun, "{other}: early in {early} of {begun}");
    }
}

#[test]
fn echoed_words_are_known() {
    let said = "On Saturday we are open from nine until five.";
    for (text, expected) in [
        ("we are open from nine", true),
        ("On Saturday, we're open from nine.", true),
        ("until five", true),
        ("When are you open on Sunday?", false),
        ("no", false),
        ("", false),
    ] {
        assert_eq!(is_said(text, said), expected, "{text:?}");
    }
}

#[test]
fn a_voice_far_below_the_usual_is_not_near() {
    let caller: Pcm<16_000> = fixture("librivox-made-amiable.wav");
    let quiet: Vec<i16> = caller.samples().iter().map(|s| s / 8).collect();
    let mut nearness = Nearness::new();
    let now = clock::now();
    let mut speak = |samples: &[i16]| {
        nearness.begins();
        let frames = samples.chunks_exact(160);
        let near = frames.map(|f| nearness.caller(now, &Pcm::new(f.to_vec())));
        let near = near.filter(|near| *near).count();
        nearness.ends();
        near
    };
    assert_eq!(speak(&quiet), 1, "nobody is known yet");
    assert_eq!(speak(caller.samples()), 1);
    assert_eq!(speak(caller.samples()), 1);
    assert_eq!(speak(caller.samples()), 1);
    assert_eq!(speak(caller.samples()), 1);
    assert_eq!(speak(&quiet), 0);
    assert_eq!(speak(caller.samples()), 1);
}
