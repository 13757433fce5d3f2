//! Recordings of calls, made by the process that holds the call: no separate recorders are needed.
//!
//! The room's driver taps both voices; [`timeline`] aligns them in time; [`ogg`] turns them into a file, a second at a
//! time, in the [`spool`]; [`upkeep`] uploads complete files to the [`bucket`].
//!
//! Used by the process and the control plane; depends on `base`, `config`, `store`.
//!
//! Invariants: a failing recording does not affect the call; a file's lock shows whether somebody works on it, so any
//! process may finish what a killed one left.

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

/// How much later the caller hears the agent, relative to its own speech, than the two are tapped here: a packet (20
/// ms), its codec (6.5 ms) and a jitter buffer's minimum wait (10 ms), once each way. Compared with a caller's own
/// recording on loopback it was 69 ms. The network's delay is not known here and not included: a caller far away hears
/// the agent later than recorded.
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
    /// Recordings in `data_dir`, to be uploaded if there is a bucket.
    ///
    /// # Errors
    /// If the bucket's endpoint is not a valid address.
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

    /// The mode for calls whose request and agent file set none.
    pub fn default_mode(&self) -> RecordingMode {
        self.0.default_mode
    }

    /// The folder of files.
    pub fn spool(&self) -> &Spool {
        &self.0.spool
    }

    /// The bucket, if one is configured.
    pub fn bucket(&self) -> Option<&S3> {
        self.0.bucket.as_ref()
    }

    /// Signals that a recording is complete, or was deleted.
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
