//! A job becomes a call, in three steps: [`prepare`] joins the room and settles who holds the call,
//! [`hold`] is the conversation, [`conclude`] reports its end and leaves the room, all by one deadline.
//! [`results`] makes what calls come to, outside of their jobs.

mod conclude;
mod earlier;
pub mod editions;
pub mod end_of_turn;
mod found;
mod handover;
mod hold;
mod lookup;
mod mcp;
mod people;
pub mod phrases;
mod prepare;
pub mod presence;
pub mod record;
mod result;
pub mod results;
mod route;
pub mod spool;
mod standing;
pub mod transfer;
pub mod warm;

use std::sync::Arc;

use self::conclude::job_outcome;
use self::editions::Editions;
use self::end_of_turn::SmartTurn;
use self::results::Results;
use self::spool::Spool;
use crate::telemetry;
use crate::worker::{Job, JobHandle, JobOutcome, JobRunner};
use sidetone_base::clock;
use sidetone_base::leave::{LeaveBy, Step};
use sidetone_base::metrics::{CallState, metrics};
use sidetone_base::trace::Tracer;
use sidetone_call::CallOutcome;
use sidetone_call::clients::Clients;
use sidetone_config::folder::AgentFolder;
use sidetone_config::unknown_agent::UnknownAgent;
use sidetone_config::webhook::CallWebhook;
use sidetone_control_plane::server_api::ServerApi;
use sidetone_recording::Recordings;
use sidetone_store::Store;
use tracing::Instrument as _;
use uuid::Uuid;

pub use sidetone_config::agent::DEFAULT_AGENT;

/// Runs calls for the worker.
pub struct Agents {
    /// The agents there are: an edit of their files is heard on the next call.
    pub agents: Arc<AgentFolder>,
    /// The pool's editions of them, by which running calls go on.
    pub editions: Arc<Editions>,
    /// The row of this process in the store: its beat is that of all its calls.
    pub worker: Uuid,
    /// Where words are kept.
    pub store: Store,
    /// Where words wait while the store does not answer.
    pub spool: Spool,
    /// Makes what calls come to.
    pub results: Results,
    /// Speech and language models.
    pub clients: Clients,
    /// Hears whether a turn is over.
    pub end_of_turn: Option<SmartTurn>,
    /// Where sound is kept.
    pub recordings: Recordings,
    /// Where callers are put through.
    pub livekit: ServerApi,
    /// Where a call's end is posted to, and what else of it, unless the agent's file says so.
    pub call_webhook: CallWebhook,
    /// Who answers for an agent that there is not.
    pub unknown: UnknownAgent,
    /// Takes spans of calls.
    pub tracer: Tracer,
}

impl JobRunner for Agents {
    async fn run(&self, job: Job, handle: JobHandle) -> JobOutcome {
        let outcome = match self.call(&job, &handle).await {
            Ok(Some(outcome)) => job_outcome(outcome.reason),
            Ok(None) => JobOutcome::Success,
            Err(error) => {
                metrics().calls.not_begun.inc();
                tracing::error!(job = job.id, room = job.room_name, "{error:#}");
                self.apologise(&job, &error).await;
                JobOutcome::Failed(format!("{error:#}"))
            }
        };
        let by = LeaveBy::within(clock::now(), LeaveBy::OVER);
        handle.ended(outcome.clone(), by.until(Step::Report)).await;
        outcome
    }
}

impl Agents {
    /// Takes the job's call from its metadata to its end. None: another agent has the call.
    async fn call(&self, job: &Job, handle: &JobHandle) -> anyhow::Result<Option<CallOutcome>> {
        let calls = &metrics().calls;
        let joining = calls.enter(CallState::Joining);
        let Some((call, cast)) = self.prepare(job, handle).await? else {
            return Ok(None);
        };
        drop(joining);
        let span = telemetry::of_call(call.id);
        let held = async {
            let talking = calls.enter(CallState::Talking);
            let witness = self.witness(&call);
            let held = self.hold(&call, cast).await;
            drop(witness);
            drop(talking);
            let _leaving = calls.enter(CallState::Leaving);
            self.conclude(call, held).await.map(Some)
        };
        held.instrument(span).await
    }
}
