//! What the guardian's wishes are carried out with: the store, and LiveKit.

use std::sync::Arc;
use std::time::Duration;

use livekit_protocol as proto;
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::Done;
use crate::control::participant::kind_of;
use crate::control::rooms;
use crate::dispatch::Dispatcher;
use crate::dispatch::guardian::{GuardianConfig, Input, Sight, Verdict};
use crate::server_api::{Answer, ServerApi};
use sidetone_store::dispatches::{Dispatch, DispatchState};
use sidetone_store::epochs::SilentAgent;
use sidetone_store::{
    ALIVE_METHOD, DispatchMetadata, EPOCH_ATTRIBUTE, Fact, ParticipantKind, Store, StoreError,
};

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
    asking: Arc<Semaphore>,
    confirming: Arc<Semaphore>,
}

impl Acts {
    pub(super) fn new(
        config: &GuardianConfig,
        store: Store,
        dispatcher: Arc<Dispatcher>,
        livekit: ServerApi,
    ) -> Self {
        Self {
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
                tracing::warn!(room, %error, "an agent could not be asked for");
                Input::Asked(room, Err(error.to_string()))
            }
        }
    }

    /// Asks as `epoch`. Another claims the next one if this process dies on the way: the row still names
    /// the agent before until LiveKit has taken the dispatch.
    async fn ask_as(&self, before: &Dispatch, epoch: i64) -> anyhow::Result<()> {
        let room = &before.room_name;
        // LiveKit keeps a dead worker's participant for 20 s, and one that comes back would speak
        // beside the next.
        if let Some(identity) = &before.agent_identity
            && let Err(error) = self.livekit.remove_participant(room, identity).await
        {
            // The next one tries again before it speaks.
            tracing::warn!(room, identity, %error, "a dead agent is still shown in its room");
        }
        let metadata = DispatchMetadata {
            epoch: Some(epoch),
            ..before.metadata.0.clone()
        };
        let dispatch_id = self.dispatcher.create(room, &metadata).await?;
        let asked = self.asked_once;
        let noted = self.store.agent_asked(before, epoch, &dispatch_id, asked);
        noted.await?;
        if let Some(earlier) = before.dispatch_id.clone() {
            // LiveKit waits for the answer of the worker, which may be dead: nobody else has to.
            let (dispatcher, room) = (Arc::clone(&self.dispatcher), room.clone());
            tokio::spawn(async move {
                if let Err(error) = dispatcher.delete(&room, &earlier).await {
                    tracing::warn!(room, %error, "an earlier dispatch stays");
                }
            });
        }
        Ok(())
    }

    /// Beats, and reads who is silent. None: the database does not take the beat.
    pub(super) async fn silent(&self) -> Option<Vec<SilentAgent>> {
        let silent = timeout(ROUND, self.store.silent_agents(self.suspect_after)).await;
        match silent {
            Ok(Ok(silent)) => Some(silent),
            Ok(Err(error)) => {
                tracing::debug!(%error, "silent workers are not looked for");
                None
            }
            Err(_) => None,
        }
    }

    /// Asks an agent whether it lives.
    pub(super) async fn confirm(&self, room: String, epoch: i64) -> Input {
        // It is never closed.
        let _turn = self.confirming.acquire().await;
        let verdict = self.verdict(&room, epoch).await;
        let verdict = verdict.unwrap_or_else(|error| {
            tracing::warn!(room, %error, "whether an agent lives is not known");
            Verdict::Unknown
        });
        Input::Confirmed(room, verdict)
    }

    async fn verdict(&self, room: &str, epoch: i64) -> anyhow::Result<Verdict> {
        let agent = self.store.agent_in(room).await?;
        let same = agent.filter(|agent| agent.state.is_live() && agent.epoch == epoch);
        let Some(identity) = same.and_then(|agent| agent.agent_identity) else {
            return Ok(Verdict::Unknown);
        };
        let (there, answer) = tokio::join!(
            self.livekit.participants(room),
            self.answer(room, &identity)
        );
        let there = there?.unwrap_or_default();
        let people = there
            .iter()
            .any(|one| kind_of(one) == ParticipantKind::User);
        if !there.iter().any(|one| one.identity == identity) {
            return Ok(Verdict::Dead { people });
        }
        match answer {
            // Whatever it answers: an older version knows no such method.
            Answer::Given(_) | Answer::Refused(_) => Ok(Verdict::Alive),
            Answer::Silence(_) => Ok(Verdict::Dead { people }),
            Answer::Unknown(what) => anyhow::bail!("{what}"),
        }
    }

    /// Asked twice, shortly after one another: the server does not hear an answer that comes before it
    /// waits for one.
    async fn answer(&self, room: &str, identity: &str) -> Answer {
        let ask = || {
            self.livekit
                .call(room, identity, ALIVE_METHOD, self.answers_within)
        };
        let again = async {
            sleep(self.answers_within / 5).await;
            ask().await
        };
        match tokio::join!(ask(), again) {
            (Answer::Silence(_) | Answer::Unknown(_), second) => second,
            (first, _) => first,
        }
    }

    pub(super) async fn look(&self, room: String) -> Input {
        let seen = async {
            // The agent hung up on purpose, or was given up, maybe in another process.
            let agent = self.store.agent_in(&room).await?;
            let Some(agent) = agent.filter(|agent| agent.state.is_live()) else {
                return Ok(None);
            };
            let people = self.livekit.participants(&room).await?.unwrap_or_default();
            // Of a room that was just closed the server says that nobody is in it, and of its jobs nothing.
            if people.is_empty()
                && self
                    .livekit
                    .rooms_named(vec![room.clone()])
                    .await?
                    .is_empty()
            {
                return Ok(Some(Sight::NoRoom));
            }
            // One of an earlier epoch is none, even if LiveKit still shows it.
            let agents: Vec<_> = people
                .iter()
                .filter(|one| kind_of(one) == ParticipantKind::Agent)
                .filter(|one| epoch_of(one).is_none_or(|epoch| epoch >= agent.epoch))
                .collect();
            if agents.iter().any(|one| speaks(one)) {
                return Ok(Some(Sight::Agent));
            }
            if !agents.is_empty() {
                return Ok(Some(Sight::Silent));
            }
            // The server lists a dead worker's job for ever: one whose agent was here is over.
            let gone = agent.agent_identity;
            let jobs = self.dispatcher.taken(&room).await?;
            let taken = jobs.iter().any(|identity| gone.as_ref() != Some(identity));
            anyhow::Ok(Some(Sight::NoAgent {
                taken,
                people: people
                    .iter()
                    .any(|one| kind_of(one) == ParticipantKind::User),
            }))
        };
        match seen.await {
            Ok(Some(sight)) => Input::Looked(room, sight),
            Ok(None) => Input::Over(room),
            Err(error) => Input::Looked(room, Sight::Unknown(error.to_string())),
        }
    }

    /// As [`Acts::look`], by one process at a time.
    pub(super) async fn check(&self, room: String, age: Duration) -> Input {
        match self.store.claim_look(&room, age).await {
            Ok(true) => self.look(room).await,
            Ok(false) => Input::Looked(room, Sight::Elsewhere),
            Err(error) => Input::Looked(room, Sight::Unknown(error.to_string())),
        }
    }

    pub(super) async fn live(&self) -> Vec<(String, bool)> {
        let agents = self.store.live_agents().await.unwrap_or_else(|error| {
            tracing::error!(%error, "which rooms want an agent could not be read");
            Vec::new()
        });
        agents
            .into_iter()
            .map(|agent| (agent.room_name, agent.state == DispatchState::Joined))
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
            tracing::error!(room, %error, "that an empty room needs no agent could not be noted");
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
            tracing::error!(room, %error, "an agent's coming could not be noted");
        }
        Done::Nothing
    }

    /// Tells the caller that an agent is still being asked for.
    pub(super) async fn tell_waiting(&self, room: &str) -> Done {
        if let Err(error) = rooms::tell_waiting(&self.livekit, room).await {
            tracing::debug!(room, %error, "nobody was told to wait");
        }
        Done::Nothing
    }

    pub(super) async fn give_up(&self, room: &str, reason: &str) -> Done {
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
            tracing::error!(room, %error, "a failed call could not be noted");
        }
        // The caller hears why nobody answers; an empty room has nobody to tell.
        let message =
            json!({"type": "call.failed", "reason": "No agent is free. Try again later."});
        if let Err(error) = rooms::tell(&self.livekit, room, &message).await {
            tracing::debug!(room, %error, "nobody to tell that the call failed");
        }
        Done::Nothing
    }
}

/// Of the asking that an agent has come for; None of one that knows no epochs.
fn epoch_of(agent: &proto::ParticipantInfo) -> Option<i64> {
    agent.attributes.get(EPOCH_ATTRIBUTE)?.parse().ok()
}

/// Whether an agent can be heard: in the room, with its voice published.
fn speaks(participant: &proto::ParticipantInfo) -> bool {
    let is_audio = |track: &proto::TrackInfo| track.r#type() == proto::TrackType::Audio;
    participant.state() == proto::participant_info::State::Active
        && participant.tracks.iter().any(is_audio)
}
