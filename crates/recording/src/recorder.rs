//! Writes one call's audio to disk while it is heard.

use std::fs::File;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{MissedTickBehavior, interval, timeout_at};
use uuid::Uuid;

use super::Recordings;
use super::ogg::Writer;
use super::spool::Entry;
use super::timeline::{Both, Timeline};
use sidetone_base::clock;
use sidetone_base::tap::{Tap, Tapping};
use sidetone_store::egress::egress_recording;
use sidetone_store::{EgressStatus, Recorder, Recording, RecordingState};

/// How often audio is written: at most this much is lost if the process is killed.
const WRITE_EVERY: Duration = Duration::from_secs(1);
/// How often the store is asked whether Egress records the call, until that is decided.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// Attempts to store how a recording ended, over ten minutes.
const NOTE_TRIES: u32 = 120;
const NOTE_EVERY: Duration = Duration::from_secs(5);
/// A call's recording in progress.
#[derive(Debug)]
pub struct Recorded(JoinHandle<()>);

impl Recorded {
    /// Whether writing has ended: the disk is full, or Egress records.
    pub fn is_over(&self) -> bool {
        self.0.is_finished()
    }

    /// Waits, after the tap is dropped, until everything is on disk and in the store, or until a deadline; the
    /// remaining writes then continue in the background.
    pub async fn finish(self, until: Instant) {
        match timeout_at(until.into(), self.0).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "a recording broke off"),
            Err(_) => {
                tracing::warn!("a recording is not noted yet: the disk or the database is slow")
            }
        }
    }
}

impl Recordings {
    /// Records a call: give the tap to the room's driver. Recording begins with the first audio, never fails the call,
    /// and ends when the tap is dropped. If LiveKit's Egress is to record the call, this recording goes on only until
    /// Egress does, so nothing is lost if it cannot.
    pub fn record(&self, call_id: Uuid, until_egress: bool) -> (Tap, Recorded) {
        self.record_of(Sides::CALLER_AND_AGENT, call_id, until_egress)
    }

    /// Like [`Recordings::record`], for a call between people: whoever started it is on the left, all others together
    /// are on the right, and both are tapped as they arrive.
    pub fn record_people(&self, call_id: Uuid, until_egress: bool) -> (Tap, Recorded) {
        self.record_of(Sides::PEOPLE, call_id, until_egress)
    }

    fn record_of(&self, sides: Sides, call_id: Uuid, until_egress: bool) -> (Tap, Recorded) {
        // A random part makes it unguessable: whoever knows it may pause the recording.
        let id = Uuid::now_v7();
        let (tap, tapping) = Tap::open(&id.to_string());
        let recording = Recording::begun(id, call_id, Recorder::Process, sidetone_store::now());
        let task = Task {
            recordings: self.clone(),
            entry: self.spool().entry(id, call_id),
            recording,
            until_egress,
            sides,
        };
        (tap, Recorded(tokio::spawn(task.run(tapping))))
    }
}

/// Who is on which side of a recording.
#[derive(Clone, Copy)]
struct Sides {
    description: &'static str,
    /// How much later the right side sounds than it is tapped.
    right_delay: Duration,
}

impl Sides {
    const CALLER_AND_AGENT: Self = Self {
        description: "left: caller, right: agent",
        right_delay: super::AGENT_DELAY,
    };
    const PEOPLE: Self = Self {
        description: "left: who made the call, right: everybody else",
        right_delay: Duration::ZERO,
    };
}

struct Task {
    recordings: Recordings,
    entry: Entry,
    recording: Recording,
    until_egress: bool,
    sides: Sides,
}

/// Why writing ended without an error.
#[derive(PartialEq, Eq)]
enum Written {
    /// The call is over.
    Whole,
    /// Egress records.
    Elsewhere,
}

impl Task {
    async fn run(mut self, mut tapping: Tapping) {
        let Some(first) = tapping.sound.recv().await else {
            return;
        };
        self.recording.started_at = sidetone_store::now();
        let timeline = Timeline::new(first.at, self.sides.right_delay);
        let (file, ended) = match self.begin().await {
            Ok((writer, file)) => {
                self.save().await;
                let mut timeline = timeline;
                timeline.push(first.at, first.sound);
                let written = self.write(writer, timeline, &mut tapping).await;
                (Some(file), written)
            }
            Err(error) => (None, Err(error)),
        };
        if matches!(ended, Ok(Written::Elsewhere)) {
            return self.discard(file).await;
        }
        if let Err(error) = ended {
            tracing::error!(call_id = %self.recording.call_id, %error, "the recording has stopped");
            self.recording.reason = Some(format!("the recording stopped: {error}"));
        }
        let dropped = tapping.dropped();
        if dropped > 0 {
            let call_id = self.recording.call_id;
            tracing::warn!(%call_id, dropped, "10 ms frames are missing in a recording: the disk is slow");
        }
        self.end(file.map(Arc::new)).await;
        self.recordings.wake();
    }

