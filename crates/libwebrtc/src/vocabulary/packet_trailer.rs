//! Metadata after video frames: its events, and a handler that does nothing ([`Unsupported::PacketTrailer`]).
//!
//! [`Unsupported::PacketTrailer`]: crate::unsupported::Unsupported::PacketTrailer
#![allow(missing_docs)]

use std::sync::Arc;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishTimingStage {
    EncoderUpload,
    EncoderOutput,
    WebrtcPacketize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscribeTimingStage {
    WebrtcReceive,
    DecoderUpload,
    DecoderOutput,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishTimingEvent {
    pub stage: PublishTimingStage,
    pub timestamp_us: u64,
    pub capture_timestamp_us: u64,
    pub frame_id: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubscribeTimingEvent {
    pub stage: SubscribeTimingStage,
    pub timestamp_us: u64,
    pub capture_timestamp_us: u64,
    pub frame_id: Option<u32>,
}

pub type PublishTimingObserver = Arc<dyn Fn(PublishTimingEvent) + Send + Sync + 'static>;
pub type SubscribeTimingObserver = Arc<dyn Fn(SubscribeTimingEvent) + Send + Sync + 'static>;

/// A handler that never sees a frame.
#[derive(Clone)]
pub struct PacketTrailerHandler(());

impl PacketTrailerHandler {
    pub(crate) fn inert() -> Self {
        Self(())
    }

    pub fn set_enabled(&self, _enabled: bool) {}

    pub fn enabled(&self) -> bool {
        false
    }

    pub fn lookup_frame_metadata(&self, _rtp_timestamp: u32) -> Option<(u64, u32, Vec<u8>)> {
        None
    }

    pub fn store_frame_metadata(
        &self,
        _capture_timestamp_us: i64,
        _user_timestamp: u64,
        _frame_id: u32,
        _user_data: &[u8],
    ) {
    }

    pub fn set_publish_timing_observer(&self, _observer: Option<PublishTimingObserver>) {}

    pub fn set_subscribe_timing_observer(&self, _observer: Option<SubscribeTimingObserver>) {}
}
