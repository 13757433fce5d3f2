//! Which packets of a stream have come, counted as RFC 3550, appendix A.3 does. PURE.

/// A sequence number that is further away than this is a restarted sender's (appendix A.1).
const RESTART: u64 = 3000;

/// Counts of one track, whichever sources it has had.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reception {
    source: Option<Source>,
    /// Lost of earlier sources.
    lost_before: i64,
}

#[derive(Debug, Clone, Copy)]
struct Source {
    ssrc: u32,
    first: u64,
    highest: u64,
    received: u64,
}

impl Source {
    fn lost(&self) -> i64 {
        let expected = self.highest - self.first + 1;
        expected as i64 - self.received as i64
    }

    fn is_far(&self, seq: u64) -> bool {
        seq > self.highest + RESTART || seq + RESTART < self.first
    }
}

impl Reception {
    /// A packet has come.
    pub(crate) fn came(&mut self, ssrc: u32, seq: u64) {
        match &mut self.source {
            Some(source) if source.ssrc == ssrc && !source.is_far(seq) => {
                source.first = source.first.min(seq);
                source.highest = source.highest.max(seq);
                source.received += 1;
            }
            source => {
                self.lost_before += source.map_or(0, |source| source.lost());
                *source = Some(Source {
                    ssrc,
                    first: seq,
                    highest: seq,
                    received: 1,
                });
            }
        }
    }

    /// Packets that were sent and have not come; below 0 where some came twice.
    pub(crate) fn lost(&self) -> i64 {
        self.lost_before + self.source.map_or(0, |source| source.lost())
    }

    /// The source whose packets come.
    pub(crate) fn ssrc(&self) -> Option<u32> {
        self.source.map(|source| source.ssrc)
    }
}
