//! A worker that takes LiveKit's egresses over LiveKit's own RPC (the head of `crates/testkit/egress-worker` says what
//! of it is real); stopped by its process id on drop.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::{Redis, s3};

/// A running worker.
#[derive(Debug)]
pub struct EgressWorker {
    process: Child,
}

impl EgressWorker {
    /// Starts a worker and waits until it takes egresses.
    ///
    /// # Panics
    /// If it was not built (`scripts/tools.sh egress`) or does not start.
    pub fn start(redis: &Redis) -> Self {
        let mut process = Command::new(binary())
            .arg(redis.address())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the egress worker starts; scripts/tools.sh egress builds it");
        let stdout = process.stdout.take().expect("its output is piped");
        let mut line = String::new();
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("its output can be read");
        let worker = Self { process };
        assert_eq!(line, "ready\n", "the egress worker did not start");
        worker
    }
}

impl Drop for EgressWorker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn binary() -> PathBuf {
    s3::tools().join("egress-worker")
}
