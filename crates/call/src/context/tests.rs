use super::*;
use crate::providers::ToolCall;

/// `S`ystem, `U`ser, `A`ssistant, `C`alls, `T`ool.
fn messages(roles: &str) -> Vec<Message> {
    let message = |(number, role): (usize, char)| match role {
        'S' => Message::new(Role::System, "be kind"),
        'U' => Message::new(Role::User, format!("{number} {}", "u".repeat(40))),
        'A' => Message::new(Role::Assistant, format!("{number} {}", "a".repeat(40))),
        'C' => Message::calls("", vec![ToolCall::default()]),
        _ => Message::result("1", "t".repeat(40)),
    };
    roles.chars().enumerate().map(message).collect()
}

fn roles(messages: &[Message]) -> String {
    let role = |message: &Message| match message.role {
        Role::System => 'S',
        Role::User => 'U',
        Role::Assistant if message.calls.is_empty() => 'A',
        Role::Assistant => 'C',
        Role::Tool => 'T',
    };
    messages.iter().map(role).collect()
}

#[test]
fn the_oldest_goes_turn_by_turn_and_no_result_is_left_alone() {
    let whole = "SAUCTAUAUCTTCT";
    for (room, left) in [
        (1000, whole),
        (161, "SUCTAUAUCTTCT"),
        (160, "SUAUCTTCT"),
        (100, "SUCTTCT"),
        (75, "SUCT"),
        (1, "SUCT"),
    ] {
        let mut messages = messages(whole);
        fit(&mut messages, room);
        assert_eq!(roles(&messages), left, "in {room}");
        assert!(size(&messages) <= room || left == "SUCT");
    }
    let mut prompt = messages("S");
    fit(&mut prompt, 0);
    assert_eq!(roles(&prompt), "S");
}

#[test]
fn a_question_that_was_too_long_becomes_shorter_each_time() {
    let mut messages = messages("SUAUAUAU");
    messages.push(Message::new(Role::Assistant, "x".repeat(9_000)));
    messages.push(Message::new(Role::User, "x".repeat(9_000)));
    let mut before = size(&messages);
    let mut times = 0;
    while cut(&mut messages) {
        assert!(size(&messages) < before);
        before = size(&messages);
        times += 1;
    }
    assert_eq!(roles(&messages), "SU");
    assert!(times >= 2 && before < 150, "{times} {before}");
}

#[test]
fn tokens_are_counted_in_the_measure_of_the_last_answer() {
    let mut gauge = Gauge::new(1_000);
    assert_eq!((gauge.room(), gauge.is_near(700)), (1_000, false));
    let usage = Usage {
        prompt_tokens: 400,
        ..Usage::default()
    };
    gauge.measured(200, usage);
    assert_eq!(gauge.room(), 500);
    assert!(gauge.is_near(400) && !gauge.is_near(300));
    gauge.too_long(300);
    assert_eq!(gauge.room(), 225);
    gauge.measured(0, usage);
    assert_eq!(gauge.room(), 225);
}

#[test]
fn a_text_is_clipped_in_its_middle() {
    assert_eq!(within("begin and end", 4), "begin and end");
    let long = format!("begin {} end", "x".repeat(400));
    let short = within(&long, 20);
    assert!(short.starts_with("begin xx") && short.ends_with("xx end"));
    assert!(size_of_text(&short) <= 24, "{short}");
}

#[test]
fn other_scripts_count_by_the_sign() {
    let size_of = |text: &str| size(&[Message::new(Role::User, text)]) - OVERHEAD;
    assert_eq!(size_of("twelve signs"), 3);
    assert_eq!(size_of("等一下"), 3);
}
