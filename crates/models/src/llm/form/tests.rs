use serde_json::json;

use super::*;

fn calls(needed: bool) -> Calls {
    let day =
        json!({"type": "object", "required": ["day"], "properties": {"day": {"type": "string"}}});
    let schema = Schema::call([("find", &day), ("hang_up", &Value::Null)]).unwrap();
    Calls {
        schema: schema.into(),
        needed,
    }
}

fn answer(calls: Option<Calls>, json: Option<Value>) -> Answer {
    let json = json.map(|schema| Schema::read(&schema).unwrap().into());
    let knows_tools = calls.is_some();
    Answer::new(Form {
        calls,
        knows_tools,
        json,
    })
}

fn find(day: &str) -> Call {
    Call {
        name: "find".into(),
        arguments: json!({"day": day}),
    }
}

/// Takes text in tokens of three bytes, all of which must be allowed; returns the effect of the last one.
fn take(answer: &mut Answer, text: &str) -> Taken {
    let mut last = Taken::Kept;
    for bytes in text.as_bytes().chunks(3) {
        let token = Token::Text(bytes);
        assert!(answer.allows(token), "{:?}", String::from_utf8_lossy(bytes));
        last = answer.take(token);
    }
    last
}

#[test]
fn words_are_free_and_have_no_calls_where_no_tool_is() {
    let mut words = answer(None, None);
    assert!(words.allows(Token::Text(b"```")) && words.allows(Token::End));
    assert!(!words.allows(Token::Call) && !words.allows(Token::Other));
    assert_eq!(take(&mut words, "{\"name"), Taken::Said);
    assert_eq!(words.take(Token::End), Taken::End);
}

#[test]
fn a_call_may_follow_words_and_is_kept_to_its_schema() {
    let mut both = answer(Some(calls(false)), None);
    assert_eq!(take(&mut both, "Let me look."), Taken::Said);
    assert_eq!(both.take(Token::Call), Taken::Opened);
    assert!(!both.allows(Token::End) && !both.allows(Token::Call));
    assert!(!both.allows(Token::Text(b"book")) && both.allows(Token::Text(b"hang")));
    let called = take(&mut both, "find\", \"arguments\": {\"day\": \"Monday\"}}");
    assert_eq!(called, Taken::Called(find("Monday")));
}

#[test]
fn a_block_of_code_is_a_call() {
    for sign in ["```", "{\"", " {", "<tool", "```json"] {
        let mut code = answer(Some(calls(false)), None);
        assert_eq!(
            code.take(Token::Text(sign.as_bytes())),
            Taken::Opened,
            "{sign}"
        );
        let called = take(&mut code, "hang_up\", \"arguments\": {}}");
        let arguments = json!({});
        let name = "hang_up".into();
        assert_eq!(called, Taken::Called(Call { name, arguments }));
    }
}

#[test]
fn a_call_that_may_not_be_made_is_not_said_either() {
    let told = Answer::new(Form {
        knows_tools: true,
        ..Form::default()
    });
    assert!(told.allows(Token::Text(b"Hello")) && !told.allows(Token::Text(b"{\"")));
    assert!(!told.allows(Token::Text(b"```")) && !told.allows(Token::Call));
}

#[test]
fn a_needed_call_is_all_that_may_be_answered() {
    let needed = answer(Some(calls(true)), None);
    assert!(needed.allows(Token::Call) && needed.allows(Token::Text(b"{\"")));
    assert!(!needed.allows(Token::Text(b"Hello")) && !needed.allows(Token::End));
}

#[test]
fn json_ends_the_answer_when_it_is_whole() {
    let schema =
        json!({"type": "object", "required": ["ok"], "properties": {"ok": {"type": "boolean"}}});
    let mut json = answer(None, Some(schema.clone()));
    assert!(!json.allows(Token::Text(b"Sure")) && !json.allows(Token::End));
    assert_eq!(take(&mut json, "{\"ok\": true"), Taken::Said);
    assert!(!json.allows(Token::End));
    assert_eq!(take(&mut json, "}"), Taken::End);
    let mut either = answer(Some(calls(false)), Some(schema));
    assert!(either.allows(Token::Text(b"{\"")) && either.allows(Token::Call));
    assert_eq!(either.take(Token::Text(b"{\"")), Taken::Said);
    let mut number = answer(None, Some(json!({"type": "integer"})));
    assert_eq!(take(&mut number, "12"), Taken::Said);
    assert!(number.allows(Token::End));
}
