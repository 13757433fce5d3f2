//! An agent's place in its room: whether it is the one that is wanted there, or another was asked for.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use livekit::prelude::{Room, RpcError, RpcInvocationData};
use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::spool::Asking;
use crate::room::standing::{self, agents};
use crate::worker::Job;
use sidetone_control_plane::server_api::ServerApi;
use sidetone_store::epochs::Agent;
use sidetone_store::{ALIVE_METHOD, Store, StoreError};

/// Longest wait for the store: a call goes on without it.
const STORE: Duration = Duration::from_secs(1);
/// An agent that is back asks the store so often before it takes its place for its own: nobody can have
/// sent another while the store was away.
const TRIES: u32 = 3;
/// Longest wait for an agent of an earlier epoch to be gone.
const REMOVAL: Duration = Duration::from_secs(1);
/// Time between two looks whether it is.
const LOOK: Duration = Duration::from_millis(20);
/// Time between two questions whether the next agent is there.
const ASK: Duration = Duration::from_millis(200);
/// As HTTP's 403; codes below 1000 are the application's (LiveKit's RPC documentation).
const RPC_FORBIDDEN: u32 = 403;

/// An agent's place in its room. Dropped before the agent [leaves](Place::leaves), it is noted as lost: the
/// call has failed, and another agent is to come though the worker lives.
pub(super) struct Place {
    agent: Agent,
    store: Store,
    livekit: ServerApi,
    /// The agent is in the room, and does not leave it on purpose.
    is_held: AtomicBool,
    /// The agent hands its call over, or has tried to.
    yields: AtomicBool,
}

impl Place {
    pub(super) fn new(
        store: &Store,
        livekit: &ServerApi,
        worker: Uuid,
        job: &Job,
        epoch: Option<i64>,
    ) -> Self {
        let agent = Agent {
            room: job.room_name.clone(),
            epoch,
            identity: job.identity.clone(),
            worker_id: job.worker_id.clone(),
            worker: Some(worker),
        };
        Self {
            agent,
            store: store.clone(),
            livekit: livekit.clone(),
            is_held: AtomicBool::new(false),
            yields: AtomicBool::new(false),
        }
    }

    /// What the agent has come for, if that is counted.
    pub(super) fn asking(&self) -> Option<Asking> {
        let room = self.agent.room.clone();
        self.agent.epoch.map(|epoch| Asking { room, epoch })
    }

    /// The agent leaves on purpose.
    pub(super) fn leaves(&self) {
        self.is_held.store(false, Ordering::Relaxed);
    }

    /// Announces the agent in a room where another one hands over its call, and leaves as soon as it reads this. False when
    /// another was asked for since, or the call has ended.
    pub(super) async fn announce(&self, room: &Room) -> bool {
        self.answer_alive(room);
        match within(self.store.agent_runs(&self.agent)).await {
            Ok(is_wanted) => is_wanted,
            Err(error) => {
                tracing::warn!(%error, "could not store which worker runs the agent");
                true
            }
        }
    }

    /// Whether no agent of an earlier dispatch is in a room.
    pub(super) fn is_alone(&self, room: &Room) -> bool {
        let own = self.agent.epoch;
        !agents(room).any(|(_, epoch)| own.is_some_and(|own| epoch < own))
    }

    /// Takes the place in a room that was just joined, before anything is said there: whoever has come
    /// for an earlier asking is removed. False when another was asked for since. A place that cannot be
    /// stored is taken all the same.
    pub(super) async fn take(&self, room: &Room) -> bool {
        if !self.announce(room).await {
            return false;
        }
        let Some(own) = self.agent.epoch else {
            return true;
        };
        if agents(room).any(|(_, epoch)| epoch > own) {
            return false;
        }
        self.is_held.store(true, Ordering::Relaxed);
        for (earlier, epoch) in agents(room).filter(|(_, epoch)| *epoch < own) {
            let identity = earlier.identity();
            tracing::warn!(%identity, epoch, "an agent of an earlier dispatch is removed");
            let removed = self
                .livekit
                .remove_participant(&self.agent.room, identity.as_str());
            if let Err(error) = removed.await {
                tracing::warn!(%error, "the earlier agent could not be removed; it may stay in the room");
            }
        }
        let gone = async {
            while !self.is_alone(room) {
                sleep(LOOK).await;
            }
        };
        // It leaves by itself when it hears of this one.
        let _ = timeout(REMOVAL, gone).await;
        true
    }

