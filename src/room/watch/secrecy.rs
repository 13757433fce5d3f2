//! Whether caller and agent use the same encryption and key. Until that is known the agent is silent.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use livekit::prelude::Participant;
use livekit::webrtc::native::frame_cryptor::EncryptionState;
use tokio::sync::watch;

use super::super::microphone::Tracks;
use super::super::secrecy::Keyring;
use super::Watch;
use sidetone_base::clock;
use sidetone_call::transport::{Mismatch, RoomEvent};

/// A caller's first track shows whether it encrypts. A caller who publishes none within this time may only write.
const FIRST_TRACK: Duration = Duration::from_secs(1);
/// How long the agent's secrets are read again while none of its keys decrypts what the caller sends: clients and
/// operators do not change theirs at the same instant.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often they are read.
const LOOK: Duration = Duration::from_millis(500);
/// The attribute that tells pages and apps why the agent leaves.
const ATTRIBUTE: &str = "sidetone.encryption";

/// Whether the agent may be heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Voice {
    /// It may.
    Open,
    /// Not until it is known whether the caller encrypts.
    Waits,
    /// Not any more.
    Over,
}

/// No key decrypts what the caller sends.
struct Closed {
    since: Instant,
    next_look: Instant,
}

/// What is known about the encryption of caller and agent.
pub(in super::super) struct Secrecy {
    keyring: Option<Keyring>,
    pub(super) mismatch: Option<Mismatch>,
    closed: Option<Closed>,
    /// From then on the agent may be heard, whatever the caller publishes.
    waits_until: Option<Instant>,
    /// The first caller has joined.
    has_met: bool,
    voice: watch::Sender<Voice>,
}

impl Secrecy {
    pub(in super::super) fn new(keyring: Option<Keyring>) -> (Self, watch::Receiver<Voice>) {
        let (voice, heard) = watch::channel(Voice::Open);
        let secrecy = Self {
            keyring,
            mismatch: None,
            closed: None,
            waits_until: None,
            has_met: false,
            voice,
        };
        (secrecy, heard)
    }

    /// Whether the caller's sound must be encrypted.
    pub(super) fn is_kept(&self) -> bool {
        self.keyring.is_some()
    }

    /// A caller has joined. The agent speaks to the first one once its tracks show whether it encrypts.
    pub(super) fn caller_came(&mut self, now: Instant, tracks: &Tracks) {
        if !std::mem::replace(&mut self.has_met, true) && tracks.is_empty() {
            self.speak(Voice::Waits);
            self.waits_until = Some(now + FIRST_TRACK);
        }
    }

    /// Nothing arrives any more that would have to be decrypted.
    pub(super) fn nothing_is_closed(&mut self) {
        self.closed = None;
    }

    /// When there is something to do.
    pub(super) fn due(&self) -> Option<Instant> {
        let look = self.closed.as_ref().map(|closed| closed.next_look);
        [look, self.waits_until].into_iter().flatten().min()
    }

    fn speak(&mut self, voice: Voice) {
        self.waits_until = None;
        self.voice.send_if_modified(|now| {
            let is_new = *now != voice && *now != Voice::Over;
            if is_new {
                *now = voice;
            }
            is_new
        });
    }

    /// How the two differ, judged by what the caller publishes. `None` if they agree.
    fn judge(&self, tracks: &Tracks) -> Option<Mismatch> {
        match self.keyring {
            None => tracks.some_are(true).then_some(Mismatch::NoKey),
            Some(_) => tracks.some_are(false).then_some(Mismatch::InTheClear),
        }
    }
}

impl Watch<'_> {
    /// The caller's tracks have changed.
    pub(super) async fn judge_tracks(&mut self) {
        match self.secrecy.judge(&self.tracks) {
            Some(mismatch) => self.differ(mismatch).await,
            None if !self.tracks.is_empty() => self.secrecy.speak(Voice::Open),
            None => {}
        }
    }

    /// From now on no audio passes.
    async fn differ(&mut self, mismatch: Mismatch) {
        self.secrecy.speak(Voice::Over);
        self.secrecy.closed = None;
        if self.secrecy.mismatch.is_some() {
            return;
        }
        self.secrecy.mismatch = Some(mismatch);
        tracing::error!(
            "caller and agent cannot hear each other: {}",
            mismatch.advice()
        );
        let participant = self.room.local_participant();
        self.tasks.spawn(async move {
            let attributes = HashMap::from([(ATTRIBUTE.to_owned(), mismatch.as_str().to_owned())]);
            // Others may see it even if the reply is lost, and a finished call does not need it.
            participant.set_attributes(attributes).await.ok();
        });
        self.tell(RoomEvent::Mismatch(mismatch)).await;
    }

    /// Handles a change of an encrypted track's state.
    pub(super) async fn encryption(&mut self, who: &Participant, state: EncryptionState) {
        if let Participant::Local(_) = who {
            if state != EncryptionState::Ok {
                tracing::error!(
                    ?state,
                    "the agent's voice is not sent: it cannot be encrypted"
                );
            }
            return;
        }
        if !self.is_caller(&who.identity()) {
            return;
        }
        match state {
            EncryptionState::Ok => {
                self.secrecy.closed = None;
                self.follow();
            }
            EncryptionState::DecryptionFailed | EncryptionState::MissingKey => {
                tracing::warn!(?state, "what the caller sends cannot be decrypted");
                let now = clock::now();
                self.secrecy.closed.get_or_insert(Closed {
                    since: now,
                    next_look: now,
                });
            }
            _ => {}
        }
    }

    /// Uses the caller's key from now on.
    fn follow(&mut self) {
        let (Some(keyring), Some(caller), Some((track, _))) =
            (&mut self.secrecy.keyring, &self.caller, &self.hearing)
        else {
            return;
        };
        let change = keyring.follow(self.room, &caller.identity(), track);
        if let Some(change) = change {
            tracing::info!("the caller has changed to another key: the agent uses it, too");
            self.beside(change);
        }
    }

    /// The agent's voice was published again.
    pub(super) fn go_on(&self) {
        if let Some(keyring) = &self.secrecy.keyring {
            keyring.go_on(self.room);
        }
    }

    /// Does what is due.
    pub(super) async fn secrecy_due(&mut self) {
        let now = clock::now();
        if self.secrecy.waits_until.is_some_and(|by| by <= now) {
            self.secrecy.speak(Voice::Open);
        }
        let Some(closed) = &mut self.secrecy.closed else {
            return;
        };
        if closed.next_look > now {
            return;
        }
        closed.next_look = now + LOOK;
        let is_over = closed.since + PATIENCE <= now;
        let renewed = self.secrecy.keyring.as_mut().and_then(Keyring::renew);
        if let Some(change) = renewed {
            // New keys start a new wait.
            self.secrecy.closed = None;
            tracing::info!("keys of the room have changed; the new ones are tried");
            self.beside(change);
        } else if is_over {
            self.differ(Mismatch::WrongKey).await;
        }
    }

    fn beside(&mut self, change: super::super::secrecy::Change) {
        self.tasks.spawn(async move {
            // Fails only if the process is ending.
            tokio::task::spawn_blocking(change).await.ok();
        });
    }
}
