//! Asks LiveKit's Egress to record calls, and watches over what becomes of it. What follows from
//! what is seen: [`status`].

pub mod status;

use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use livekit_protocol as proto;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::server_api::ServerApi;
use sidetone_base::lanes::{Lanes, Width};
use sidetone_config::folder::AgentFolder;
use sidetone_config::recording::{Bucket, RecordingMode};
use sidetone_store::egress::egress_recording;
use sidetone_store::{
    Call, CallType, EgressStatus, Recording, RecordingState, RoomToRecord, Store, StoreError,
};
use status::{Report, ReportedFile, Seen, Step, step};

/// How often egresses are looked at of which no event tells.
const WATCH: Duration = Duration::from_secs(5);
/// Another control plane moves the same egress on at the same time: two or three tries are enough.
const TRIES: usize = 8;
/// LiveKit may take its fifteen seconds for each; what does not fit is looked at again, and an egress that
/// is not stopped ends with its room.
const WIDTH: Width = Width {
    at_once: 16,
    in_all: 512,
    deadline: Duration::from_secs(30),
};
/// Why a call between people is not recorded, as far as the control plane can tell.
const NOBODY_LISTENS: &str = "no worker listened in: calls between people are recorded by a process that joins \
     their room, so run `sidetone serve` or `sidetone worker` on a machine that reaches LiveKit's media";
/// Agent of calls whose dispatch names none.
const DEFAULT_AGENT: &str = "default";

/// Which calls Egress records, and where to.
#[derive(Clone, Debug)]
pub struct EgressPlan {
    /// Where recordings go; without one Egress is asked for nothing.
    pub bucket: Option<Bucket>,
    /// What is done where neither the call nor the agent's file says, and for calls without agents.
    pub default_mode: RecordingMode,
    /// The agents' files.
    pub agents: Option<Arc<AgentFolder>>,
}

impl Default for EgressPlan {
    fn default() -> Self {
        Self {
            bucket: None,
            default_mode: RecordingMode::Off,
            agents: None,
        }
    }
}

/// LiveKit's Egress, as calls see it; cheap to clone.
#[derive(Clone, Debug)]
pub struct Egresses {
    livekit: ServerApi,
    store: Store,
    plan: EgressPlan,
    /// What is asked of LiveKit: of each recording one thing after the other, of different ones at once.
    lanes: Lanes,
}

impl Egresses {
    /// Recordings according to `plan`.
    pub fn new(livekit: ServerApi, store: Store, plan: EgressPlan) -> Self {
        Self {
            livekit,
            store,
            plan,
            lanes: Lanes::new("egress", WIDTH),
        }
    }

