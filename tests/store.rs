//! One story of the store, told to SQLite and to a real Postgres.

use chrono::{Duration, TimeZone as _, Utc};
use serde_json::json;
use sidetone::agent::presence::introduce;
use sidetone::config::env::{Database, Secret};
use sidetone::dispatch::DispatchMetadata;
use sidetone::store::dispatches::DispatchState;
use sidetone::store::history::HistoryFilter;
use sidetone::store::inbox::Event;
use sidetone::store::series::Buckets;
use sidetone::store::sessions::NewSession;
use sidetone::store::workers::WorkerState;
use sidetone::store::{
    At, CallStatus, CallType, EgressStatus, Fact, NewCall, ParticipantKind, Recorder, Recording,
    RecordingState, Speaker, Stay, Store, Turn,
};
use sidetone_testkit::postgres::Postgres;
use sqlx::types::Json;
use uuid::Uuid;

fn at(second: i64) -> At {
    Utc.timestamp_opt(1_700_000_000 + second, 123_456_000)
        .unwrap()
}

fn new_call(n: i64, caller: &str, call_type: CallType) -> NewCall {
    NewCall {
        id: Uuid::from_u128(n as u128 + 1),
        room_name: format!("{}-{caller}-{n}", call_type.as_str()),
        caller_id: caller.into(),
        callee_id: (call_type == CallType::UserToUser).then(|| "bob".into()),
        call_type,
        metadata: json!({"voice": "nova", "n": n}),
        created_at: at(n),
    }
}

fn stay(sid: &str, user: &str, kind: ParticipantKind, from: i64, to: Option<i64>) -> Fact {
    Fact::Seen(Stay {
        sid: sid.into(),
        user_id: user.into(),
        name: user.to_uppercase(),
        kind,
        joined_at: Some(at(from)),
        left_at: to.map(at),
        muted: None,
    })
}

