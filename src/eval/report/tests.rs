use super::*;
use crate::eval::told::{Heard, Told};

#[test]
fn failures_are_shown_to_people_and_to_build_servers() {
    let spoken = Told {
        heard: Some(Heard {
            waited: Some(Duration::from_millis(700)),
            cut_off: None,
            is_over_agent: true,
            stopped_after: None,
        }),
        ..Told::default()
    };
    let outcome = Outcome {
        name: "a".into(),
        turns: vec![Told::default(), spoken],
        failures: vec![(1, "said \"<b>\"".into())],
        ..Outcome::default()
    };
    let results = [Ok(outcome), Err(("b".into(), "no file".into()))];
    assert!(!is_good(&results));
    let table = table(&results, Duration::from_millis(1200));
    let heard = "turn 1: the agent spoke on, answered after 700 ms\n";
    assert!(table.contains(heard), "{table}");
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
