//! Where a person has taken a call over by telephone and one of the two hangs up, the room is ended, which hangs the
//! other up, too. The agent that put them through has left, so nobody else would: a telephone's line stays open.

use std::time::Duration;

use livekit_protocol::ParticipantInfo;
use tokio::time::sleep;

use super::Control;
use super::participant::kind_of;
use crate::server_api::TRANSFER;
use sidetone_store::ParticipantKind;

/// Whoever makes a connection anew has left and comes back within this.
const SETTLED: Duration = Duration::from_secs(4);

/// Whether somebody is there alone after a transfer to a telephone. `was_called`: an agent had called the one who left.
fn is_alone(there: &[ParticipantInfo], was_called: bool) -> bool {
    let of_kind = |kind: ParticipantKind| there.iter().filter(move |one| kind_of(one) == kind);
    let mut people = of_kind(ParticipantKind::User);
    let is_called = |one: &ParticipantInfo| one.attributes.contains_key(TRANSFER);
    let Some(last) = people.next() else {
        return false;
    };
    let is_last = people.next().is_none();
    is_last && (was_called || is_called(last)) && of_kind(ParticipantKind::Agent).next().is_none()
}

impl Control {
    /// A person has left a room.
    pub(super) fn somebody_left(&self, room: &str, was_called: bool) {
        let (livekit, name) = (self.livekit.clone(), room.to_owned());
        let look = async move {
            sleep(SETTLED).await;
            let ended = match livekit.participants(&name).await {
                Ok(Some(there)) if is_alone(&there, was_called) => livekit.delete_room(&name).await,
                Ok(_) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = ended {
                tracing::warn!(room = name, %error, "could not see whether a telephone is left alone: its line may stay open");
            }
        };
        // Not waited for: this is asked by a loop that serves all calls.
        if let Err(full) = self.messages.run(room, look) {
            tracing::warn!(room, %full, "could not see whether a telephone is left alone: its line may stay open");
        }
    }
}

#[cfg(test)]
mod tests;
