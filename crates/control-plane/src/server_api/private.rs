//! What a person who is called into a room is told there before the others hear them: who may hear whom, and a
//! participant that speaks to that person alone.

use std::time::Duration;

use livekit_api::access_token::{AccessToken, AccessTokenError, VideoGrants};

use super::{Result, ServerApi, found};

/// The attribute of a telephone that an agent has called to put its caller through: the target's name. Nobody's call is
/// with such a participant.
pub const TRANSFER: &str = "sidetone.transfer";

/// The token need only be good until the room is joined.
const TOKEN_TTL: Duration = Duration::from_secs(600);

impl ServerApi {
    /// What opens a room for a participant that is no person and no agent, and that publishes sound there.
    ///
    /// # Errors
    /// The token could not be signed.
    pub fn voice_token(
        &self,
        room: &str,
        identity: &str,
    ) -> std::result::Result<String, AccessTokenError> {
        let key = self.livekit.keys.first();
        AccessToken::with_api_key(&key.id, &key.secret.expose())
            .with_ttl(TOKEN_TTL)
            .with_identity(identity)
            .with_kind("ingress")
            .with_grants(VideoGrants {
                room_join: true,
                room: room.to_owned(),
                ..VideoGrants::default()
            })
            .to_jwt()
    }

    /// Says whether somebody in a room `hears` these tracks: the server subscribes to them in their place, or ends
    /// their subscriptions. Somebody who is gone is no error.
    ///
    /// # Errors
    /// See [`Result`].
    pub async fn let_hear(
        &self,
        room: &str,
        identity: &str,
        tracks: Vec<String>,
        hears: bool,
    ) -> Result<()> {
        let built = self.built();
        let rooms = built.services.room();
        let updated = rooms.update_subscriptions(room, identity, tracks, hears);
        found(updated.await).map(drop)
    }
}