    /// A call's room is open: Egress is asked to record it, if it shall, by one control plane.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn room_open(&self, call: &Call) -> Result<(), StoreError> {
        if call.ended_at.is_some() {
            return Ok(());
        }
        self.listen_in(call).await?;
        let Some(bucket) = &self.plan.bucket else {
            return Ok(());
        };
        if self.mode_of(call).await? != RecordingMode::Egress {
            return Ok(());
        }
        let recording = Recording::by_egress(call.id, sidetone_store::now());
        if self.store.claim_egress(&recording).await? {
            let (egresses, bucket) = (self.clone(), bucket.clone());
            let (id, room) = (recording.id, call.room_name.clone());
            // Not waited for: LiveKit may take long to find a worker.
            let start = async move { egresses.start(&room, &bucket, recording).await };
            if let Err(full) = self.lanes.run(&id.to_string(), start) {
                let reason = format!("too many requests to LiveKit's Egress at once: {full}");
                self.see(id, &Seen::Refused { reason }).await?;
            }
        }
        Ok(())
    }

    /// Asks for a process that listens in on a call between people, which no agent of ours records. Where
    /// Egress shall record, it does so until Egress does, or where that cannot. The room may not be open yet.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn listen_in(&self, call: &Call) -> Result<(), StoreError> {
        if call.call_type == CallType::Support {
            return Ok(());
        }
        let mode = self.mode_of(call).await?;
        if mode == RecordingMode::Off {
            return Ok(());
        }
        let room = RoomToRecord {
            call_id: call.id,
            room_name: call.room_name.clone(),
            until_egress: mode == RecordingMode::Egress && self.plan.bucket.is_some(),
            asked_at: sidetone_store::now(),
        };
        self.store.ask_recorder(&room).await
    }

    /// Says of which calls between people there is no recording, though there should be one.
    async fn tell_missed(&self) -> Result<(), StoreError> {
        for (call_id, asked_at, reason) in self.store.rooms_missed().await? {
            let of_call = self.store.recordings(call_id).await?;
            let call = self.store.call(call_id).await?;
            let is_over = call.is_none_or(|call| call.ended_at.is_some());
            // That of an agent, which has put its caller through, ended with it.
            let others = |one: &Recording| match one.state {
                RecordingState::Recording => true,
                RecordingState::Failed => false,
                _ => is_over || one.started_at >= asked_at,
            };
            if of_call.iter().any(others) {
                continue;
            }
            let reason = reason.unwrap_or_else(|| NOBODY_LISTENS.to_owned());
            tracing::error!(%call_id, reason, "a call between people is not recorded");
            let missed = Recording::missed(call_id, reason, sidetone_store::now());
            self.store.save_recording(&missed).await?;
        }
        Ok(())
    }

    /// A call's room is over.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn room_over(&self, call_id: Uuid) -> Result<(), StoreError> {
        self.see(egress_recording(call_id), &Seen::RoomOver).await
    }

    /// LiveKit told of an egress in a room of this call, if it is one of ours.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn told(&self, report: Report, call_id: Option<Uuid>) -> Result<(), StoreError> {
        let key = report.file.as_ref().map(|file| file.key.as_str());
        let known = self.store.recording_of_egress(&report.egress_id, key);
        let id = match (known.await?, call_id) {
            (Some(recording), _) => recording.id,
            // Somebody else's; it tells all that there is to know at its end.
            (None, Some(call_id)) if status::is_over(report.status) => {
                let recording =
                    Recording::by_others(call_id, &report.egress_id, sidetone_store::now());
                self.store.claim_egress(&recording).await?;
                recording.id
            }
            _ => return Ok(()),
        };
        self.see(id, &Seen::Told(report)).await
    }

    /// The call says, else its agent's file, else the environment.
    async fn mode_of(&self, call: &Call) -> Result<RecordingMode, StoreError> {
        if call.call_type != CallType::Support
            && let Some(mode) = self.store.wanted_recording(call.id).await?
        {
            return Ok(mode);
        }
        let dispatch = self.store.agent_in(&call.room_name).await?;
        let mode = dispatch.and_then(|dispatch| {
            let metadata = dispatch.metadata.0;
            metadata.recording.or_else(|| {
                let name = metadata.agent.as_deref().unwrap_or(DEFAULT_AGENT);
                let team = self.plan.agents.as_ref()?.team(name).ok()?;
                team.first()?.recording
            })
        });
        Ok(mode.unwrap_or(self.plan.default_mode))
    }

    async fn start(&self, room: &str, bucket: &Bucket, recording: Recording) {
        let key = recording.bucket_key();
        let started = self.livekit.record_room(room, bucket, key).await;
        let call_id = recording.call_id;
        let seen = match started {
            Ok(egress_id) => Seen::Taken { egress_id },
            Err(error) => {
                let reason = error.to_string();
                tracing::error!(%call_id, reason, "LiveKit's Egress does not record");
                Seen::Refused { reason }
            }
        };
        if let Err(error) = self.see(recording.id, &seen).await {
            tracing::error!(%call_id, %error, "the state of a recording by LiveKit's Egress could not be stored");
        }
    }

    /// Moves an egress on, and stops it if that follows.
    async fn see(&self, id: Uuid, seen: &Seen) -> Result<(), StoreError> {
        for _ in 0..TRIES {
            let Some(before) = self.store.recording(id).await? else {
                return Ok(());
            };
            let Step { after, stop } = step(&before, seen, sidetone_store::now());
            let stored =
                after == before || (self.store).egress_is(before.egress_status, &after).await?;
            if !stored {
                continue;
            }
            if after.egress_status != before.egress_status
                && let Some(reason) = &after.reason
            {
                tracing::error!(call_id = %after.call_id, reason, "a recording by LiveKit's Egress");
            }
            if let Some(egress_id) = stop {
                self.stop(id, egress_id);
            }
            return Ok(());
        }
        tracing::warn!(recording = %id, "other processes keep updating an egress; it is left to them");
        Ok(())
    }

    /// Asks LiveKit to stop an egress, which is not waited for: it ends with its room anyway.
    fn stop(&self, id: Uuid, egress_id: String) {
        let livekit = self.livekit.clone();
        let stop = async move {
            if let Err(error) = livekit.stop_egress(&egress_id).await {
                tracing::debug!(egress_id, %error, "an egress could not be stopped");
            }
        };
        if let Err(full) = self.lanes.run(&id.to_string(), stop) {
            tracing::warn!(recording = %id, %full, "an egress could not be stopped");
        }
    }

    /// Begins to look at every egress that has not ended, and that nobody is asking about.
    async fn watch(&self) -> Result<(), StoreError> {
        for recording in self.store.open_egresses().await? {
            let key = recording.id.to_string();
            if self.lanes.has(&key) {
                continue;
            }
            let egresses = self.clone();
            let look = async move {
                if let Err(error) = egresses.look(&recording).await {
                    tracing::error!(recording = %recording.id, %error, "the state of an egress could not be looked up or stored; it is tried again");
                }
            };
            if self.lanes.run(&key, look).is_err() {
                // The others come in the next round.
                return Ok(());
            }
        }
        Ok(())
    }

    /// Asks LiveKit about one egress.
    async fn look(&self, recording: &Recording) -> Result<(), StoreError> {
        if status::is_asked_about(recording)
            && let Some(egress_id) = &recording.egress_id
        {
            match self.livekit.egress(egress_id).await {
                Ok(Some(info)) => self.see(recording.id, &Seen::Told(report(info))).await?,
                Ok(None) => self.see(recording.id, &Seen::Unknown).await?,
                Err(error) => {
                    tracing::warn!(egress_id, %error, "LiveKit did not report the state of an egress")
                }
            }
        }
        self.see(recording.id, &Seen::Time).await
    }
}

