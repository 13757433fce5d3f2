//! A call, its stays and its turns, and the limit of one call at a time per room.

use serde_json::json;
use sidetone_store::Json;
use sidetone_store::figures::Figures;
use sidetone_store::tools::{HeldBy, ToolCall};
use sidetone_store::{
    CallStatus, CallType, DispatchMetadata, Fact, NewCall, ParticipantKind, Speaker, Store,
    StoredTurn,
};
use uuid::Uuid;

use super::{at, new_call, stay, turn};

pub async fn a_call_from_token_to_history(store: &Store) {
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
    let people = async || {
        let open = store.people_in_open_calls().await.unwrap();
        open.get(&call.id).copied()
    };
    assert_eq!(people().await, Some(1), "agents are not counted");
    let facts = [
        Fact::RoomFinished(at(100)),
        stay("PA_2", "ann", ParticipantKind::User, 3, Some(63)),
    ];
    let ended = store.observe(call.id, Some("RM_1"), &facts).await;
    assert_eq!(people().await, None, "the call is over");
    let call = ended.unwrap().unwrap();
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
    // The agent's leaving was not reported: its stay ends with the room.
    assert_eq!(
        (people[0].left_at, people[0].duration_seconds),
        (Some(at(100)), Some(98))
    );
    // What is reported later still counts.
    let late = [stay("PA_1", "agent-1", ParticipantKind::Agent, 2, Some(64))];
    let told = store.observe(call.id, Some("RM_1"), &late).await.unwrap();
    assert_eq!(told.as_ref(), Some(&call));
    let people = store.participants(call.id).await.unwrap();
    assert_eq!(
        (people[0].left_at, people[0].duration_seconds),
        (Some(at(64)), Some(62))
    );
    assert!(
        store
            .observe(Uuid::nil(), None, &[])
            .await
            .unwrap()
            .is_none()
    );
}

