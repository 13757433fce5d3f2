use super::*;
use sidetone_call::Part;
use sidetone_config::providers::Provider;

fn told(server: Option<&str>, known: bool) -> Option<(Outcome, String)> {
    let today = NaiveDate::from_ymd_opt(2026, 11, 28).unwrap();
    let place = Place {
        provider: Provider::process(None),
        models: Vec::new(),
    };
    let used = Used {
        stage: Part::Llm,
        model: "gpt-4o-mini".into(),
        agents: vec!["default".into(), "survey".into()],
    };
    let known = catalogue::ending(&used.model).filter(|_| known);
    let item = ends(today, &place, &used, server, known)?;
    let fix = item.fix.unwrap();
    Some((item.outcome, format!("{}: {fix}", item.found)))
}

#[test]
fn a_models_end_is_a_warning_for_ninety_days_and_then_an_error() {
    use Outcome::{Note, Wrong};
    let outcome = |date| told(Some(date), false).map(|(outcome, _)| outcome);
    assert_eq!(outcome("2027-02-27"), None, "in 91 days");
    assert_eq!(outcome("2027-02-26"), Some(Note), "in 90");
    assert_eq!(outcome("2026-11-29"), Some(Note), "tomorrow");
    assert_eq!(outcome("2026-11-28"), Some(Wrong), "today");
    assert_eq!(outcome("2026-11-27"), Some(Wrong), "yesterday");
    assert_eq!(outcome("2026-11-27T00:00:00Z"), Some(Wrong));
    for no_date in ["", "soon", "2026-13-01", "1.2.2027"] {
        assert_eq!(outcome(no_date), None, "{no_date:?}");
    }
}

#[test]
fn the_agents_and_the_replacement_are_named() {
    let (_, text) = told(None, true).unwrap();
    assert_eq!(
        text,
        "gpt-4o-mini (llm of default, survey) ends on 2027-01-14, in 47 days: name gpt-6-luna \
             in SIDETONE_LLM_MODEL, or models.llm of the agent's file"
    );
    // The server's date takes precedence.
    let (_, text) = told(Some("2026-12-01"), true).unwrap();
    assert!(text.contains("ends on 2026-12-01, in 3 days: name gpt-6-luna"));
    assert_eq!(told(Some("2028-01-01"), true), None);
    assert_eq!(told(None, false), None);
}