fn turn(id: &str, speaker: Speaker, text: &str, second: i64, latency_ms: Option<i32>) -> Turn {
    Turn {
        turn_id: id.into(),
        speaker,
        text: text.into(),
        started_at: at(second),
        ended_at: None,
        interrupted: false,
        latency_ms,
        metrics: Json(json!({})),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_story_on_sqlite() {
    let folder = std::env::temp_dir().join(format!("sidetone-store-{}", Uuid::new_v4()));
    let database = Database::Sqlite(folder.join("deep/down/sidetone.db"));
    tell(&database).await;
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_story_on_postgres() {
    let postgres = Postgres::start();
    // What an operator applied by hand is no obstacle.
    let applied = std::process::Command::new("psql")
        .args(["-v", "ON_ERROR_STOP=1", "-q", &postgres.url()])
        .args([
            "-f",
            concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/migrations/postgres/010_voice_calls.sql"
            ),
        ])
        .status()
        .unwrap();
    assert!(applied.success());
    tell(&Database::Postgres(Secret::new(postgres.url()))).await;
}

async fn tell(database: &Database) {
    // Several processes may start at once.
    let (one, two, three) = tokio::join!(
        Store::open(database),
        Store::open(database),
        Store::open(database)
    );
    let (store, _, _) = (one.unwrap(), two.unwrap(), three.unwrap());
    store.ping().await.unwrap();
    a_call_from_token_to_history(&store).await;
    a_room_has_one_call_at_a_time(&store).await;
    turns_are_kept_as_they_happen(&store).await;
    events_are_kept_once(&store).await;
    an_agent_is_wanted_once(&store).await;
    facts_may_come_at_once(&store).await;
    history_is_filtered(&store).await;
    one_control_plane_claims_an_egress_and_all_move_it_on(&store).await;
    recordings_go_with_their_call(&store).await;
    webhooks_are_taken_by_one(&store).await;
    webhooks_are_shared_out(&store).await;
    workers_beat(&store).await;
    sessions_end(&store).await;
    personal_data_goes(&store).await;
    store.close().await;
    assert!(store.ping().await.is_err());
}

async fn one_control_plane_claims_an_egress_and_all_move_it_on(store: &Store) {
    let call = store
        .create_call(&new_call(910, "eve", CallType::Conference))
        .await
        .unwrap();
    let claimed = Recording::by_egress(call.id, at(1));
    assert!(store.claim_egress(&claimed).await.unwrap());
    let later = Recording::by_egress(call.id, at(2));
    assert!(!store.claim_egress(&later).await.unwrap());
    let expected = std::slice::from_ref(&claimed);
    assert_eq!(store.recordings(call.id).await.unwrap(), expected);
    assert_eq!(store.open_egresses().await.unwrap(), expected);
    let key = claimed.object_key.as_deref();
    let found = store.recording_of_egress("EG_1", key).await.unwrap();
    assert_eq!(found, Some(claimed.clone()));
    let active = Recording {
        egress_id: Some("EG_1".into()),
        egress_status: EgressStatus::Active,
        egress_since: Some(at(3)),
        ..claimed
    };
    let asked = EgressStatus::Asked;
    assert!(store.egress_is(asked, &active).await.unwrap());
    // Who saw what was before, looks again.
    assert!(!store.egress_is(asked, &active).await.unwrap());
    let found = store.recording_of_egress("EG_1", None).await.unwrap();
    assert_eq!(found, Some(active.clone()));

    // The call's data goes while Egress still uploads: the object is known when it has.
    store.delete_personal_data(&[call.id]).await.unwrap();
    let complete = Recording {
        state: RecordingState::Uploaded,
        egress_status: EgressStatus::Complete,
        url: Some("https://calls.example/recordings/e.ogg".into()),
        ended_at: Some(at(9)),
        ..active
    };
    let moved = store.egress_is(EgressStatus::Active, &complete).await;
    assert!(moved.unwrap());
    assert_eq!(store.open_egresses().await.unwrap(), []);
    let deleted = store.deleted_recordings().await.unwrap();
    let state = RecordingState::Deleting;
    assert_eq!(deleted, [Recording { state, ..complete }]);
    let gone = store.call(call.id).await.unwrap().unwrap();
    assert_eq!(gone.recording_url, None);
    store.forget_recording(deleted[0].id).await.unwrap();
}

async fn recordings_go_with_their_call(store: &Store) {
    let call = store
        .create_call(&new_call(900, "rita", CallType::Support))
        .await
        .unwrap();
    let id = Uuid::from_u128(901);
    let mut recording = Recording::begun(id, call.id, Recorder::Process, at(1));
    assert!(store.save_recording(&recording).await.unwrap());
    store.recording_paused(id, true).await.unwrap();
    assert!(store.recording(id).await.unwrap().unwrap().paused);
    recording.state = RecordingState::Kept;
    (recording.bytes, recording.duration_ms) = (Some(5_000_000_000), Some(90_000_000));
    recording.object_key = Some("recordings/a.ogg".into());
    recording.ended_at = Some(at(2));
    assert!(store.save_recording(&recording).await.unwrap());
    assert_eq!(
        store.recordings(call.id).await.unwrap(),
        [recording.clone()]
    );
    let url = "https://calls.example/recordings/a.ogg";
    assert!(store.recording_uploaded(id, call.id, url).await.unwrap());
    let linked = store.call(call.id).await.unwrap().unwrap();
    assert_eq!(linked.recording_url.as_deref(), Some(url));

    assert_eq!(store.delete_personal_data(&[call.id]).await.unwrap(), 1);
    assert_eq!(store.recordings(call.id).await.unwrap(), []);
    // Whoever still works on it cannot bring it back.
    assert!(!store.save_recording(&recording).await.unwrap());
    assert!(!store.recording_uploaded(id, call.id, url).await.unwrap());
    assert_eq!(store.deleted_recordings().await.unwrap().len(), 1);
    let gone = store.call(call.id).await.unwrap().unwrap();
    assert_eq!(gone.recording_url, None);
    store.forget_recording(id).await.unwrap();
    assert_eq!(store.recording(id).await.unwrap(), None);
}

/// Eight who ask at once get five each, none twice.
async fn webhooks_are_shared_out(store: &Store) {
    let (lease, patience) = (Duration::seconds(60), Duration::seconds(100));
    for n in 0..40 {
        let call = new_call(6000 + n, "wanda", CallType::Support);
        let call = store.create_call(&call).await.unwrap();
        let url = "https://shop.example/calls";
        store.will_tell(call.id, url, at(6100)).await.unwrap();
        let over = [Fact::RoomFinished(at(6200))];
        store.observe(call.id, None, &over).await.unwrap();
    }
    let ask = |_| store.take_webhooks(at(6400), lease, patience, 5);
    let asked = futures::future::join_all((0..8).map(ask)).await;
    let taken: Vec<Vec<_>> = asked.into_iter().map(Result::unwrap).collect();
    let shares: Vec<usize> = taken.iter().map(Vec::len).collect();
    assert_eq!(shares, [5; 8]);
    let ids: std::collections::BTreeSet<Uuid> = taken.iter().flatten().map(|w| w.id).collect();
    assert_eq!(ids.len(), 40, "each to one");
}

async fn webhooks_are_taken_by_one(store: &Store) {
    use sidetone::store::results::{CallResult, Try};
    let (lease, patience) = (Duration::seconds(60), Duration::seconds(100));
    let take = |second: i64| store.take_webhooks(at(second), lease, patience, 16);
    let mut calls = Vec::new();
    for n in [950, 951] {
        let call = new_call(n, "will", CallType::Support);
        let call = store.create_call(&call).await.unwrap();
        let url = "https://shop.example/calls";
        store.will_tell(call.id, url, at(1000)).await.unwrap();
        // Another agent of the same call changes nothing.
        store
            .will_tell(call.id, "https://other.example", at(1000))
            .await
            .unwrap();
        calls.push(call.id);
    }
    let made = CallResult {
        result: Some(Json(json!({"resolved": true}))),
        error: None,
        made_at: at(1005),
    };
    assert!(store.save_result(calls[0], &made).await.unwrap());
    assert_eq!(store.result(calls[0]).await.unwrap(), Some(made));
    for (call, variant) in calls.iter().zip([Some("b"), None]) {
        let by = sidetone::store::tools::HeldBy {
            agent: "will".into(),
            agent_version: "0123456789ab".into(),
            variant: variant.map(str::to_owned),
        };
        store.agent_of_call(*call, &by).await.unwrap();
        assert_eq!(store.version_of_call(*call).await.unwrap(), Some(by));
    }
    let of_will = HistoryFilter {
        user_id: Some("will".into()),
        ..HistoryFilter::default()
    };
    let stats = store.stats(&of_will).await.unwrap().by_agent;
    let numbers = stats
        .iter()
        .map(|s| (s.variant.as_deref(), s.calls, s.results, s.resolved));
    let mut numbers: Vec<_> = numbers.collect();
    numbers.sort();
    assert_eq!(numbers, [(None, 1, 0, 0), (Some("b"), 1, 1, 1)]);
    // A call that goes on is not told of.
    assert_eq!(take(1010).await.unwrap(), []);
    for call in &calls {
        let over = [Fact::RoomFinished(at(1020))];
        store.observe(*call, None, &over).await.unwrap();
    }
    // The first has its result; the other's is waited for. Of many who ask, one gets it.
    let asked = futures::future::join_all((0..8).map(|_| take(1021))).await;
    let taken: Vec<_> = asked.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(taken.len(), 1);
    let webhook = &taken[0];
    assert_eq!((webhook.call_id, webhook.tries), (calls[0], 1));
    assert_eq!(webhook.url, "https://shop.example/calls");
    // Whoever took it may have been killed: it is due again after the lease, under the same id.
    assert_eq!(take(1080).await.unwrap(), []);
    let again = take(1082).await.unwrap();
    assert_eq!((again[0].id, again[0].tries), (webhook.id, 2));
    assert_eq!(again[0].first_try_at, at(1021));
    let later = Try::Again(at(1200), "503".into());
    store
        .webhook_tried(webhook.id, at(1083), &later)
        .await
        .unwrap();
    let both = take(1200).await.unwrap();
    assert_eq!(both.len(), 2, "the other's patience has run out");
    for (webhook, tried) in both
        .iter()
        .zip([Try::Delivered, Try::GivenUp("410".into())])
    {
        store
            .webhook_tried(webhook.id, at(1201), &tried)
            .await
            .unwrap();
    }
    assert_eq!(take(9000).await.unwrap(), []);
    let state = store.webhook_state(both[0].call_id).await.unwrap();
    assert_eq!(state.as_deref(), Some("delivered"));
    store.delete_personal_data(&calls).await.unwrap();
    assert_eq!(store.result(calls[0]).await.unwrap(), None);
    assert_eq!(store.webhook_state(calls[0]).await.unwrap(), None);
}

async fn a_call_from_token_to_history(store: &Store) {
    let new = new_call(0, "ann", CallType::Support);
    let call = store.create_call(&new).await.unwrap();
    assert_eq!(call.status, CallStatus::Pending);
    assert_eq!(
        (&call.metadata.0, call.created_at),
        (&new.metadata, new.created_at)
    );
    let facts = [
        Fact::RoomStarted(at(1)),
        stay("PA_1", "agent-1", ParticipantKind::Agent, 2, None),
        stay("PA_2", "ann", ParticipantKind::User, 3, None),
    ];
    let call = store
        .observe(call.id, Some("RM_1"), &facts)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(call.status, CallStatus::Connected);
    assert_eq!(
        (call.started_at, call.connected_at),
        (Some(at(1)), Some(at(3)))
    );
    let facts = [
        Fact::RoomFinished(at(100)),
        stay("PA_2", "ann", ParticipantKind::User, 3, Some(63)),
    ];
    let call = store
        .observe(call.id, Some("RM_1"), &facts)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(call.status, CallStatus::Completed);
    assert_eq!(
        (call.ended_at, call.duration_seconds),
        (Some(at(63)), Some(60))
    );
    assert_eq!(store.call(call.id).await.unwrap().unwrap(), call);
    let people = store.participants(call.id).await.unwrap();
    assert_eq!(people.len(), 2);
    assert_eq!(people[1].participant_name, "ANN");
    assert_eq!(people[1].duration_seconds, Some(60));
    // The agent's leave was lost: its stay ends with the room.
    assert_eq!(
        (people[0].left_at, people[0].duration_seconds),
        (None, Some(98))
    );
    assert!(
        store
            .observe(Uuid::nil(), None, &[])
            .await
            .unwrap()
            .is_none()
    );
}

async fn a_room_has_one_call_at_a_time(store: &Store) {
    let first = new_call(10, "cara", CallType::Conference);
    let mut second = new_call(11, "dan", CallType::Conference);
    second.room_name = first.room_name.clone();
    let opened = store.create_call(&first).await.unwrap();
    assert_eq!(store.create_call(&second).await.unwrap(), opened);
    let over = [Fact::RoomFinished(at(20))];
    store
        .observe(first.id, Some("RM_old"), &over)
        .await
        .unwrap()
        .unwrap();
    // The room's name may be used again; late news of the old room still finds the old call.
    assert_eq!(store.create_call(&second).await.unwrap().id, second.id);
    store
        .observe(second.id, Some("RM_new"), &[])
        .await
        .unwrap()
        .unwrap();
    let found = async |sid| {
        store
            .call_in_room(&first.room_name, sid)
            .await
            .unwrap()
            .map(|c| c.id)
    };
    assert_eq!(found(Some("RM_old")).await, Some(first.id));
    assert_eq!(found(Some("RM_new")).await, Some(second.id));
    assert_eq!(found(None).await, Some(second.id));
    assert_eq!(found(Some("RM_other")).await, None);
    assert!(
        store
            .open_calls()
            .await
            .unwrap()
            .iter()
            .any(|call| call.id == second.id)
    );
    assert!(store.call_in_room("nowhere", None).await.unwrap().is_none());
}

async fn turns_are_kept_as_they_happen(store: &Store) {
    let call = Uuid::from_u128(1);
    let mut first = turn("SG_1", Speaker::User, "Hel", 4, None);
    assert!(store.save_turn(call, &first).await.unwrap());
    first.text = "Hello; 'quoted' \u{1F600}".into();
    store.save_turn(call, &first).await.unwrap();
    let mut second = turn("SG_2", Speaker::Agent, "Hi, how can I help?", 6, Some(700));
    second.interrupted = true;
    second.metrics = Json(json!({"llm_ms": 310}));
    store.save_turn(call, &second).await.unwrap();
    store
        .save_turn(call, &turn("SG_3", Speaker::Agent, "Bye.", 9, Some(900)))
        .await
        .unwrap();
    let turns = store.turns(call).await.unwrap();
    assert_eq!(turns.len(), 3);
    assert_eq!((&turns[0], &turns[1]), (&first, &second));
    let transcript = store.call(call).await.unwrap().unwrap().transcript.unwrap();
    assert_eq!(
        transcript,
        "user: Hello; 'quoted' \u{1F600}\nagent: Hi, how can I help?\nagent: Bye."
    );
    assert!(
        !store.save_turn(Uuid::nil(), &first).await.unwrap(),
        "no such call"
    );
}

async fn events_are_kept_once(store: &Store) {
    let event = |n: i64| Event {
        id: format!("EV_{n}"),
        event: "room_started".into(),
        room_name: Some("support-ann-0".into()),
        payload: Json(json!({"event": "room_started"})),
        occurred_at: at(n),
        received_at: at(n + 1),
    };
    assert_eq!(store.inbox_health().await.unwrap().last_received_at, None);
    assert!(store.keep_event(&event(1)).await.unwrap());
    assert!(!store.keep_event(&event(1)).await.unwrap());
    assert!(store.keep_event(&event(2)).await.unwrap());
    assert_eq!(
        store.waiting_events(10).await.unwrap(),
        [event(1), event(2)]
    );
    store
        .event_done("EV_1", at(9), "support call")
        .await
        .unwrap();
    let health = store.inbox_health().await.unwrap();
    assert_eq!((health.waiting, health.last_received_at), (1, Some(at(3))));
    assert_eq!(health.oldest_waiting_at, Some(at(3)));
    for _ in 0..5 {
        assert_eq!(store.waiting_events(10).await.unwrap().len(), 1);
        store.event_failed("EV_2", at(9), "boom").await.unwrap();
    }
    assert!(
        store.waiting_events(10).await.unwrap().is_empty(),
        "laid aside after five tries"
    );
    assert_eq!(store.forget_events(at(3)).await.unwrap(), 1);
}

async fn an_agent_is_wanted_once(store: &Store) {
    let metadata = DispatchMetadata {
        call_id: Some(Uuid::from_u128(1)),
        voice: Some("echo".into()),
        ..Default::default()
    };
    assert!(
        store
            .want_agent("support-ann-0", &metadata, at(1))
            .await
            .unwrap()
    );
    assert!(
        !store
            .want_agent("support-ann-0", &metadata, at(2))
            .await
            .unwrap()
    );
    assert!(store.claim_asking("support-ann-0", 0).await.unwrap());
    assert!(
        !store.claim_asking("support-ann-0", 0).await.unwrap(),
        "one asks"
    );
    store.agent_asked("support-ann-0", "AD_1").await.unwrap();
    assert!(store.claim_asking("support-ann-0", 1).await.unwrap());
    store
        .agent_runs_on("support-ann-0", "agent-1", "AW_1")
        .await
        .unwrap();
    store
        .agent_is("support-ann-0", DispatchState::Joined, at(3), None)
        .await
        .unwrap();
    store
        .agent_is("support-ann-0", DispatchState::Joined, at(4), None)
        .await
        .unwrap();
    let agent = store.agent_in("support-ann-0").await.unwrap().unwrap();
    assert_eq!(
        (agent.state, agent.attempts, agent.since),
        (DispatchState::Joined, 2, at(3))
    );
    assert_eq!(agent.dispatch_id.as_deref(), Some("AD_1"));
    assert_eq!(agent.worker_id.as_deref(), Some("AW_1"));
    assert_eq!(agent.agent_identity.as_deref(), Some("agent-1"));
    assert_eq!(agent.metadata.0, metadata);
    assert_eq!(store.live_agents().await.unwrap(), [agent]);
    store
        .agent_is("support-ann-0", DispatchState::Failed, at(5), Some("why"))
        .await
        .unwrap();
    let agent = store.agent_in("support-ann-0").await.unwrap().unwrap();
    assert_eq!(agent.reason.as_deref(), Some("why"));
    assert!(store.live_agents().await.unwrap().is_empty());
    assert!(
        store
            .want_agent("support-ann-0", &metadata, at(6))
            .await
            .unwrap(),
        "asked anew"
    );
    assert_eq!(
        store
            .agent_in("support-ann-0")
            .await
            .unwrap()
            .unwrap()
            .attempts,
        0
    );
    store
        .agent_is("support-ann-0", DispatchState::Ended, at(7), None)
        .await
        .unwrap();
}

/// Many writers on one call: none fails, nothing is lost.
async fn facts_may_come_at_once(store: &Store) {
    let call = store
        .create_call(&new_call(30, "eve", CallType::Support))
        .await
        .unwrap();
    let writers = (0..20).map(|n| {
        let store = store.clone();
        tokio::spawn(async move {
            let fact = stay(
                &format!("PA_{n}"),
                &format!("u{n}"),
                ParticipantKind::User,
                n,
                None,
            );
            store
                .observe(call.id, None, &[fact])
                .await
                .unwrap()
                .unwrap();
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    assert_eq!(store.participants(call.id).await.unwrap().len(), 20);
    let call = store.call(call.id).await.unwrap().unwrap();
    assert_eq!(
        (call.status, call.connected_at),
        (CallStatus::Connected, Some(at(1)))
    );
    store
        .observe(call.id, None, &[Fact::RoomFinished(at(60))])
        .await
        .unwrap();
}

async fn history_is_filtered(store: &Store) {
    for n in 100..140 {
        let call_type = if n % 2 == 0 {
            CallType::Support
        } else {
            CallType::UserToUser
        };
        store
            .create_call(&new_call(n, "fay", call_type))
            .await
            .unwrap();
    }
    let mine = HistoryFilter {
        user_id: Some("fay".into()),
        ..Default::default()
    };
    let page = store.history(&mine, 20, 0).await.unwrap();
    assert_eq!((page.total, page.calls.len()), (40, 20));
    assert!(page.total_is_exact && page.has_more);
    assert!(!store.history(&mine, 20, 20).await.unwrap().has_more);
    assert!(page.calls.is_sorted_by(|a, b| a.created_at > b.created_at));
    let last = store.history(&mine, 20, 30).await.unwrap();
    assert_eq!(last.calls.len(), 10);
    assert!(
        store
            .history(&mine, 20, u64::MAX)
            .await
            .unwrap()
            .calls
            .is_empty()
    );
    let total = async |filter: HistoryFilter| store.history(&filter, 1, 0).await.unwrap().total;
    let support = HistoryFilter {
        call_type: Some(CallType::Support),
        ..mine.clone()
    };
    assert_eq!(total(support).await, 20);
    let done = HistoryFilter {
        status: Some(CallStatus::Completed),
        ..mine.clone()
    };
    assert_eq!(total(done).await, 0);
    let span = HistoryFilter {
        from: Some(at(110)),
        to: Some(at(120)),
        ..mine.clone()
    };
    assert_eq!(total(span).await, 10);
    // Bob was called by Fay; Ann took part in her own call.
    let bob = HistoryFilter {
        user_id: Some("bob".into()),
        ..Default::default()
    };
    assert_eq!(total(bob).await, 20);
    let nobody = HistoryFilter {
        user_id: Some("zoe".into()),
        ..Default::default()
    };
    assert_eq!(total(nobody).await, 0);
    let said = |text: &str| HistoryFilter {
        text: Some(text.into()),
        ..Default::default()
    };
    assert_eq!(total(said("HOW CAN i")).await, 1);
    assert_eq!(total(said("100%")).await, 0);
    assert_eq!(total(said("'; DROP TABLE voice_calls; --")).await, 0);
    let ann = HistoryFilter {
        user_id: Some("ann".into()),
        ..Default::default()
    };
    let stats = store.stats(&ann).await.unwrap();
    assert_eq!(stats.by_status[&CallStatus::Completed], 1);
    assert_eq!(stats.by_type[&CallType::Support], 1);
    assert_eq!(
        (stats.answered_rate, stats.mean_duration_seconds),
        (Some(1.0), Some(60.0))
    );
    assert_eq!(
        (stats.total_duration_seconds, stats.median_latency_ms),
        (60, Some(800.0))
    );
    assert_eq!(
        store.stats(&nobody_filter()).await.unwrap(),
        Default::default()
    );
    let by_hour = Buckets {
        seconds: 3_600,
        ahead: 0,
    };
    let series = store.series(&ann, by_hour).await.unwrap();
    let [(hour, point)] = series.iter().collect::<Vec<_>>()[..] else {
        panic!("{series:?}");
    };
    assert_eq!(*hour, by_hour.of(at(0)));
    assert_eq!(point.by_status[&CallStatus::Completed], 1);
    assert_eq!(
        (point.p50_latency_ms, point.p95_latency_ms),
        (Some(700), Some(900))
    );
    assert_eq!(point.mean_duration_seconds, Some(60.0));
    let everybody = HistoryFilter::default();
    let all = store.series(&everybody, by_hour).await.unwrap();
    assert!(all[hour].by_status[&CallStatus::Pending] >= 40, "{all:?}");
}

async fn workers_beat(store: &Store) {
    let mut row = introduce("sidetone", 25);
    assert_eq!(store.worker_beat(&row).await.unwrap(), None);
    assert!(store.request_drain(row.id, at(7)).await.unwrap());
    assert!(store.request_drain(row.id, at(8)).await.unwrap());
    (row.state, row.load, row.calls) = (WorkerState::Draining, 0.5, 2);
    assert_eq!(store.worker_beat(&row).await.unwrap(), Some(at(7)));
    row.drain_requested_at = Some(at(7));
    assert_eq!(store.workers().await.unwrap(), [row.clone()]);
    assert!(!store.request_drain(Uuid::nil(), at(9)).await.unwrap());
    store.forget_workers(row.seen_at).await.unwrap();
    assert_eq!(store.workers().await.unwrap().len(), 1);
    store.worker_gone(row.id).await.unwrap();
    assert!(store.workers().await.unwrap().is_empty());
}

async fn sessions_end(store: &Store) {
    let session = |n: u8, holder: &str| NewSession {
        token: [n; 32],
        holder: holder.into(),
        name: Some("Boss".into()),
        key: None,
        until: at(100 * i64::from(n)),
    };
    for (n, holder) in [(1, "boss"), (2, "boss"), (3, "other"), (4, "boss")] {
        store
            .open_session(&session(n, holder), at(0))
            .await
            .unwrap();
    }
    let found = store.session(&[1; 32], at(99)).await.unwrap().unwrap();
    assert_eq!((found.holder.as_str(), found.until), ("boss", at(100)));
    assert_eq!(
        store.session(&[1; 32], at(100)).await.unwrap(),
        None,
        "over"
    );
    assert_eq!(store.session(&[9; 32], at(0)).await.unwrap(), None);
    assert_eq!(store.sessions(at(0)).await.unwrap().len(), 4);
    assert!(store.end_session(&[2; 32]).await.unwrap());
    assert!(!store.end_session(&[2; 32]).await.unwrap());
    assert_eq!(store.session(&[2; 32], at(0)).await.unwrap(), None);
    let other = store.session(&[3; 32], at(0)).await.unwrap().unwrap();
    assert!(store.revoke_session(other.id).await.unwrap());
    assert_eq!(store.session(&[3; 32], at(0)).await.unwrap(), None);
    // Whoever signs in clears away what is over; all of a holder's end at once.
    store
        .open_session(&session(5, "boss"), at(200))
        .await
        .unwrap();
    assert_eq!(store.sessions(at(0)).await.unwrap().len(), 2);
    store.end_sessions_of("boss", None).await.unwrap();
    assert!(store.sessions(at(0)).await.unwrap().is_empty());
}

fn nobody_filter() -> HistoryFilter {
    HistoryFilter {
        user_id: Some("zoe".into()),
        ..Default::default()
    }
}

async fn personal_data_goes(store: &Store) {
    let call = Uuid::from_u128(1);
    let expired = store
        .expired_calls(at(1) + Duration::days(1), 100)
        .await
        .unwrap();
    assert!(expired.contains(&call));
    assert_eq!(store.delete_personal_data(&[call]).await.unwrap(), 1);
    assert_eq!(store.delete_personal_data(&[Uuid::nil()]).await.unwrap(), 0);
    let left = store.call(call).await.unwrap().unwrap();
    assert_eq!(
        (left.status, left.duration_seconds),
        (CallStatus::Completed, Some(60))
    );
    let text = format!(
        "{left:?} {:?} {:?}",
        store.participants(call).await.unwrap(),
        store.turns(call).await.unwrap()
    );
    for word in ["ann", "ANN", "nova", "Hello", "agent-1"] {
        assert!(!text.contains(word), "{word} is still in {text}");
    }
    assert!(store.agent_in("support-ann-0").await.unwrap().is_none());
    let expired = store
        .expired_calls(at(1) + Duration::days(1), 100)
        .await
        .unwrap();
    assert!(!expired.contains(&call));
}
