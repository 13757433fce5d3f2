//! Recordings, events from LiveKit, and webhooks about calls: each handled once, by one process.

use chrono::Duration;
use serde_json::json;
use sidetone_store::Json;
use sidetone_store::history::HistoryFilter;
use sidetone_store::inbox::Event;
use sidetone_store::{
    CallType, EgressStatus, Fact, ParticipantKind, Recorder, Recording, RecordingState, Store,
};
use uuid::Uuid;

use super::{at, new_call, stay};

pub async fn events_are_kept_once(store: &Store) {
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
        .event_done("EV_1", at(9), None, "support call")
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

pub async fn recordings_go_with_their_call(store: &Store) {
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
    // A process that still works on it cannot bring it back.
    assert!(!store.save_recording(&recording).await.unwrap());
    assert!(!store.recording_uploaded(id, call.id, url).await.unwrap());
    assert_eq!(store.deleted_recordings().await.unwrap().len(), 1);
    let gone = store.call(call.id).await.unwrap().unwrap();
    assert_eq!(gone.recording_url, None);
    store.forget_recording(id).await.unwrap();
    assert_eq!(store.recording(id).await.unwrap(), None);
}

pub async fn one_control_plane_claims_an_egress_and_all_move_it_on(store: &Store) {
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
    // A process with an outdated state has to look again.
    assert!(!store.egress_is(asked, &active).await.unwrap());
    let found = store.recording_of_egress("EG_1", None).await.unwrap();
    assert_eq!(found, Some(active.clone()));

    // The call's data is deleted while Egress is still uploading: afterwards the object is known.
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

pub async fn webhooks_are_taken_by_one(store: &Store) {
    use sidetone_store::results::{CallResult, Try};
    let (lease, patience) = (Duration::seconds(60), Duration::seconds(100));
    let take = |second: i64| store.take_webhooks(at(second), lease, patience, &[], 16);
    let mut calls = Vec::new();
    for n in [950, 951] {
        let call = new_call(n, "will", CallType::Support);
        let call = store.create_call(&call).await.unwrap();
        let url = "https://shop.example/calls";
        store.will_tell(call.id, url, &[], at(1000)).await.unwrap();
        // Another agent of the same call changes nothing.
        store
            .will_tell(call.id, "https://other.example", &[], at(1000))
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
        let by = sidetone_store::tools::HeldBy {
            agent: "will".into(),
            agent_version: "0123456789ab".into(),
            variant: variant.map(str::to_owned),
            edition: None,
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
    // No webhook is sent for a call in progress.
    assert_eq!(take(1010).await.unwrap(), []);
    for call in &calls {
        let over = [Fact::RoomFinished(at(1020))];
        store.observe(*call, None, &over).await.unwrap();
    }
    let busy = ["https://shop.example/calls".to_owned()];
    let others = store.take_webhooks(at(1021), lease, patience, &busy, 16);
    assert_eq!(others.await.unwrap(), [], "its receiver has enough to do");
    // The first has its result; the other's is still awaited. Of many takers, one gets it.
    let asked = futures::future::join_all((0..8).map(|_| take(1021))).await;
    let taken: Vec<_> = asked.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(taken.len(), 1);
    let webhook = &taken[0];
    assert_eq!((webhook.call_id, webhook.tries), (calls[0], 1));
    assert_eq!(webhook.url, "https://shop.example/calls");
    // The taker may have been killed: it is due again after the lease, under the same id.
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

/// Eight concurrent takers get five each, none twice.
pub async fn webhooks_are_shared_out(store: &Store) {
    let (lease, patience) = (Duration::seconds(60), Duration::seconds(100));
    for n in 0..40 {
        let call = new_call(6000 + n, "wanda", CallType::Support);
        let call = store.create_call(&call).await.unwrap();
        let url = "https://shop.example/calls";
        store.will_tell(call.id, url, &[], at(6100)).await.unwrap();
        let over = [Fact::RoomFinished(at(6200))];
        store.observe(call.id, None, &over).await.unwrap();
    }
    let ask = |_| store.take_webhooks(at(6400), lease, patience, &[], 5);
    let asked = futures::future::join_all((0..8).map(ask)).await;
    let taken: Vec<Vec<_>> = asked.into_iter().map(Result::unwrap).collect();
    let shares: Vec<usize> = taken.iter().map(Vec::len).collect();
    assert_eq!(shares, [5; 8]);
    let ids: std::collections::BTreeSet<Uuid> = taken.iter().flatten().map(|w| w.id).collect();
    assert_eq!(ids.len(), 40, "each to one");
}

/// The events of a call are posted one after the other, and before its end.
pub async fn events_of_a_call_are_taken_in_order(store: &Store) {
    use sidetone_config::webhook::WebhookEvent::{Started, Tool, Transferred, Turn};
    use sidetone_store::results::{CallResult, Try};
    let (lease, patience) = (Duration::seconds(60), Duration::seconds(100));
    // Whoever posts may have a clock that is behind that of whoever writes.
    let begin = sidetone_store::now() - Duration::days(1);
    let later = |seconds: i64| begin + Duration::seconds(seconds);
    let take = |seconds: i64| store.take_events(later(seconds), lease, &[], 16);
    let url = "https://shop.example/events";
    let call = new_call(9700, "nina", CallType::Support);
    let call = store.create_call(&call).await.unwrap().id;
    // The ends of other calls are due as well.
    let ends = async |seconds: i64| {
        let taken = store.take_webhooks(later(seconds), lease, patience, &[], 100);
        let taken = taken.await.unwrap().into_iter();
        taken.filter(|end| end.call_id == call).count()
    };
    let both = [
        stay("PA_nina", "nina", ParticipantKind::User, 97_000, None),
        stay(
            "PA_nina_agent",
            "agent-n",
            ParticipantKind::Agent,
            97_000,
            None,
        ),
    ];
    store.observe(call, None, &both).await.unwrap();
    let all = [Started, Turn, Tool, Transferred];
    store.will_tell(call, url, &all, begin).await.unwrap();
    // The same facts again produce no new events.
    store.observe(call, None, &both).await.unwrap();
    let mut turn = sidetone_store::StoredTurn {
        turn_id: "a1".into(),
        speaker: sidetone_store::Speaker::Agent,
        person: None,
        name: None,
        text: "Hel".into(),
        started_at: at(97_001),
        ended_at: Some(at(97_002)),
        interrupted: false,
        unfinished: true,
        unasked: true,
        latency_ms: None,
        metrics: Json(json!(null)),
    };
    assert!(store.save_turn(call, &turn).await.unwrap());
    (turn.text, turn.unfinished) = ("Hello.".into(), false);
    assert!(store.save_turn(call, &turn).await.unwrap());
    assert!(store.save_turn(call, &turn).await.unwrap());
    let run = |name: &str, ok, running| sidetone_store::tools::ToolCall {
        agent: "default".into(),
        name: name.into(),
        arguments: Json(json!({"to": "anna"})),
        ok,
        running,
        result: String::new(),
        started_at: at(97_003),
        duration_ms: 9,
    };
    for (id, run) in [
        ("t1", run("look", false, true)),
        ("t1", run("look", true, false)),
        ("t1", run("look", true, false)),
        ("t2", run("transfer", true, false)),
    ] {
        store.save_tool_call(call, id, &run).await.unwrap();
    }
    // Only one at a time, whoever asks.
    let asked = futures::future::join_all((0..4).map(|_| take(1))).await;
    let mut taken: Vec<_> = asked.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(taken.len(), 1, "{taken:?}");
    let first = taken.remove(0);
    assert_eq!((first.kind, first.tries), (Started, 1));
    assert_eq!((first.call_id, first.url.as_str()), (call, url));
    let again = Try::Again(later(6), "503".into());
    store.event_tried(first.id, later(1), &again).await.unwrap();
    assert_eq!(take(5).await.unwrap(), [], "the others wait for it");
    let second = take(6).await.unwrap();
    assert_eq!((second[0].id, second[0].tries), (first.id, 2));
    let done = Try::Delivered;
    store.event_tried(first.id, later(7), &done).await.unwrap();
    let second = take(7).await.unwrap().remove(0);
    assert_eq!((second.kind, second.about.as_str()), (Turn, "a1"));
    assert_eq!(store.turn(call, "a1").await.unwrap(), Some(turn.clone()));
    // It changes while it is posted: it is sent again, after what came before.
    turn.text = "Hello there.".into();
    assert!(store.save_turn(call, &turn).await.unwrap());
    store.event_tried(second.id, later(8), &done).await.unwrap();
    let third = take(8).await.unwrap().remove(0);
    assert_eq!((third.kind, third.about.as_str()), (Tool, "t1"));

    let over = [Fact::RoomFinished(later(9))];
    store.observe(call, None, &over).await.unwrap();
    let made = CallResult {
        result: None,
        error: Some("none".into()),
        made_at: later(9),
    };
    assert!(store.save_result(call, &made).await.unwrap());
    assert_eq!(ends(10).await, 0, "its events come first");
    store.event_tried(third.id, later(9), &done).await.unwrap();
    // An event that is refused again and again does not block the rest.
    let mut second = 10;
    let refused = loop {
        let transferred = take(second).await.unwrap().remove(0);
        assert_eq!(transferred.kind, Transferred);
        let again = Try::Again(later(second + 1), "400".into());
        let tried = store.event_tried(transferred.id, later(second), &again);
        tried.await.unwrap();
        if transferred.tries == 4 {
            break transferred.id;
        }
        second += 1;
    };
    let last = take(second).await.unwrap().remove(0);
    assert_eq!((last.kind, last.about.as_str()), (Turn, "a1"));
    assert_ne!(last.id, refused);
    store
        .event_tried(last.id, later(second), &done)
        .await
        .unwrap();
    assert_eq!(ends(second).await, 0);
    let given_up = Try::GivenUp("400".into());
    store
        .event_tried(refused, later(second), &given_up)
        .await
        .unwrap();
    assert_eq!(ends(second).await, 1);
    store.delete_personal_data(&[call]).await.unwrap();
    assert_eq!(take(9000).await.unwrap(), []);
}

/// A result is owed until it is there; if it was not made in time, exactly one of all takers gets it.
pub async fn an_overdue_result_is_made_by_one(store: &Store) {
    use sidetone_store::results::CallResult;
    let call = new_call(8700, "olga", CallType::Support);
    let call = store.create_call(&call).await.unwrap().id;
    let made = |second: i64| CallResult {
        result: Some(Json(json!({"resolved": true}))),
        error: None,
        made_at: at(second),
    };
    let lease = Duration::seconds(100);
    let take = |second: i64| store.take_owed(at(second), lease, 4);
    let owe = |owed, due| store.owe_result(call, "olga", at(owed), at(due));
    assert!(owe(87000, 87050).await.unwrap());
    // Repeated, as from a file: nothing changes.
    assert!(owe(87000, 87090).await.unwrap());
    assert_eq!(take(87049).await.unwrap(), [], "somebody is making it");
    let asked = futures::future::join_all((0..4).map(|_| take(87050))).await;
    let taken: Vec<_> = asked.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(taken.len(), 1, "to one: {taken:?}");
    assert_eq!((taken[0].call_id, taken[0].tries), (call, 1));
    assert_eq!(take(87149).await.unwrap(), []);
    assert_eq!(take(87150).await.unwrap()[0].tries, 2, "that one died, too");
    assert!(store.save_result(call, &made(87160)).await.unwrap());
    assert_eq!(take(89000).await.unwrap(), []);
    // The same again, from a file that was delivered before; then a result that a later agent of the call owes.
    assert!(owe(87000, 87050).await.unwrap());
    assert_eq!(take(89000).await.unwrap(), []);
    assert!(owe(87200, 87250).await.unwrap());
    assert!(store.save_result(call, &made(87190)).await.unwrap());
    assert_eq!(
        take(87250).await.unwrap().len(),
        1,
        "an older result does not pay it"
    );
    // A call that continues with another agent is not over: the last agent's result counts.
    assert!(owe(87300, 87350).await.unwrap());
    let both = [
        stay("PA_olga", "olga", ParticipantKind::User, 87_300, None),
        stay("PA_agent", "agent", ParticipantKind::Agent, 87_300, None),
    ];
    store.observe(call, None, &both).await.unwrap();
    assert_eq!(take(87350).await.unwrap(), []);
    let over = [Fact::RoomFinished(at(87_360))];
    store.observe(call, None, &over).await.unwrap();
    assert_eq!(take(87360).await.unwrap().len(), 1);
    // An erased call owes nothing.
    store.delete_personal_data(&[call]).await.unwrap();
    assert_eq!(take(89000).await.unwrap(), []);
    assert!(!owe(89000, 89000).await.unwrap());
}
