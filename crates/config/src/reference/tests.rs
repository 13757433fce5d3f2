use super::*;

#[test]
fn every_key_has_its_meaning() {
    let bare: Vec<String> = entries()
        .into_iter()
        .filter(|entry| entry.about.is_empty())
        .map(|entry| entry.path)
        .collect();
    assert!(
        bare.is_empty(),
        "no comment in default.toml above: {bare:?}"
    );
}

/// `BLESS=1` regenerates them.
#[test]
fn the_files_are_as_generated() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let schema = format!("{:#}\n", schema());
    for (file, text) in [
        ("agent-config/schema.json", schema),
        ("agent-config/REFERENCE.md", markdown()),
    ] {
        let path = root.join(file);
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let there = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(there == text, "{file} is old: run this test with BLESS=1");
    }
}

#[test]
fn the_schema_knows_places_and_kinds() {
    let schema = schema();
    assert_eq!(
        schema["properties"]["vad"]["properties"]["threshold"]["maximum"],
        1.0
    );
    let tool = &schema["properties"]["tools"]["additionalProperties"];
    assert_eq!(tool["properties"]["method"]["enum"][1], "POST");
    assert_eq!(schema["properties"]["vad"]["additionalProperties"], false);
}
