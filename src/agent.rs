//! A job becomes a call: the room is joined, the agent's files are read, the conversation is held,
//! its turns are stored, and its end is reported before the room is left.

pub mod end_of_turn;
mod lookup;
mod mcp;
pub mod presence;
mod record;
mod result;
pub mod transfer;

use std::sync::Arc;

use anyhow::Context;
use futures::future::join_all;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use self::end_of_turn::SmartTurn;
use self::transfer::Switchboard;
use crate::room;
use crate::worker::{Job, JobHandle, JobOutcome, JobRunner};
use sidetone_base::tap::Tap;
use sidetone_call::clients::Clients;
use sidetone_call::tools::mcp::Mcp;
use sidetone_call::transport::{self, Dismissal};
use sidetone_call::vad::Vad;
use sidetone_call::{CallOutcome, CallSpec, EndReason, Meter, Operator, Persona};
use sidetone_config::agent::{AgentConfig, Overrides};
use sidetone_config::env::LiveKit;
use sidetone_config::folder::AgentFolder;
use sidetone_config::recording::RecordingMode;
use sidetone_recording::{Recorded, Recordings};
use sidetone_store::DispatchMetadata;
use sidetone_store::Store;
use sidetone_store::dispatches::DispatchState;
use sidetone_store::tools::HeldBy;

/// The agent file that is used when a call names none.
pub const DEFAULT_AGENT: &str = "default";
/// Call events on their way to the store; the call keeps what does not fit.
const EVENTS: usize = 256;

/// Runs calls for the worker.
pub struct Agents {
    /// The agents there are: an edit of their files is heard on the next call.
    pub agents: Arc<AgentFolder>,
    /// Where words are kept.
    pub store: Store,
    /// Speech and language models.
    pub clients: Clients,
    /// Hears whether a turn is over.
    pub end_of_turn: Option<SmartTurn>,
    /// Where sound is kept.
    pub recordings: Recordings,
    /// Where callers are put through.
    pub livekit: LiveKit,
    /// Where a call's end is posted to, unless the agent's file says so.
    pub call_webhook: Option<String>,
}

impl JobRunner for Agents {
    async fn run(&self, job: Job, handle: JobHandle) -> JobOutcome {
        let outcome = match self.hold(&job, &handle).await {
            Ok(outcome) => job_outcome(outcome.reason),
            Err(error) => {
                tracing::error!(job = job.id, room = job.room_name, "{error:#}");
                JobOutcome::Failed(format!("{error:#}"))
            }
        };
        handle.ended(outcome.clone()).await;
        outcome
    }
}

impl Agents {
    /// Holds the job's conversation and leaves the room.
    async fn hold(&self, job: &Job, handle: &JobHandle) -> anyhow::Result<CallOutcome> {
        let metadata = metadata(&job.metadata)?;
        let call_id = metadata.call_id.unwrap_or_else(Uuid::now_v7);
        let team = self.configuration(metadata, call_id)?;
        let join = room::join(&job.url, job.token.expose(), false);
        let http = &self.clients.http;
        // What is looked up may be said in the greeting; the room is joined meanwhile, or before
        // where the caller is what is looked up.
        let (mut team, (room, events)) = if lookup::wants_caller(&team) {
            let joined = join.await?;
            let team = lookup::meet(team, &joined.0).await;
            (lookup::look_up(team, http).await, joined)
        } else {
            let (team, joined) = tokio::join!(lookup::look_up(team, http), join);
            (team, joined?)
        };
        let (tap, recorded) = self.record(call_id, &mut team[0]);
        let reading = self
            .clients
            .clone()
            .read_ahead(team[0].system_prompt.clone());
        let _reading = AbortOnDropHandle::new(tokio::spawn(reading));
        let switchboard: Arc<dyn Operator> = Arc::new(Switchboard {
            livekit: self.livekit.clone(),
            store: self.store.clone(),
            call_id,
            room: job.room_name.clone(),
        });
        let mut servers = Vec::new();
        let mut connecting = JoinSet::new();
        let mut persona = |agent: AgentConfig| {
            let agent = self.clients.settle(agent);
            let mut models = self.clients.for_call(&agent);
            models.warm();
            models.operator = Some(Arc::clone(&switchboard));
            let (store, name) = (self.store.clone(), agent.name.clone());
            connecting.spawn(mcp::connect(models.mcp.clone(), store, call_id, name));
            servers.push(models.mcp.clone());
            Persona {
                providers: Arc::new(models).into(),
                agent: Arc::new(agent),
            }
        };
        let team: Vec<_> = team.into_iter().map(&mut persona).collect();
        let mut team = team.into_iter();
        let persona = team.next().context("a call without an agent")?;
        let runs = self
            .store
            .agent_runs_on(&job.room_name, &job.identity, &job.worker_id);
        if let Err(error) = runs.await {
            tracing::warn!(%call_id, %error, "who runs the agent was not stored");
        }
        let agent = Arc::clone(&persona.agent);
        tracing::info!(%call_id, agent = agent.name, version = agent.version, "a call begins");
        let by = HeldBy {
            agent: agent.name.clone(),
            agent_version: agent.version.clone(),
            variant: agent.variant.clone(),
        };
        let noted = self.store.agent_of_call(call_id, &by);
        if let Err(error) = noted.await {
            tracing::warn!(%call_id, %error, "the agent's version was not stored");
        }
        self.will_tell(call_id, &agent).await;
        let meter = Meter::default();
        let model = meter.count(persona.providers.clone()).llm;
        let (link, driver) = transport::link();
        let (record, events_of_call) = tokio::sync::mpsc::channel(EVENTS);
        let vad = Vad::new(&agent.vad);
        let spec = CallSpec {
            id: call_id,
            persona,
            team: team.collect(),
            vad,
            end_of_turn: (self.end_of_turn.clone()).map(|model| Arc::new(model) as _),
            meter: meter.clone(),
        };
        let dismissal = Dismissal {
            ordered: handle.dismissed(),
            declined: handle.declined(),
        };
        let (outcome, driven, ()) = tokio::join!(
            sidetone_call::run(spec, link, record, handle.drained()),
            room::agent::drive(&room, events, driver, tap, dismissal),
            record::record(self.store.clone(), call_id, &job.id, events_of_call),
        );
        join_all(servers.iter().map(Mcp::close)).await;
        // The tap is gone with the driver.
        if let Some(recorded) = recorded {
            recorded.finish().await;
        }
        if driven.is_ok() {
            // Whoever watches over the room must not take this for a death and send another.
            let now = sidetone_store::now();
            if let Err(error) = self
                .store
                .agent_is(&job.room_name, DispatchState::Ended, now, None)
                .await
            {
                tracing::warn!(%call_id, %error, "the agent's end was not stored");
            }
            // LiveKit takes an agent that leaves before it says how the job ended for one that
            // failed.
            handle.ended(job_outcome(outcome.reason)).await;
        }
        room::close(&room).await;
        driven?;
        let before = meter.taken();
        result::conclude(&self.store, &*model, &agent.result, call_id).await;
        record::result_took(&self.store, call_id, before, meter.taken()).await;
        Ok(outcome)
    }

