//! Offers and answers.
//!
//! What users want is kept in the transceivers and channels; an offer is built from that each time, so a dropped one
//! leaves nothing to undo.

use std::sync::Arc;

use str0m::change::{SdpAnswer, SdpApi, SdpOffer};
use str0m::media::{Direction, MediaKind, Mid};

use super::Peer;
use crate::engine::sdp::{self, Section};
use crate::engine::track::{AudioTrack, Track, VideoTrack};
use crate::engine::transceiver::{Received, Transceiver};
use crate::unsupported::Unsupported;
use crate::vocabulary::error::RtcError;
use crate::vocabulary::media::RtpTransceiverDirection;
use crate::vocabulary::session_description::{SdpType, SessionDescription};
use crate::vocabulary::states::SignalingState;
use crate::vocabulary::transceiver::RtpTransceiverInit;

impl Peer {
    pub(crate) fn create_offer(
        &mut self,
        ice_restart: bool,
    ) -> Result<SessionDescription, RtcError> {
        if self.shared.signaling() == SignalingState::HaveRemoteOffer {
            return Err(RtcError::invalid_state(
                "answer the other side's offer first",
            ));
        }
        if !self.negotiated && self.pending.is_some() {
            // str0m cannot take back channels once it has offered them; but if nothing is negotiated there is nothing
            // to lose.
            self.replace_rtc();
        }
        self.forget_unanswered_mids();
        for channel in self.shared.take_new_channels() {
            self.channels.add(channel);
        }

        let ice_restart = self.shared.take_restart_ice() || ice_restart;
        if ice_restart {
            self.renew_ways();
        }
        let transceivers = self.shared.transceivers();
        let settled = self.settled_media(&transceivers);
        let mut api = self.rtc.sdp_api();
        if ice_restart && self.negotiated {
            api.ice_restart(true);
        }
        for transceiver in &transceivers {
            propose(&mut api, transceiver);
        }
        if !self.sctp_negotiated {
            for (id, config) in self.channels.unoffered() {
                *id = Some(api.add_channel_with_config(config));
            }
        }
        if let (false, Some((mid, direction))) = (api.has_changes(), settled) {
            // Nothing changed, but an offer is requested: change a direction there and back, in a way that drops no
            // buffers.
            api.set_direction(mid, other_than(direction));
            api.set_direction(mid, direction);
        }
        let offer = match api.apply() {
            Some((offer, pending)) => {
                self.pending = Some(pending);
                self.unchanged_offer = false;
                SessionDescription::new(SdpType::Offer, offer.to_sdp_string())
            }
            None => {
                self.pending = None;
                self.unchanged_offer = true;
                let last = self.shared.local().filter(|_| self.negotiated);
                last.ok_or_else(|| RtcError::invalid_state("there is nothing to offer yet"))?
            }
        };
        self.drain();
        Ok(SessionDescription::new(SdpType::Offer, offer.to_string()))
    }

    /// A negotiated section and its direction.
    fn settled_media(&self, transceivers: &[Arc<Transceiver>]) -> Option<(Mid, Direction)> {
        transceivers.iter().find_map(|transceiver| {
            let mid = Mid::from(transceiver.mid()?.as_str());
            let media = self.rtc.media(mid).filter(|media| !media.stopped())?;
            Some((mid, media.direction()))
        })
    }

    /// Takes back the mids of sections that were offered and never answered.
    fn forget_unanswered_mids(&mut self) {
        for transceiver in self.shared.transceivers() {
            let known = transceiver
                .mid()
                .is_some_and(|mid| self.rtc.media(Mid::from(mid.as_str())).is_some());
            if !known {
                transceiver.set_mid(None);
            }
        }
    }

    pub(crate) fn create_answer(&mut self) -> Result<SessionDescription, RtcError> {
        self.answer
            .clone()
            .ok_or_else(|| RtcError::invalid_state("there is no offer to answer"))
    }

    /// The text that is sent may differ from what was built here: livekit edits it. It is kept as it is and changes
    /// nothing in the engine.
    pub(crate) fn set_local(&mut self, description: SessionDescription) -> Result<(), RtcError> {
        match description.sdp_type() {
            SdpType::Offer => {
                if self.pending.is_none() && !self.unchanged_offer {
                    return Err(RtcError::invalid_state("set the offer made last"));
                }
                self.proposed = Some(description);
                self.shared.set_signaling(SignalingState::HaveLocalOffer);
            }
            SdpType::Answer | SdpType::PrAnswer => {
                if self.answer.take().is_none() {
                    return Err(RtcError::invalid_state("there is no offer to answer"));
                }
                let offer = self.proposed.take();
                self.shared.set_descriptions(Some(description), offer);
                self.shared.set_signaling(SignalingState::Stable);
            }
            SdpType::Rollback => self.roll_back(),
        }
        Ok(())
    }

    pub(crate) fn set_remote(&mut self, description: &SessionDescription) -> Result<(), RtcError> {
        self.meet(description.sdp());
        match description.sdp_type() {
            SdpType::Offer => self.accept_offer(description),
            SdpType::Answer | SdpType::PrAnswer => self.accept_answer(description),
            SdpType::Rollback => {
                self.roll_back();
                Ok(())
            }
        }
    }

