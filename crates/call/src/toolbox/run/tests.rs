use super::*;

fn round(calls: &[(&str, &str, &str)]) -> Round {
    let calls = calls.iter().map(|(id, name, arguments)| ToolCall {
        id: (*id).into(),
        name: (*name).into(),
        arguments: (*arguments).into(),
        ..ToolCall::default()
    });
    Round {
        calls: calls.collect(),
        ..Round::default()
    }
}

#[test]
fn what_stands_in_the_history_is_acceptable_whatever_the_model_wrote() {
    let cut_off = r#"{"day": "Fri"#;
    let mut round = round(&[
        ("", "look", cut_off),
        ("a", "look", ""),
        ("a", "look", "null"),
        ("b", "look", "[1]"),
        ("c", "look", r#""{\"day\": \"Friday\"}""#),
        ("d", "functions.look me", r#"{"day": 1}"#),
        ("e", "", "{}"),
    ]);
    let before = [Message::calls(
        "",
        self::round(&[("b", "look", "{}")]).calls,
    )];
    let given = settle(&mut round, &before, "call_1_0");
    let calls: Vec<_> = round
        .calls
        .iter()
        .map(|call| {
            (
                call.id.as_str(),
                call.name.as_str(),
                call.arguments.as_str(),
            )
        })
        .collect();
    assert_eq!(
        calls,
        [
            ("call_1_0_0", "look", "{}"),
            ("a", "look", "{}"),
            ("call_1_0_2", "look", "{}"),
            ("call_1_0_3", "look", "{}"),
            ("c", "look", r#"{"day":"Friday"}"#),
            ("d", "functions_look_me", r#"{"day": 1}"#),
            ("e", "nothing", "{}"),
        ]
    );
    assert_eq!(given[0].written, cut_off);
    let good: Vec<bool> = given.iter().map(|given| given.arguments.is_ok()).collect();
    assert_eq!(good, [false, true, true, false, true, true, true]);
}
