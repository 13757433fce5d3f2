use super::*;
use proptest::prelude::*;
use serde_json::json;

fn request() -> Value {
    json!({
        "model": "gpt-6-luna",
        "messages": [
            { "role": "system", "content": "You help callers of a bakery." },
            { "role": "user", "content": "My number is four two,\nand I'd like Zürich bread" },
            { "role": "assistant", "tool_calls": [{ "function": {
                "name": "look", "arguments": "{\"note\": \"the red door behind\"}" } }] },
            { "role": "user", "content": "我想问一个别的问题" },
        ],
    })
}

fn shown(message: &str) -> String {
    said(message, &["sk-very-secret-0123456789"], &request())
}

#[test]
fn the_providers_message_is_shown() {
    for message in [
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use \
             'max_completion_tokens' instead.",
        "The model `gpt-6-luna` does not exist",
        "Bearer authentication is missing",
        "property 'stream_options' is unsupported",
    ] {
        assert_eq!(shown(message), message);
    }
}

#[test]
fn four_words_of_the_request_are_not_repeated_however_they_are_written() {
    for (echo, expected) in [
        ("Bad text: my number is four", "Bad text: …"),
        ("Bad text: MY NUMBER -- IS, \"FOUR\" two!", "Bad text: …!"),
        ("Bad text: my\nnumber\r\nis\tfour", "Bad text: …"),
        (r"Bad text: my\nnumber\nis four", "Bad text: …"),
        (r"Bad text: my\\nnumber\\nis four", "Bad text: …"),
        (
            r"Bad text: and I\u0027d like Z\u00fcrich bread",
            "Bad text: …",
        ),
        ("Bad text: number&quot; is four two", "Bad text: …"),
        ("Bad text: my%20number%20is%20four", "Bad text: …"),
        ("Bad text: my num\u{200b}ber is four", "Bad text: …"),
        // Across messages, without and with the JSON between them.
        ("of a bakery my number", "…"),
        (r#"a bakery."},{"role":"user","content":"My number"#, "…"),
        // A tool's arguments.
        (
            "arguments: {\"note\": \"the red door behind\"}",
            "arguments: {\"…\"}",
        ),
        ("无效: 我想问一", "无效: …"),
        (
            "three words only: number is four",
            "three words only: number is four",
        ),
    ] {
        assert_eq!(shown(echo), expected, "{echo:?}");
    }
}

#[test]
fn keys_are_cut() {
    for (message, expected) in [
        (
            "Incorrect API key provided: sk-sec****cret. See",
            "Incorrect API key provided: …. See",
        ),
        ("token very-secret-0123 is bad", "token … is bad"),
        (
            "Authorization: Bearer abcdef0123456789",
            "Authorization: Bearer …",
        ),
        ("ends in 23456789", "ends in …"),
        ("url?api_key=abc123def456&x=1", "url?api_key=…&x=1"),
    ] {
        assert_eq!(shown(message), expected);
    }
}

#[test]
fn it_is_one_short_line() {
    let long = shown(&"field\u{7} wrong\n".repeat(200));
    assert_eq!(long.chars().count(), LIMIT);
    assert!(!long.contains(char::is_control), "{long:?}");
}

proptest! {
    #[test]
    fn no_four_words_pass_whatever_stands_around_them(
        before in "[a-z ]{0,40}", after in "[a-z ]{0,40}", at in 0usize..5,
        glue in "[ ,;.\n\t\"-]{1,4}", loud in any::<bool>(),
    ) {
        let words = ["my", "number", "is", "four", "two", "and", "i", "d", "like"];
        let echo = words[at..at + RUN].join(&glue);
        let echo = if loud { echo.to_uppercase() } else { echo };
        let shown = super::tests::shown(&format!("{before} {echo} {after}")).to_lowercase();
        let plain: Vec<String> = super::words(&shown).into_iter().map(|word| word.0).collect();
        prop_assert!(!plain.windows(RUN).any(|run| run == &words[at..at + RUN]), "{}", shown);
    }
}
