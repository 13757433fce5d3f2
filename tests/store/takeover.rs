//! Who may dispatch for a room, which agent is the room's own, and whose worker is silent.

use std::time::Duration;

use sidetone::agent::presence::introduce;
use sidetone_store::dispatches::{Dispatch, DispatchState};
use sidetone_store::epochs::{Agent, SilentAgent};
use sidetone_store::saying::Saying;
use sidetone_store::{CallType, DispatchMetadata, Fact, ParticipantKind, Speaker, Store};
use uuid::Uuid;

use super::{at, new_call, stay, turn};

const ROOM: &str = "support-tom-0";
const MINUTE: Duration = Duration::from_secs(60);

async fn row(store: &Store) -> Dispatch {
    store.agent_in(ROOM).await.unwrap().unwrap()
}

/// An agent that was dispatched for an epoch.
fn agent(epoch: i64, worker: Option<Uuid>) -> Agent {
    Agent {
        room: ROOM.into(),
        epoch: Some(epoch),
        identity: format!("agent-{epoch}"),
        worker_id: format!("AW_{epoch}"),
        worker,
    }
}

/// Wants a new agent, and notes its dispatch; returns the epoch.
async fn asked(store: &Store, ends: Duration) -> i64 {
    let metadata = DispatchMetadata::default();
    store.want_agent(ROOM, &metadata, at(8_000)).await.unwrap();
    let before = row(store).await;
    let epoch = store
        .claim_agent(&before, MINUTE, None)
        .await
        .unwrap()
        .unwrap();
    let asked = store.agent_asked(&before, epoch, "AD_1", ends);
    asked.await.unwrap();
    epoch
}

async fn end(store: &Store) {
    let row = row(store).await;
    let ended = DispatchState::Ended;
    let noted = store.agent_is(ROOM, row.epoch, ended, at(8_999), None);
    noted.await.unwrap();
}

pub async fn one_asks_at_a_time(store: &Store) {
    let metadata = DispatchMetadata::default();
    assert!(store.want_agent(ROOM, &metadata, at(8_000)).await.unwrap());
    let before = row(store).await;
    // Of all control planes that saw the same row at the same time, one may dispatch.
    let claims = (0..8).map(|_| store.claim_agent(&before, MINUTE, None));
    let claims = futures::future::join_all(claims).await;
    let got: Vec<i64> = claims.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(got, [before.epoch + 1]);
    let claimed = row(store).await;
    assert_eq!(
        store.claim_agent(&claimed, MINUTE, None).await.unwrap(),
        None,
        "nobody while the claim lasts"
    );
    end(store).await;

    // If the claimer dies before it has dispatched, another takes over the claim.
    let metadata = DispatchMetadata::default();
    store.want_agent(ROOM, &metadata, at(8_001)).await.unwrap();
    let before = row(store).await;
    let dies = store
        .claim_agent(&before, Duration::ZERO, None)
        .await
        .unwrap();
    let after = row(store).await;
    let goes_on = store.claim_agent(&after, MINUTE, None).await.unwrap();
    assert_eq!(goes_on, dies.map(|epoch| epoch + 1));
    // What the first one notes when it resumes changes nothing.
    let late = store.agent_asked(&before, dies.unwrap(), "AD_late", Duration::ZERO);
    late.await.unwrap();
    assert_eq!(row(store).await.dispatch_id, None);
    end(store).await;
}

pub async fn late_words_change_nothing(store: &Store) {
    let first = asked(store, Duration::ZERO).await;
    assert!(store.agent_runs(&agent(first, None)).await.unwrap());
    let before = row(store).await;
    assert_eq!(before.agent_identity, Some(format!("agent-{first}")));

    // Between claim and dispatch the agent to be removed is still known, but what it reports does not count.
    let second = store
        .claim_agent(&before, MINUTE, None)
        .await
        .unwrap()
        .unwrap();
    let (identity, stays) = (format!("agent-{first}"), async || {
        assert_eq!(row(store).await.state, DispatchState::Asked);
    });
    let ends = async || {
        let ended = store.agent_has_ended(ROOM, Some(first), &identity, at(8_010));
        ended.await.unwrap();
        let (ended, at) = (DispatchState::Ended, at(8_010));
        store.agent_is(ROOM, first, ended, at, None).await.unwrap();
        store.agent_over(ROOM, first, at).await.unwrap();
        store.agent_is_lost(&agent(first, None)).await.unwrap();
    };
    ends().await;
    stays().await;
    // The second agent's job starts before its dispatch is noted.
    assert!(store.agent_runs(&agent(second, None)).await.unwrap());
    let asked = store.agent_asked(&before, second, "AD_2", Duration::ZERO);
    asked.await.unwrap();
    let now = row(store).await;
    assert_eq!(now.agent_identity, Some(format!("agent-{second}")));
    assert_eq!(now.dispatch_id.as_deref(), Some("AD_2"));
    ends().await;
    stays().await;
    assert!(
        store.silent_agents(MINUTE).await.unwrap().is_empty(),
        "not lost"
    );
    // The first agent asks whether it may stay, or arrives late, and must leave.
    assert!(!store.agent_is_back(&agent(first, None)).await.unwrap());
    assert!(!store.agent_runs(&agent(first, None)).await.unwrap());
    assert_eq!(row(store).await, now);
    assert!(store.agent_is_back(&agent(second, None)).await.unwrap());

    // Its own end counts, but not under another identity. (The third agent's counts although no identity was stored.)
    let ended = store.agent_has_ended(ROOM, Some(second), "agent-unknown", at(8_011));
    ended.await.unwrap();
    stays().await;
    let identity = format!("agent-{second}");
    let ended = store.agent_has_ended(ROOM, Some(second), &identity, at(8_011));
    ended.await.unwrap();
    assert_eq!(row(store).await.state, DispatchState::Ended);
    // Wanted again: a late end of the previous agent does not count.
    let metadata = DispatchMetadata::default();
    assert!(store.want_agent(ROOM, &metadata, at(8_012)).await.unwrap());
    let ended = store.agent_has_ended(ROOM, Some(second), &identity, at(8_013));
    ended.await.unwrap();
    stays().await;
    let third = self::asked(store, Duration::ZERO).await;
    let ended = store.agent_has_ended(ROOM, Some(third), "agent-3", at(8_014));
    ended.await.unwrap();
    assert_eq!(row(store).await.state, DispatchState::Ended);
    // Where there is no guard, agents are not replaced.
    let elsewhere = Agent {
        room: "nobody-watches".into(),
        ..agent(1, None)
    };
    assert!(store.agent_runs(&elsewhere).await.unwrap());
    assert!(store.agent_is_back(&elsewhere).await.unwrap());
}

