use serde_json::{Value, json};
use sidetone_turn::{Owed, Prompt};

use super::*;

/// [`said_before`] of turns and tools that are stored.
fn before(
    job: &str,
    turns: Vec<StoredTurn>,
    tools: Vec<ToolCall>,
    left: Vec<Entry>,
    now: At,
) -> Option<Earlier> {
    let known = Known {
        turns,
        tools,
        saying: None,
    };
    let resumed = said_before(job, known, left, now)?;
    assert_eq!(resumed.broken_off, None);
    Some(resumed.earlier)
}

fn at(second: i64) -> At {
    At::from_timestamp(1_700_000_000 + second, 0).unwrap()
}

fn turn(id: &str, second: i64, text: &str) -> StoredTurn {
    StoredTurn {
        turn_id: id.into(),
        speaker: if id.contains("caller") {
            Speaker::User
        } else {
            Speaker::Agent
        },
        person: None,
        name: None,
        text: text.into(),
        started_at: at(second),
        ended_at: Some(at(second + 1)),
        interrupted: false,
        unfinished: false,
        unasked: false,
        latency_ms: None,
        metrics: Json(Value::Null),
    }
}

fn tool(name: &str, second: i64, running: bool) -> ToolCall {
    ToolCall {
        agent: "desk".into(),
        name: name.into(),
        arguments: Json(json!({"day": "Friday"})),
        ok: !running,
        running,
        result: if running { "" } else { "booked" }.into(),
        started_at: at(second),
        duration_ms: 0,
    }
}

fn entry(run: ToolCall) -> Entry {
    let id = "AJ_1-000001".into();
    Entry::Tool { id, run }
}

fn asked(text: &str) -> Happened {
    Happened::Asked {
        text: text.into(),
        by: None,
    }
}

fn heard(text: &str, unfinished: bool) -> Happened {
    Happened::Said {
        heard: text.into(),
        unfinished,
        unasked: false,
    }
}

fn booked(result: Option<Result<String, String>>) -> Happened {
    Happened::Did {
        name: "book".into(),
        arguments: json!({"day": "Friday"}),
        result,
    }
}

#[test]
fn nothing_was_said_before_in_a_new_call_and_in_a_job_that_goes_on() {
    assert_eq!(before("AJ_2", vec![], vec![], vec![], at(9)), None);
    let own = turn("AJ_2-caller-000001", 1, "Hello?");
    assert_eq!(before("AJ_2", vec![own], vec![], vec![], at(9)), None);
    let others = turn("AJ_22-caller-000001", 1, "Hello?");
    assert!(before("AJ_2", vec![others], vec![], vec![], at(9)).is_some());
}

#[test]
fn what_waits_on_disk_completes_what_is_stored() {
    let stored = vec![
        turn("AJ_1-agent-000001", 1, "Hello."),
        turn("AJ_1-caller-000001", 3, "A table?"),
        turn("AJ_1-agent-000004", 8, "It is"),
    ];
    let rest = StoredTurn {
        unfinished: true,
        ..turn("AJ_1-agent-000004", 8, "It is booked.")
    };
    let left = vec![
        entry(tool("book", 5, true)),
        entry(tool("book", 5, false)),
        Entry::Turn(rest),
    ];
    let earlier = before("AJ_2", stored, vec![tool("book", 5, true)], left, at(31));
    let expected = vec![
        heard("Hello.", false),
        asked("A table?"),
        booked(Some(Ok("booked".into()))),
        heard("It is booked.", true),
    ];
    let lasted = Duration::from_secs(30);
    assert_eq!(
        earlier,
        Some(Earlier::new(expected, TurnId(1), ReplyId(4), lasted))
    );
}

