//! A sender and a receiver of sound without a connection between them, for the test that counts what 10 ms of a call
//! allocate (`tests/allocations.rs`). Everything but the connection is the real one.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::audio_source::native::NativeAudioSource;
use crate::audio_track::RtcAudioTrack;
use crate::engine::audio_in::MediaPacket;
use crate::engine::audio_out::{EncodedPacket, TrackEncoder};
use crate::engine::clock;
use crate::engine::track::AudioTrack;
use crate::engine::track_core::TrackCore;

/// Ticks of the RTP clock in a packet of 20 ms.
const PACKET_TICKS: u64 = 960;

/// The packets of one source, ready to be sent.
#[derive(Debug)]
pub struct Sender(mpsc::Receiver<EncodedPacket>);

impl Sender {
    /// Encodes what `source` yields from now on. Needs a tokio runtime. `None` if Opus does not support it.
    pub fn of(source: &NativeAudioSource) -> Option<Self> {
        let (packets, waiting) = mpsc::channel(32);
        let track = Arc::new(TrackCore::new("measured".into()));
        let rate = (source.sample_rate(), source.num_channels());
        let encoder = TrackEncoder::new(0, track, rate, Arc::default(), packets)?;
        source.source.attach(encoder);
        Some(Self(waiting))
    }

    /// The next packet, if there is one already.
    pub fn packet(&mut self) -> Option<Arc<[u8]>> {
        Some(self.0.try_recv().ok()?.payload)
    }
}

/// A track that somebody else sends.
#[derive(Debug)]
pub struct Receiver {
    track: RtcAudioTrack,
    packets: u64,
}

impl Default for Receiver {
    fn default() -> Self {
        let inner = Arc::new(AudioTrack::remote("measured".into()));
        Self {
            track: RtcAudioTrack { inner },
            packets: 0,
        }
    }
}

impl Receiver {
    /// What streams read.
    pub fn track(&self) -> RtcAudioTrack {
        self.track.clone()
    }

    /// The next 20 ms have arrived, or, without a payload, been lost.
    pub fn arrived(&mut self, payload: Option<Arc<[u8]>>) {
        let seq = self.packets;
        self.packets += 1;
        let Some(payload) = payload else { return };
        self.track.inner.deliver(&MediaPacket {
            ssrc: 1,
            seq,
            ticks: seq * PACKET_TICKS,
            payload,
            arrival: clock::now(),
        });
    }
}
