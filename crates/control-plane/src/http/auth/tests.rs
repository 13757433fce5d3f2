use super::*;

#[test]
fn a_key_is_stored_as_its_hash() {
    let entry = api_key_entry("shop", &[Scope::Token, Scope::History], "a key");
    assert!(entry.starts_with("shop:token+history:") && !entry.contains("a key"));
    let key = parse_key(&entry).unwrap();
    assert_eq!(key.scopes, [Scope::Token, Scope::History]);
}

#[test]
fn a_bad_entry_is_explained() {
    for (entry, reason) in [
        ("shop", "has not three parts"),
        (
            "shop:root:00",
            "\"root\" is not one of token, agent, history, admin",
        ),
        ("shop:token:00", "64 hex digits"),
    ] {
        let error = parse_key(entry).unwrap_err().to_string();
        assert!(error.contains(reason) && error.contains("shop"), "{error}");
    }
}
