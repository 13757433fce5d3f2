use serde_json::json;

use super::*;

#[test]
fn every_part_of_a_schema_is_checked() {
    let schema = json!({
        "type": "object", "required": ["day", "hour"],
        "properties": {"day": {"type": "strin"}, "people": {"minimum": "2", "patern": "x"}},
    });
    let found = problems(&schema).join("\n");
    for part in [
        "properties.day.type = \"strin\" must be one of object",
        "properties.people.type is missing",
        "properties.people.minimum must be a number",
        "unknown keyword properties.people.patern",
        "required names \"hour\", which is not a property",
    ] {
        assert!(found.contains(part), "{part} is not in:\n{found}");
    }
    assert!(problems(&json!(3))[0].contains("must be a table"));
}

#[test]
fn a_schema_that_cannot_be_used_is_found() {
    let schema = |property: Value| json!({"type": "object", "properties": {"a": property}});
    for bad in [
        json!({"type": "string", "pattern": "("}),
        json!({"type": "string", "minLength": -1}),
        json!({"$ref": "#/$defs/gone"}),
        json!({"$ref": "https://schemas.example/day.json"}),
        json!({"anyOf": [{"type": "strin"}]}),
    ] {
        assert!(!problems(&schema(bad.clone())).is_empty(), "{bad}");
    }
    let good = json!({
        "type": "object", "required": ["day"], "$defs": {"day": {"type": "string"}},
        "properties": {
            "day": {"$ref": "#/$defs/day"},
            "note": {"type": ["string", "null"], "maxLength": 200},
            "mail": {"type": "string", "format": "email", "nullable": true},
            "kind": {"const": "table"},
            "count": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        },
    });
    assert_eq!(problems(&good), Vec::<String>::new());
}

#[test]
fn arguments_are_checked() {
    let schema = json!({
        "type": "object", "required": ["day"],
        "properties": {
            "day": {"type": "string", "minLength": 2},
            "people": {"type": "integer", "minimum": 1, "maximum": 8},
            "area": {"enum": ["inside", "terrace"]},
            "names": {"type": "array", "items": {"type": "string"}},
            "mail": {"type": "string", "format": "email"},
        },
    });
    assert!(problems(&schema).is_empty());
    let wrong = |value: Value| accept(&schema, value).err().unwrap_or_default();
    assert_eq!(
        wrong(json!({"day": "Monday", "people": 2.0, "names": ["Ada"]})),
        ""
    );
    for (value, part) in [
        (json!([]), "is not of type \"object\""),
        (json!({}), "\"day\" is a required property"),
        (json!({"day": null}), "\"day\" is a required property"),
        (json!({"day": "x"}), "day: \"x\" is shorter than 2"),
        (
            json!({"day": "Mo", "people": 9}),
            "people: 9 is greater than",
        ),
        (json!({"day": "Mo", "peple": 9}), "peple"),
        (
            json!({"day": "Mo", "area": "roof"}),
            "area: \"roof\" is not one of",
        ),
        (json!({"day": "Mo", "names": [{}]}), "names.0: "),
        (
            json!({"day": "Mo", "mail": "ada"}),
            "mail: \"ada\" is not a \"email\"",
        ),
    ] {
        let told = wrong(value.clone());
        assert!(told.contains(part), "{value}: {told}");
        assert!(!told.contains('\n'), "{told}");
    }
}