    /// Puts the call into the outbox before anything can happen to it.
    async fn will_tell(&self, call_id: Uuid, agent: &AgentConfig) {
        let Some(url) = agent.result.webhook.as_ref().or(self.call_webhook.as_ref()) else {
            return;
        };
        if let Err(error) = self
            .store
            .will_tell(call_id, url, sidetone_store::now())
            .await
        {
            tracing::error!(%call_id, %error, "the call's webhook was not stored");
        }
    }

    /// Begins the call's recording, if it is to be recorded; the agent then says so first.
    fn record(&self, call_id: Uuid, agent: &mut AgentConfig) -> (Tap, Option<Recorded>) {
        let mode = agent.recording.unwrap_or(self.recordings.default_mode());
        if mode == RecordingMode::Off {
            return (Tap::default(), None);
        }
        agent.announce_recording();
        let (tap, recorded) = self
            .recordings
            .record(call_id, mode == RecordingMode::Egress);
        (tap, Some(recorded))
    }

    /// The agent of a call, and those that it may hand the caller to.
    fn configuration(
        &self,
        metadata: DispatchMetadata,
        call_id: Uuid,
    ) -> anyhow::Result<Vec<AgentConfig>> {
        let name = metadata.agent.as_deref().unwrap_or(DEFAULT_AGENT);
        let mut overrides = Overrides {
            voice: metadata.voice.map(|voice| voice.parse()).transpose()?,
            system_prompt: metadata.system_prompt,
            variables: metadata.variables,
            call_id: Some(call_id.to_string()),
            recording: metadata.recording,
        };
        let team = self.agents.team(name)?;
        let mut ready = vec![team[0].variant_of(call_id).for_call(&overrides)?];
        // Voice and prompt of a call are those of the agent that was asked for.
        (overrides.voice, overrides.system_prompt) = (None, None);
        for agent in &team[1..] {
            match agent.variant_of(call_id).for_call(&overrides) {
                Ok(agent) => ready.push(agent),
                Err(problems) => {
                    tracing::error!(%call_id, agent = agent.name, %problems, "cannot take over");
                }
            }
        }
        Ok(ready)
    }
}

fn metadata(json: &str) -> anyhow::Result<DispatchMetadata> {
    if json.trim().is_empty() {
        return Ok(DispatchMetadata::default());
    }
    serde_json::from_str(json).context(
        "the dispatch's metadata is not what this agent understands: JSON with call_id, agent, \
         voice, system_prompt, variables",
    )
}

fn job_outcome(reason: EndReason) -> JobOutcome {
    match reason {
        EndReason::ConnectionLost => {
            JobOutcome::Failed("the connection to the room was lost".into())
        }
        EndReason::Encrypted => JobOutcome::Failed(
            "the caller's tracks are end-to-end encrypted, and agents have no key".into(),
        ),
        EndReason::CallerHungUp
        | EndReason::AgentHungUp
        | EndReason::Transferred
        | EndReason::CallerSilent
        | EndReason::CallerRejected
        | EndReason::CallerLost
        | EndReason::NoCaller
        | EndReason::RoomClosed
        | EndReason::Drained
        | EndReason::Dismissed
        | EndReason::MaxDuration => JobOutcome::Success,
    }
}