/// The older state on disk does not undo what is stored.
#[test]
fn a_run_whose_end_is_nowhere_is_unknown() {
    let asked_for = || vec![turn("AJ_1-caller-000001", 3, "A table?")];
    let result_of =
        |stored: Vec<ToolCall>, left: Vec<Entry>| before("AJ_2", asked_for(), stored, left, at(31));
    let expected = |result| {
        let happened = vec![asked("A table?"), booked(result)];
        let lasted = Duration::from_secs(28);
        Some(Earlier::new(happened, TurnId(1), ReplyId(0), lasted))
    };
    let starts = || entry(tool("book", 5, true));
    assert_eq!(result_of(vec![], vec![starts()]), expected(None));
    let known = result_of(vec![tool("book", 5, false)], vec![starts()]);
    assert_eq!(known, expected(Some(Ok("booked".into()))));
    // A run that the model did not call is not part of the conversation.
    let earlier = result_of(vec![tool("mcp.desk", 1, false)], vec![]).unwrap();
    let owed = Owed {
        turn: Some(TurnId(1)),
        prompt: Prompt::Answer("A table?".into()),
    };
    assert_eq!(earlier.owed(), Some(owed));
    assert_eq!(earlier.handed_to(), None);
}

#[test]
fn among_several_people_the_one_who_asked_is_known() {
    let by_bob = StoredTurn {
        name: Some("Bob".into()),
        ..turn("AJ_1-caller-000001", 0, "A table?")
    };
    let earlier = before("AJ_2", vec![by_bob], vec![], vec![], at(9));
    let asked = Happened::Asked {
        text: "A table?".into(),
        by: Some("Bob".into()),
    };
    let (turn, reply) = (TurnId(1), ReplyId(0));
    let expected = Earlier::new(vec![asked], turn, reply, Duration::from_secs(9));
    assert_eq!(earlier, Some(expected));
}

#[test]
fn what_the_caller_was_saying_is_owed_an_answer() {
    let turns = || {
        vec![
            turn("AJ_1-caller-000001", 1, "A table?"),
            turn("AJ_1-agent-000001", 3, "For how many?"),
        ]
    };
    let saying = |n: u64, text: &str| Saying {
        turn_id: format!("AJ_1-caller-{n:06}"),
        text: text.into(),
        name: None,
        at: at(7),
    };
    let owed = |stored: Option<Saying>, left: Vec<Entry>| {
        let known = Known {
            turns: turns(),
            tools: vec![],
            saying: stored,
        };
        let resumed = said_before("AJ_2", known, left, at(9)).unwrap();
        resumed.earlier.owed().map(|owed| owed.prompt)
    };
    let answer = |text: &str| Some(Prompt::Answer(text.into()));
    assert_eq!(owed(None, vec![]), None);
    let four = || saying(2, "For four, and");
    assert_eq!(owed(Some(four()), vec![]), answer("For four, and"));
    // The spool's word is the later one: of what is said, that it was nothing, and that it is a turn now.
    let later = |text: &str| vec![Entry::Saying(saying(2, text))];
    assert_eq!(
        owed(Some(four()), later("For four, and a child")),
        answer("For four, and a child")
    );
    assert_eq!(owed(Some(four()), later("")), None);
    let whole = Entry::Turn(turn("AJ_1-caller-000002", 7, "For four."));
    assert_eq!(owed(Some(four()), vec![whole]), answer("For four."));
    // The caller went on before hearing the answer.
    let known = Known {
        turns: turns()[..1].to_vec(),
        tools: vec![],
        saying: Some(saying(1, "A table? For four.")),
    };
    let resumed = said_before("AJ_2", known, vec![], at(9)).unwrap();
    let expected = vec![asked("A table? For four.")];
    let lasted = Duration::from_secs(8);
    let expected = Earlier::new(expected, TurnId(1), ReplyId(0), lasted);
    assert_eq!(resumed.earlier, expected);
    // It is stored as the turn that it turned out to be.
    let broken_off = StoredTurn {
        ended_at: Some(at(7)),
        ..turn("AJ_1-caller-000001", 1, "A table? For four.")
    };
    assert_eq!(resumed.broken_off, Some(broken_off));
}