pub async fn silent_workers_are_seen(store: &Store) {
    let worker = introduce("sidetone", 25);
    store.worker_beat(&worker).await.unwrap();
    let epoch = asked(store, Duration::ZERO).await;
    let agent = agent(epoch, Some(worker.id));
    let silent = async |for_so_long| store.silent_agents(for_so_long).await.unwrap();
    let it = [SilentAgent {
        room_name: ROOM.into(),
        epoch,
    }];
    let now = Duration::ZERO;
    assert_eq!(silent(now).await, [], "it has not come yet");
    assert!(store.agent_runs(&agent).await.unwrap());
    assert_eq!(silent(MINUTE).await, [], "its coming is a beat");
    assert_eq!(silent(now).await, it);
    let silence = Duration::from_millis(300);
    tokio::time::sleep(silence).await;
    assert_eq!(silent(silence).await, it);
    store.worker_lives(worker.id).await.unwrap();
    assert_eq!(silent(silence).await, []);
    // It sent a heartbeat while its agent was asked: no takeover.
    let before = row(store).await;
    let claimed = store.claim_agent(&before, MINUTE, Some(MINUTE)).await;
    assert_eq!(claimed.unwrap(), None);
    // An agent that has lost its room reports that, and then its return.
    store.agent_is_lost(&agent).await.unwrap();
    assert_eq!(silent(MINUTE).await, it);
    assert!(store.agent_is_back(&agent).await.unwrap());
    assert_eq!(silent(MINUTE).await, []);
    // A worker without a row is silent.
    store.worker_gone(worker.id).await.unwrap();
    assert_eq!(silent(MINUTE).await, it);
    // A takeover is exclusive; if the claimer dies on the way, another gets it.
    let before = row(store).await;
    let next = store.claim_agent(&before, silence, Some(MINUTE)).await;
    let next = next.unwrap().unwrap();
    assert_eq!(silent(now).await, []);
    tokio::time::sleep(silence).await;
    let again = SilentAgent {
        room_name: ROOM.into(),
        epoch: next,
    };
    assert_eq!(silent(MINUTE).await, [again]);
    let before = row(store).await;
    let last = store
        .claim_agent(&before, silence, None)
        .await
        .unwrap()
        .unwrap();
    let asked = store.agent_asked(&before, last, "AD_9", Duration::ZERO);
    asked.await.unwrap();
    assert_eq!(silent(now).await, [], "the next one is to come");
    end(store).await;
}

/// A late report of an agent about its call's end is ignored if another was sent for the same call.
pub async fn an_agent_that_was_replaced_ends_no_call(store: &Store) {
    let call = new_call(8_100, "tia", CallType::Support);
    store.create_call(&call).await.unwrap();
    let (room, call) = (&call.room_name, call.id);
    let metadata = DispatchMetadata {
        call_id: Some(call),
        ..DispatchMetadata::default()
    };
    let is_taken_over = async |call, epoch| store.is_taken_over(call, room, epoch).await.unwrap();
    assert!(!is_taken_over(call, 1).await, "nobody counts");
    store.want_agent(room, &metadata, at(8_100)).await.unwrap();
    let before = store.agent_in(room).await.unwrap().unwrap();
    let first = store.claim_agent(&before, Duration::ZERO, None).await;
    let first = first.unwrap().unwrap();
    assert!(!is_taken_over(call, first).await);
    let before = store.agent_in(room).await.unwrap().unwrap();
    let second = store.claim_agent(&before, Duration::ZERO, None).await;
    let second = second.unwrap().unwrap();
    assert!(is_taken_over(call, first).await && !is_taken_over(call, second).await);
    // The room's next call says nothing about this one.
    assert!(!is_taken_over(Uuid::nil(), first).await);
    let row = store.agent_in(room).await.unwrap().unwrap();
    let ended = DispatchState::Ended;
    let noted = store.agent_is(room, row.epoch, ended, at(8_110), None);
    noted.await.unwrap();
}

