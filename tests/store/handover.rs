//! A call that an agent of a drained worker hands over to another one.

use std::time::Duration;

use sidetone::agent::presence::introduce;
use sidetone_store::dispatches::{Dispatch, DispatchState};
use sidetone_store::epochs::Agent;
use sidetone_store::workers::WorkerState;
use sidetone_store::{CallType, DispatchMetadata, Store};
use uuid::Uuid;

use super::{at, new_call};

const POOL: &str = "handed-over";
const MINUTE: Duration = Duration::from_secs(60);

/// A call with an agent in its room.
struct Held<'a> {
    store: &'a Store,
    call: Uuid,
    agent: Agent,
}

impl<'a> Held<'a> {
    async fn by(store: &'a Store, worker: Uuid, second: i64) -> Self {
        let call = new_call(second, "uma", CallType::Support);
        store.create_call(&call).await.unwrap();
        let metadata = DispatchMetadata {
            call_id: Some(call.id),
            ..DispatchMetadata::default()
        };
        let room = &call.room_name;
        store.want_agent(room, &metadata, at(second)).await.unwrap();
        let before = store.agent_in(room).await.unwrap().unwrap();
        let epoch = store.claim_agent(&before, MINUTE, None).await.unwrap();
        let agent = Agent {
            room: room.clone(),
            epoch,
            identity: "agent-old".into(),
            worker_id: "AW_old".into(),
            worker: Some(worker),
        };
        assert!(store.agent_runs(&agent).await.unwrap());
        let epoch = epoch.unwrap();
        let free = store.agent_asked(&before, epoch, "AD_old", Duration::ZERO);
        free.await.unwrap();
        let joined = store.agent_is(room, epoch, DispatchState::Joined, at(second), None);
        joined.await.unwrap();
        Self {
            store,
            call: call.id,
            agent,
        }
    }

    async fn row(&self) -> Dispatch {
        let row = self.store.agent_in(&self.agent.room).await;
        row.unwrap().unwrap()
    }

    async fn yields(&self) -> bool {
        self.store.agent_yields(&self.agent).await.unwrap()
    }

    async fn is_followed(&self) -> bool {
        self.store.agent_is_followed(&self.agent).await.unwrap()
    }

    async fn takes_back(&self) -> bool {
        self.store.agent_yields_no_more(&self.agent).await.unwrap()
    }

    async fn is_taken_over(&self) -> bool {
        let (room, epoch) = (&self.agent.room, self.agent.epoch.unwrap());
        let taken = self.store.is_taken_over(self.call, room, epoch);
        taken.await.unwrap()
    }

    /// Dispatches the next agent, as a control plane does; it has not come yet.
    async fn next(&self) -> Agent {
        let before = self.row().await;
        let claimed = self.store.claim_agent(&before, MINUTE, Some(MINUTE));
        let epoch = claimed.await.unwrap();
        let free = (self.store).agent_asked(&before, epoch.unwrap(), "AD_new", Duration::ZERO);
        free.await.unwrap();
        Agent {
            epoch,
            identity: "agent-new".into(),
            ..self.agent.clone()
        }
    }
}

pub async fn a_call_is_handed_over_to_one_agent(store: &Store) {
    let mut own = introduce(POOL, 5);
    (own.state, own.seen_at) = (WorkerState::Draining, sidetone_store::now());
    store.worker_beat(&own).await.unwrap();
    let call = Held::by(store, own.id, 9_000).await;
    assert!(!call.yields().await, "no other worker is there");
    assert!(!call.row().await.is_handed_over());
    let mut other = introduce(POOL, 5);
    (other.state, other.seen_at) = (WorkerState::Ready, sidetone_store::now());
    store.worker_beat(&other).await.unwrap();

    // Nobody comes: what was asked for is taken back.
    assert!(call.yields().await);
    assert!(call.row().await.is_handed_over());
    assert!(call.takes_back().await);
    let row = call.row().await;
    assert!(!row.is_handed_over() && row.state.is_live());

    // Another agent comes, and has the call as soon as it hears the caller.
    assert!(call.yields().await);
    let silent = store.silent_agents(MINUTE).await.unwrap();
    let told = silent.iter().find(|one| one.room_name == call.agent.room);
    assert_eq!(told.map(|one| Some(one.epoch)), Some(call.agent.epoch));
    let next = call.next().await;
    assert!(
        call.row().await.is_handed_over(),
        "also if it is asked for again"
    );
    assert!(!call.is_followed().await, "it is on its way");
    assert!(store.agent_runs(&next).await.unwrap());
    assert!(call.is_followed().await && !call.row().await.is_handed_over());
    assert!(!call.takes_back().await, "too late");
    // What happens before this one has left is its own to tell.
    assert!(!call.is_taken_over().await);
    store.agent_has_yielded(&call.agent).await.unwrap();
    assert!(call.is_taken_over().await);

    // One that comes after the call was taken back leaves.
    let call = Held::by(store, own.id, 9_001).await;
    assert!(call.yields().await);
    let next = call.next().await;
    assert!(call.takes_back().await);
    assert!(!store.agent_runs(&next).await.unwrap());
    assert!(!call.is_taken_over().await, "its word on the end counts");

    // So does one whose call ends while it waits.
    let call = Held::by(store, own.id, 9_002).await;
    assert!(call.yields().await);
    let next = call.next().await;
    assert!(store.agent_runs(&next).await.unwrap());
    store.yielded_call_has_ended(&call.agent).await.unwrap();
    assert!(!store.agent_runs(&next).await.unwrap());
    assert!(!call.is_taken_over().await);

    for worker in [own.id, other.id] {
        store.worker_gone(worker).await.unwrap();
    }
}
