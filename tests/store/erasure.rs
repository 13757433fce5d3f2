//! Deletion is final, and affects exactly the intended call.

use serde_json::json;
use sidetone_store::Json;
use sidetone_store::dispatches::DispatchState;
use sidetone_store::epochs::Agent;
use sidetone_store::errors::StageError;
use sidetone_store::figures::Figures;
use sidetone_store::history::HistoryFilter;
use sidetone_store::inbox::Event;
use sidetone_store::results::CallResult;
use sidetone_store::tools::{HeldBy, ToolCall};
use sidetone_store::{
    CallType, DispatchMetadata, Fact, NewCall, ParticipantKind, Recorder, Recording, Speaker, Store,
};
use uuid::Uuid;

use super::{at, new_call, stay, turn};

fn event(id: &str, room: &str, person: &str) -> Event {
    Event {
        id: id.into(),
        event: "participant_joined".into(),
        room_name: Some(room.into()),
        payload: Json(json!({"participant": {"identity": person}})),
        occurred_at: at(1),
        received_at: at(1),
    }
}

/// A call in a room with this name and id, begun at `second`.
async fn call_in(store: &Store, n: i64, room: &str, sid: Option<&str>) -> Uuid {
    let call = NewCall {
        room_name: room.into(),
        ..new_call(n, "ida", CallType::Conference)
    };
    let id = store.create_call(&call).await.unwrap().id;
    store.observe(id, sid, &[]).await.unwrap().unwrap();
    id
}

async fn end(store: &Store, call: Uuid, second: i64) {
    let over = [Fact::RoomFinished(at(second))];
    store.observe(call, None, &over).await.unwrap().unwrap();
}

/// An old call's data is deleted; a live call in a room with the same name keeps its agent and its events.
pub async fn deletion_is_by_call(store: &Store) {
    let room = "conference-weekly";
    let old = call_in(store, 7000, room, Some("RM_weekly_1")).await;
    let seen = stay("PA_w", "ida", ParticipantKind::User, 7000, None);
    store.observe(old, None, &[seen]).await.unwrap();
    end(store, old, 7010).await;
    let live = call_in(store, 7020, room, None).await;
    let wanted = DispatchMetadata {
        call_id: Some(live),
        ..Default::default()
    };
    assert!(store.want_agent(room, &wanted, at(7021)).await.unwrap());
    for (id, call) in [
        ("EV_w_old", Some(old)),
        ("EV_w_live", Some(live)),
        ("EV_w_new", None),
    ] {
        store.keep_event(&event(id, room, "ida")).await.unwrap();
        if call.is_some() {
            store.event_done(id, at(7022), call, "").await.unwrap();
        }
    }
    assert_eq!(store.delete_personal_data(&[old]).await.unwrap(), 1);
    assert_eq!(
        store.agent_in(room).await.unwrap().unwrap().call_id,
        Some(live)
    );
    let known = async |id| !store.keep_event(&event(id, room, "ida")).await.unwrap();
    assert!(known("EV_w_live").await && known("EV_w_new").await);
    assert!(!known("EV_w_old").await);
    // Late reports about the old room are recognised as late, and not assigned to the live call.
    let erased = async |sid| store.erased_call(sid, Some(room)).await.unwrap();
    assert_eq!(erased("RM_weekly_1").await, Some(old));
    assert_eq!(erased("RM_weekly_2").await, None);
    store
        .event_done("EV_w_old", at(7023), Some(old), "")
        .await
        .unwrap();
    assert!(!known("EV_w_old").await, "the event of an erased call goes");
    let found = store.call_in_room(room, Some("RM_weekly_2")).await.unwrap();
    assert_eq!(found.unwrap().id, live);
    // With the room's last call, everything that names no call is deleted.
    end(store, live, 7030).await;
    store.delete_personal_data(&[live]).await.unwrap();
    assert!(store.agent_in(room).await.unwrap().is_none());
    for id in ["EV_w_live", "EV_w_new"] {
        assert!(!known(id).await, "{id}");
    }
    store.forget_events(at(2)).await.unwrap();
}

