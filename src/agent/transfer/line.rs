//! The line to a telephone that is called into a room. Unless it is kept, it is hung up when it is dropped, also
//! while it still rings: whoever waited for the person may be gone.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use sidetone_control_plane::server_api::{NotReached, ServerApi, TRANSFER};
use sidetone_store::Outcome;

/// How often a line is hung up whose telephone still rings: it may not be in the room yet.
const AGAIN: Duration = Duration::from_secs(1);
/// A telephone rings, and LiveKit's answer comes, within this.
const LONGEST: Duration = Duration::from_secs(100);

/// A telephone to call.
pub(super) struct Number<'a> {
    /// LiveKit's id of the trunk.
    pub(super) trunk: &'a str,
    /// What is dialled.
    pub(super) number: &'a str,
    /// The target's name.
    pub(super) name: &'a str,
}

/// See the module's documentation.
pub(super) struct Line {
    livekit: ServerApi,
    room: String,
    /// The telephone's, in the room.
    identity: String,
    /// Until it is answered, or is not.
    dialling: Option<JoinHandle<Result<(), NotReached>>>,
    is_kept: bool,
}

impl Line {
    /// Dials.
    pub(super) fn dial(
        livekit: &ServerApi,
        room: &str,
        identity: &str,
        to: Number<'_>,
        ring: Duration,
    ) -> Self {
        let [trunk, number, name] = [to.trunk, to.number, to.name].map(str::to_owned);
        let (api, at, who) = (livekit.clone(), room.to_owned(), identity.to_owned());
        let dialling = tokio::spawn(async move {
            let attributes = [(TRANSFER, &*name)];
            api.dial(&at, &who, (&trunk, &number), ring, &attributes)
                .await
        });
        Self {
            livekit: livekit.clone(),
            room: room.to_owned(),
            identity: identity.to_owned(),
            dialling: Some(dialling),
            is_kept: false,
        }
    }

    /// Waits until somebody answers.
    ///
    /// # Errors
    /// Nobody does; in words for the model.
    pub(super) async fn answered(&mut self) -> Result<(), String> {
        let Some(dialling) = &mut self.dialling else {
            return Ok(());
        };
        let answer = dialling.await;
        self.dialling = None;
        match answer {
            Ok(Ok(())) => Ok(()),
            Ok(Err(why)) => {
                let (outcome, reason) = (why.outcome.as_str(), &why.reason);
                tracing::info!(
                    room = self.room,
                    outcome,
                    reason,
                    "a person was not reached"
                );
                Err(words(why.outcome).to_owned())
            }
            Err(_) => Err(words(Outcome::Failed).to_owned()),
        }
    }

    /// The person has the call now.
    pub(super) fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        let (livekit, room) = (self.livekit.clone(), self.room.clone());
        let (identity, dialling) = (self.identity.clone(), self.dialling.take());
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let hung_up = timeout(LONGEST, hang_up(&livekit, &room, &identity, dialling));
                if hung_up.await.is_err() {
                    tracing::warn!(
                        room,
                        "a telephone may still ring for a transfer that is over"
                    );
                }
            });
        }
    }
}

async fn hang_up(
    livekit: &ServerApi,
    room: &str,
    identity: &str,
    dialling: Option<JoinHandle<Result<(), NotReached>>>,
) {
    loop {
        // Asked first: what is dialled after that is in the room by then.
        let is_over = dialling.as_ref().is_none_or(JoinHandle::is_finished);
        if let Err(error) = livekit.remove_participant(room, identity).await {
            tracing::warn!(room, %error, "a person's telephone could not be hung up");
        }
        if is_over {
            return;
        }
        sleep(AGAIN).await;
    }
}

/// Why nobody was reached, for the model.
fn words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Busy => "the line was busy",
        Outcome::NoAnswer => "nobody answered",
        Outcome::Declined => "the call was declined",
        Outcome::Failed | Outcome::Dialling | Outcome::Answered | Outcome::Voicemail => {
            "the telephone could not be reached"
        }
    }
}
