use serde_json::{Value, json};

use super::*;

fn read(body: Value) -> Result<Command, Problem> {
    parse_json::<CommandRequest>(body.to_string().as_bytes())?.command()
}

#[test]
fn each_type_takes_its_own_fields() {
    let good = [
        json!({"type": "say", "text": "Hello."}),
        json!({"type": "say", "text": "Hello.", "interruptible": false}),
        json!({"type": "instruct", "text": "One.\nTwo.", "answer": true}),
        json!({"type": "mute"}),
        json!({"type": "unmute"}),
        json!({"type": "handover", "agent": "billing"}),
        json!({"type": "handover", "person": "anna", "text": "Hold on."}),
        json!({"type": "end"}),
        json!({"type": "end", "text": "Goodbye."}),
    ];
    for body in good {
        assert!(read(body.clone()).is_ok(), "{body}");
    }
    let wrong = [
        (json!({}), "type"),
        (json!({"type": "sing", "text": "La."}), "type"),
        (json!({"type": "say"}), "text"),
        (json!({"type": "say", "text": " "}), "text"),
        (json!({"type": "say", "text": "x".repeat(2_001)}), "text"),
        (json!({"type": "say", "text": "a\u{0}b"}), "text"),
        (
            json!({"type": "say", "text": "a", "answer": true}),
            "answer",
        ),
        (json!({"type": "say", "text": "a", "volume": 3}), "volume"),
        (
            json!({"type": "instruct", "text": "a", "interruptible": true}),
            "interruptible",
        ),
        (json!({"type": "mute", "text": "a"}), "text"),
        (json!({"type": "handover"}), "agent"),
        (
            json!({"type": "handover", "agent": "a", "person": "b"}),
            "agent",
        ),
        (
            json!({"type": "handover", "person": "a\u{202e}b"}),
            "person",
        ),
        (json!({"type": "end", "agent": "a"}), "agent"),
    ];
    for (body, field) in wrong {
        let problem = read(body.clone()).expect_err(&body.to_string());
        assert_eq!(problem.field.as_deref(), Some(field), "{body}: {problem:?}");
        assert_eq!(problem.status, StatusCode::BAD_REQUEST);
    }
}

#[test]
fn the_longest_text_fits_into_a_request() {
    for c in ["\"", "\u{1d11e}", "\u{6f22}", "\\"] {
        let command = read(json!({"type": "instruct", "text": c.repeat(2_000)})).unwrap();
        let order = Order {
            id: Uuid::nil().to_string(),
            command,
        };
        let body = serde_json::to_string(&order).unwrap();
        let signed =
            json!({"call": Uuid::nil(), "at": u64::MAX, "body": body, "mac": "x".repeat(43)});
        assert!(signed.to_string().len() <= 15 * 1024, "{c:?}");
    }
}
