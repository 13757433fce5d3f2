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
        ("shop", "must have three or four parts"),
        (
            "shop:root:00",
            "\"root\" is not one of token, agent, history, metrics, admin",
        ),
        ("shop:token:00", "64 hex digits"),
    ] {
        let error = parse_key(entry).unwrap_err().to_string();
        assert!(error.contains(reason) && error.contains("shop"), "{error}");
    }
}

#[test]
fn keys_that_anybody_would_guess_are_refused() {
    for weak in ["", "a", "secret", "changeme"] {
        let error = parse_keys(&api_key_entry("shop", &[Scope::Admin], weak)).unwrap_err();
        let told = error.to_string();
        assert!(
            told.contains("shop") && told.contains("openssl rand"),
            "{told}"
        );
    }
    let one = api_key_entry("shop", &[Scope::Token], "a long key of the shop");
    let twice = format!("{one},{one}");
    assert!(
        parse_keys(&twice)
            .unwrap_err()
            .to_string()
            .contains("same name as another")
    );
    let lines = format!(
        "{one}\n{}\n",
        api_key_entry("desk", &[Scope::Agent], "one of the desk")
    );
    assert_eq!(parse_keys(&lines).unwrap().len(), 2);
    assert_eq!(parse_keys("").unwrap().len(), 0);
}
