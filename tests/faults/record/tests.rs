use super::*;
use crate::faults::ears::Voice;
use crate::faults::script::Action;

const MS: fn(u64) -> Duration = Duration::from_millis;

/// A caller who was greeted, asked one question and heard this much of its answer.
fn caller(heard: Duration) -> Memory {
    let mut ears = Ears::default();
    let mut script = Script::new(MS(1_000));
    let voice = Voice {
        identity: "agent-1".into(),
        track: "TR_1".into(),
    };
    let sound = |ears: &mut Ears, sound: Sound, from: Duration, lasts: Duration| {
        let step = sound.hz() * std::f64::consts::TAU / 48_000.0;
        let frames = (lasts.as_millis() / 10) as u32;
        for index in 0..frames {
            let at = from + MS(10) * index;
            let first = at.as_millis() as f64 * 48.0;
            let frame: Vec<i16> = (0..480)
                .map(|n| (((first + f64::from(n)) * step).sin() * 8_192.0) as i16)
                .collect();
            ears.push(&voice, at, &frame);
        }
        ears.push(&voice, from + MS(10) * frames, &[0; 480]);
    };
    sound(&mut ears, Sound::Greeting, MS(2_000), MS(1_900));
    let mut now = MS(4_000);
    while script.tick(now, &ears) != Action::Ask(0) {
        now += MS(10);
    }
    script.said(Span {
        start: MS(6_000),
        end: MS(8_000),
    });
    sound(
        &mut ears,
        Sound::Answer {
            n: 0,
            remembers: true,
        },
        MS(9_000),
        heard,
    );
    Memory {
        identity: "ann".into(),
        began: DateTime::UNIX_EPOCH,
        stay: Span {
            start: MS(1_000),
            end: MS(14_000),
        },
        ears,
        script,
    }
}

fn at(ms: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::milliseconds(ms)
}

/// The record of that call.
fn row() -> Row {
    let stay = |user_id: &str, kind: &str, from, to| Stay {
        user_id: user_id.into(),
        kind: kind.into(),
        joined_at: Some(at(from)),
        left_at: Some(at(to)),
    };
    let turn = |speaker: &str, text: String, started: i64| Turn {
        speaker: speaker.into(),
        text,
        started_at: at(started),
    };
    Row {
        status: "completed".into(),
        connected_at: Some(at(1_800)),
        ended_at: Some(at(14_300)),
        participants: vec![
            stay("ann", "user", 1_000, 14_000),
            stay("agent-1", "agent", 1_500, 15_000),
        ],
        turns: vec![
            turn("agent", GREETING.into(), 2_000),
            turn("user", crate::faults::tones::question(0), 6_000),
            turn("agent", answer(0, true), 9_000),
        ],
    }
}

/// The errors of the record after this change.
fn wrong(change: impl FnOnce(&mut Row)) -> Vec<String> {
    let mut row = row();
    change(&mut row);
    let caller = caller(answer_lasts(0));
    let mut wrong = lost(&row, &caller);
    wrong.extend(untrue(&row, &caller));
    wrong
}

#[test]
fn a_true_record_is_taken_for_true() {
    assert_eq!(wrong(|_| {}), Vec::<String>::new());
}

#[test]
fn missing_turns_are_reported_as_lost() {
    let found = wrong(|row| drop(row.turns.remove(1)));
    assert_eq!(found, ["the question for alfa, whose answer was heard"]);
    let found = wrong(|row| drop(row.turns.pop()));
    assert_eq!(found, ["the answer to alfa, which was heard"]);
    let found = wrong(|row| row.turns[2].text.truncate(23));
    assert_eq!(found, ["the answer to alfa, which was heard"]);
}

#[test]
fn false_rows_are_reported() {
    let is = |found: Vec<String>, expected: &str| assert_eq!(found, [expected]);
    is(
        wrong(|row| row.status = "connected".into()),
        "status connected",
    );
    is(
        wrong(|row| row.ended_at = Some(at(34_000))),
        "the end, off by Some(20.0) s",
    );
    is(wrong(|row| row.connected_at = None), "connected at None");
    is(
        wrong(|row| row.participants[1].left_at = None),
        "agent is still in the room",
    )
}

#[test]
fn stays_and_turns_are_compared_with_what_was_heard() {
    let has = |found: Vec<String>, expected: &str| {
        assert!(found.iter().any(|what| what == expected), "{found:?}");
    };
    has(
        wrong(|row| drop(row.participants.remove(0))),
        "the caller was never there",
    );
    has(
        wrong(|row| drop(row.participants.remove(1))),
        "an agent that was heard was never there",
    );
    has(
        wrong(|row| row.participants[1].left_at = Some(at(3_000))),
        "an agent was heard before or after its stay",
    );
    has(
        wrong(|row| row.turns.push(row.turns[1].clone())),
        "alfa asked more often than it was",
    );
    has(
        wrong(|row| row.turns[1].text = "Thank you for watching.".into()),
        "a question that nobody asked: \"Thank you for watching.\"",
    );
    has(
        wrong(|row| row.turns.push(row.turns[0].clone())),
        "a greeting that was not heard",
    );
    // The answer was cut off by a death, and the record contains all of it.
    let half = caller(MS(1_000));
    assert_eq!(lost(&row(), &half), Vec::<String>::new());
    let found = untrue(&row(), &half);
    assert_eq!(found, ["more of the answer to alfa than was heard"]);
}
