use proptest::prelude::*;
use serde_json::json;

use super::*;

fn assembled(pieces: &[Value]) -> Vec<(String, String, String)> {
    let mut calls = Calls::default();
    for piece in pieces {
        calls.push(Piece::read(piece).unwrap());
    }
    let mut made = 0;
    let all = calls.take(|| {
        made += 1;
        format!("made{made}")
    });
    all.into_iter()
        .map(|call| (call.id, call.name, call.arguments))
        .collect()
}

fn look(id: &str, day: &str) -> (String, String, String) {
    let arguments = format!(r#"{{"day":"{day}"}}"#);
    (id.into(), "look".into(), arguments)
}

#[test]
fn each_shape_of_the_same_two_calls_is_understood() {
    let whole = |day: &str| json!({ "day": day });
    let text = |day: &str| whole(day).to_string();
    let f = |name: &str, arguments: &str| json!({ "name": name, "arguments": arguments });
    let shapes: [(&str, Vec<Value>, [&str; 2]); 19] = [
        (
            "both at index 0",
            vec![
                json!({ "index": 0, "id": "a", "function": f("look", &text("Friday")) }),
                json!({ "index": 0, "id": "b", "function": f("look", &text("Sunday")) }),
            ],
            ["a", "b"],
        ),
        (
            "both at index 0, in pieces",
            vec![
                json!({ "index": 0, "id": "a", "function": f("look", "") }),
                json!({ "index": 0, "function": { "arguments": r#"{"day":"Fri"# } }),
                json!({ "index": 0, "function": { "arguments": r#"day"}"# } }),
                json!({ "index": 0, "id": "b", "function": f("look", r#"{"day""#) }),
                json!({ "index": 0, "function": { "arguments": r#":"Sunday"}"# } }),
            ],
            ["a", "b"],
        ),
        (
            "indexes start at 1",
            vec![
                json!({ "index": 1, "id": "a", "function": f("look", "") }),
                json!({ "index": 1, "function": { "arguments": text("Friday") } }),
                json!({ "index": 2, "id": "b", "function": f("look", "") }),
                json!({ "index": 2, "function": { "arguments": text("Sunday") } }),
            ],
            ["a", "b"],
        ),
        (
            "sparse and interleaved",
            vec![
                json!({ "index": 3, "id": "a", "function": f("look", "") }),
                json!({ "index": 7, "id": "b", "function": f("look", "") }),
                json!({ "index": 3, "function": { "arguments": r#"{"day":"# } }),
                json!({ "index": 7, "function": { "arguments": r#"{"day":"# } }),
                json!({ "index": 3, "function": { "arguments": r#""Friday"}"# } }),
                json!({ "index": 7, "function": { "arguments": r#""Sunday"}"# } }),
            ],
            ["a", "b"],
        ),
        (
            "neither index nor id",
            vec![
                json!({ "function": f("look", &text("Friday")) }),
                json!({ "function": f("look", &text("Sunday")) }),
            ],
            ["made1", "made2"],
        ),
        (
            "neither index nor id, the second in pieces",
            vec![
                json!({ "function": f("look", &text("Friday")) }),
                json!({ "function": f("look", "") }),
                json!({ "function": { "arguments": text("Sunday") } }),
            ],
            ["made1", "made2"],
        ),
        (
            "empty ids",
            vec![
                json!({ "index": 0, "id": "", "function": f("look", &text("Friday")) }),
                json!({ "index": 1, "id": "", "function": f("look", &text("Sunday")) }),
            ],
            ["made1", "made2"],
        ),
        (
            "id and name in each piece",
            vec![
                json!({ "index": 0, "id": "a", "function": f("look", r#"{"day":"#) }),
                json!({ "index": 0, "id": "a", "function": f("look", r#""Friday"}"#) }),
                json!({ "index": 0, "id": "a", "function": f("look", "") }),
                json!({ "index": 0, "id": "b", "function": f("look", r#"{"day":"#) }),
                json!({ "index": 0, "id": "b", "function": f("look", r#""Sunday"}"#) }),
            ],
            ["a", "b"],
        ),
        (
            "the name in each piece, no ids",
            vec![
                json!({ "function": f("look", r#"{"day":"#) }),
                json!({ "function": f("look", r#""Friday"}"#) }),
                json!({ "function": f("look", "") }),
                json!({ "function": f("look", r#"{"day":"#) }),
                json!({ "function": f("look", r#""Sunday"}"#) }),
            ],
            ["made1", "made2"],
        ),
        (
            "ids come late",
            vec![
                json!({ "index": 0, "function": f("look", r#"{"day":"#) }),
                json!({ "index": 0, "id": "a", "function": { "arguments": r#""Friday"}"# } }),
                json!({ "index": 1, "function": f("look", &text("Sunday")) }),
                json!({ "index": 1, "id": "b" }),
            ],
            ["a", "b"],
        ),
        (
            "arguments as objects, between nulls",
            vec![
                json!({ "index": 0, "id": "a", "function": { "name": "look", "arguments": null } }),
                json!({ "index": 0, "function": { "name": null, "arguments": whole("Friday") } }),
                json!({ "index": 1, "id": "b", "function": { "name": "look", "arguments": whole("Sunday") } }),
            ],
            ["a", "b"],
        ),
        (
            "said again at the end",
            vec![
                json!({ "index": 0, "id": "a", "function": f("look", r#"{"day":"#) }),
                json!({ "index": 0, "function": { "arguments": r#""Friday"}"# } }),
                json!({ "index": 0, "id": "a", "function": f("look", &text("Friday")) }),
                json!({ "index": 1, "id": "b", "function": f("look", &text("Sunday")) }),
                json!({ "index": 1, "id": "b", "function": f("look", &text("Sunday")) }),
            ],
            ["a", "b"],
        ),
        (
            "their end said again",
            vec![
                json!({ "index": 0, "id": "a", "function": f("look", r#"{"day":"#) }),
                json!({ "index": 0, "function": { "arguments": r#""Friday"}"# } }),
                json!({ "index": 0, "function": { "arguments": r#""}"# } }),
                json!({ "index": 1, "id": "b", "function": f("look", &text("Sunday")) }),
                json!({ "index": 1, "function": { "arguments": "}" } }),
            ],
            ["a", "b"],
        ),
        (
            "all of them again, though they were not complete",
            vec![
                json!({ "index": 0, "id": "a", "function": f("look", r#"{"day": "Friday""#) }),
                json!({ "index": 0, "function": { "arguments": text("Friday") } }),
                json!({ "index": 1, "id": "b", "function": f("look", "{") }),
                json!({ "index": 1, "function": { "arguments": text("Sunday") } }),
            ],
            ["a", "b"],
        ),
        (
            "the same id twice, and no table around",
            vec![
                json!({ "id": "a", "name": "look", "arguments": text("Friday") }),
                json!({ "id": "a", "name": "look", "arguments": text("Sunday") }),
            ],
            ["a", "made1"],
        ),
        (
            "empty arguments before the real ones",
            vec![
                json!({ "index": 0, "id": "a", "function": f("look", "{}") }),
                json!({ "index": 0, "function": { "arguments": r#"{"day":"# } }),
                json!({ "index": 0, "function": { "arguments": r#""Friday"}"# } }),
                json!({ "index": 1, "id": "b", "function": { "name": "look", "arguments": {} } }),
                json!({ "index": 1, "function": { "arguments": text("Sunday") } }),
            ],
            ["a", "b"],
        ),
        (
            "empty arguments, then id and name with each piece of the real ones",
            vec![
                json!({ "index": 0, "id": "a", "function": f("look", "{}") }),
                json!({ "index": 0, "id": "a", "function": f("look", r#"{"day":"#) }),
                json!({ "index": 0, "id": "a", "function": f("look", r#""Friday"}"#) }),
                json!({ "index": 1, "id": "b", "function": f("look", "{}") }),
                json!({ "index": 1, "id": "b", "function": f("look", &text("Sunday")) }),
            ],
            ["a", "b"],
        ),
        (
            "a new id in each piece",
            vec![
                json!({ "index": 0, "id": "a", "function": f("look", "") }),
                json!({ "index": 0, "id": "a2", "function": { "arguments": r#"{"day":"# } }),
                json!({ "index": 0, "id": "a3", "function": { "arguments": r#""Friday"}"# } }),
                json!({ "index": 1, "id": "b", "function": f("look", r#"{"day":"#) }),
                json!({ "index": 1, "id": "b2", "function": { "arguments": r#""Sunday"}"# } }),
            ],
            ["a", "b"],
        ),
        (
            "a new id and the name in each piece",
            vec![
                json!({ "id": "a", "function": f("look", r#"{"day":"Fri"#) }),
                json!({ "id": "a2", "function": f("look", r#"day"}"#) }),
                json!({ "id": "b", "function": f("look", r#"{"day":"#) }),
                json!({ "id": "b2", "function": f("look", r#""Sunday"}"#) }),
            ],
            ["a", "b"],
        ),
    ];
    for (shape, pieces, [first, second]) in shapes {
        let expected = [look(first, "Friday"), look(second, "Sunday")];
        assert_eq!(assembled(&pieces), expected, "{shape}");
    }
}

#[test]
fn what_was_said_only_once_is_one_call() {
    let pieces = [
        json!({ "index": 0, "id": "a", "function": { "name": "look", "arguments": r#"{"day":"Friday"}"# } }),
        json!({ "index": 0, "function": { "name": "look", "arguments": "" } }),
    ];
    assert_eq!(assembled(&pieces), [look("a", "Friday")]);
    // Without arguments, and for two tools.
    let pieces = [
        json!({ "index": 0, "function": { "name": "look", "arguments": "" } }),
        json!({ "index": 0, "function": { "name": "hang_up", "arguments": null } }),
        json!({ "index": 0, "function": { "name": "" } }),
    ];
    let names: Vec<_> = assembled(&pieces)
        .into_iter()
        .map(|call| (call.1, call.2))
        .collect();
    let none = |name: &str| (name.to_owned(), "{}".to_owned());
    assert_eq!(names, [none("look"), none("hang_up")]);
}

#[test]
fn arguments_that_are_cut_off_stay_as_they_are() {
    let mut calls = Calls::default();
    calls.push(
        Piece::read(
            &json!({ "id": "a", "function": { "name": "look", "arguments": r#"{"day": "Fri"# } }),
        )
        .unwrap(),
    );
    assert!(!calls.are_whole(|_| true));
    assert_eq!(calls.take(String::new)[0].arguments, r#"{"day": "Fri"#);
    // JSON within JSON is unwrapped.
    let twice = json!({ "name": "look", "arguments": r#""{\"day\":\"Friday\"}""# });
    assert_eq!(assembled(&[twice]), [look("made1", "Friday")]);
}

#[test]
fn arguments_that_never_began_are_whole_for_tools_that_take_none() {
    let named = |arguments: &str| {
        let mut calls = Calls::default();
        let function = json!({ "name": "look", "arguments": arguments });
        calls.push(Piece::read(&json!({ "id": "a", "function": function })).unwrap());
        calls
    };
    assert!(named("").are_whole(|_| true));
    assert!(!named("").are_whole(|name| name != "look"));
    assert!(named("{}").are_whole(|_| false));
}

#[test]
fn what_makes_a_call_longer_is_more_of_it() {
    let mut calls = Calls::default();
    let mut is_more = |piece: Value| calls.push(Piece::read(&piece).unwrap());
    assert!(is_more(
        json!({ "index": 0, "function": { "name": "look" } })
    ));
    assert!(is_more(
        json!({ "index": 0, "function": { "arguments": "{" } })
    ));
    assert!(!is_more(
        json!({ "index": 0, "function": { "name": "look" } })
    ));
    // a model that is out of control is as good as silent
    let endless = "x".repeat(LONGEST);
    assert!(!is_more(
        json!({ "index": 0, "function": { "arguments": endless } })
    ));
}

#[test]
fn fields_of_the_providers_own_are_kept() {
    let mut calls = Calls::default();
    let extra = json!({ "google": { "thought_signature": "sig" } });
    calls.push(
        Piece::read(&json!({
            "index": 0, "id": "a", "type": "function", "extra_content": extra,
            "function": { "name": "look", "arguments": "{}", "thought_signature": "inner" },
        }))
        .unwrap(),
    );
    let opaque = Value::from(calls.take(String::new).remove(0).opaque);
    assert_eq!(
        opaque,
        json!({ "extra_content": extra, "function": { "thought_signature": "inner" } })
    );
}

/// How a server streams.
#[derive(Debug, Clone, Copy)]
struct Manner {
    index: usize,
    ids: bool,
    repeats: bool,
}

fn manner() -> impl Strategy<Value = Manner> {
    (0usize..4, any::<bool>(), any::<bool>()).prop_map(|(index, ids, repeats)| Manner {
        index,
        ids,
        repeats,
    })
}

proptest! {
    #[test]
    fn any_cutting_and_interleaving_gives_the_same_calls(
        manner in manner(),
        days in prop::collection::vec("[a-zA-Zäöü{}\"\\\\ ]{0,12}", 1..5),
        cuts in prop::collection::vec(1usize..7, 1..30),
        order in prop::collection::vec(any::<prop::sample::Index>(), 1..60),
    ) {
        let mut queues: Vec<Vec<Value>> = Vec::new();
        let mut cuts = cuts.into_iter().cycle();
        for (number, day) in days.iter().enumerate() {
            let arguments: Vec<char> = json!({ "day": day }).to_string().chars().collect();
            let mut rest = arguments.as_slice();
            let mut pieces = Vec::new();
            while !rest.is_empty() || pieces.is_empty() {
                let (head, tail) = rest.split_at(cuts.next().unwrap_or(1).min(rest.len()));
                rest = tail;
                let is_first = pieces.is_empty();
                let mut piece = json!({ "function": { "arguments": head.iter().collect::<String>() } });
                match manner.index {
                    0 => piece["index"] = number.into(),
                    1 => piece["index"] = (number * 3 + 1).into(),
                    2 => piece["index"] = 0.into(),
                    _ => {}
                }
                if is_first || manner.repeats {
                    piece["function"]["name"] = "look".into();
                }
                if manner.ids && (is_first || manner.repeats) {
                    piece["id"] = format!("id{number}").into();
                }
                pieces.push(piece);
            }
            pieces.reverse();
            queues.push(pieces);
        }
        // Interleaved only if something tells the calls apart.
        let apart = manner.index < 2 || manner.ids && manner.repeats;
        let mut sent = Vec::new();
        let mut order = order.into_iter().cycle();
        while queues.iter().any(|queue| !queue.is_empty()) {
            let left: Vec<usize> = (0..queues.len()).filter(|at| !queues[*at].is_empty()).collect();
            let at = if apart { *order.next().unwrap().get(&left) } else { left[0] };
            // A call begins after those before it.
            let at = left.iter().copied().find(|one| *one < at && !queues[*one].last().unwrap()["function"]["name"].is_null() && !manner.repeats).unwrap_or(at);
            sent.extend(queues[at].pop());
        }
        let mut came: Vec<String> = assembled(&sent).into_iter().map(|call| call.2).collect();
        let mut meant: Vec<String> = days.iter().map(|day| json!({ "day": day }).to_string()).collect();
        came.sort();
        meant.sort();
        prop_assert_eq!(came, meant, "{:?} {:#?}", manner, sent);
    }
}
