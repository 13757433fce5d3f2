//! What becomes of a recording that LiveKit's Egress makes. PURE: what is stored, what was seen and
//! the time go in; what is to be stored, and whether to stop the egress, come out.

use chrono::TimeDelta;

use sidetone_store::{At, EgressStatus, Recording, RecordingState};

/// How long Egress may take from being asked to recording. A free worker takes one to three seconds.
const START: TimeDelta = TimeDelta::seconds(30);
/// How long it may upload after the room's end.
const END: TimeDelta = TimeDelta::minutes(15);

/// Something was seen of an egress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// LiveKit has found a worker for it.
    Taken {
        /// `EG_…`
        egress_id: String,
    },
    /// LiveKit did not start it.
    Refused {
        /// In LiveKit's words.
        reason: String,
    },
    /// LiveKit told of it, in an event or when asked.
    Told(Report),
    /// LiveKit was asked, and knows of no such egress.
    Unknown,
    /// The room is over.
    RoomOver,
    /// Nothing, but time passes.
    Time,
}

/// What LiveKit tells of an egress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// `EG_…`
    pub egress_id: String,
    /// Where it is.
    pub status: EgressStatus,
    /// Why it failed; empty when it did not.
    pub error: String,
    /// The file, as far as it is there.
    pub file: Option<ReportedFile>,
}

/// The file of an egress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedFile {
    /// Its key in the bucket.
    pub key: String,
    /// Its address; empty when it was not uploaded.
    pub url: String,
    /// Its size; 0 when there is none.
    pub bytes: i64,
    /// How long it plays.
    pub duration_ms: i64,
    /// The time of its first sound.
    pub started_at: Option<At>,
}

/// What follows.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// To be stored.
    pub after: Recording,
    /// Id of an egress that shall stop.
    pub stop: Option<String>,
}

/// Whether an egress of this status does nothing any more.
pub fn is_over(status: EgressStatus) -> bool {
    status >= EgressStatus::Complete
}

/// Whether LiveKit is to be asked about it: its events may be lost, and nothing else tells.
pub fn is_asked_about(recording: &Recording) -> bool {
    recording.egress_id.is_some()
        && matches!(
            recording.egress_status,
            EgressStatus::Starting | EgressStatus::Ending
        )
}

/// What follows for a recording when something is seen of its egress.
pub fn step(before: &Recording, seen: &Seen, now: At) -> Step {
    let mut after = before.clone();
    let status = before.egress_status;
    if is_over(status) {
        // One that was given up, and lives after all, shall not record beside who took over.
        let stop = match seen {
            Seen::Taken { egress_id } => Some(egress_id.clone()),
            Seen::Told(report) if !is_over(report.status) => Some(report.egress_id.clone()),
            _ => None,
        };
        return Step { after, stop };
    }
    let mut stop = false;
    match seen {
        Seen::Taken { egress_id } => {
            after.egress_id = Some(egress_id.clone());
            // The room may have ended while LiveKit looked for a worker.
            stop = status == EgressStatus::Ending;
            forward(&mut after, EgressStatus::Starting, now);
        }
        Seen::Refused { reason } => {
            let reason = format!("LiveKit did not start its Egress: {reason}");
            fail(&mut after, EgressStatus::Failed, reason, now);
        }
        Seen::Told(report) => {
            after.egress_id = Some(report.egress_id.clone());
            if is_over(report.status) {
                end(&mut after, report, now);
            } else {
                stop = status == EgressStatus::Ending && before.egress_id.is_none();
                forward(&mut after, report.status, now);
            }
        }
        Seen::Unknown => {
            let reason = "LiveKit no longer knows its Egress".to_owned();
            fail(&mut after, EgressStatus::Failed, reason, now);
        }
        Seen::RoomOver => {
            stop = status != EgressStatus::Ending;
            forward(&mut after, EgressStatus::Ending, now);
        }
        Seen::Time => {
            let waited = now - before.egress_since.unwrap_or(before.started_at);
            let late = match status {
                EgressStatus::Asked | EgressStatus::Starting => {
                    // Counted from the asking: a worker that took it has no more time.
                    (now - before.started_at > START).then_some("did not begin within 30 s")
                }
                EgressStatus::Ending => {
                    (waited > END).then_some("did not end within 15 minutes of the call's end")
                }
                _ => None,
            };
            if let Some(late) = late {
                stop = true;
                let reason = format!("LiveKit's Egress {late}");
                fail(&mut after, EgressStatus::Failed, reason, now);
            }
        }
    }
    let stop = after.egress_id.clone().filter(|_| stop);
    Step { after, stop }
}

/// Events come twice and out of order: a status never goes back.
fn forward(after: &mut Recording, status: EgressStatus, now: At) {
    if status > after.egress_status {
        after.egress_status = status;
        after.egress_since = Some(now);
    }
}

fn fail(after: &mut Recording, status: EgressStatus, reason: String, now: At) {
    forward(after, status, now);
    after.state = RecordingState::Failed;
    after.reason = Some(reason);
    after.ended_at = Some(now);
}

fn end(after: &mut Recording, report: &Report, now: At) {
    let why = match report.error.as_str() {
        "" => String::new(),
        error => format!(": {error}"),
    };
    let ending = match report.status {
        EgressStatus::Aborted => "was aborted",
        EgressStatus::LimitReached => "reached its limit",
        EgressStatus::Failed => "failed",
        _ => "ended without a file",
    };
    let told = format!("LiveKit's Egress {ending}{why}");
    let file = (report.file.as_ref()).filter(|file| !file.url.is_empty() && file.bytes > 0);
    // Up to a limit there is a recording; what a broken one left is not known to play.
    let kept = [EgressStatus::Complete, EgressStatus::LimitReached].contains(&report.status);
    let Some(file) = file.filter(|_| kept) else {
        return fail(after, report.status, told, now);
    };
    forward(after, report.status, now);
    after.state = RecordingState::Uploaded;
    after.reason = (report.status != EgressStatus::Complete).then_some(told);
    after.object_key = Some(file.key.clone());
    after.url = Some(file.url.clone());
    after.bytes = Some(file.bytes);
    after.duration_ms = Some(file.duration_ms);
    after.started_at = file.started_at.unwrap_or(after.started_at);
    after.ended_at = Some(now);
}

#[cfg(test)]
mod tests;
