use super::*;
use crate::caller::heard::Span;

const MS: fn(u64) -> Duration = Duration::from_millis;

/// Runs the script against an agent audible in `agent` (ms); each turn lasts 500 ms.
fn run(cues: &[Cue], agent: &[(u64, u64)], tells_state: bool) -> Vec<(u64, Action)> {
    let mut script = Script::new(cues.to_vec(), Patience::default());
    let mut speaking_until = 0;
    let mut actions = vec![];
    for now in (0..120_000).step_by(10) {
        let voice = agent.iter().rev().find(|(from, _)| *from <= now);
        let audible = voice.is_some_and(|(_, to)| now < *to);
        let seen = Observed {
            agent_listening: tells_state.then_some(!audible),
            agent_voice: voice.map(|&(from, to)| Span {
                start: MS(from),
                end: MS(to.min(now)),
            }),
            speaking: now < speaking_until,
        };
        match script.tick(MS(now), seen) {
            Action::Wait => {}
            action => {
                actions.push((now, action));
                if let Action::Speak(_) = action {
                    speaking_until = now + 500;
                } else {
                    return actions;
                }
            }
        }
    }
    actions
}

#[test]
fn waits_for_the_greeting_and_for_each_answer() {
    let actions = run(
        &[Cue::AgentDone, Cue::AgentDone],
        &[(1000, 3000), (5000, 6000), (9000, 10_000)],
        true,
    );
    assert_eq!(
        actions,
        [
            (3600, Action::Speak(0)),
            (6600, Action::Speak(1)),
            (10_600, Action::HangUp)
        ]
    );
}

#[test]
fn barges_in_while_the_agent_speaks() {
    let cues = [Cue::AgentDone, Cue::AgentSpeakingFor(MS(800))];
    let actions = run(&cues, &[(1000, 2000), (5000, 6200), (11_000, 12_000)], true);
    assert_eq!(
        actions,
        [
            (2600, Action::Speak(0)),
            (5800, Action::Speak(1)),
            (12_600, Action::HangUp)
        ]
    );
}

#[test]
fn an_agent_without_a_state_is_given_more_time() {
    let actions = run(&[Cue::AgentDone], &[(1000, 2000), (6000, 7000)], false);
    assert_eq!(actions, [(4500, Action::Speak(0)), (9500, Action::HangUp)]);
}

#[test]
fn a_silent_agent_does_not_hold_the_caller_for_ever() {
    let actions = run(&[Cue::AgentDone], &[], true);
    assert_eq!(actions[0], (15_000, Action::Speak(0)));
    assert_eq!(actions[1].1, Action::HangUp);
}
