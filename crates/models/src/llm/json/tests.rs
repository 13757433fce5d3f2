use std::sync::Arc;

use serde_json::{Value, json};

use super::*;

fn writing(schema: Value) -> Writing {
    Writing::new(Arc::new(Schema::read(&schema).unwrap()))
}

/// Whether a text is accepted, and complete.
fn allows(schema: &Value, text: &str) -> bool {
    let written = writing(schema.clone()).with(text.as_bytes());
    written.is_some_and(|written| written.is_complete())
}

/// The bytes that the text could continue with.
fn next(written: &Writing) -> String {
    let all = (0..=255u8).filter(|byte| written.with(&[*byte]).is_some());
    all.map(char::from).collect()
}

#[track_caller]
fn check(schema: Value, good: &[&str], bad: &[&str]) {
    for text in good {
        assert!(allows(&schema, text), "{schema} refuses {text}");
        let _: Value = serde_json::from_str(text).unwrap();
    }
    for text in bad {
        assert!(!allows(&schema, text), "{schema} lets {text} through");
    }
}

#[test]
fn objects_have_their_keys_and_no_others() {
    let table = json!({
        "type": "object",
        "required": ["day", "people"],
        "properties": {
            "day": {"type": "string"},
            "people": {"type": "integer", "minimum": 1, "maximum": 12},
            "note": {"type": "string"},
        },
    });
    check(
        table,
        &[
            r#"{"day": "Monday", "people": 2}"#,
            r#"{"people":12,"day":""}"#,
            r#"{"note": "x", "day": "é€", "people": 3}"#,
        ],
        &[
            r#"{"day": "Monday"}"#,
            r#"{"day": "Monday", "people": 13}"#,
            r#"{"day": "Monday", "people": 2, "day": "Monday"}"#,
            r#"{"day": "Monday", "people": 2, "other": 1}"#,
            r#"{"day": "Monday", "people": 2,}"#,
            r#"{"day": 1, "people": 2}"#,
            r#"{"day": "Monday",  "people": 2}"#,
            r#"{"day": "Monday", "people": 2} "#,
            "{}",
            "[]",
        ],
    );
    check(
        json!({"type": "object", "properties": {}, "additionalProperties": false}),
        &["{}"],
        &[r#"{"a": 1}"#],
    );
    check(
        json!({"type": "object"}),
        &["{}", r#"{"a": [1, {"b": null}]}"#],
        &["1"],
    );
    let texts = json!({"type": "object", "additionalProperties": {"type": "string"}});
    check(
        texts,
        &[r#"{"a": "b", "c": "d"}"#],
        &[r#"{"a": 1}"#, r#"{"": "b"}"#],
    );
}

#[test]
fn strings_keep_to_their_lengths_and_are_valid() {
    let name = json!({"type": "string", "minLength": 2, "maxLength": 4});
    check(
        name,
        &[r#""Bo""#, r#""Bo\"n""#, r#""ééé€""#, r#""a\\b\n""#],
        &[
            r#""B""#,
            r#""Boris""#,
            r#""Bo"#,
            "\"B\no\"",
            r#""\u0041b""#,
            r#""\x""#,
        ],
    );
    let bytes = writing(json!({"type": "string"})).with(b"\"\xc3").unwrap();
    assert!(bytes.with(b"\"").is_none(), "half a character");
    assert!(bytes.with(b"\xa9\"").unwrap().is_over());
    // the default limit, if the schema sets none
    let long = format!("\"{}", "a".repeat(400));
    let long = writing(json!({"type": "string"}))
        .with(long.as_bytes())
        .unwrap();
    assert_eq!(next(&long), "\"");
}

#[test]
fn numbers_keep_to_their_limits_digit_by_digit() {
    let whole = |low: i64, high: i64| json!({"type": "integer", "minimum": low, "maximum": high});
    check(
        whole(1, 12),
        &["1", "9", "10", "12"],
        &["0", "13", "20", "1.0", "-1", "01", "1e1", ""],
    );
    assert_eq!(next(&writing(whole(1, 12)).with(b"1").unwrap()), "012");
    assert_eq!(next(&writing(whole(20, 39))), "23");
    check(whole(-5, 5), &["-5", "0", "5"], &["-6", "-0", "6", "-"]);
    check(
        whole(-40, -20),
        &["-20", "-33"],
        &["-2", "-4", "-41", "20", "0"],
    );
    let price = json!({"type": "number", "exclusiveMinimum": 0, "maximum": 9.5});
    check(
        price,
        &["0.5", "9.5", "9", "0.000001"],
        &["0", "9.6", "10", "-1", "1.", ".5", "0.0000001"],
    );
    check(
        json!({"type": "number"}),
        &["-12.75", "0", "1000000"],
        &["1e400", "--1", "00"],
    );
    check(
        json!({"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 3}),
        &["2"],
        &["1", "3"],
    );
    check(
        json!({"type": "number", "minimum": 0.5, "maximum": 0.5}),
        &["0.5"],
        &["0.6", "0"],
    );
}

#[test]
fn choices_are_kept_to() {
    let day = json!({"enum": ["Monday", "Mon", "1", 1, 10, null, true, "grün"]});
    check(
        day,
        &[
            "\"Monday\"",
            "\"Mon\"",
            "\"1\"",
            "1",
            "10",
            "null",
            "true",
            "\"grün\"",
        ],
        &["\"Mo\"", "\"Tuesday\"", "100", "false", "nul"],
    );
    let list = json!({"type": "array", "items": {"enum": [1, 10]}});
    check(list, &["[1, 10, 1]", "[10]", "[]"], &["[11]", "[1 10]"]);
    check(json!({"const": {"a": 1}}), &[r#"{"a":1}"#], &["{}"]);
    check(
        json!({"type": "boolean"}),
        &["true", "false"],
        &["null", "truefalse"],
    );
    let either = json!({"anyOf": [{"type": "string", "maxLength": 3}, {"type": "integer"}, {"type": "null"}]});
    check(
        either,
        &["\"abc\"", "17", "null"],
        &["\"abcd\"", "1.5", "true"],
    );
    check(
        json!({"type": ["string", "null"]}),
        &["null", "\"\""],
        &["1"],
    );
    check(
        json!({"type": "string", "nullable": true}),
        &["null", "\"\""],
        &["1"],
    );
    let shapes = json!({"oneOf": [
        {"type": "object", "required": ["a"], "properties": {"kind": {"const": "x"}, "a": {"type": "integer"}}},
        {"type": "object", "required": ["b"], "properties": {"kind": {"const": "y"}, "b": {"type": "integer"}}},
    ]});
    check(
        shapes,
        &[r#"{"kind": "x", "a": 1}"#, r#"{"kind": "y", "b": 1}"#],
        &[r#"{"kind": "x", "b": 1}"#, r#"{"kind": "y"}"#],
    );
}

#[test]
fn lists_keep_to_their_lengths() {
    let list = json!({"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 3});
    check(
        list,
        &["[1]", "[1, 2,3]"],
        &["[]", "[1, 2, 3, 4]", "[1,]", "[1, ]"],
    );
    let nested = json!({"type": "array", "items": {"type": "array", "items": {"type": "boolean"}}});
    check(nested, &["[[true], []]"], &["[true]"]);
}

#[test]
fn references_and_parts_that_must_all_hold_are_followed() {
    let schema = json!({
        "type": "object",
        "required": ["who"],
        "properties": {"who": {"$ref": "#/$defs/person"}, "and": {"allOf": [
            {"$ref": "#/$defs/person"},
            {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]},
        ]}},
        "$defs": {"person": {"type": "object", "required": ["name"], "properties": {
            "name": {"type": "string"}, "friend": {"$ref": "#/$defs/person"}}}},
    });
    check(
        schema,
        &[
            r#"{"who": {"name": "Bo", "friend": {"name": "Ida"}}}"#,
            r#"{"who": {"name": "Bo"}, "and": {"name": "Ida", "age": 3}}"#,
        ],
        &[
            r#"{"who": {}}"#,
            r#"{"who": {"name": "Bo"}, "and": {"name": "Ida"}}"#,
            r#"{"who": {"name": "Bo", "friend": {}}}"#,
        ],
    );
}

#[test]
fn a_call_names_a_tool_and_has_its_arguments() {
    let day =
        json!({"type": "object", "required": ["day"], "properties": {"day": {"type": "string"}}});
    let empty = json!({"type": "object", "properties": {}});
    let tools = [("find", &day), ("hang_up", &empty), ("wait", &Value::Null)];
    let schema = Arc::new(Schema::call(tools).unwrap());
    let is_call = |text: &str| {
        let written = Writing::new(Arc::clone(&schema)).with(text.as_bytes());
        written.is_some_and(|written| written.is_over())
    };
    assert!(is_call(
        r#"{"name": "find", "arguments": {"day": "Monday"}}"#
    ));
    assert!(is_call(r#"{"name": "wait", "arguments": {}}"#));
    assert!(!is_call(
        r#"{"name": "wait", "arguments": {"day": "Monday"}}"#
    ));
    assert!(!is_call(r#"{"name": "find", "arguments": {}}"#));
    assert!(!is_call(r#"{"name": "book", "arguments": {}}"#));
    let bad = json!({"type": "integer", "minimum": 3, "maximum": 2});
    assert_eq!(Schema::call([("a", &empty), ("b", &bad)]).unwrap_err().0, 1);
}

#[test]
fn schemas_that_no_text_is_of_are_refused_and_large_ones_end() {
    let problem = |schema: Value| Schema::read(&schema).unwrap_err().to_string();
    assert!(problem(json!({"$ref": "#/$defs/x"})).contains("#/$defs/x"));
    assert!(problem(json!({"type": "text"})).contains("text"));
    assert!(problem(json!({"type": "string", "minLength": 5, "maxLength": 4})).contains("5 to 4"));
    assert!(problem(json!({"enum": []})).contains("enum"));
    assert!(problem(json!("string")).contains("no schema"));
    let keys: serde_json::Map<_, _> = (0..65).map(|n| (n.to_string(), json!({}))).collect();
    assert!(problem(json!({"type": "object", "properties": keys})).contains("65"));
    // a schema that refers to itself many times is still read in finite time
    let person = json!({"type": "object", "properties": {
        "a": {"$ref": "#"}, "b": {"$ref": "#"}, "c": {"$ref": "#"}, "d": {"$ref": "#"},
        "e": {"$ref": "#"}, "f": {"$ref": "#"}, "g": {"$ref": "#"}, "h": {"$ref": "#"}}});
    assert!(problem(person).contains("more than"));
    let friend = json!({"type": "object", "properties": {"friend": {"$ref": "#"}}});
    check(friend, &[r#"{"friend": {"friend": {}}}"#], &[]);
}

/// Whatever is accepted can be finished: there are no dead ends.
#[test]
fn there_is_always_a_way_on_and_it_ends() {
    let schemas = [
        json!({"type": "number", "minimum": 0.12345678, "maximum": 0.12345679}),
        json!({"type": "integer", "minimum": -3, "maximum": 1200}),
        json!({"enum": ["a", "ab", 1, 12]}),
        json!({"type": "object"}),
        json!({}),
        json!({"type": "object", "required": ["a", "b"], "properties": {
            "a": {"type": "array", "items": {"type": "number"}, "minItems": 2},
            "b": {"type": ["string", "null"], "minLength": 3}, "bc": {"type": "boolean"}}}),
    ];
    for schema in schemas {
        for seed in 0..40u64 {
            let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
            let (mut written, mut text) = (writing(schema.clone()), Vec::new());
            while !written.is_over() && text.len() < 200_000 {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                let ways: Vec<u8> = (0..=255)
                    .filter(|b| written.with(&[*b]).is_some())
                    .collect();
                if written.is_complete() && (ways.is_empty() || state % 8 == 0) {
                    break;
                }
                assert!(
                    !ways.is_empty(),
                    "{schema}: nothing follows {:?}",
                    String::from_utf8_lossy(&text)
                );
                // closing bytes are chosen more often, so that the test ends
                let closing = ways.iter().find(|byte| b"\"]}".contains(byte));
                let byte = match closing {
                    Some(byte) if state % 3 == 0 => *byte,
                    _ => ways[state as usize / 16 % ways.len()],
                };
                written = written.with(&[byte]).unwrap();
                text.push(byte);
            }
            let text = String::from_utf8(text).unwrap();
            let _: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{text}: {e}"));
        }
    }
}
