//! What audio and video tracks have in common.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::vocabulary::media::RtcTrackState;

/// The state every track carries.
#[derive(Debug)]
pub(crate) struct TrackCore {
    id: String,
    enabled: AtomicBool,
    ended: AtomicBool,
}

impl TrackCore {
    pub(crate) fn new(id: String) -> Self {
        Self {
            id,
            enabled: AtomicBool::new(true),
            ended: AtomicBool::new(false),
        }
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn enabled(&self) -> bool {
        self.enabled.load(Ordering::Relaxed)
    }

    /// Returns whether anything changed.
    pub(crate) fn set_enabled(&self, enabled: bool) -> bool {
        self.enabled.swap(enabled, Ordering::Relaxed) != enabled
    }

    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    pub(crate) fn state(&self) -> RtcTrackState {
        if self.ended.load(Ordering::Acquire) {
            RtcTrackState::Ended
        } else {
            RtcTrackState::Live
        }
    }
}
