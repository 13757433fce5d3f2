use super::*;

#[test]
fn failures_are_shown_to_people_and_to_build_servers() {
    let outcome = Outcome {
        name: "a".into(),
        turns: vec![Default::default(), Default::default()],
        failures: vec![(1, "said \"<b>\"".into())],
        ..Outcome::default()
    };
    let results = [Ok(outcome), Err(("b".into(), "no file".into()))];
    assert!(!is_good(&results));
    let table = table(&results, Duration::from_millis(1200));
    assert!(table.contains("turn 1: said \"<b>\""), "{table}");
    assert!(
        table.ends_with("2 scenarios, 0 passed, 2 failed, in 1.2 s\n"),
        "{table}"
    );
    let xml = junit(&results, Duration::from_secs(1));
    assert!(
        xml.contains("tests=\"2\" failures=\"1\" errors=\"1\""),
        "{xml}"
    );
    assert!(xml.contains("said &quot;&lt;b&gt;&quot;"), "{xml}");
}
