//! Transceivers: the state shared by their users and the connection's task.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;
use str0m::media::{Direction, MediaKind};
use tokio::sync::mpsc;

use super::audio_out::EncoderSettings;
use super::command::{Command, StatsFilter};
use super::track::Track;
use crate::vocabulary::error::RtcError;
use crate::vocabulary::media::RtpTransceiverDirection;
use crate::vocabulary::rtp_parameters::{RtpCodecParameters, RtpParameters};
use crate::vocabulary::stats::RtcStats;
use crate::vocabulary::transceiver::RtpTransceiverInit;

pub(crate) struct Transceiver {
    /// Its index among the connection's transceivers.
    pub(crate) index: usize,
    pub(crate) kind: MediaKind,
    pub(crate) encoder: Arc<EncoderSettings>,
    commands: mpsc::WeakSender<Command>,
    inner: Mutex<Inner>,
}

struct Inner {
    mid: Option<String>,
    wanted: RtpTransceiverDirection,
    current: Option<RtpTransceiverDirection>,
    stream_ids: Vec<String>,
    parameters: RtpParameters,
    sender_track: Option<Track>,
    received: Option<Received>,
}

/// A track of the other side, and the stream it belongs to.
#[derive(Clone)]
pub(crate) struct Received {
    pub(crate) track: Track,
    pub(crate) stream_id: String,
}

impl Transceiver {
    pub(crate) fn new(
        index: usize,
        kind: MediaKind,
        track: Option<Track>,
        init: RtpTransceiverInit,
        commands: mpsc::WeakSender<Command>,
    ) -> Self {
        let mut parameters = RtpParameters::default();
        parameters.encodings = init.send_encodings;
        if parameters.encodings.is_empty() {
            parameters.encodings.push(Default::default());
        }
        let transceiver = Self {
            index,
            kind,
            encoder: Arc::default(),
            commands,
            inner: Mutex::new(Inner {
                mid: None,
                wanted: init.direction,
                current: None,
                stream_ids: init.stream_ids,
                parameters,
                sender_track: track,
                received: None,
            }),
        };
        transceiver.apply_encodings();
        transceiver
    }

    pub(crate) fn is_audio(&self) -> bool {
        self.kind == MediaKind::Audio
    }

    pub(crate) fn mid(&self) -> Option<String> {
        self.inner.lock().mid.clone()
    }

    pub(crate) fn set_mid(&self, mid: Option<String>) {
        self.inner.lock().mid = mid;
    }

    pub(crate) fn direction(&self) -> RtpTransceiverDirection {
        self.inner.lock().wanted
    }

    pub(crate) fn current_direction(&self) -> Option<RtpTransceiverDirection> {
        self.inner.lock().current
    }

    pub(crate) fn set_current_direction(&self, direction: Direction) {
        let mut inner = self.inner.lock();
        if inner.current != Some(RtpTransceiverDirection::Stopped) {
            inner.current = Some(from_str0m(direction));
        }
    }

    /// The direction in str0m's terms.
    pub(crate) fn wanted_direction(&self) -> Direction {
        match self.direction() {
            RtpTransceiverDirection::SendRecv => Direction::SendRecv,
            RtpTransceiverDirection::SendOnly => Direction::SendOnly,
            RtpTransceiverDirection::RecvOnly => Direction::RecvOnly,
            RtpTransceiverDirection::Inactive | RtpTransceiverDirection::Stopped => {
                Direction::Inactive
            }
        }
    }

    pub(crate) fn stop(&self) {
        self.inner.lock().wanted = RtpTransceiverDirection::Stopped;
        self.encoder.stopped.store(true, Ordering::Release);
    }

    pub(crate) fn sender_track(&self) -> Option<Track> {
        self.inner.lock().sender_track.clone()
    }

    /// The stream and track ids for the `a=msid` line of what we send.
    pub(crate) fn msid(&self) -> (Option<String>, Option<String>) {
        let inner = self.inner.lock();
        let track = inner.sender_track.as_ref().map(Track::id);
        let stream = inner.stream_ids.first().cloned().or_else(|| track.clone());
        (stream.filter(|_| track.is_some()), track)
    }

    /// Stops sending. The next negotiation tells the other side.
    pub(crate) fn clear_sender_track(&self) {
        use RtpTransceiverDirection::{Inactive, RecvOnly, SendOnly, SendRecv};
        let mut inner = self.inner.lock();
        inner.sender_track = None;
        inner.wanted = match inner.wanted {
            SendRecv => RecvOnly,
            SendOnly => Inactive,
            other => other,
        };
        self.encoder.stopped.store(true, Ordering::Release);
    }

    pub(crate) fn sender_parameters(&self) -> RtpParameters {
        self.inner.lock().parameters.clone()
    }

    pub(crate) fn set_sender_parameters(&self, parameters: RtpParameters) -> Result<(), RtcError> {
        {
            let mut inner = self.inner.lock();
            let (have, want) = (inner.parameters.encodings.len(), parameters.encodings.len());
            if have != want {
                return Err(RtcError::invalid_state(format!(
                    "the sender has {have} encodings, the parameters have {want}"
                )));
            }
            inner.parameters = parameters;
        }
        self.apply_encodings();
        Ok(())
    }

    pub(crate) fn set_codecs(&self, codecs: Vec<RtpCodecParameters>) {
        self.inner.lock().parameters.codecs = codecs;
    }

    fn apply_encodings(&self) {
        let inner = self.inner.lock();
        let Some(encoding) = inner.parameters.encodings.first() else {
            return;
        };
        let bitrate = encoding.max_bitrate.unwrap_or(0).min(u64::from(u32::MAX)) as u32;
        self.encoder.bitrate.store(bitrate, Ordering::Relaxed);
        self.encoder
            .active
            .store(encoding.active, Ordering::Relaxed);
    }

    pub(crate) fn received(&self) -> Option<Received> {
        self.inner.lock().received.clone()
    }

    /// Sets or clears what is received. The previous track ends.
    pub(crate) fn set_received(&self, received: Option<Received>) {
        let old = std::mem::replace(&mut self.inner.lock().received, received);
        if let Some(old) = old {
            old.track.end();
        }
    }

    pub(crate) async fn stats(&self, outbound: bool) -> Result<Vec<RtcStats>, RtcError> {
        let Some(mid) = self.mid() else {
            return Ok(Vec::new());
        };
        let commands = self.commands.upgrade().ok_or_else(RtcError::closed)?;
        let filter = StatsFilter::Section { mid, outbound };
        Command::ask(&commands, |reply| Command::GetStats { filter, reply }).await
    }

    /// Ends both halves when the connection closes.
    pub(crate) fn close(&self) {
        self.encoder.stopped.store(true, Ordering::Release);
        if let Some(received) = self.received() {
            received.track.end();
        }
    }
}

pub(crate) fn from_str0m(direction: Direction) -> RtpTransceiverDirection {
    match direction {
        Direction::SendRecv => RtpTransceiverDirection::SendRecv,
        Direction::SendOnly => RtpTransceiverDirection::SendOnly,
        Direction::RecvOnly => RtpTransceiverDirection::RecvOnly,
        Direction::Inactive => RtpTransceiverDirection::Inactive,
    }
}
