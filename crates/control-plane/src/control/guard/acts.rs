//! What the guardian's wishes are carried out with: the store, and LiveKit.

mod look;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::Done;
use super::rounds::Rounds;
use crate::control::rooms::{self, Alone, Notice};
use crate::dispatch::Dispatcher;
use crate::dispatch::guardian::{GuardianConfig, Input};
use crate::server_api::ServerApi;
use sidetone_base::metrics::metrics;
use sidetone_store::dispatches::{Dispatch, DispatchState};
use sidetone_store::epochs::SilentAgent;
use sidetone_store::{DispatchMetadata, Fact, Store, StoreError};

/// Askings at once: a dead worker leaves many rooms, and LiveKit chooses workers by a load that they
/// report.
const ASKINGS: usize = 8;
/// Agents asked at once whether they live.
const CONFIRMATIONS: usize = 32;
/// How long one control plane carries out an asking before another may.
const CLAIM: Duration = Duration::from_secs(5);
/// Longest round of beating and reading.
const ROUND: Duration = Duration::from_secs(1);

/// Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Acts {
    store: Store,
    dispatcher: Arc<Dispatcher>,
    livekit: ServerApi,
    /// For so long after an asking, nobody asks again.
    asked_once: Duration,
    suspect_after: Duration,
    silence: Duration,
    answers_within: Duration,
    names_editions: bool,
    asking: Arc<Semaphore>,
    confirming: Arc<Semaphore>,
    rounds: Arc<Rounds>,
}

impl Acts {
    pub(super) fn new(
        config: &GuardianConfig,
        store: Store,
        dispatcher: Arc<Dispatcher>,
        livekit: ServerApi,
        names_editions: bool,
    ) -> Self {
        Self {
            names_editions,
            rounds: Arc::new(Rounds::new(livekit.clone(), config.look_again.mul_f32(0.8))),
            store,
            dispatcher,
            livekit,
            asked_once: config.patience.mul_f32(0.8),
            suspect_after: config.suspect_after,
            silence: config.silence,
            answers_within: config.answers_within,
            asking: Arc::new(Semaphore::new(ASKINGS)),
            confirming: Arc::new(Semaphore::new(CONFIRMATIONS)),
        }
    }

    /// Asks LiveKit for an agent; for one `instead_of` a dead one, unless another was asked for since.
    pub(super) async fn ask(&self, room: String, instead_of: Option<i64>) -> Input {
        // It is never closed.
        let _turn = self.asking.acquire().await;
        let asked = async {
            let Some(before) = self.store.agent_in(&room).await? else {
                return Ok(false);
            };
            if !before.state.is_live() {
                return Ok(false);
            }
            // Of several control planes one asks; the others wait as if they had.
            if instead_of.is_some_and(|epoch| epoch != before.epoch) {
                return Ok(true);
            }
            let silence = instead_of.map(|_| self.silence);
            let claimed = self.store.claim_agent(&before, CLAIM, silence).await?;
            let Some(epoch) = claimed else {
                return Ok(true);
            };
            let asked = self.ask_as(&before, epoch).await;
            let why = match (&asked, instead_of, &before.dispatch_id) {
                (Err(_), ..) => "failed",
                (Ok(()), Some(_), _) if before.is_handed_over() => "handed_over",
                (Ok(()), Some(_), _) => "instead_of_lost",
                (Ok(()), None, Some(_)) => "again",
                (Ok(()), None, None) => "first",
            };
            metrics().control.asked(why).inc();
            if asked.is_err() {
                // Whoever tries next need not wait.
                self.store.release_claim(&room, epoch).await?;
            }
            asked.map(|()| true)
        };
        match asked.await {
            Ok(true) => Input::Asked(room, Ok(())),
            Ok(false) => Input::Over(room),
            Err(error) => {
                tracing::warn!(room, %error, "an agent could not be dispatched");
                Input::Asked(room, Err(error.to_string()))
            }
        }
    }

    /// Asks as `epoch`. Another claims the next one if this process dies on the way: the row still names
    /// the agent before until LiveKit has taken the dispatch.
    async fn ask_as(&self, before: &Dispatch, epoch: i64) -> anyhow::Result<()> {
        let room = &before.room_name;
        // The agent that hands over is in the room, and stays until the next one hears the caller.
        let yields = before.is_handed_over() && before.agent_identity.is_some();
        // LiveKit keeps a dead worker's participant for 20 s, and one that comes back would speak
        // beside the next.
        if let Some(identity) = before.agent_identity.as_ref().filter(|_| !yields) {
            match self.livekit.remove_participant(room, identity).await {
                Ok(()) => self.note_gone(before, identity),
                // The next one tries again before it speaks.
                Err(error) => {
                    tracing::warn!(room, identity, %error, "a dead agent is still shown in its room");
                }
            }
        }
        let edition = match self.names_editions {
            true => self.store.edition_for_call(before.call_id).await?,
            false => None,
        };
        let metadata = DispatchMetadata {
            edition,
            epoch: Some(epoch),
            takes_over: before.state == DispatchState::Joined || before.agent_identity.is_some(),
            handed_over: before.is_handed_over(),
            ..before.metadata.0.clone()
        };
        let dispatch_id = self.dispatcher.create(room, &metadata).await?;
        let asked = self.asked_once;
        let noted = self.store.agent_asked(before, epoch, &dispatch_id, asked);
        noted.await?;
        if let Some(earlier) = before.dispatch_id.clone().filter(|_| !yields) {
            // LiveKit waits for the answer of the worker, which may be dead: nobody else has to.
            let (dispatcher, room) = (Arc::clone(&self.dispatcher), room.clone());
            tokio::spawn(async move {
                if let Err(error) = dispatcher.delete(&room, &earlier).await {
                    tracing::warn!(room, %error, "an earlier dispatch could not be deleted");
                }
            });
        }
        Ok(())
    }

