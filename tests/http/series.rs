//! Figures over time: the data of the charts on the admin page.

use serde_json::{Value, json};
use sidetone_store::{At, CallType, Fact, NewCall, ParticipantKind, Speaker, Stay, StoredTurn};
use uuid::Uuid;

use super::SERIES;
use crate::support::api::{Api, Setup, user};

fn at(text: &str) -> At {
    text.parse().unwrap()
}

/// A call of this many seconds, with answers of these latencies.
async fn call(api: &Api, caller: &str, created: &str, seconds: Option<i64>, latencies: &[i32]) {
    let created_at = at(created);
    let id = Uuid::new_v4();
    let call = NewCall {
        id,
        room_name: format!("support-{id}"),
        caller_id: caller.into(),
        callee_id: None,
        call_type: CallType::Support,
        metadata: json!({}),
        created_at,
    };
    api.store.create_call(&call).await.unwrap();
    if let Some(seconds) = seconds {
        let over = created_at + chrono::TimeDelta::seconds(seconds);
        let stay = |sid: &str, kind| {
            Fact::Seen(Stay {
                sid: sid.into(),
                user_id: sid.into(),
                name: String::new(),
                kind,
                joined_at: Some(created_at),
                left_at: Some(over),
                muted: None,
            })
        };
        let facts = [
            stay("PA_1", ParticipantKind::User),
            stay("PA_2", ParticipantKind::Agent),
            Fact::RoomFinished(over),
        ];
        api.store.observe(id, None, &facts).await.unwrap();
    }
    for (n, latency) in latencies.iter().enumerate() {
        let turn = StoredTurn {
            turn_id: format!("t{n}"),
            speaker: Speaker::Agent,
            person: None,
            name: None,
            text: "Yes.".into(),
            started_at: created_at,
            ended_at: None,
            interrupted: false,
            unfinished: false,
            unasked: false,
            latency_ms: Some(*latency),
            metrics: sidetone_store::Json(json!({})),
        };
        api.store.save_turn(id, &turn).await.unwrap();
    }
}

#[tokio::test]
async fn calls_talk_and_latency_by_day_and_by_hour_of_the_reader() {
    let api = Api::start(Setup::default()).await;
    let hundred: Vec<i32> = (1..=100).rev().collect();
    call(&api, "ann", "2026-03-01T22:30:00Z", Some(60), &hundred).await;
    call(&api, "bob", "2026-03-01T23:30:00Z", Some(30), &[700]).await;
    call(&api, "ann", "2026-03-03T08:00:00Z", None, &[]).await;
    let get = async |query: &str, who: &str| api.get(&format!("{SERIES}?{query}"), who).await;
    let days = "from=2026-03-01T00:00:00Z&to=2026-03-04T00:00:00Z";

    let (status, all) = get(&format!("allUsers=true&{days}"), "key-history").await;
    assert_eq!((status, &all["step"]), (200, &json!("day")), "{all}");
    let empty = |at: &str| {
        json!({"at": at, "byStatus": {}, "meanDurationSeconds": null,
            "p50LatencyMs": null, "p95LatencyMs": null})
    };
    let waits = json!({"at": "2026-03-03T00:00:00Z", "byStatus": {"pending": 1},
        "meanDurationSeconds": null, "p50LatencyMs": null, "p95LatencyMs": null});
    // 101 answers: the medians are the 51st and the 96th values.
    let both = json!({"at": "2026-03-01T00:00:00Z", "byStatus": {"completed": 2},
        "meanDurationSeconds": 45.0, "p50LatencyMs": 51, "p95LatencyMs": 96});
    assert_eq!(
        all["points"],
        json!([both, empty("2026-03-02T00:00:00Z"), waits])
    );

    // One hour ahead of UTC, the second call was made on the next day.
    let (_, ahead) = get(
        &format!("allUsers=true&minutesAhead=60&{days}"),
        "key-history",
    )
    .await;
    let of_day = |n: usize| -> &Value { &ahead["points"][n]["byStatus"] };
    assert_eq!(ahead["points"][1]["at"], "2026-03-01T23:00:00Z");
    assert_eq!(
        (of_day(0), of_day(1)),
        (&json!({"completed": 1}), &json!({"completed": 1}))
    );

    // Users see figures of the calls in their own history, with the history's filters.
    let (_, own) = get(days, &user("bob", false)).await;
    assert_eq!(own["points"][0]["p95LatencyMs"], 700);
    assert_eq!(own["points"][2], empty("2026-03-03T00:00:00Z"));
    let (_, some) = get(
        &format!("allUsers=true&status=pending&{days}"),
        "key-history",
    )
    .await;
    assert_eq!(some["points"][0], empty("2026-03-01T00:00:00Z"));

    let evening = "from=2026-03-01T22:00:00Z&to=2026-03-02T00:00:00Z";
    let (_, hours) = get(&format!("allUsers=true&{evening}"), "key-history").await;
    assert_eq!(
        (&hours["step"], hours["points"].as_array().map(Vec::len)),
        (&json!("hour"), Some(2))
    );
    assert_eq!(hours["points"][1]["p50LatencyMs"], 700);

    // Without a range, the last 30 days: today is the 31st, which has begun.
    let (_, month) = get("allUsers=true", "key-history").await;
    assert_eq!(month["points"].as_array().map(Vec::len), Some(31));
    for (query, field) in [
        ("from=2020-01-01T00:00:00Z", "from"),
        ("from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z", "from"),
        ("minutesAhead=900", "minutesAhead"),
        ("limit=5", "limit"),
        ("step=week", "step"),
    ] {
        let (status, problem) = get(query, "key-history").await;
        assert_eq!(
            (status, &problem["field"]),
            (400, &json!(field)),
            "{problem}"
        );
    }
    api.stop().await;
}
