use super::*;
use serde_json::json;

#[test]
fn a_result_is_found_among_words_and_checked() {
    let schema = json!({"type": "object", "required": ["resolved"],
            "properties": {"resolved": {"type": "boolean"}}});
    let fenced = "Here it is:\n```json\n{\"resolved\": true}\n```";
    assert_eq!(read(fenced, &schema), Ok(json!({"resolved": true})));
    for bad in [
        "",
        "no",
        "} {",
        "{\"resolved\": 1}",
        "{}",
        "{\"resolved\": tr}",
    ] {
        assert!(read(bad, &schema).is_err(), "{bad}");
    }
}
