use super::*;

fn simplified(schema: Value) -> Value {
    let tool = json!({ "type": "function", "function": { "name": "look", "parameters": schema } });
    let mut request = json!({ "model": "m", "tools": [tool] });
    simplify(&mut request);
    request["tools"][0]["function"]["parameters"].take()
}

#[test]
fn keywords_that_some_servers_lack_are_left_out_and_the_others_stay() {
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#", "title": "Look", "type": "object",
        "additionalProperties": false, "required": ["day"],
        "properties": {
            "day": { "type": "string", "format": "date", "description": "Which." },
            // An argument may be named as a keyword is.
            "format": { "type": ["string", "null"], "default": null },
            "place": { "anyOf": [{ "type": "string", "minLength": 1 }, { "type": "null" }] },
            "kind": { "const": "table" },
            "tags": { "type": "array", "uniqueItems": true, "items": { "type": "string", "pattern": "a" } },
        },
    });
    let expected = json!({
        "type": "object", "required": ["day"],
        "properties": {
            "day": { "type": "string", "description": "Which." },
            "format": { "type": "string" },
            "place": { "type": "string" },
            "kind": { "enum": ["table"] },
            "tags": { "type": "array", "items": { "type": "string" } },
        },
    });
    assert_eq!(simplified(schema), expected);
    assert_eq!(simplified(expected.clone()), expected, "is simple already");
}

#[test]
fn what_a_schema_refers_to_is_put_in_its_place() {
    let schema = json!({
        "type": "object", "$defs": {
            "day": { "type": "string", "enum": ["Friday"] },
            "node": { "type": "object", "properties": { "next": { "$ref": "#/$defs/node" } } },
        },
        "allOf": [{ "properties": { "day": { "$ref": "#/$defs/day" } }, "required": ["day"] }],
        "required": ["people"], "properties": { "people": { "type": "integer" } },
    });
    let expected = json!({
        "type": "object", "required": ["day", "people"],
        "properties": { "day": { "type": "string", "enum": ["Friday"] }, "people": { "type": "integer" } },
    });
    assert_eq!(simplified(schema.clone()), expected);
    // One that refers to itself ends.
    let mut endless = schema;
    endless["properties"]["first"] = json!({ "$ref": "#/$defs/node" });
    assert!(simplified(endless).to_string().len() < 2_000);
}