    /// Answers the server's question whether this agent lives. The server asks in the name of the request,
    /// and puts the true name on what a participant sends.
    fn answer_alive(&self, room: &Room) {
        let epoch = self
            .agent
            .epoch
            .map_or_else(String::new, |own| own.to_string());
        let answer =
            move |asked: RpcInvocationData| -> BoxFuture<'static, Result<String, RpcError>> {
                let is_server = asked.caller_identity.as_str() == asked.request_id;
                let epoch = epoch.clone();
                async move {
                    if !is_server {
                        let message = format!("{ALIVE_METHOD} is for the server alone");
                        return Err(RpcError::new(RPC_FORBIDDEN, message, None));
                    }
                    Ok(epoch)
                }
                .boxed()
            };
        let participant = room.local_participant();
        participant.register_rpc_method(ALIVE_METHOD.to_owned(), answer);
    }

    /// Asks for another agent to hand the call over to. False when nobody could take it.
    pub(super) async fn yields(&self) -> bool {
        if self.agent.epoch.is_none() || !self.is_held.load(Ordering::Relaxed) {
            return false;
        }
        match within(self.store.agent_yields(&self.agent)).await {
            Ok(yields) => {
                self.yields.store(yields, Ordering::Relaxed);
                yields
            }
            Err(error) => {
                tracing::warn!(%error, "could not ask for an agent to hand the call over to");
                false
            }
        }
    }

    /// Waits until the agent that was asked for hears the caller.
    pub(super) async fn is_followed(&self) {
        while !matches!(
            within(self.store.agent_is_followed(&self.agent)).await,
            Ok(true)
        ) {
            sleep(ASK).await;
        }
    }

    /// Asks no more for the agent: one that comes later leaves. False when it has come, and has the call.
    pub(super) async fn yields_no_more(&self) -> bool {
        match within(self.store.agent_yields_no_more(&self.agent)).await {
            Ok(is_ours) => {
                self.yields.store(!is_ours, Ordering::Relaxed);
                is_ours
            }
            Err(error) => {
                tracing::warn!(%error, "could not read whether another agent has come");
                true
            }
        }
    }

    /// Notes that the call was left to the next agent, or has ended for it, too.
    pub(super) async fn has_yielded(&self, is_over: bool) {
        if !self.yields.load(Ordering::Relaxed) {
            return;
        }
        let noted = match is_over {
            true => within(self.store.yielded_call_has_ended(&self.agent)).await,
            false => within(self.store.agent_has_yielded(&self.agent)).await,
        };
        if let Err(error) = noted {
            tracing::warn!(%error, "could not store what became of a handover");
        }
    }

    /// Notes that the agent has lost its room for good, so that another is sent.
    pub(super) async fn give_up(&self) {
        self.leaves();
        note_lost(&self.store, &self.agent).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if *self.is_held.get_mut()
            && let Ok(runtime) = Handle::try_current()
        {
            let (store, agent) = (self.store.clone(), self.agent.clone());
            runtime.spawn(async move { note_lost(&store, &agent).await });
        }
    }
}

async fn note_lost(store: &Store, agent: &Agent) {
    if let Err(error) = within(store.agent_is_lost(agent)).await {
        tracing::warn!(%error, "could not store that the agent lost its room");
    }
}

impl standing::Standing for Place {
    fn epoch(&self) -> Option<i64> {
        self.agent.epoch
    }

    fn lost(&self) -> BoxFuture<'static, ()> {
        let (agent, store) = (self.agent.clone(), self.store.clone());
        async move { note_lost(&store, &agent).await }.boxed()
    }

    fn is_ours(&self) -> BoxFuture<'static, bool> {
        let (agent, store) = (self.agent.clone(), self.store.clone());
        async move {
            for _ in 0..TRIES {
                match within(store.agent_is_back(&agent)).await {
                    Ok(is_ours) => return is_ours,
                    Err(error) => {
                        tracing::warn!(%error, "could not read which agent the call belongs to")
                    }
                }
            }
            true
        }
        .boxed()
    }
}

/// The store's answer, in time.
async fn within<T>(asked: impl Future<Output = Result<T, StoreError>>) -> anyhow::Result<T> {
    match timeout(STORE, asked).await {
        Ok(answer) => Ok(answer?),
        Err(_) => anyhow::bail!("the database did not answer within {STORE:?}"),
    }
}