/// A process that still works on a call when its data is deleted can write nothing any more.
pub async fn late_writers_are_refused(store: &Store) {
    let room = "conference-late";
    let id = call_in(store, 7100, room, Some("RM_late")).await;
    let spoken = turn("SG_late", Speaker::User, "my number is 4711", 7101, None);
    assert!(store.save_turn(id, &spoken).await.unwrap());
    end(store, id, 7110).await;
    assert_eq!(store.delete_personal_data(&[id]).await.unwrap(), 1);
    assert_eq!(store.delete_personal_data(&[id]).await.unwrap(), 0, "once");
    let erased = store.call(id).await.unwrap().unwrap();
    assert!(erased.deleted_at.is_some());

    let tool = ToolCall {
        agent: "ida".into(),
        name: "look_up".into(),
        arguments: Json(json!({"number": 4711})),
        ok: true,
        running: false,
        result: "Ida".into(),
        started_at: at(7102),
        duration_ms: 1,
    };
    let made = CallResult {
        result: Some(Json(json!({"summary": "Ida, 4711"}))),
        error: None,
        made_at: at(7111),
    };
    let failed = StageError {
        stage: "llm".into(),
        message: "503".into(),
        at: at(7103),
    };
    let by = HeldBy {
        agent: "ida".into(),
        agent_version: "0123456789ab".into(),
        variant: None,
        edition: None,
    };
    assert!(!store.save_turn(id, &spoken).await.unwrap());
    assert!(!store.save_tool_call(id, "tool-1", &tool).await.unwrap());
    assert!(!store.save_result(id, &made).await.unwrap());
    store.save_error(id, "error-1", &failed).await.unwrap();
    let figures = Figures::default();
    assert!(!store.save_figures(id, "job", 1, &figures).await.unwrap());
    store.agent_of_call(id, &by).await.unwrap();
    store
        .will_tell(id, "https://shop.example", &[], at(7112))
        .await
        .unwrap();
    assert!(!store.set_callee(id, Some("ida")).await.unwrap());
    let wanted = DispatchMetadata {
        call_id: Some(id),
        ..Default::default()
    };
    assert!(!store.want_agent(room, &wanted, at(7113)).await.unwrap());
    let facts = [
        stay("PA_late", "ida", ParticipantKind::User, 7100, None),
        Fact::Failed(at(7101), "Ida hung up".into()),
    ];
    assert_eq!(store.observe(id, None, &facts).await.unwrap(), None);
    assert!(!store.note_muted(id, "ida", at(7104), true).await.unwrap());

    // A recording is stored only for its deletion, with what is needed for that.
    let mut recording = Recording::begun(Uuid::from_u128(7100), id, Recorder::Process, at(7100));
    recording.url = Some("https://calls.example/ida.ogg".into());
    assert!(!store.save_recording(&recording).await.unwrap());
    let egress = Recording::by_egress(id, at(7100));
    assert!(!store.claim_egress(&egress).await.unwrap());
    assert_eq!(store.recordings(id).await.unwrap(), []);
    let going = store.deleted_recordings().await.unwrap();
    assert_eq!(going.iter().filter(|going| going.call_id == id).count(), 2);
    for going in going {
        store.forget_recording(going.id).await.unwrap();
    }

    assert_eq!(store.call(id).await.unwrap().unwrap(), erased);
    assert_eq!(store.turns(id).await.unwrap(), []);
    assert_eq!(store.tool_calls(id).await.unwrap(), []);
    assert_eq!(store.stage_errors(id).await.unwrap(), []);
    assert_eq!(store.result(id).await.unwrap(), None);
    assert_eq!(store.webhook_state(id).await.unwrap(), None);
    assert_eq!(store.figures(id).await.unwrap(), None);
    assert_eq!(store.version_of_call(id).await.unwrap(), None);
    assert_eq!(store.participants(id).await.unwrap(), []);
    assert!(store.agent_in(room).await.unwrap().is_none());
}

