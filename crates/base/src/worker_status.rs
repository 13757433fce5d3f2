//! What a worker reports about itself.

/// What a worker is doing, for health checks and lists.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorkerStatus {
    /// LiveKit's id, `AW_…`, while it is registered.
    pub worker_id: Option<String>,
    /// The load last sent to LiveKit, 0 to 1.
    pub load: f32,
    /// Whether it takes no more jobs.
    pub draining: bool,
    /// Jobs in progress: id and room.
    pub jobs: Vec<(String, String)>,
}

impl WorkerStatus {
    /// Why it takes no calls. `None` if it does.
    pub fn trouble(&self) -> Option<&'static str> {
        match (&self.worker_id, self.draining) {
            (_, true) => Some("draining"),
            (None, false) => Some("not registered with LiveKit"),
            (Some(_), false) => None,
        }
    }
}
