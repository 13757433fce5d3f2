use super::*;
use sidetone_call::Part;
use sidetone_turn::{ReplyId, TurnId};

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn notes() -> Notes {
    Notes::new("AJ_1", SystemTime::UNIX_EPOCH + secs(1_700_000_000))
}

fn said(turn: u64, text: &str) -> CallEvent {
    CallEvent::CallerTurn {
        turn_id: TurnId(turn),
        text: text.into(),
        by: None,
        started_at: secs(turn),
        ended_at: secs(turn + 1),
    }
}

fn tool() -> CallEvent {
    CallEvent::ToolCall(ToolCalled {
        reply_id: ReplyId(1),
        agent: "a".into(),
        id: "0".into(),
        name: "find".into(),
        arguments: "{\"n\": 7}".into(),
        result: Ok("found\0".into()),
        started_at: secs(2),
        took: secs(1),
    })
}

fn tool_starts() -> CallEvent {
    let started = ToolStarted {
        reply_id: ReplyId(1),
        agent: "a".into(),
        id: "0".into(),
        name: "find".into(),
        arguments: "{\"n\": 7}".into(),
        started_at: secs(2),
    };
    CallEvent::ToolStarted(started, call::Receipt::new().0)
}

fn error() -> CallEvent {
    CallEvent::Error {
        at: secs(3),
        stage: Part::Tts,
        message: "503".into(),
    }
}

#[test]
fn each_entry_has_an_id_of_its_own_and_a_turn_keeps_its() {
    let mut notes = notes();
    let Some(Entry::Turn(first)) = notes.take(said(1, "Hel\0lo")) else {
        panic!("a turn")
    };
    assert_eq!(
        (&*first.turn_id, &*first.text),
        ("AJ_1-caller-000001", "Hello")
    );
    let Some(Entry::Turn(again)) = notes.take(said(1, "Hello there")) else {
        panic!("a turn")
    };
    assert_eq!(again.turn_id, first.turn_id);
    let mut ids = Vec::new();
    for event in [tool(), error(), tool()] {
        match notes.take(event) {
            Some(Entry::Tool { id, run }) => {
                assert_eq!(run.result, "found");
                ids.push(id);
            }
            Some(Entry::Error { id, .. }) => ids.push(id),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(ids, ["AJ_1-000001", "AJ_1-000002", "AJ_1-000003"]);
}

#[test]
fn a_tools_end_takes_the_place_of_its_start() {
    let mut notes = notes();
    let mut take = |event| match notes.take(event) {
        Some(Entry::Tool { id, run }) => (id, run),
        other => panic!("{other:?}"),
    };
    let (id, starts) = take(tool_starts());
    assert!(starts.running);
    let (of_end, ended) = take(tool());
    assert_eq!(of_end, id);
    assert!(!ended.running && ended.is_same_run(&starts));
    // A run recorded before this event existed, and one more of the same tool.
    let (another, _) = take(tool());
    assert_ne!(another, id);
    // The database may only know the start.
    let (_, tools) = notes.complete(vec![], vec![starts]);
    assert_eq!(tools, [ended.clone(), ended]);
}

#[test]
fn figures_rise_and_the_result_adds_what_it_took() {
    let mut notes = notes();
    let taken = |prompt_tokens| Taken {
        prompt_tokens,
        ..Taken::default()
    };
    let figures = call::Figures {
        opened: 2,
        ..call::Figures::default()
    };
    let event = |figures| CallEvent::Figures {
        figures,
        taken: taken(5),
    };
    let first = notes.take(event(figures));
    assert!(
        matches!(first, Some(Entry::Figures { n: 1, .. })),
        "{first:?}"
    );
    assert_eq!(notes.result_took(taken(5), taken(5)), None);
    let Some(Entry::Figures { n, figures, .. }) = notes.result_took(taken(5), taken(9)) else {
        panic!("figures")
    };
    assert_eq!(
        (n, figures.usage.prompt_tokens, figures.ledger.caller.opened),
        (2, 9, 2)
    );
}

#[test]
fn muting_is_the_callers() {
    let muted = CallEvent::CallerMuted {
        at: secs(1),
        muted: true,
    };
    let mut notes = notes();
    assert_eq!(notes.take(muted.clone()), None, "nobody is there yet");
    notes.take(CallEvent::CallerJoined {
        at: secs(0),
        identity: "ann".into(),
    });
    let noted = notes.take(muted);
    assert!(matches!(noted, Some(Entry::Muted { identity, .. }) if identity == "ann"));
}

/// The database may have all of it, entries of a previous agent, or an older state.
#[test]
fn what_was_noted_completes_what_is_stored() {
    let mut notes = notes();
    notes.take(said(1, "Hello"));
    let Some(Entry::Turn(known)) = notes.take(said(1, "Hello there")) else {
        panic!("a turn")
    };
    let Some(Entry::Tool { run, .. }) = notes.take(tool()) else {
        panic!("a tool")
    };
    let older = StoredTurn {
        text: "Hello".into(),
        ..known.clone()
    };
    let others = StoredTurn {
        turn_id: "AJ_0-caller-000001".into(),
        ..known.clone()
    };
    let (turns, tools) = notes.complete(vec![others.clone(), older], vec![run.clone()]);
    assert_eq!(
        (turns, tools),
        (vec![others, known.clone()], vec![run.clone()])
    );
    assert_eq!(notes.complete(vec![], vec![]), (vec![known], vec![run]));
}

#[test]
fn what_no_database_stores_is_left_out_of_a_tools_run() {
    let mut notes = notes();
    let CallEvent::ToolCall(ran) = tool() else {
        panic!("a run")
    };
    let written = CallEvent::ToolCall(ToolCalled {
        name: "fi\0nd".into(),
        arguments: "{\"a\\u0000b\": [\"c\\u0000\"]}".into(),
        ..ran
    });
    let Some(Entry::Tool { run, .. }) = notes.take(written) else {
        panic!("a run")
    };
    assert_eq!(
        (run.name, run.arguments.0),
        ("find".into(), json!({"ab": ["c"]}))
    );
}

#[test]
fn what_the_caller_is_saying_has_the_id_of_its_turn() {
    let mut notes = notes();
    let saying = CallEvent::CallerSaying {
        at: secs(2),
        turn_id: TurnId(1),
        text: "Hel\0lo".into(),
        by: None,
    };
    let Some(Entry::Saying(saying)) = notes.take(saying) else {
        panic!("what is being said")
    };
    let Some(Entry::Turn(turn)) = notes.take(said(1, "Hello there")) else {
        panic!("a turn")
    };
    assert_eq!(saying.turn_id, turn.turn_id);
    assert_eq!(
        (&*saying.text, saying.at),
        ("Hello", notes.instant(secs(2)))
    );
    let (turns, _) = notes.complete(vec![], vec![]);
    assert_eq!(turns.len(), 1, "it is no turn of the call's");
}
