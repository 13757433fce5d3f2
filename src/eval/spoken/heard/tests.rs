use super::*;
use sidetone_call::{AgentTurn, Latency, ReplyId};

const MS: fn(u64) -> Duration = Duration::from_millis;

fn span((start, end): (u64, u64)) -> Span {
    Span {
        start: MS(start),
        end: MS(end),
    }
}

/// The agent's reply in `heard` (ms).
fn reply(heard: (u64, u64), interrupted: bool) -> CallEvent {
    CallEvent::AgentTurn(AgentTurn {
        reply_id: ReplyId(heard.0),
        turn_id: None,
        started_at: MS(heard.0),
        ended_at: MS(heard.1),
        text_heard: format!("said at {}", heard.0),
        interrupted,
        is_final: true,
        unfinished: false,
        latency: Latency::default(),
    })
}

/// What came of turns said at these times; the agent is heard 20 ms after its replies' first samples.
fn told(said: &[Option<(u64, u64)>], replies: &[((u64, u64), bool)]) -> Vec<Told> {
    let mut agent = Activity::default();
    for (from, to) in replies.iter().map(|(heard, _)| *heard) {
        for at in (from + 20..to).step_by(10) {
            agent.push(MS(at), &[8_000; 480]);
        }
    }
    let events = replies
        .iter()
        .map(|(heard, interrupted)| reply(*heard, *interrupted));
    let said: Vec<_> = said.iter().map(|said| said.map(span)).collect();
    by_turn(events.collect(), &said, &agent)
}

#[test]
fn the_wait_is_from_the_last_sound_to_the_first() {
    let told = told(
        &[Some((2_000, 4_000)), Some((9_000, 9_500))],
        &[((100, 1_000), false), ((5_000, 7_000), false)],
    );
    assert_eq!(told[0].said, "said at 100");
    assert_eq!(told[1].said, "said at 5000");
    let heard = told[1].heard.unwrap();
    assert_eq!(heard.waited, Some(MS(1_020)));
    assert_eq!((heard.cut_off, heard.stopped_after), (None, None));
    assert_eq!(heard.to_string(), "answered after 1020 ms");
    assert_eq!(told[2].heard.unwrap().to_string(), "no answer");
}

#[test]
fn an_answer_before_the_end_cuts_the_caller_off() {
    let told = told(
        &[Some((2_000, 6_000))],
        &[((3_500, 4_600), true), ((7_000, 8_000), false)],
    );
    let heard = told[1].heard.unwrap();
    assert_eq!(heard.cut_off, Some(MS(2_500)));
    assert_eq!(heard.waited, Some(MS(1_020)));
    assert_eq!(
        heard.to_string(),
        "cut off 2500 ms before its end, answered after 1020 ms"
    );
}

#[test]
fn an_agent_that_is_interrupted_falls_silent_at_its_last_sound() {
    let told = told(
        &[Some((1_000, 2_000)), Some((4_000, 6_000))],
        &[((2_500, 4_400), true), ((6_800, 8_000), false)],
    );
    let heard = told[2].heard.unwrap();
    assert!(heard.is_over_agent);
    assert_eq!(heard.stopped_after, Some(MS(400)));
    assert_eq!(heard.waited, Some(MS(820)));
    assert_eq!(told[1].said, "said at 2500");
    assert_eq!(told[2].said, "said at 6800");
}

#[test]
fn an_agent_that_speaks_on_has_not_answered_anew() {
    let told = told(
        &[Some((1_000, 2_000)), Some((4_000, 4_500))],
        &[((2_500, 9_000), false)],
    );
    let heard = told[2].heard.unwrap();
    assert_eq!(heard.to_string(), "the agent spoke on");
    assert_eq!((heard.waited, heard.cut_off), (None, None));
}

#[test]
fn a_turn_that_was_never_said_is_an_error() {
    let told = told(&[Some((1_000, 2_000)), None], &[((2_500, 3_000), false)]);
    assert!(told[1].errors.is_empty());
    assert!(told[2].errors[0].contains("never said"), "{told:?}");
}
