//! The history, an unavailable database, and the API documents.

use serde_json::{Value, json};
use sidetone_base::supervise::Supervisor;
use sidetone_control_plane::control::retention::purge;
use sidetone_control_plane::control::{Control, ControlConfig};
use sidetone_store::figures::Figures;
use sidetone_store::inbox::Event;
use sidetone_store::media::{Media, MediaPath};
use sidetone_store::{CallType, Fact, NewCall, ParticipantKind, Stay};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{AGENT, HISTORY, TOKEN, new_call};
use crate::support::api::{Api, SECRET, Setup, nowhere, sign, user};
use crate::support::eventually;

#[tokio::test]
async fn history_shows_a_call_and_forgets_it() {
    let api = Api::start(Setup::default()).await;
    let id = new_call(&api.store, "ann", CallType::Support, "support-ann-1").await;
    let now = sidetone_store::now();
    let stay = |sid: &str, user: &str, kind| {
        Fact::Seen(Stay {
            sid: sid.into(),
            user_id: user.into(),
            name: user.into(),
            kind,
            joined_at: Some(now),
            left_at: None,
            muted: None,
        })
    };
    let facts = [
        stay("PA_1", "ann", ParticipantKind::User),
        stay("PA_2", "agent-1", ParticipantKind::Agent),
        Fact::RoomFinished(now + chrono::TimeDelta::seconds(30)),
    ];
    api.store.observe(id, None, &facts).await.unwrap();
    let turn = sidetone_store::StoredTurn {
        turn_id: "SG_1".into(),
        speaker: sidetone_store::Speaker::User,
        person: None,
        name: None,
        text: "Where is my parcel?".into(),
        started_at: now,
        ended_at: None,
        interrupted: false,
        unfinished: false,
        unasked: false,
        latency_ms: None,
        metrics: sidetone_store::Json(json!({"stt_ms": 120})),
    };
    api.store.save_turn(id, &turn).await.unwrap();
    let tool = sidetone_store::tools::ToolCall {
        agent: "support".into(),
        name: "find_parcel".into(),
        arguments: sidetone_store::Json(json!({"number": 7})),
        ok: true,
        running: false,
        result: "It is in Hamburg.".into(),
        started_at: now,
        duration_ms: 140,
    };
    api.store.save_tool_call(id, "tool-1", &tool).await.unwrap();
    let lost = sidetone_store::tools::ToolCall {
        ok: false,
        running: true,
        result: String::new(),
        started_at: now + chrono::TimeDelta::seconds(1),
        ..tool
    };
    api.store.save_tool_call(id, "tool-2", &lost).await.unwrap();
    let failed = sidetone_store::errors::StageError {
        stage: "tts".into(),
        message: "the provider answered 503".into(),
        at: now,
    };
    for n in 0..101 {
        let entry = format!("error-{n}");
        api.store.save_error(id, &entry, &failed).await.unwrap();
    }
    let by = sidetone_store::tools::HeldBy {
        agent: "support".into(),
        agent_version: "0123456789ab".into(),
        variant: Some("b".into()),
        edition: None,
    };
    api.store.agent_of_call(id, &by).await.unwrap();
    let made = sidetone_store::results::CallResult {
        result: Some(sidetone_store::Json(json!({"resolved": true}))),
        error: None,
        made_at: now,
    };
    assert!(api.store.save_result(id, &made).await.unwrap());
    let mut figures = Figures::default();
    figures.usage.prompt_tokens = 70;
    figures.ledger.caller.dropped.insert("echo".into(), 1);
    api.store
        .save_figures(id, "job", 1, &figures)
        .await
        .unwrap();
    let mut media = Media {
        path: Some(MediaPath::Tcp),
        ..Media::default()
    };
    assert!(api.store.save_media(id, &media).await.unwrap());
    // Another agent continued the call.
    media.received.lost_percent = 1.5;
    assert!(api.store.save_media(id, &media).await.unwrap());
    let ann = user("ann", false);
    let (_, page) = api
        .get(&format!("{HISTORY}?q=PARCEL&includeStats=true"), &ann)
        .await;
    assert_eq!(
        (&page["total"], &page["hasMore"]),
        (&json!(1), &json!(false))
    );
    assert_eq!(page["calls"][0]["status"], "completed");
    assert_eq!(page["stats"]["byStatus"]["completed"], 1);
    assert_eq!(page["stats"]["meanDurationSeconds"], 30.0);
    let of_b = json!({"agent": "support", "variant": "b", "calls": 1, "results": 1,
        "resolved": 1, "meanDurationSeconds": 30.0});
    assert_eq!(page["stats"]["byAgent"], json!([of_b]));
    let (_, call) = api.get(&format!("{HISTORY}/{id}"), &ann).await;
    assert_eq!(call["transcript"], "user: Where is my parcel?");
    assert_eq!(call["turns"][0]["metrics"]["stt_ms"], 120);
    assert_eq!(call["participants"][0]["participantName"], "ann");
    assert_eq!(call["tools"][0]["arguments"]["number"], 7);
    assert_eq!(call["tools"][0]["result"], "It is in Hamburg.");
    assert_eq!(
        (&call["tools"][0]["state"], &call["tools"][1]["state"]),
        (&json!("done"), &json!("unknown"))
    );
    assert_eq!(
        call["errors"].as_array().map(Vec::len),
        Some(100),
        "no more"
    );
    assert_eq!(call["usage"]["promptTokens"], 70);
    assert_eq!(call["ledger"]["caller"]["dropped"]["echo"], 1);
    assert_eq!(call["media"]["path"], "tcp");
    assert_eq!(call["media"]["received"]["lostPercent"], 1.5);
    assert_eq!(call["errors"][0]["stage"], "tts");
    assert_eq!(call["errors"][0]["message"], "the provider answered 503");
    assert_eq!(
        (&call["agent"], &call["agentVersion"], &call["variant"]),
        (&json!("support"), &json!("0123456789ab"), &json!("b"))
    );
    assert!(api.holds("parcel") && api.holds("support-ann-1"));
    let delete = api
        .call(
            "DELETE",
            &format!("{HISTORY}/{id}"),
            Some("key-admin"),
            None,
        )
        .await;
    assert_eq!(delete.0, 204);
    // Removed from the database's files, not only from its tables.
    assert!(!api.holds("parcel") && !api.holds("Hamburg") && !api.holds("support-ann-1"));
    assert_eq!(api.get(HISTORY, &ann).await.1["total"], 0);
    let (_, call) = api.get(&format!("{HISTORY}/{id}"), "key-admin").await;
    assert_eq!(
        (&call["transcript"], &call["durationSeconds"]),
        (&Value::Null, &json!(30))
    );
    api.stop().await;
}

