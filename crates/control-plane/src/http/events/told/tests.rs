use chrono::TimeDelta;
use serde_json::json;
use uuid::Uuid;

use sidetone_store::{CallStatus, CallType, Json, Speaker};

use super::*;

fn call() -> Call {
    Call {
        id: Uuid::nil(),
        room_name: "support-1".into(),
        caller_id: "ann".into(),
        callee_id: None,
        call_type: CallType::Support,
        status: CallStatus::Connected,
        started_at: None,
        connected_at: None,
        ended_at: None,
        duration_seconds: None,
        recording_url: None,
        transcript: None,
        metadata: Json(json!({})),
        created_at: DateTime::UNIX_EPOCH,
        token_at: None,
        room_sid: None,
        room_finished_at: None,
        over_at: None,
        hung_up: false,
        resumed_at: None,
        failed_at: None,
        failure_reason: None,
        deleted_at: None,
        outbound: None,
    }
}

fn at(second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
}

fn turn(id: &str, second: i64, text: &str, unfinished: bool) -> StoredTurn {
    StoredTurn {
        turn_id: id.into(),
        speaker: Speaker::Agent,
        person: None,
        name: None,
        text: text.into(),
        started_at: at(second),
        ended_at: None,
        interrupted: false,
        unfinished,
        unasked: false,
        latency_ms: None,
        metrics: Json(json!({})),
    }
}

fn run(name: &str, second: i64, running: bool) -> ToolCall {
    ToolCall {
        agent: "default".into(),
        name: name.into(),
        arguments: Json(json!({"to": "anna"})),
        ok: !running,
        running,
        result: String::new(),
        started_at: at(second),
        duration_ms: 0,
    }
}

fn names(news: &[News]) -> Vec<&'static str> {
    news.iter().map(News::name).collect()
}

#[test]
fn each_event_is_sent_once_when_complete_and_the_end_comes_last() {
    let mut told = Told::default();
    let mut call = call();
    assert_eq!(told.news(&call, vec![], vec![]), []);
    call.connected_at = Some(at(0));
    let begun = || vec![turn("a1", 1, "Hel", true)];
    assert_eq!(names(&told.news(&call, begun(), vec![])), ["started"]);
    let whole = || vec![turn("a1", 1, "Hello.", false), turn("a2", 5, "Bye", true)];
    let tools = || vec![run("look", 2, false), run("transfer", 3, true)];
    let news = told.news(&call, whole(), tools());
    assert_eq!(names(&news), ["turn", "tool"]);
    assert_eq!(told.news(&call, whole(), tools()), []);
    let tools = || vec![run("look", 2, false), run("transfer", 3, false)];
    assert_eq!(names(&told.news(&call, whole(), tools())), ["transferred"]);
    // A turn that turns out to have gone on is told again.
    let mut longer = whole();
    longer[0].text = "Hello there.".into();
    assert_eq!(names(&told.news(&call, longer.clone(), tools())), ["turn"]);

    call.ended_at = Some(at(9));
    assert_eq!(names(&told.news(&call, longer.clone(), tools())), ["turn"]);
    assert!(!told.is_over());
    longer[1].text = "Bye now.".into();
    assert_eq!(names(&told.news(&call, longer.clone(), tools())), ["turn"]);
    assert_eq!(names(&told.news(&call, longer.clone(), tools())), ["ended"]);
    assert!(told.is_over());
    assert_eq!(told.news(&call, longer, tools()), []);
}
