use super::super::accept;
use super::*;

#[test]
fn arguments_that_are_clearly_meant_are_accepted() {
    let schema = json!({
        "type": "object", "required": ["day", "floor"],
        "$defs": {"count": {"type": "integer"}},
        "properties": {
            "day": {"type": "string"},
            "floor": {"type": ["integer", "null"]},
            "people": {"$ref": "#/$defs/count"},
            "price": {"type": "number"},
            "outside": {"type": "boolean"},
            "note": {"type": ["string", "null"]},
            "mail": {"type": "string", "nullable": true},
            "until": {"anyOf": [{"type": "null"}, {"type": "integer"}]},
            "size": {"enum": [1, 2]},
            "who": {"type": "array", "items": {"type": "object", "properties": {
                "age": {"type": "integer"}, "name": {"type": "string"},
            }}},
        },
    });
    let taken = |value: Value| accept(&schema, value).unwrap();
    for (written, meant) in [
        (
            json!({"people": null, "note": null, "mail": null}),
            json!({}),
        ),
        (
            json!({"people": "2", "price": "2.5"}),
            json!({"people": 2, "price": 2.5}),
        ),
        (
            json!({"people": 3.0, "price": 3.0}),
            json!({"people": 3, "price": 3.0}),
        ),
        (json!({"outside": "True"}), json!({"outside": true})),
        (
            json!({"until": "9", "size": "1"}),
            json!({"until": 9, "size": 1}),
        ),
        (
            json!({"who": "[{\"age\": \"7\", \"name\": null}]"}),
            json!({"who": [{"age": 7}]}),
        ),
    ] {
        let whole = |mut value: Value| {
            value["day"] = "Friday".into();
            value["floor"] = Value::Null;
            value
        };
        assert_eq!(taken(whole(written.clone())), whole(meant), "{written}");
    }
    assert_eq!(
        taken(json!({"day": 5, "floor": "3"})),
        json!({"day": "5", "floor": 3})
    );
    for bad in [
        json!({"day": "Friday", "floor": "ground"}),
        json!({"day": "Friday", "floor": 1.5}),
        json!({"day": "Friday", "floor": 1, "outside": "yes"}),
    ] {
        assert!(accept(&schema, bad.clone()).is_err(), "{bad}");
    }
}

#[test]
fn a_schema_that_refers_to_itself_or_elsewhere_does_no_harm() {
    let folder = json!({
        "type": "object", "$defs": {"folder": {"type": "object", "properties": {
            "in": {"$ref": "#/$defs/folder"}, "size": {"type": "integer"},
        }}},
        "properties": {"in": {"$ref": "#/$defs/folder"}},
    });
    let written = json!({"in": {"in": {"size": "4"}}});
    assert_eq!(
        accept(&folder, written),
        Ok(json!({"in": {"in": {"size": 4}}}))
    );
    let elsewhere = json!({"type": "object", "properties": {
        "day": {"$ref": "http://127.0.0.1:9/day.json"},
    }});
    assert!(accept(&elsewhere, json!({"day": "Friday"})).is_err());
}
