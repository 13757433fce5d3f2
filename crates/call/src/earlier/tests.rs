use serde_json::json;

use super::*;

fn asked(text: &str) -> Happened {
    Happened::Asked {
        text: text.into(),
        by: None,
    }
}

fn said(heard: &str) -> Happened {
    Happened::Said {
        heard: heard.into(),
        unfinished: false,
        unasked: false,
    }
}

fn cut(heard: &str) -> Happened {
    Happened::Said {
        heard: heard.into(),
        unfinished: true,
        unasked: false,
    }
}

fn by_itself(heard: &str, unfinished: bool) -> Happened {
    Happened::Said {
        heard: heard.into(),
        unfinished,
        unasked: true,
    }
}

fn did(name: &str, arguments: Value, result: Option<Result<&str, &str>>) -> Happened {
    Happened::Did {
        name: name.into(),
        arguments,
        result: result.map(|result| result.map(str::to_owned).map_err(str::to_owned)),
    }
}

fn earlier(happened: Vec<Happened>) -> Earlier {
    Earlier::new(happened, TurnId(0), ReplyId(0), Duration::ZERO)
}

fn answer(turn: u64, text: &str) -> Option<Owed> {
    Some(Owed {
        turn: Some(TurnId(turn)),
        prompt: Prompt::Answer(text.into()),
    })
}

fn rest(turn: Option<u64>) -> Option<Owed> {
    Some(Owed {
        turn: turn.map(TurnId),
        prompt: Prompt::Rest,
    })
}

#[test]
fn what_is_owed_is_the_answer_to_the_last_words_or_the_rest_of_it() {
    let hello = || by_itself("Hello!", false);
    let sorry = || by_itself("Sorry, we were cut off.", false);
    let running = || did("book", json!({}), None);
    for (happened, owed) in [
        (vec![], None),
        (vec![hello()], None),
        (vec![by_itself("Hello", true)], rest(None)),
        // The reply was audible, but not a single word was heard.
        (vec![by_itself("", true)], None),
        (vec![hello(), asked("When?")], answer(1, "When?")),
        (vec![hello(), asked("When?"), cut("")], answer(1, "When?")),
        (vec![asked("When?"), said("At nine.")], None),
        (vec![asked("When?"), cut("At nine,")], rest(Some(1))),
        (
            vec![asked("When?"), said("At nine."), asked("And when not?")],
            answer(2, "And when not?"),
        ),
        // The replacement agent was lost as well, before it had answered.
        (vec![asked("When?"), sorry()], answer(1, "When?")),
        (
            vec![asked("When?"), by_itself("Sorry", true)],
            answer(1, "When?"),
        ),
        (vec![asked("When?"), cut("At"), sorry()], rest(Some(1))),
        (vec![asked("When?"), running()], rest(Some(1))),
        (
            vec![asked("When?"), said("At nine."), by_itself("Are you", true)],
            None,
        ),
    ] {
        let earlier = earlier(happened);
        assert_eq!(earlier.owed(), owed, "{earlier:?}");
    }
}

#[test]
fn numbers_go_on_after_the_highest_that_were_given() {
    let happened = || vec![asked("When?"), said("At nine."), said("Or ten.")];
    let last = |turn, reply| {
        let earlier = Earlier::new(happened(), TurnId(turn), ReplyId(reply), Duration::ZERO);
        earlier.last()
    };
    assert_eq!(last(0, 0), (TurnId(1), ReplyId(2)));
    assert_eq!(last(4, 7), (TurnId(4), ReplyId(7)));
}

#[test]
fn facts_and_the_agent_are_those_of_tools_that_did_what_they_should() {
    let fact = |key: &str, value: &str| json!({"key": key, "value": value});
    let earlier = earlier(vec![
        did("remember", fact("name", "Ada"), Some(Ok("noted"))),
        did("remember", fact("age", "36"), Some(Err("full"))),
        did("handoff", json!({"agent": "billing"}), Some(Ok(""))),
        did("handoff", json!({"agent": "desk"}), Some(Err("busy"))),
    ]);
    let facts: Vec<_> = earlier.remembered().collect();
    assert_eq!(facts, [("name", "Ada")]);
    assert_eq!(earlier.handed_to(), Some("billing"));
    assert_eq!(self::earlier(vec![]).handed_to(), None);
}
