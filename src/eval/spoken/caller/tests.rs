use super::*;

const MS: fn(u64) -> Duration = Duration::from_millis;

/// Stretches of voice and of silence in turn, in ms.
fn sound(stretches: &[u64]) -> Sound {
    let mut samples = Vec::new();
    for (number, ms) in stretches.iter().enumerate() {
        let level = if number % 2 == 0 { 3_000 } else { 0 };
        samples.extend(vec![level; Pcm::<16_000>::samples_in(MS(*ms))]);
    }
    Sound::new(Pcm::new(samples)).unwrap()
}

fn turn(stretches: &[u64], cue: Cue) -> Turn {
    Turn {
        words: "words".into(),
        sound: Some(sound(stretches)),
        pieces: Vec::new(),
        cue,
    }
}

/// What the caller does, in ms, where the agent is heard in `agent` (ms); and when it spoke.
fn run(turns: Vec<Turn>, agent: &[(u64, u64)]) -> (Vec<(u64, Act)>, Vec<Option<Span>>) {
    let mut caller = Caller::new(turns, Patience::default());
    let mut acts = Vec::new();
    for now in (0..60_000).step_by(10) {
        let voice = agent.iter().rev().find(|(from, _)| *from < now);
        let audible = voice.is_some_and(|(_, to)| now <= *to);
        let voice = voice.map(|&(from, to)| Span {
            start: MS(from),
            end: MS(to.min(now)),
        });
        let (act, frame) = caller.next(MS(now), Some(!audible), voice);
        assert_eq!(frame.len(), SAMPLES);
        if act != Act::Nothing {
            acts.push((now, act));
        }
        if act == Act::HangsUp {
            break;
        }
    }
    (acts, caller.said())
}

#[test]
fn nobody_is_heard_in_silence_and_in_a_click() {
    assert!(Sound::new(Pcm::silence(MS(500))).is_none());
    let mut click = vec![0; 1600];
    click[800] = 20_000;
    assert!(Sound::new(Pcm::new(click)).is_none());
}

#[test]
fn a_recording_is_divided_at_its_longest_pauses() {
    let sound = sound(&[500, 400, 300, 900, 200, 600, 100]);
    let lengths = |count| -> Option<Vec<usize>> {
        let pieces = sound.pieces(count)?;
        Some(pieces.iter().map(Vec::len).collect())
    };
    assert_eq!(lengths(1), Some(vec![4]));
    assert_eq!(lengths(2), Some(vec![2, 2]));
    assert_eq!(lengths(3), Some(vec![2, 1, 1]));
    assert_eq!(lengths(4), Some(vec![1, 1, 1, 1]));
    assert_eq!(lengths(5), None);
}

#[test]
fn the_caller_waits_for_the_greeting_and_for_each_answer() {
    let turns = vec![
        turn(&[1_000, 500], Cue::AgentDone),
        turn(&[500], Cue::AgentDone),
    ];
    let (acts, said) = run(turns, &[(200, 1_000), (2_800, 4_000), (6_000, 7_000)]);
    let [
        (first, Act::Speaks(0)),
        (second, Act::Speaks(1)),
        (_, Act::HangsUp),
    ] = acts[..]
    else {
        panic!("{acts:?}");
    };
    assert!((1_600..1_650).contains(&first), "{first}");
    assert!((4_600..4_650).contains(&second), "{second}");
    // The silence at the end of the recording is no part of the turn.
    let spoken = said[0].unwrap();
    assert_eq!(spoken.end - spoken.start, MS(1_000));
}

#[test]
fn a_caller_who_talks_over_the_agent_begins_while_it_speaks() {
    let turns = vec![turn(&[500], Cue::AgentSpeakingFor(MS(800)))];
    let (acts, _) = run(turns, &[(200, 3_000), (4_000, 5_000)]);
    assert!(
        matches!(acts[0], (1_000..1_050, Act::Speaks(0))),
        "{acts:?}"
    );
}

#[test]
fn a_turn_without_sound_is_written() {
    let written = Turn {
        sound: None,
        ..turn(&[500], Cue::AgentDone)
    };
    let (acts, said) = run(vec![written], &[(200, 1_000), (2_000, 3_000)]);
    assert!(matches!(acts[0], (_, Act::Writes(0))), "{acts:?}");
    let span = said[0].unwrap();
    assert_eq!(span.start, span.end);
}