    /// Ends the stay of an agent that was removed, beside the asking for the next one: LiveKit's event may
    /// be lost, and the dead one says nothing. When the database does not answer, reconciliation sees it.
    fn note_gone(&self, before: &Dispatch, identity: &str) {
        let Some(call_id) = before.call_id else {
            return;
        };
        let (store, identity) = (self.store.clone(), identity.to_owned());
        tokio::spawn(async move {
            let gone = store.agent_is_gone(call_id, &identity, sidetone_store::now());
            if let Err(error) = gone.await {
                tracing::warn!(%call_id, identity, %error, "the time at which an agent left could not be stored");
            }
        });
    }

    /// Beats, and reads who is silent. None: the database does not take the beat.
    pub(super) async fn silent(&self) -> Option<Vec<SilentAgent>> {
        let silent = timeout(ROUND, self.store.silent_agents(self.suspect_after)).await;
        match silent {
            Ok(Ok(silent)) => Some(silent),
            Ok(Err(error)) => {
                tracing::debug!(%error, "could not look for silent workers");
                None
            }
            Err(_) => None,
        }
    }

    pub(super) async fn live(&self) -> Vec<(String, bool)> {
        let rooms = self.store.guarded_rooms().await.unwrap_or_else(|error| {
            tracing::error!(%error, "which rooms want an agent could not be read");
            Vec::new()
        });
        rooms
            .into_iter()
            .map(|room| (room.room_name, room.state == DispatchState::Joined))
            .collect()
    }

    pub(super) async fn note_over(&self, room: &str) -> Done {
        let noted = async {
            let Some(agent) = self.store.agent_in(room).await? else {
                return Ok(());
            };
            let now = sidetone_store::now();
            self.store.agent_over(room, agent.epoch, now).await
        };
        if let Err(error) = noted.await {
            tracing::error!(room, %error, "could not store that an empty room needs no agent");
        }
        Done::Nothing
    }

    pub(super) async fn note_present(&self, room: &str) -> Done {
        let noted = async {
            let Some(agent) = self.store.agent_in(room).await? else {
                return Ok(());
            };
            let (joined, now) = (DispatchState::Joined, sidetone_store::now());
            self.store
                .agent_is(room, agent.epoch, joined, now, None)
                .await
        };
        if let Err(error) = noted.await {
            tracing::error!(room, %error, "could not store that an agent is on its way");
        }
        Done::Nothing
    }

    /// Tells the caller that an agent is still being asked for.
    pub(super) async fn tell_waiting(&self, room: &str) -> Done {
        let notice = Notice::Waiting(Alone::NoAgent);
        if let Err(error) = rooms::tell(&self.livekit, room, notice).await {
            tracing::debug!(room, %error, "callers could not be told to wait");
        }
        Done::Nothing
    }

    pub(super) async fn give_up(&self, room: &str, reason: &str) -> Done {
        metrics().control.given_up.inc();
        let noted = async {
            let Some(agent) = self.store.agent_in(room).await? else {
                return Ok(());
            };
            let now = sidetone_store::now();
            self.store
                .agent_is(room, agent.epoch, DispatchState::Failed, now, Some(reason))
                .await?;
            if let Some(call_id) = agent.call_id {
                let failed = [Fact::Failed(now, reason.to_owned())];
                self.store.observe(call_id, None, &failed).await?;
            }
            Ok::<_, StoreError>(())
        };
        if let Err(error) = noted.await {
            tracing::error!(room, %error, "a failed call could not be stored");
        }
        // The caller hears why nobody answers; an empty room has nobody to tell.
        let notice = Notice::Failed(Alone::NoAgent);
        if let Err(error) = rooms::tell(&self.livekit, room, notice).await {
            tracing::debug!(room, %error, "callers could not be told that the call failed");
        }
        if let Err(error) = rooms::hang_up(&self.livekit, room).await {
            tracing::warn!(room, %error, "the telephone could not be hung up: its line may stay open without an agent");
        }
        Done::Nothing
    }
}