    /// Creates the file. The second handle keeps it locked, whatever happens to the writer.
    async fn begin(&self) -> io::Result<(Writer<File>, File)> {
        let (spool, entry) = (self.recordings.spool().clone(), self.entry.clone());
        let comments = vec![
            format!("CALL_ID={}", self.recording.call_id),
            format!("DATE={}", self.recording.started_at.to_rfc3339()),
            format!("DESCRIPTION={}", self.sides.description),
        ];
        let serial = self.recording.id.as_u128() as u32;
        blocking(move || {
            let file = spool.begin(&entry)?;
            let lock = file.try_clone()?;
            Ok((Writer::new(file, serial, &comments)?, lock))
        })
        .await
    }

    /// Writes until the call is over or the disk accepts no more.
    async fn write(
        &self,
        mut writer: Writer<File>,
        mut timeline: Timeline,
        tapping: &mut Tapping,
    ) -> io::Result<Written> {
        let mut clock = interval(WRITE_EVERY);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut egress = pin!(self.egress_records());
        loop {
            tokio::select! {
                tapped = tapping.sound.recv() => match tapped {
                    Some(tapped) => timeline.push(tapped.at, tapped.sound),
                    None => break,
                },
                // During a write, new audio waits in the tap's queue.
                _ = clock.tick() => {
                    let both = timeline.settled(clock::now());
                    writer = push(writer, both).await?;
                }
                () = &mut egress => return Ok(Written::Elsewhere),
                Ok(()) = tapping.paused.changed() => {
                    let paused = *tapping.paused.borrow_and_update();
                    let id = self.recording.id;
                    if let Err(error) = self.recordings.store().recording_paused(id, paused).await {
                        tracing::error!(%error, paused, "a recording's pause was not stored");
                    }
                }
            }
        }
        let writer = push(writer, timeline.rest(clock::now())).await?;
        blocking(|| writer.finish().map(|_| Written::Whole)).await
    }

    /// Waits until Egress records the call; for ever if it is not meant to, or does not.
    async fn egress_records(&self) {
        if !self.until_egress {
            return std::future::pending().await;
        }
        let of_egress = egress_recording(self.recording.call_id);
        loop {
            tokio::time::sleep(ASK_EVERY).await;
            // While the database does not answer, the recording goes on.
            let Ok(Some(recording)) = self.recordings.store().recording(of_egress).await else {
                continue;
            };
            match recording.egress_status {
                EgressStatus::Active => return,
                EgressStatus::None | EgressStatus::Asked | EgressStatus::Starting => {}
                // Egress failed, or the room is over.
                _ => break,
            }
        }
        std::future::pending().await
    }

    /// Leaves the call to Egress.
    async fn discard(self, file: Option<File>) {
        let (call_id, path) = (self.recording.call_id, self.entry.path.clone());
        let removed = blocking(move || {
            // Unlocked last, so that nobody takes it for a killed process's file.
            std::fs::remove_file(path)?;
            drop(file);
            Ok(())
        });
        if let Err(error) = removed.await {
            tracing::error!(%call_id, %error, "the local copy of a recording that Egress makes could not be deleted");
            return;
        }
        let forgotten = self.recordings.store().forget_recording(self.recording.id);
        if let Err(error) = forgotten.await {
            tracing::error!(%call_id, %error, "the local entry of a recording that Egress makes could not be deleted");
        }
        tracing::info!(%call_id, "LiveKit's Egress records the call");
    }

    /// Measures the file and stores how the recording ended.
    async fn end(&mut self, file: Option<Arc<File>>) {
        let (entry, measured) = (self.entry.clone(), file.clone());
        let measured = blocking(move || match &measured {
            Some(file) => entry.measure(file),
            None => Err(io::Error::other("there is no file")),
        });
        self.recording.paused = false;
        self.recording.ended_at = Some(sidetone_store::now());
        match measured.await {
            Ok(written) => {
                self.recording.state = RecordingState::Kept;
                self.recording.bytes = Some(written.bytes as i64);
                self.recording.duration_ms = Some(written.duration.as_millis() as i64);
            }
            Err(error) => {
                self.recording.state = RecordingState::Failed;
                let reason = || format!("nothing was recorded: {error}");
                self.recording.reason.get_or_insert_with(reason);
            }
        }
        // If the disk is full, the database may be on it too: the reason is stored when there is room again. Nobody
        // else takes the file until then: it is locked.
        for _ in 0..NOTE_TRIES {
            if self.save().await {
                return;
            }
            tokio::time::sleep(NOTE_EVERY).await;
        }
    }

    /// What the database does not accept is found again by the file, once this process unlocks it.
    async fn save(&self) -> bool {
        let saved = self.recordings.store().save_recording(&self.recording);
        let saved = saved.await;
        if let Err(error) = &saved {
            let call_id = self.recording.call_id;
            tracing::warn!(%call_id, %error, "a recording was not noted in the database yet");
        }
        saved.is_ok()
    }
}

async fn push(mut writer: Writer<File>, both: Both) -> io::Result<Writer<File>> {
    blocking(move || writer.push(both).map(|()| writer)).await
}

/// Encoding and writing a second takes some milliseconds, so it runs off the call's threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
}