/// Nobody has seen a killed agent leave: whoever removes it from the room ends its stay.
pub async fn a_dead_agents_stay_ends(store: &Store) {
    let call = new_call(60, "tim", CallType::Support);
    store.create_call(&call).await.unwrap();
    let agent = |sid, identity, from, to| stay(sid, identity, ParticipantKind::Agent, from, to);
    let known = [
        Fact::RoomStarted(at(61)),
        agent("PA_dead", "agent-1", 61, None),
        stay("PA_tim", "tim", ParticipantKind::User, 62, None),
    ];
    store.observe(call.id, Some("RM_t"), &known).await.unwrap();
    store
        .agent_is_gone(call.id, "agent-1", at(70))
        .await
        .unwrap();
    let next = [agent("PA_next", "agent-2", 71, None)];
    store.observe(call.id, Some("RM_t"), &next).await.unwrap();
    // It is removed again, later; and what it wrote before its death arrives late.
    store
        .agent_is_gone(call.id, "agent-1", at(80))
        .await
        .unwrap();
    let late = [agent("PA_dead", "agent-1", 61, None)];
    store.observe(call.id, Some("RM_t"), &late).await.unwrap();
    let left = async || {
        let stays = store.participants(call.id).await.unwrap();
        let left = stays.into_iter().map(|stay| (stay.user_id, stay.left_at));
        left.collect::<Vec<_>>()
    };
    let of = |identity: &str, left: Option<i64>| (identity.to_owned(), left.map(at));
    assert_eq!(
        left().await,
        [
            of("agent-1", Some(70)),
            of("tim", None),
            of("agent-2", None)
        ]
    );
    let over = Fact::Over {
        at: at(90),
        hung_up: true,
    };
    store.observe(call.id, None, &[over]).await.unwrap();
    assert_eq!(
        left().await,
        [
            of("agent-1", Some(70)),
            of("tim", Some(90)),
            of("agent-2", Some(90))
        ]
    );
}

/// What a caller is saying is there for the agent that takes over, until it is a turn, or no turn, or the call is over.
pub async fn what_is_being_said_is_known_until_it_is_over(store: &Store) {
    let call = new_call(88_700, "tom", CallType::Support);
    let id = store.create_call(&call).await.unwrap().id;
    let saying = |n: u64, text: &str| Saying {
        turn_id: format!("AJ_1-caller-{n:06}"),
        text: text.into(),
        name: Some("Tom".into()),
        at: at(8_701),
    };
    let save = async |one: Saying| store.save_saying(id, &one).await.unwrap();
    let known = async || store.saying(id).await.unwrap();
    assert!(save(saying(1, "A table")).await);
    assert!(save(saying(1, "A table for\0 four")).await);
    assert_eq!(known().await, Some(saying(1, "A table for four")));
    assert!(save(saying(1, "")).await);
    assert_eq!(known().await, None);

    save(saying(2, "At")).await;
    let reply = turn("AJ_1-agent-000001", Speaker::Agent, "Yes?", 8_702, None);
    store.save_turn(id, &reply).await.unwrap();
    assert!(known().await.is_some(), "the caller's turn goes on");
    let asked = turn(
        "AJ_1-caller-000002",
        Speaker::User,
        "At seven.",
        8_703,
        None,
    );
    store.save_turn(id, &asked).await.unwrap();
    assert_eq!(known().await, None);
    assert_eq!(store.turns(id).await.unwrap().len(), 2, "it is no turn");

    save(saying(3, "And")).await;
    let over = [Fact::RoomFinished(at(8_710))];
    store.observe(id, None, &over).await.unwrap();
    assert_eq!(known().await, None);
    save(saying(3, "And by the")).await;
    assert_eq!(known().await, None, "late words are nobody's");
    assert!(
        !store
            .save_saying(Uuid::nil(), &saying(1, "Hm"))
            .await
            .unwrap()
    );
}

/// An agent on its way when its call was ended, such as by a `DELETE` during a takeover, is one too many.
pub async fn an_agent_that_was_ended_on_its_way_is_not_wanted(store: &Store) {
    let worker = introduce("sidetone", 25);
    store.worker_beat(&worker).await.unwrap();
    let epoch = asked(store, Duration::ZERO).await;
    end(store).await;
    let late = agent(epoch, Some(worker.id));
    assert!(!store.agent_runs(&late).await.unwrap());
    let later = asked(store, Duration::ZERO).await;
    assert!(
        store
            .agent_runs(&agent(later, Some(worker.id)))
            .await
            .unwrap()
    );
    end(store).await;
    store.worker_gone(worker.id).await.unwrap();
}