/// Runs until `shutdown`.
pub(super) async fn run(egresses: Egresses, shutdown: CancellationToken) {
    let mut clock = interval(WATCH);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = clock.tick() => {}
        }
        if let Err(error) = egresses.watch().await {
            tracing::error!(%error, "LiveKit's egresses could not be compared with the database; they are tried again");
        }
        if let Err(error) = egresses.tell_missed().await {
            tracing::warn!(%error, "could not check whether all calls between people are recorded");
        }
    }
}

fn report(info: proto::EgressInfo) -> Report {
    let status = info.status();
    Report {
        egress_id: info.egress_id,
        status: status_named(status.as_str_name()),
        error: info.error,
        file: info.file_results.into_iter().next().map(|file| {
            let started_at = file.started_at;
            ReportedFile {
                key: file.filename,
                url: file.location,
                bytes: file.size,
                duration_ms: file.duration / 1_000_000,
                started_at: (started_at > 0).then(|| DateTime::from_timestamp_nanos(started_at)),
            }
        }),
    }
}

/// A status by LiveKit's name; the first is left out of its JSON.
pub(super) fn status_named(name: &str) -> EgressStatus {
    match name {
        "EGRESS_ACTIVE" => EgressStatus::Active,
        "EGRESS_ENDING" => EgressStatus::Ending,
        "EGRESS_COMPLETE" => EgressStatus::Complete,
        "EGRESS_FAILED" => EgressStatus::Failed,
        "EGRESS_ABORTED" => EgressStatus::Aborted,
        "EGRESS_LIMIT_REACHED" => EgressStatus::LimitReached,
        _ => EgressStatus::Starting,
    }
}
