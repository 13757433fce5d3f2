//! What another agent has said and done before the scenario begins: lines at its head.
//!
//! `earlier asked "words"`; `earlier said "heard"`, or `earlier unfinished "heard"` if there was more to say, or
//! `earlier unasked "heard"` if it answers nothing; `earlier did t{"n":1} "result"`, without a result if that is
//! unknown. `earlier handed-over`: that agent was not lost.

use std::time::Duration;

use sidetone_call::{Earlier, Happened, Told};
use sidetone_turn::{ReplyId, TurnId};

/// Returns `None` if no line mentions another agent.
pub fn parse(script: &str) -> Option<Earlier> {
    let lines = script
        .lines()
        .filter_map(|line| line.strip_prefix("earlier "));
    let (handed_over, lines): (Vec<&str>, Vec<&str>) =
        lines.partition(|line| *line == "handed-over");
    let happened: Vec<_> = lines.into_iter().map(event).collect();
    let mut earlier = Earlier::new(
        happened.clone(),
        TurnId(0),
        ReplyId(0),
        Duration::from_secs(30),
    );
    earlier.handed_over = !handed_over.is_empty();
    (!happened.is_empty()).then_some(earlier)
}

fn event(line: &str) -> Happened {
    let (what, rest) = line.split_once(' ').unwrap();
    let said = |unfinished, unasked| Happened::Said {
        heard: rest.trim_matches('"').to_owned(),
        unfinished,
        unasked,
    };
    match what {
        "asked" => Happened::Asked {
            text: rest.trim_matches('"').to_owned(),
            by: None,
        },
        "said" => said(false, false),
        "unfinished" => said(true, false),
        "unasked" => said(false, true),
        "did" => {
            let (name, rest) = rest.split_at(rest.find('{').unwrap());
            let (arguments, result) = rest.split_at(rest.find('}').unwrap() + 1);
            let arguments = serde_json::from_str(arguments).unwrap();
            if let Some(told) = Told::of(name, &arguments) {
                return Happened::Told(told);
            }
            let result = result.trim();
            Happened::Did {
                name: name.to_owned(),
                arguments,
                result: (!result.is_empty()).then(|| Ok(result.trim_matches('"').to_owned())),
            }
        }
        _ => panic!("unknown event {line:?}"),
    }
}