/// Writers that are active during the deletion: each comes before or after it.
pub async fn who_writes_meanwhile_leaves_nothing(store: &Store) {
    let id = call_in(store, 7200, "conference-busy", None).await;
    end(store, id, 7210).await;
    let writers = (0..24).map(|n| {
        let store = store.clone();
        tokio::spawn(async move {
            if n == 12 {
                store.delete_personal_data(&[id]).await.unwrap();
                return;
            }
            let spoken = turn(&format!("SG_{n}"), Speaker::User, "4711", 7200, None);
            store.save_turn(id, &spoken).await.unwrap();
            let mut recording =
                Recording::begun(Uuid::from_u128(7200 + n), id, Recorder::Process, at(7200));
            recording.url = Some("https://calls.example/busy.ogg".into());
            store.save_recording(&recording).await.unwrap();
            let url = "https://calls.example/busy.ogg";
            let _ = store
                .recording_uploaded(recording.id, id, url)
                .await
                .unwrap();
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let left = store.call(id).await.unwrap().unwrap();
    assert_eq!((left.transcript, left.recording_url), (None, None));
    assert_eq!(store.turns(id).await.unwrap(), []);
    assert_eq!(store.recordings(id).await.unwrap(), []);
    for going in store.deleted_recordings().await.unwrap() {
        store.forget_recording(going.id).await.unwrap();
    }
}

/// A user whose id is "deleted" sees their own calls, and nobody else's.
pub async fn a_user_may_be_named_deleted(store: &Store) {
    let own = new_call(7300, "deleted", CallType::Support);
    let own = store.create_call(&own).await.unwrap();
    let of_deleted = HistoryFilter {
        user_id: Some("deleted".into()),
        ..HistoryFilter::default()
    };
    let page = store.history(&of_deleted, 20, 0).await.unwrap();
    let ids: Vec<Uuid> = page.calls.iter().map(|call| call.id).collect();
    assert_eq!((page.total, ids), (1, vec![own.id]));
    let stats = store.stats(&of_deleted).await.unwrap();
    assert_eq!(stats.by_status.values().sum::<i64>(), 1);
    assert_eq!(store.calls_of_user("deleted").await.unwrap(), [own.id]);
    // Their data expires like anybody's.
    end(store, own.id, 7310).await;
    let expired = store.expired_calls(at(7301), 1_000).await.unwrap();
    assert!(expired.contains(&own.id));
}

/// All data of one user is deleted, and that of others stays.
pub async fn a_user_is_erased(store: &Store) {
    let mut calls = Vec::new();
    for (n, caller, call_type) in [
        (7400, "nora", CallType::Support),
        // Bob is called.
        (7401, "nora", CallType::UserToUser),
        (7402, "otto", CallType::Conference),
        (7403, "otto", CallType::Support),
        (7404, "nora", CallType::Support),
    ] {
        let call = store.create_call(&new_call(n, caller, call_type)).await;
        calls.push(call.unwrap().id);
    }
    let [made, called, was_in, others, open] = calls[..] else {
        panic!("{calls:?}");
    };
    let joined = [stay("PA_n", "nora", ParticipantKind::User, 7402, None)];
    store.observe(was_in, None, &joined).await.unwrap();
    for call in [made, called, was_in, others] {
        end(store, call, 7410).await;
    }
    let elsewhere = event("EV_n_elsewhere", "not-of-ours", "nora");
    let of_otto = event("EV_n_otto", "not-of-ours", "otto");
    let waiting = event("EV_n_waiting", "not-of-ours", "nora");
    for event in [&elsewhere, &of_otto, &waiting] {
        store.keep_event(event).await.unwrap();
    }
    for event in [&elsewhere, &of_otto] {
        let done = store.event_done(&event.id, at(7411), None, "no call of ours");
        done.await.unwrap();
    }
    let of_nora = store.calls_of_user("nora").await.unwrap();
    assert_eq!(of_nora, [made, called, was_in, open]);

    let erased = store.erase_user("nora").await.unwrap();
    assert_eq!((erased.calls, erased.open), (3, vec![open]));
    assert_eq!(store.calls_of_user("nora").await.unwrap(), [open]);
    for (call, gone) in [(made, true), (was_in, true), (others, false), (open, false)] {
        let call = store.call(call).await.unwrap().unwrap();
        assert_eq!(call.deleted_at.is_some(), gone, "{call:?}");
    }
    assert!(store.keep_event(&elsewhere).await.unwrap(), "gone");
    assert!(!store.keep_event(&of_otto).await.unwrap(), "others'");
    assert!(!store.keep_event(&waiting).await.unwrap(), "to be acted on");
    end(store, open, 7420).await;
    assert_eq!(store.erase_user("nora").await.unwrap().calls, 1);
    assert_eq!(store.erase_user("nora").await.unwrap(), Default::default());
    store.forget_events(at(2)).await.unwrap();
}

/// LiveKit's own limit is 256 characters, and its operators may raise it.
pub async fn long_names_are_kept(store: &Store) {
    let long = |letter: &str| letter.repeat(512);
    let (room, person, sid) = (long("\u{97f3}"), long("\u{1f600}"), long("s"));
    let id = call_in(store, 7500, &room, Some(&sid)).await;
    let seen = stay(&long("p"), &person, ParticipantKind::User, 7501, None);
    store.observe(id, Some(&sid), &[seen]).await.unwrap();
    let found = store.call_in_room(&room, Some(&sid)).await.unwrap();
    assert_eq!(found.unwrap().id, id);
    assert_eq!(store.calls_of_user(&person).await.unwrap(), [id]);
    let event = Event {
        event: long("e"),
        ..event(&long("i"), &room, &person)
    };
    assert!(store.keep_event(&event).await.unwrap());
    let wanted = DispatchMetadata {
        call_id: Some(id),
        ..Default::default()
    };
    assert!(store.want_agent(&room, &wanted, at(7502)).await.unwrap());
    let runs = Agent {
        room: room.clone(),
        epoch: Some(0),
        identity: person.clone(),
        worker_id: long("w"),
        worker: None,
    };
    assert!(store.agent_runs(&runs).await.unwrap());
    let ended = DispatchState::Ended;
    let noted = store.agent_is(&room, 0, ended, at(7503), None);
    noted.await.unwrap();
    end(store, id, 7510).await;
    assert_eq!(store.erase_user(&person).await.unwrap().calls, 1);
}