#[tokio::test]
async fn an_unavailable_database_is_reported_and_no_event_is_accepted() {
    let api = Api::start(Setup::default()).await;
    api.store.close().await;
    let body = std::fs::read_to_string("fixtures/webhooks/room_started_1.json").unwrap();
    assert_eq!(api.webhook(&body, &sign(&body, SECRET)).await.0, 503);
    assert_eq!(api.post(TOKEN, &user("ann", false), json!({})).await.0, 503);
    assert_eq!(api.get(HISTORY, &user("ann", false)).await.0, 503);
    assert_eq!(api.call("GET", "/readyz", None, None).await.0, 503);
    assert_eq!(api.call("GET", "/healthz", None, None).await.0, 200);
    api.stop().await;
}

#[tokio::test]
async fn the_documents_name_every_route() {
    let api = Api::start(Setup::default()).await;
    let (status, document) = api.call("GET", "/openapi.json", None, None).await;
    assert_eq!(status, 200);
    let paths = document["paths"].as_object().unwrap();
    for path in [
        TOKEN,
        AGENT,
        "/api/voice/agent/{roomName}",
        HISTORY,
        "/api/voice/history/{callId}",
        "/api/voice/webhook",
        "/healthz",
        "/readyz",
        "/metrics",
    ] {
        assert!(paths.contains_key(path), "{path}");
    }
    let page = api
        .client
        .get(api.url("/docs"))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(page.contains("/api/voice/token") && page.contains("participantName"));
    api.stop().await;
}

#[tokio::test]
async fn what_is_past_its_time_goes_by_itself() {
    let api = Api::start(Setup::default()).await;
    let mut calls = Vec::new();
    for (caller, days, over) in [("old", 31, true), ("young", 29, true), ("open", 31, false)] {
        let at = sidetone_store::now() - chrono::TimeDelta::days(days);
        let call = NewCall {
            id: Uuid::new_v4(),
            room_name: format!("support-{caller}-1"),
            caller_id: caller.into(),
            callee_id: None,
            call_type: CallType::Support,
            metadata: json!({}),
            created_at: at,
        };
        calls.push(api.store.create_call(&call).await.unwrap().id);
        if over {
            let finished = [Fact::RoomFinished(at)];
            api.store.observe(call.id, None, &finished).await.unwrap();
        }
    }
    // The background tasks as a server with SIDETONE_RETENTION_DAYS=30 starts them.
    let config = ControlConfig {
        retention_days: Some(30),
        ..ControlConfig::new("sidetone")
    };
    let shutdown = CancellationToken::new();
    let mut supervisor = Supervisor::new(shutdown.clone());
    Control::start(api.store.clone(), &nowhere(), config, &mut supervisor);
    let caller = async |n: usize| api.store.call(calls[n]).await.unwrap().unwrap().caller_id;
    eventually("the old call is forgotten", 20, || async {
        (caller(0).await == "deleted").then_some(())
    })
    .await;
    assert_eq!(
        (caller(1).await, caller(2).await),
        ("young".into(), "open".into())
    );
    shutdown.cancel();
    supervisor.ended().await;
    api.stop().await;
}

#[tokio::test]
async fn old_events_go_whether_calls_do_or_not() {
    let api = Api::start(Setup::default()).await;
    let event = |id: &str, days: i64| {
        let at = sidetone_store::now() - chrono::TimeDelta::days(days);
        Event {
            id: id.into(),
            event: "participant_joined".into(),
            room_name: None,
            payload: sidetone_store::Json(json!({"participant": {"identity": "ann"}})),
            occurred_at: at,
            received_at: at,
        }
    };
    let events = [event("EV_31", 31), event("EV_29", 29), event("EV_1", 1)];
    for (days, kept) in [(None, 2), (Some(90), 2), (Some(7), 1)] {
        for event in &events {
            api.store.keep_event(event).await.unwrap();
        }
        purge(&api.store, days).await.unwrap();
        let mut known = 0;
        for event in &events {
            known += usize::from(!api.store.keep_event(event).await.unwrap());
        }
        assert_eq!(known, kept, "{days:?}");
    }
    api.stop().await;
}
