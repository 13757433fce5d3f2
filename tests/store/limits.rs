//! Limits that are checked before adding, by many at the same time.

use std::time::Duration;

use futures::future::join_all;
use serde_json::json;
use sidetone::agent::presence::introduce;
use sidetone_store::allowance::{Allowance, Allowed, Open};
use sidetone_store::dispatches::DispatchState;
use sidetone_store::places::{Full, Wish};
use sidetone_store::repeatable::{REMEMBERED, Request};
use sidetone_store::workers::WorkerState;
use sidetone_store::{CallType, DispatchMetadata, Fact, NewCall, Store};
use uuid::Uuid;

use super::{at, new_call};

const ALLOWANCE: Allowance = Allowance {
    unjoined: 5,
    at_once: 2,
};

fn call(n: i64, caller: &str) -> NewCall {
    NewCall {
        created_at: at(20_000 + n),
        ..new_call(20_000 + n, caller, CallType::Support)
    }
}

pub async fn a_user_has_so_many_calls(store: &Store) {
    let since = at(20_000);
    let make = async |n: i64, caller: &str, since| {
        let call = call(n, caller);
        let made = store.create_call_within(&call, ALLOWANCE, since);
        made.await.unwrap()
    };
    let all = join_all((1..=12).map(|n| make(n, "lea", since))).await;
    let made: Vec<_> = all
        .iter()
        .filter_map(|one| match one {
            Allowed::Made(call) => Some(call.clone()),
            Allowed::Over(_) => None,
        })
        .collect();
    assert_eq!(made.len(), 5, "{all:?}");
    let Allowed::Over(open) = make(13, "lea", since).await else {
        panic!("one too many");
    };
    assert_eq!((open.unjoined, open.at_once), (5, 0));
    let first = made.iter().map(|call| call.created_at).min();
    assert_eq!(open.first_unjoined, first);
    assert!(matches!(make(14, "tom", since).await, Allowed::Made(_)));
    // For the same room, the existing call is returned.
    let again = NewCall {
        id: Uuid::new_v4(),
        room_name: made[0].room_name.clone(),
        ..call(15, "lea")
    };
    let given = store.create_call_within(&again, ALLOWANCE, since);
    let given = given.await.unwrap();
    assert_eq!(given, Allowed::Made(made[0].clone()));
    // Expired tokens do not count.
    assert!(matches!(
        make(16, "lea", at(20_014)).await,
        Allowed::Made(_)
    ));

    // Calls in progress.
    for call in &made[..2] {
        let started = [Fact::RoomStarted(at(20_020))];
        let room = format!("RM_{}", call.id);
        let observed = store.observe(call.id, Some(&room), &started);
        observed.await.unwrap().unwrap();
    }
    let Allowed::Over(open) = make(17, "lea", at(20_030)).await else {
        panic!("two go on");
    };
    let none = Open::default();
    assert_eq!(open, Open { at_once: 2, ..none });
    let over = [Fact::RoomFinished(at(20_040))];
    let room = format!("RM_{}", made[0].id);
    let observed = store.observe(made[0].id, Some(&room), &over);
    observed.await.unwrap().unwrap();
    assert!(matches!(
        make(18, "lea", at(20_030)).await,
        Allowed::Made(_)
    ));
}

pub async fn agents_take_free_places(store: &Store) {
    let now = at(21_000);
    let mut worker = introduce("crowd", 4);
    (worker.state, worker.calls, worker.seen_at) = {
        let seen_at = store.database_now().await.unwrap();
        (WorkerState::Ready, 1, seen_at)
    };
    store.worker_beat(&worker).await.unwrap();
    let want = async |n: usize| {
        let (room, metadata) = (format!("crowd-{n}"), DispatchMetadata::default());
        let wanted = store.want_agent_if_free(&room, &metadata, "crowd", now);
        wanted.await.unwrap()
    };
    let all = join_all((0..10).map(want)).await;
    let count = |wish| all.iter().filter(|one| **one == wish).count();
    assert_eq!(count(Wish::Noted), 3, "{all:?}");
    assert_eq!(count(Wish::Full(Full::Calls(4))), 7, "{all:?}");
    let there = all.iter().position(|one| *one == Wish::Noted).unwrap();
    assert_eq!(want(there).await, Wish::Already, "though there is no room");
    assert_eq!(store.places("nobody", now).await.unwrap().room(), {
        Err(Full::Nobody)
    });
    store.request_drain(worker.id, now).await.unwrap();
    let places = store.places("crowd", now).await.unwrap();
    assert!(matches!(places.room(), Err(Full::Draining(Some(_)))));

    store.worker_gone(worker.id).await.unwrap();
    for n in 0..10 {
        let (room, ended) = (format!("crowd-{n}"), DispatchState::Ended);
        store.agent_is(&room, 0, ended, now, None).await.unwrap();
        store.agent_is(&room, 1, ended, now, None).await.unwrap();
    }
    assert!(store.calls_last().await.unwrap() > Duration::ZERO);
}

pub async fn a_request_is_known_again(store: &Store) {
    let request = |id: u8, body: u8| Request {
        id: [id; 32],
        body: [body; 32],
    };
    let now = at(22_000);
    let ask = async |call_id, body, now| {
        let request = request(1, body);
        let first = store.first_request(&request, call_id, now);
        first.await.unwrap()
    };
    let ids: Vec<Uuid> = (0..8).map(|_| Uuid::new_v4()).collect();
    let all = join_all(ids.iter().map(|id| ask(*id, 1, now))).await;
    assert!(all.windows(2).all(|two| two[0] == two[1]), "{all:?}");
    assert!(ids.contains(&all[0].call_id));
    let other = ask(Uuid::new_v4(), 2, at(22_001)).await;
    assert_eq!(
        (&other, other.body[0]),
        (&all[0], 1),
        "as it was first sent"
    );

    // The first answer counts.
    let keep = async |answer| store.keep_answer(&request(1, 1), answer).await.unwrap();
    let first = json!({"agentSpawned": true});
    assert_eq!(keep(&first).await, Some(first.clone()));
    assert_eq!(keep(&json!({"agentSpawned": false})).await, Some(first));
    let unknown = store.keep_answer(&request(9, 1), &json!({})).await;
    assert_eq!(unknown.unwrap(), None);

    // A day later it is a new request.
    let later = now + REMEMBERED;
    let id = Uuid::new_v4();
    let anew = ask(id, 2, later).await;
    assert_eq!((anew.call_id, anew.asked_at), (id, later));
    assert_eq!((anew.answer, anew.body[0]), (None, 2));
    assert_eq!(store.forget_requests(later).await.unwrap(), 0);
    let forgotten = store.forget_requests(later + REMEMBERED).await.unwrap();
    assert_eq!(forgotten, 1);
}
