use chrono::TimeZone as _;
use serde_json::json;

use super::*;

fn at(second: i64) -> DateTime<Utc> {
    Utc.timestamp_opt(1_700_000_000 + second, 0).unwrap()
}

fn agent(identity: &str, joined: i64, left: Option<i64>) -> Participant {
    Participant {
        id: 1,
        user_id: identity.into(),
        participant_name: String::new(),
        joined_at: Some(at(joined)),
        left_at: left.map(at),
        duration_seconds: None,
        is_muted: false,
        participant_sid: format!("PA_{identity}_{joined}"),
        kind: ParticipantKind::Agent,
        muted_at: None,
    }
}

#[test]
fn a_run_whose_agent_is_gone_has_an_unknown_end_at_once() {
    let run = ToolCall {
        agent: "default".into(),
        name: "look".into(),
        arguments: sidetone_store::Json(json!({})),
        ok: false,
        running: true,
        result: String::new(),
        started_at: at(10),
        duration_ms: 0,
    };
    let state = |stays: &[Participant], now| ToolInfo::of(run.clone(), true, stays, at(now)).state;
    // Without facts about a call, only the time decides.
    assert_eq!(state(&[], 11), "running");
    let there = agent("a", 0, None);
    assert_eq!(state(std::slice::from_ref(&there), 12), "running");
    assert_eq!(state(&[there], 90), "unknown");
    let (dead, next) = (agent("a", 0, Some(12)), agent("b", 13, None));
    assert_eq!(state(std::slice::from_ref(&dead), 12), "unknown");
    assert_eq!(state(&[dead.clone(), next], 14), "unknown");
    // A renewed connection is another stay.
    assert_eq!(state(&[dead, agent("a", 13, None)], 14), "running");
}
