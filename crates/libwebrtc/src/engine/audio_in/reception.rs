//! Which packets of a stream have arrived, counted as in RFC 3550, appendix A.3. PURE.

/// A sequence number further away than this is a restarted sender's (appendix A.1).
const RESTART: u64 = 3000;

/// Counts of one track, across all its sources.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reception {
    source: Option<Source>,
    /// Packets lost by earlier sources.
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
    /// A packet has arrived.
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

    /// Packets that were sent and have not arrived; below 0 if some arrived twice.
    pub(crate) fn lost(&self) -> i64 {
        self.lost_before + self.source.map_or(0, |source| source.lost())
    }

    /// The current source.
    pub(crate) fn ssrc(&self) -> Option<u32> {
        self.source.map(|source| source.ssrc)
    }
}