pub async fn a_room_has_one_call_at_a_time(store: &Store) {
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
    // The room's name may be used again; late reports about the old room still find the old call.
    assert_eq!(store.create_call(&second).await.unwrap().id, second.id);
    // Also while LiveKit's id of the new room is unknown.
    let late = store.call_in_room(&first.room_name, Some("RM_old")).await;
    assert_eq!(late.unwrap().map(|call| call.id), Some(first.id));
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
    // LiveKit was restarted: the open call continues in a room with another id.
    assert_eq!(found(Some("RM_other")).await, Some(second.id));
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

/// LiveKit gives a room another id when it is restarted; reports about the previous room are then late.
pub async fn a_call_goes_on_in_its_next_room(store: &Store) {
    let new = new_call(40, "gus", CallType::Support);
    let id = store.create_call(&new).await.unwrap().id;
    let tell = async |sid: &str, facts: &[Fact]| {
        let told = store.observe(id, Some(sid), facts).await;
        told.unwrap().unwrap()
    };
    let opened = |second| Fact::RoomStarted(at(second));
    tell("RM_g1", &[opened(41)]).await;
    let moved = tell("RM_g2", &[opened(51)]).await;
    assert_eq!(
        (moved.room_sid.as_deref(), moved.started_at),
        (Some("RM_g2"), Some(at(41)))
    );
    let late = tell("RM_g1", &[opened(41), Fact::RoomFinished(at(50))]).await;
    assert_eq!(
        (late.room_sid.as_deref(), late.ended_at),
        (Some("RM_g2"), None)
    );
    for sid in ["RM_g1", "RM_g2"] {
        let found = store.call_in_room(&new.room_name, Some(sid)).await.unwrap();
        assert_eq!(found.map(|call| call.id), Some(id), "{sid}");
    }
    let over = tell("RM_g2", &[opened(51), Fact::RoomFinished(at(60))]).await;
    assert_eq!(over.ended_at, Some(at(60)));
    // Somebody comes back to the same room, in a new call: late reports about the people of the first call belong to
    // that call.
    let again = NewCall {
        id: Uuid::from_u128(4_001),
        created_at: at(65),
        ..new.clone()
    };
    let first_caller = stay("PA_g1", "gus", ParticipantKind::User, 42, None);
    tell("RM_g2", &[first_caller]).await;
    store.create_call(&again).await.unwrap();
    let second = [
        opened(51),
        stay("PA_g2", "gus", ParticipantKind::User, 66, None),
    ];
    store
        .observe(again.id, Some("RM_g2"), &second)
        .await
        .unwrap();
    for (person, call) in [("PA_g1", id), ("PA_g2", again.id), ("PA_g3", again.id)] {
        let of = store
            .call_of(&new.room_name, Some("RM_g2"), Some(person))
            .await;
        assert_eq!(of.unwrap().map(|call| call.id), Some(call), "{person}");
    }
    store
        .observe(again.id, None, &[Fact::RoomFinished(at(70))])
        .await
        .unwrap();
}

/// A token that nobody uses does not become a call.
pub async fn an_unused_token_leaves_nothing(store: &Store) {
    let new = new_call(45, "tim", CallType::Support);
    let id = store.create_call(&new).await.unwrap().id;
    let metadata = DispatchMetadata {
        call_id: Some(id),
        ..DispatchMetadata::default()
    };
    let room = new.room_name.as_str();
    let awaited = async || store.awaited_in(room).await.unwrap();
    assert!(
        store
            .await_agent(room, id, &metadata, at(46))
            .await
            .unwrap()
    );
    assert_eq!(awaited().await.unwrap().metadata.0, metadata);
    let since = store.awaited_since(at(46)).await.unwrap();
    assert_eq!(since, [(room.to_owned(), at(46))]);
    assert!(store.awaited_since(at(47)).await.unwrap().is_empty());
    // Another token is issued for it, which is valid for as long as the first one.
    store.token_given(id, at(60)).await.unwrap();
    store.token_given(id, at(50)).await.unwrap();
    let call = store.call(id).await.unwrap().unwrap();
    assert_eq!(call.last_token_at(), at(60));
    assert!(!store.forget_unused(id, at(60)).await.unwrap());
    assert!(awaited().await.is_some());
    assert!(store.forget_unused(id, at(61)).await.unwrap());
    assert_eq!(
        (store.call(id).await.unwrap(), awaited().await),
        (None, None)
    );
    assert!(
        !store
            .await_agent(room, id, &metadata, at(48))
            .await
            .unwrap()
    );
    // A call whose token was used stays, even if nobody answered.
    store.create_call(&new).await.unwrap();
    store
        .await_agent(room, id, &metadata, at(46))
        .await
        .unwrap();
    store.observe(id, Some("RM_t"), &[]).await.unwrap();
    assert!(!store.forget_unused(id, at(99)).await.unwrap());
    assert!(store.awaited_no_more(room).await.unwrap());
    assert!(!store.awaited_no_more(room).await.unwrap());
    let over = [Fact::RoomFinished(at(50))];
    store.observe(id, Some("RM_t"), &over).await.unwrap();
}

pub async fn turns_are_kept_as_they_happen(store: &Store) {
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

/// Many writers on one call: none fails, nothing is lost.
pub async fn facts_may_come_at_once(store: &Store) {
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

pub async fn a_tool_is_known_from_its_start(store: &Store) {
    let new = new_call(71, "tool", CallType::Support);
    let id = store.create_call(&new).await.unwrap().id;
    let starts = ToolCall {
        agent: "desk".into(),
        name: "book".into(),
        arguments: Json(json!({"day": 5})),
        ok: false,
        running: true,
        result: String::new(),
        started_at: at(1),
        duration_ms: 0,
    };
    let ended = ToolCall {
        ok: true,
        running: false,
        result: "booked".into(),
        duration_ms: 120,
        ..starts.clone()
    };
    assert!(store.save_tool_call(id, "one", &starts).await.unwrap());
    assert_eq!(
        store.tool_calls(id).await.unwrap(),
        std::slice::from_ref(&starts)
    );
    assert_eq!(starts.outcome(), None);
    assert!(store.save_tool_call(id, "one", &ended).await.unwrap());
    assert_eq!(
        store.tool_calls(id).await.unwrap(),
        std::slice::from_ref(&ended)
    );
    // A file that is delivered again repeats the start and the end.
    for again in [&starts, &ended] {
        assert!(!store.save_tool_call(id, "one", again).await.unwrap());
    }
    assert_eq!(
        store.tool_calls(id).await.unwrap(),
        std::slice::from_ref(&ended)
    );
    assert_eq!(ended.outcome(), Some(Ok("booked")));
    assert!(ended.is_same_run(&starts));
    // The end arrives first.
    assert!(store.save_tool_call(id, "two", &ended).await.unwrap());
    assert!(!store.save_tool_call(id, "two", &starts).await.unwrap());
    assert_eq!(
        store.tool_calls(id).await.unwrap(),
        [ended.clone(), ended.clone()]
    );

    // An unfinished turn of an agent, and its end.
    let words = turn("AJ_1-agent-000001", Speaker::Agent, "We open", 2, None);
    let goes_on = StoredTurn {
        unfinished: true,
        unasked: true,
        ..words.clone()
    };
    store.save_turn(id, &goes_on).await.unwrap();
    assert_eq!(store.turns(id).await.unwrap(), [goes_on]);
    store.save_turn(id, &words).await.unwrap();
    let stored = store.turns(id).await.unwrap();
    assert_eq!(stored, std::slice::from_ref(&words));

    // One of several people's.
    let asked = StoredTurn {
        person: Some("user-2".into()),
        name: Some("Bob".into()),
        ..turn("AJ_1-caller-000002", Speaker::User, "On Sunday?", 3, None)
    };
    store.save_turn(id, &asked).await.unwrap();
    assert_eq!(store.turns(id).await.unwrap(), [words, asked]);
    let transcript = store.call(id).await.unwrap().unwrap().transcript;
    assert_eq!(
        transcript.as_deref(),
        Some("agent: We open\nBob: On Sunday?")
    );

    // The agent that began the call stays recorded, whoever takes it over.
    let by = |version: &str| HeldBy {
        agent: "desk".into(),
        agent_version: version.into(),
        variant: None,
        edition: None,
    };
    for version in ["first", "second"] {
        store.agent_of_call(id, &by(version)).await.unwrap();
    }
    assert_eq!(store.version_of_call(id).await.unwrap(), Some(by("first")));
}

pub async fn figures_are_kept_and_added_up(store: &Store) {
    let new = new_call(70, "fig", CallType::Support);
    let id = store.create_call(&new).await.unwrap().id;
    assert_eq!(store.figures(id).await.unwrap(), None);
    let mut figures = Figures::default();
    figures.usage.stt_seconds = 1.5;
    figures.usage.prompt_tokens = 3_000_000_000;
    figures.ledger.caller.opened = 2;
    figures.ledger.caller.answered = 1;
    figures.ledger.caller.dropped.insert("no_words".into(), 1);
    for _ in 0..2 {
        let known = store.save_figures(id, "one", 2, &figures).await.unwrap();
        assert!(known);
        let stored = store.figures(id).await.unwrap();
        assert_eq!(stored.as_ref(), Some(&figures));
    }
    // Late figures change nothing; another agent's figures are added.
    let late = Figures::default();
    store.save_figures(id, "one", 1, &late).await.unwrap();
    assert_eq!(store.figures(id).await.unwrap(), Some(figures.clone()));
    store.save_figures(id, "two", 1, &figures).await.unwrap();
    let sum = store.figures(id).await.unwrap().unwrap();
    assert_eq!((sum.usage.stt_seconds, sum.ledger.caller.opened), (3.0, 4));
    let nobody = Uuid::from_u128(0);
    assert!(
        !store
            .save_figures(nobody, "one", 1, &figures)
            .await
            .unwrap()
    );
    let both = figures.ledger.clone().plus(figures.ledger.clone());
    assert_eq!(
        (both.caller.opened, both.caller.dropped["no_words"]),
        (4, 2)
    );
    let usage = figures.usage.plus(figures.usage);
    assert_eq!(
        (usage.stt_seconds, usage.prompt_tokens),
        (3.0, 6_000_000_000)
    );
}
