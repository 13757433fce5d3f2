//! A telephone, as LiveKit's SIP service would bring it into a room: a participant of its kind, with its attributes, 8
//! kHz of sound, and keys. With it an agent can be tried on the telephone without a trunk.

use anyhow::Context as _;
use audio_codec_algorithms::{decode_ulaw, encode_ulaw};
use livekit_api::access_token::{AccessToken, VideoGrants};
use livekit_protocol::{RoomAgentDispatch, RoomConfiguration};
use sidetone_base::audio::{Pcm, Resampler};
use sidetone_config::livekit::LiveKit;

/// A call from a telephone.
#[derive(Debug, Clone)]
pub struct Phone {
    /// Where the SIP service would be.
    pub livekit: LiveKit,
    /// The name under which workers register.
    pub agent_name: String,
    /// The metadata of the dispatch, as a SIP rule would set it; may be empty.
    pub metadata: String,
    /// The caller's number.
    pub number: String,
    /// The number that was dialled. `None` if the trunk does not say.
    pub dialled: Option<String>,
}

impl Phone {
    /// A new room, as a SIP rule makes one for each caller, in which an agent is dispatched when the telephone joins.
    pub(super) fn token(&self) -> anyhow::Result<String> {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let room = format!("phone-_{}_{}", self.number, &id[..12]);
        let dispatch = RoomAgentDispatch {
            agent_name: self.agent_name.clone(),
            metadata: self.metadata.clone(),
            ..RoomAgentDispatch::default()
        };
        let call_id = format!("SCL_{}", &id[..12]);
        // https://docs.livekit.io/reference/telephony/sip-participant/
        let attributes = [
            ("sip.callStatus", "active"),
            ("sip.callID", call_id.as_str()),
            ("sip.phoneNumber", self.number.as_str()),
        ];
        let dialled = self.dialled.as_deref();
        let attributes = attributes
            .into_iter()
            .chain(dialled.map(|number| ("sip.trunkPhoneNumber", number)));
        let key = self.livekit.keys.first();
        AccessToken::with_api_key(&key.id, &key.secret.expose())
            .with_identity(&format!("sip_{}", self.number))
            .with_name(&format!("Phone {}", self.number))
            .with_kind("sip")
            .with_attributes(attributes)
            .with_grants(VideoGrants {
                room_join: true,
                room,
                ..VideoGrants::default()
            })
            .with_room_config(RoomConfiguration {
                agents: vec![dispatch],
                ..RoomConfiguration::default()
            })
            .to_jwt()
            .context("signing a token for the telephone")
    }
}

/// What comes out at the other end of a telephone line: 8 kHz, 8 bits a sample (ITU-T G.711, µ-law).
pub fn by_telephone(sound: &Pcm<48_000>) -> Pcm<48_000> {
    let narrow = Resampler::<48_000, 8_000>::convert(sound);
    let samples = narrow.samples().iter();
    let coded = samples.map(|sample| decode_ulaw(encode_ulaw(*sample)));
    Resampler::<8_000, 48_000>::convert(&Pcm::new(coded.collect()))
}

#[cfg(test)]
mod tests;
