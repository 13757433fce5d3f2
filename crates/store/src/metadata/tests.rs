use serde_json::json;
use uuid::Uuid;

use super::*;

#[test]
fn what_sidetone_wrote_is_read_back() {
    let own = DispatchMetadata {
        call_id: Some(Uuid::nil()),
        agent: Some("survey".into()),
        variables: BTreeMap::from([("name".into(), "Ada".into())]),
        epoch: Some(3),
        ..DispatchMetadata::default()
    };
    let text = serde_json::to_string(&own).unwrap();
    assert_eq!(DispatchMetadata::read(&text), own);
}

#[test]
fn a_field_of_a_newer_control_plane_is_skipped() {
    let text = format!("{{\"call_id\": \"{}\", \"mood\": \"good\"}}", Uuid::nil());
    assert_eq!(DispatchMetadata::read(&text).call_id, Some(Uuid::nil()));
    assert_eq!(DispatchMetadata::read(&text).dispatch, None);
}

#[test]
fn empty_metadata_says_nothing() {
    for text in ["", "  ", "\n"] {
        assert_eq!(DispatchMetadata::read(text), DispatchMetadata::default());
    }
}

#[test]
fn whatever_others_wrote_is_kept_and_never_an_error() {
    for (text, kept) in [
        ("vip customer", json!("vip customer")),
        ("{\"half\": ", json!("{\"half\": ")),
        ("[1, 2]", json!([1, 2])),
        ("7", json!(7)),
        ("\"quoted\"", json!("quoted")),
        ("null", json!(null)),
        ("{\"order\": {\"id\": 5}}", json!({"order": {"id": 5}})),
        // Ours by its keys, but not by its values.
        ("{\"call_id\": \"none\"}", json!({"call_id": "none"})),
        ("{\"epoch\": \"first\"}", json!({"epoch": "first"})),
        ("{\"epoch\": 5, \"who\": 1}", json!({"epoch": 5, "who": 1})),
        (
            "{\"call_id\": null, \"who\": 1}",
            json!({"call_id": null, "who": 1}),
        ),
    ] {
        let read = DispatchMetadata::read(text);
        let expected = DispatchMetadata {
            dispatch: Some(kept),
            ..DispatchMetadata::default()
        };
        assert_eq!(read, expected, "{text}");
    }
}

/// A backend may have calls of its own, with ids like ours.
#[test]
fn what_others_wrote_with_an_id_is_kept_when_it_is_known_to_be_theirs() {
    let text = format!(
        "{{\"call_id\": \"{}\", \"agent\": \"survey\"}}",
        Uuid::nil()
    );
    let read = DispatchMetadata::read_others(&text);
    assert_eq!(
        (read.call_id, read.agent.as_deref()),
        (None, Some("survey"))
    );
    assert_eq!(read.dispatch.unwrap()["call_id"], json!(Uuid::nil()));
}

#[test]
fn a_backend_of_its_own_may_name_the_agent_and_its_variables() {
    let text = r#"{"agent": "survey", "voice": 5, "variables": {"name": "Ada", "age": 36, "of": []}, "vip": true}"#;
    let read = DispatchMetadata::read(text);
    assert_eq!(read.agent.as_deref(), Some("survey"));
    assert_eq!(read.voice, None);
    let variables = [("age", "36"), ("name", "Ada")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(read.variables, BTreeMap::from(variables));
    assert_eq!(read.dispatch.unwrap()["vip"], json!(true));
}

/// PostgreSQL refuses U+0000 in text and in JSON: the call of such a job would have no row.
#[test]
fn what_no_database_stores_is_left_out() {
    let read = DispatchMetadata::read(r#"{"na\u0000me": ["A\u0000da"], "agent": "sur\u0000vey"}"#);
    assert_eq!(
        read.dispatch,
        Some(json!({"name": ["Ada"], "agent": "survey"}))
    );
    assert_eq!(read.agent.as_deref(), Some("survey"));
    let plain = DispatchMetadata::read("vip\0 customer");
    assert_eq!(plain.dispatch, Some(json!("vip customer")));
}
