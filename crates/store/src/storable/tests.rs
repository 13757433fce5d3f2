use serde_json::json;

use super::*;

#[test]
fn no_text_and_no_name_holds_a_zero() {
    let said = json!({"a\0b": ["\0", {"c": "d\0e", "f": 1}], "g": null, "h": true});
    let stored = json!({"ab": ["", {"c": "de", "f": 1}], "g": null, "h": true});
    assert_eq!(json(said), stored);
    assert_eq!(text("an\0n"), "ann");
}
