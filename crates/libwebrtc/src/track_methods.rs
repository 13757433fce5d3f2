//! What the two kinds of track have in common.

/// The public methods that a track forwards to its engine half.
macro_rules! track_methods {
    () => {
        /// The track's id, as in its `a=msid` line.
        pub fn id(&self) -> String {
            self.inner.core.id().to_owned()
        }

        /// Whether media flows; a disabled track is silent.
        pub fn enabled(&self) -> bool {
            self.inner.core.enabled()
        }

        /// Lets media flow or silences it. Returns whether this changed anything.
        pub fn set_enabled(&self, enabled: bool) -> bool {
            self.inner.core.set_enabled(enabled)
        }

        /// Whether the track can still produce media.
        pub fn state(&self) -> $crate::vocabulary::media::RtcTrackState {
            self.inner.core.state()
        }
    };
}

pub(crate) use track_methods;
