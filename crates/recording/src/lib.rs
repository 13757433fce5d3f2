//! Recordings of calls, made by the process that holds the call: no recorder fleet.
//!
//! The room's driver taps both voices; [`timeline`] puts them side by side in time; [`ogg`] makes a
//! file of it, a second at a time, in the [`spool`]; [`upkeep`] carries complete files to the
//! [`bucket`].
//!
//! Imported by the process and the control plane; imports `base`, `config`, `store`.
//!
//! Always true here: a recording that fails costs the call nothing; a file's lock tells whether somebody
//! works on it, so any process may finish what a killed one left.

pub mod bucket;
pub mod ogg;
pub mod recorder;
pub mod spool;
pub mod timeline;
pub mod upkeep;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use bucket::{BucketError, S3};
use sidetone_config::recording::{RecordingEnv, RecordingMode};
use sidetone_store::Store;
use spool::Spool;

pub use recorder::Recorded;
pub use sidetone_base::tap::{Command, RECORDING_TOPIC};

/// What the caller hears is this much later, beside what it says, than it is beside what arrives
/// here: a packet (20 ms), its codec (6.5 ms), and the least that a jitter buffer waits (10 ms), once
/// each way. Against a caller's own recording on loopback it was 69 ms. The network's own delay comes
/// on top and is not known here: a caller far away hears the agent later than recorded.
const AGENT_DELAY: Duration = Duration::from_millis(70);

/// A process's recordings; cheap to clone.
#[derive(Debug, Clone)]
pub struct Recordings(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    store: Store,
    spool: Spool,
    bucket: Option<S3>,
    default_mode: RecordingMode,
    /// There is something to do for [`upkeep`].
    work: Notify,
}

impl Recordings {
    /// Recordings in `data_dir`, on their way to the bucket when there is one.
    ///
    /// # Errors
    /// The bucket's endpoint is no address.
    pub fn new(store: Store, data_dir: &Path, env: &RecordingEnv) -> Result<Self, BucketError> {
        let bucket = env.bucket.as_ref().map(S3::new).transpose()?;
        Ok(Self(Arc::new(Shared {
            store,
            spool: Spool::new(data_dir.join("recordings"), env.spool_limit),
            bucket,
            default_mode: env.default_mode,
            work: Notify::new(),
        })))
    }

    /// What is done where neither the call nor the agent's file says.
    pub fn default_mode(&self) -> RecordingMode {
        self.0.default_mode
    }

    /// The folder of files.
    pub fn spool(&self) -> &Spool {
        &self.0.spool
    }

    /// The bucket, when there is one.
    pub fn bucket(&self) -> Option<&S3> {
        self.0.bucket.as_ref()
    }

    /// Says that a recording is complete, or was deleted.
    pub fn wake(&self) {
        self.0.work.notify_one();
    }

    async fn woken(&self) {
        self.0.work.notified().await;
    }

    fn store(&self) -> &Store {
        &self.0.store
    }
}
