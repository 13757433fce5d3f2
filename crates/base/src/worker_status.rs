//! What a worker says of itself.

/// What a worker is doing, for health checks and lists.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorkerStatus {
    /// `AW_…` while registered.
    pub worker_id: Option<String>,
    /// Last load sent, 0 to 1.
    pub load: f32,
    /// No more jobs are taken.
    pub draining: bool,
    /// Jobs under way: id and room.
    pub jobs: Vec<(String, String)>,
}

impl WorkerStatus {
    /// Why it takes no calls; none: it does.
    pub fn trouble(&self) -> Option<&'static str> {
        match (&self.worker_id, self.draining) {
            (_, true) => Some("draining"),
            (None, false) => Some("not registered with LiveKit"),
            (Some(_), false) => None,
        }
    }
}
