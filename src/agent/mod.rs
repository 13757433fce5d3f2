//! A job becomes a call: the room is joined, the agent's files are read, the conversation is held,
//! its turns are stored, and its end is reported before the room is left.

pub mod clients;
mod record;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use uuid::Uuid;

use self::clients::Clients;
use crate::call::vad::Vad;
use crate::call::{self, CallOutcome, CallSpec, EndReason, Providers};
use crate::config::agent::{AgentConfig, Overrides};
use crate::config::recording::RecordingMode;
use crate::dispatch::DispatchMetadata;
use crate::recording::{Recorded, Recordings};
use crate::store::dispatches::DispatchState;
use crate::store::{self, Store};
use crate::transport::{self, Tap, livekit};
use crate::worker::{Job, JobHandle, JobOutcome, JobRunner};

/// The agent file that is used when a call names none.
pub const DEFAULT_AGENT: &str = "default";
/// Call events on their way to the store; the call keeps what does not fit.
const EVENTS: usize = 256;

/// Runs calls for the worker.
pub struct Agents {
    /// Folder of agent configuration files, read anew for each call: an edit is heard on the next.
    pub folder: PathBuf,
    /// Where words are kept.
    pub store: Store,
    /// Speech and language models.
    pub clients: Clients,
    /// Where sound is kept.
    pub recordings: Recordings,
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
        let mut agent = self.configuration(metadata)?;
        let (tap, recorded) = self.record(call_id, &mut agent);
        let agent = Arc::new(agent);
        let providers: Arc<dyn Providers> = Arc::new(self.clients.for_call(&agent));
        let (room, events) = livekit::join(&job.url, job.token.expose(), false).await?;
        let runs = self
            .store
            .agent_runs_on(&job.room_name, &job.identity, &job.worker_id);
        if let Err(error) = runs.await {
            tracing::warn!(%call_id, %error, "who runs the agent was not stored");
        }
        let (link, driver) = transport::link();
        let (record, events_of_call) = tokio::sync::mpsc::channel(EVENTS);
        let vad = Vad::new(&agent.vad);
        let spec = CallSpec {
            id: call_id,
            agent,
            vad,
        };
        let (outcome, driven, ()) = tokio::join!(
            call::run(spec, link, providers, record, handle.cancellation()),
            livekit::agent::drive(&room, events, driver, tap),
            record::record(self.store.clone(), call_id, &job.id, events_of_call),
        );
        // The tap is gone with the driver.
        if let Some(recorded) = recorded {
            recorded.finish().await;
        }
        if driven.is_ok() {
            // Whoever watches over the room must not take this for a death and send another.
            let now = store::now();
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
        livekit::close(&room).await;
        driven?;
        Ok(outcome)
    }

    /// Begins the call's recording, if it is to be recorded; the agent then says so first.
    fn record(&self, call_id: Uuid, agent: &mut AgentConfig) -> (Tap, Option<Recorded>) {
        let mode = agent.recording.unwrap_or(self.recordings.default_mode());
        if mode == RecordingMode::Off {
            return (Tap::default(), None);
        }
        if !agent.recording_announcement.is_empty() {
            let both = format!("{} {}", agent.recording_announcement, agent.greeting);
            agent.greeting = both.trim().to_owned();
        }
        let (tap, recorded) = self.recordings.record(call_id);
        (tap, Some(recorded))
    }

    fn configuration(&self, metadata: DispatchMetadata) -> anyhow::Result<AgentConfig> {
        let name = metadata.agent.as_deref().unwrap_or(DEFAULT_AGENT);
        let file = self.folder.join(name).with_extension("toml");
        let overrides = Overrides {
            voice: metadata.voice.map(|voice| voice.parse()).transpose()?,
            system_prompt: metadata.system_prompt,
            variables: metadata.variables,
            recording: metadata.recording,
        };
        Ok(AgentConfig::load(&file)?.for_call(&overrides)?)
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
        EndReason::CallerHungUp
        | EndReason::CallerRejected
        | EndReason::CallerLost
        | EndReason::NoCaller
        | EndReason::RoomClosed
        | EndReason::Drained
        | EndReason::MaxDuration => JobOutcome::Success,
    }
}