    fn accept_offer(&mut self, description: &SessionDescription) -> Result<(), RtcError> {
        let offer = SdpOffer::from_sdp_string(description.sdp())
            .map_err(|error| RtcError::invalid_sdp(error.to_string()))?;
        self.pending = None;
        self.forget_unanswered_mids();
        let answer = self
            .rtc
            .sdp_api()
            .accept_offer(offer)
            .map_err(|error| RtcError::invalid_sdp(error.to_string()))?;
        self.answer = Some(SessionDescription::new(
            SdpType::Answer,
            answer.to_sdp_string(),
        ));
        self.proposed = Some(description.clone());
        self.shared.set_signaling(SignalingState::HaveRemoteOffer);
        self.settle(description.sdp());
        Ok(())
    }

    fn accept_answer(&mut self, description: &SessionDescription) -> Result<(), RtcError> {
        if self.shared.signaling() != SignalingState::HaveLocalOffer {
            return Err(RtcError::invalid_state(
                "there is no offer this could answer",
            ));
        }
        let again = self
            .shared
            .remote()
            .is_some_and(|last| last.sdp() == description.sdp());
        if again && self.pending.is_some() {
            // livekit cancels an offer by applying the old answer again.
            self.roll_back();
            return Ok(());
        }
        if let Some(pending) = self.pending.take() {
            let answer = SdpAnswer::from_sdp_string(description.sdp())
                .map_err(|error| RtcError::invalid_sdp(error.to_string()))?;
            self.rtc
                .sdp_api()
                .accept_answer(pending, answer)
                .map_err(|error| RtcError::invalid_sdp(error.to_string()))?;
        }
        self.shared
            .set_descriptions(self.proposed.take(), Some(description.clone()));
        self.shared.set_signaling(SignalingState::Stable);
        self.settle(description.sdp());
        Ok(())
    }

    fn roll_back(&mut self) {
        self.pending = None;
        self.unchanged_offer = false;
        self.proposed = None;
        self.answer = None;
        self.forget_unanswered_mids();
        self.shared.set_signaling(SignalingState::Stable);
    }

    /// Applies what was agreed to transceivers, tracks and encoders.
    fn settle(&mut self, remote: &str) {
        self.negotiated = true;
        self.drain();
        if !self.is_reached() {
            self.search();
        }
        let mut arrivals = Vec::new();
        for section in sdp::sections(remote) {
            if section.is_media() {
                let transceiver = self.transceiver_of(&section);
                let received = receive(&transceiver, &section);
                self.settle_sender(&transceiver, &section);
                arrivals.extend(received.map(|received| (transceiver, received)));
            } else if section.kind == "application" && !section.rejected {
                self.sctp_negotiated = true;
            }
        }
        self.media.forget_routes();
        for (transceiver, received) in arrivals {
            let on_track = &self.shared.on_track;
            on_track.with(|call| call(transceiver.clone(), received.clone()));
        }
    }

    /// The transceiver of a section, created if the other side has added it.
    fn transceiver_of(&mut self, section: &Section) -> Arc<Transceiver> {
        let known = self
            .shared
            .transceivers()
            .into_iter()
            .find(|transceiver| transceiver.mid().as_deref() == Some(&section.mid));
        known.unwrap_or_else(|| {
            let kind = if section.kind == "video" {
                MediaKind::Video
            } else {
                MediaKind::Audio
            };
            let init = RtpTransceiverInit {
                direction: RtpTransceiverDirection::RecvOnly,
                stream_ids: Vec::new(),
                send_encodings: Vec::new(),
            };
            let commands = self.commands.clone();
            let transceiver = self
                .shared
                .add_transceiver(|index| Transceiver::new(index, kind, None, init, commands));
            transceiver.set_mid(Some(section.mid.clone()));
            transceiver
        })
    }
}

/// Adds a transceiver to an offer, or changes its section as wanted.
fn propose(api: &mut SdpApi<'_>, transceiver: &Transceiver) {
    let stopped = transceiver.direction() == RtpTransceiverDirection::Stopped;
    match transceiver.mid() {
        Some(mid) if stopped => api.stop_media(Mid::from(mid.as_str())),
        Some(mid) => api.set_direction(Mid::from(mid.as_str()), transceiver.wanted_direction()),
        None if stopped => {}
        None => {
            let (stream, track) = transceiver.msid();
            let direction = transceiver.wanted_direction();
            let mid = api.add_media(transceiver.kind, direction, stream, track, None);
            transceiver.set_mid(Some(mid.to_string()));
        }
    }
}

/// A direction that can be left again without losing anything in flight.
fn other_than(direction: Direction) -> Direction {
    match direction {
        Direction::SendRecv => Direction::SendOnly,
        Direction::SendOnly | Direction::RecvOnly => Direction::SendRecv,
        Direction::Inactive => Direction::RecvOnly,
    }
}

/// Adapts the receiving half to what the other side sends. The server marks sections it does not use `sendonly` without
/// a stream: those receive nothing.
fn receive(transceiver: &Transceiver, section: &Section) -> Option<Received> {
    let Some((stream_id, track_id)) = section.msid.clone().filter(|_| section.sends()) else {
        transceiver.set_received(None);
        return None;
    };
    let same = |known: Received| known.stream_id == stream_id && known.track.id() == track_id;
    if transceiver.received().is_some_and(same) {
        return None;
    }
    let track = if transceiver.is_audio() {
        Track::Audio(Arc::new(AudioTrack::remote(track_id)))
    } else {
        Unsupported::Video.report();
        Track::Video(Arc::new(VideoTrack::new(track_id)))
    };
    let received = Received { track, stream_id };
    transceiver.set_received(Some(received.clone()));
    Some(received)
}
