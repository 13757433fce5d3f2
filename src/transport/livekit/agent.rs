//! Drives a joined room for a call: finds the caller, passes sound, events and commands.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::OptionFuture;
use livekit::participant::ParticipantKind;
use livekit::prelude::{
    Participant, ParticipantIdentity, RemoteParticipant, RemoteTrack, RemoteTrackPublication, Room,
    RoomEvent as LkEvent, TrackKind,
};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep_until;

use super::asked::{answer_rpc, read_chat};
use super::before;
use super::publish::Publisher;
use super::voice::{Voice, hear};
use crate::audio::Pcm;
use crate::clock;
use crate::transport::tap::RECORDING_TOPIC;
use crate::transport::{DisconnectReason, RoomDriver, RoomEvent, Tap};

/// The name that LiveKit's own agents give their track; clients look for it.
const TRACK_NAME: &str = "roomio_audio";
/// A caller who is in the room but has not subscribed to the agent's voice after this long may
/// not want to (a text client): the conversation begins all the same.
const SUBSCRIBE_GRACE: Duration = Duration::from_secs(2);

/// Drives `room` until the call says `Leave` (or drops its ends) or the room is over. The caller
/// of this function still has the room to close: a job's end is reported before it leaves. What
/// is heard and said also goes into `tap`.
///
/// # Errors
/// When our voice cannot be published.
pub async fn drive(
    room: &Room,
    events: UnboundedReceiver<LkEvent>,
    driver: RoomDriver,
    tap: Tap,
) -> Result<(), super::JoinError> {
    let voice = Voice::publish(room, TRACK_NAME).await?;
    let RoomDriver {
        mic,
        events: to_call,
        mut speaker,
        commands,
    } = driver;
    let publisher = Publisher::new(room.local_participant(), voice.track_sid());
    let caller_seen = publisher.caller();
    answer_rpc(room, Arc::new(publisher.is_caller()), &to_call);
    let mut tasks = JoinSet::new();
    let said = tap.clone();
    tasks.spawn(async move {
        while let Some(frame) = speaker.recv().await {
            said.agent(&frame);
            voice.play(&frame).await;
        }
    });
    let (reads, read) = mpsc::channel(1);
    let mut watch = Watch {
        to_call,
        mic,
        caller: None,
        greet_by: None,
        before: Before::None,
        before_read: read,
        before_reads: reads,
        hearing: None,
        caller_seen,
        tap,
        tasks,
    };
    for participant in room.remote_participants().into_values() {
        watch.arrived(participant).await;
    }
    tokio::select! {
        () = publisher.carry_out(commands) => {}
        () = watch.run(events) => {}
    }
    Ok(())
}

/// What the caller said before we could hear.
enum Before {
    None,
    /// The greeting waits for it.
    Awaited,
    Here(Pcm<16_000>),
}

/// The listening half: LiveKit's events in, the call's events out.
struct Watch {
    to_call: mpsc::Sender<RoomEvent>,
    mic: mpsc::Sender<Pcm<16_000>>,
    /// The person that this call is with: the first one who is neither agent nor recorder.
    caller: Option<RemoteParticipant>,
    /// The caller is here, the call does not know it yet: by then it is told.
    greet_by: Option<Instant>,
    before: Before,
    before_read: mpsc::Receiver<Option<Pcm<16_000>>>,
    before_reads: mpsc::Sender<Option<Pcm<16_000>>>,
    hearing: Option<AbortHandle>,
    caller_seen: super::publish::CallerSeen,
    tap: Tap,
    tasks: JoinSet<()>,
}

impl Watch {
    async fn run(mut self, mut events: UnboundedReceiver<LkEvent>) {
        loop {
            let grace: OptionFuture<_> = self.greet_by.map(|at| sleep_until(at.into())).into();
            tokio::select! {
                event = events.recv() => match event {
                    Some(LkEvent::Disconnected { reason }) => {
                        self.tell(RoomEvent::Closed { reason: reason.into() }).await;
                        // The call answers with `Leave`; until then nothing more happens here.
                        std::future::pending::<()>().await;
                    }
                    Some(event) => self.event(event).await,
                    None => return,
                },
                Some(read) = self.before_read.recv() => self.before_is_read(read).await,
                Some(()) = grace => self.greet().await,
            }
        }
    }

    async fn event(&mut self, event: LkEvent) {
        match event {
            LkEvent::ParticipantConnected(participant) => self.arrived(participant).await,
            LkEvent::ParticipantDisconnected(participant)
                if self.is_caller(&participant.identity()) =>
            {
                self.caller = None;
                // A caller whom the call never met needs no farewell.
                if self.greet_by.take().is_none() {
                    let reason = livekit::DisconnectReason::from(participant.disconnect_reason());
                    let reason = reason.into();
                    self.tell(RoomEvent::CallerLeft { reason }).await;
                }
            }
            LkEvent::LocalTrackSubscribed { .. } => {
                let caller = self.caller.as_ref();
                let awaits = matches!(self.before, Before::None)
                    && self.greet_by.is_some()
                    && caller.is_some_and(before::is_announced);
                if awaits {
                    self.before = Before::Awaited;
                    self.greet_by = Some(clock::now() + before::PATIENCE);
                } else if !matches!(self.before, Before::Awaited) {
                    self.greet().await;
                }
            }
            LkEvent::TrackPublished {
                publication,
                participant,
            } if self.is_caller(&participant.identity()) => {
                subscribe(&publication);
            }
            LkEvent::TrackSubscribed {
                track: RemoteTrack::Audio(track),
                participant,
                ..
            } if self.is_caller(&participant.identity()) => {
                self.caller_seen.track(track.sid());
                let mic = self.mic.clone();
                let tap = self.tap.clone();
                let hearing = self.tasks.spawn(hear(track, move |frame| {
                    tap.caller(&frame);
                    mic.try_send(frame)
                }));
                if let Some(before) = self.hearing.replace(hearing) {
                    before.abort();
                }
            }
            LkEvent::TrackMuted { participant, .. } => self.muted(&participant, true).await,
            LkEvent::TrackUnmuted { participant, .. } => self.muted(&participant, false).await,
            LkEvent::ChatMessage {
                message,
                participant: Some(participant),
            } if self.is_caller(&participant.identity()) => {
                self.tell(RoomEvent::Chat {
                    text: message.message,
                })
                .await;
            }
            LkEvent::TextStreamOpened {
                reader,
                topic,
                participant_identity,
            } if topic == "lk.chat" && self.is_caller(&participant_identity) => {
                if let Some(reader) = reader.take() {
                    self.tasks.spawn(read_chat(reader, self.to_call.clone()));
                }
            }
            LkEvent::ByteStreamOpened {
                reader,
                topic,
                participant_identity,
            } if topic == before::TOPIC && self.is_caller(&participant_identity) => {
                if let Some(reader) = reader.take() {
                    let reads = self.before_reads.clone();
                    self.tasks.spawn(async move {
                        let read = before::read(reader).await;
                        let sound = read.inspect_err(|error| {
                            tracing::warn!(%error, "what the caller said before is not heard");
                        });
                        // A call that takes no more is ending.
                        reads.send(sound.ok()).await.ok();
                    });
                }
            }
            // From the server itself: no participant can send in nobody's name.
            LkEvent::DataReceived {
                payload,
                topic: Some(topic),
                participant: None,
                ..
            } if topic == RECORDING_TOPIC => self.tap.command(&payload),
            _ => {}
        }
    }

    async fn arrived(&mut self, participant: RemoteParticipant) {
        let person = matches!(
            participant.kind(),
            ParticipantKind::Standard | ParticipantKind::Sip
        );
        if self.caller.is_some() || !person {
            return;
        }
        self.caller_seen.identity(participant.identity());
        for publication in participant.track_publications().values() {
            subscribe(publication);
        }
        self.greet_by = Some(clock::now() + SUBSCRIBE_GRACE);
        self.caller = Some(participant);
    }

    async fn before_is_read(&mut self, sound: Option<Pcm<16_000>>) {
        let is_awaited = matches!(self.before, Before::Awaited);
        self.before = sound.map_or(Before::None, Before::Here);
        if is_awaited {
            self.greet().await;
        }
    }

    /// Tells the call that the caller is here and can hear us, once.
    async fn greet(&mut self) {
        if self.greet_by.take().is_none() {
            return;
        }
        let before = std::mem::replace(&mut self.before, Before::None);
        let Some(caller) = &self.caller else { return };
        if let Before::Here(sound) = before {
            self.tell(RoomEvent::SaidBefore(sound)).await;
        }
        let joined = RoomEvent::CallerJoined {
            identity: caller.identity().to_string(),
            name: caller.name(),
            attributes: caller.attributes(),
        };
        let muted = caller
            .track_publications()
            .values()
            .any(|track| track.kind() == TrackKind::Audio && track.is_muted());
        self.tell(joined).await;
        if muted {
            self.tell(RoomEvent::MicMuted(true)).await;
        }
    }

    async fn muted(&mut self, participant: &Participant, muted: bool) {
        // A caller whom the call has not met yet is met as it is then.
        if self.is_caller(&participant.identity()) && self.greet_by.is_none() {
            self.tell(RoomEvent::MicMuted(muted)).await;
        }
    }

    fn is_caller(&self, identity: &ParticipantIdentity) -> bool {
        self.caller
            .as_ref()
            .is_some_and(|caller| caller.identity() == *identity)
    }

    /// No event may be lost; a call that takes none any more is ending.
    async fn tell(&self, event: RoomEvent) {
        let _ = self.to_call.send(event).await;
    }
}

/// Asks the server for sound, and for nothing else.
fn subscribe(publication: &RemoteTrackPublication) {
    if publication.kind() == TrackKind::Audio {
        publication.set_subscribed(true);
    }
}

impl From<livekit::DisconnectReason> for DisconnectReason {
    fn from(reason: livekit::DisconnectReason) -> Self {
        use livekit::DisconnectReason as Lk;
        match reason {
            Lk::UnknownReason => Self::Unknown,
            Lk::ClientInitiated => Self::ClientInitiated,
            Lk::DuplicateIdentity => Self::DuplicateIdentity,
            Lk::ServerShutdown => Self::ServerShutdown,
            Lk::ParticipantRemoved => Self::ParticipantRemoved,
            Lk::RoomDeleted => Self::RoomDeleted,
            Lk::StateMismatch => Self::StateMismatch,
            Lk::JoinFailure => Self::JoinFailure,
            Lk::Migration => Self::Migration,
            Lk::SignalClose => Self::SignalClose,
            Lk::RoomClosed => Self::RoomClosed,
            Lk::UserUnavailable => Self::UserUnavailable,
            Lk::UserRejected => Self::UserRejected,
            Lk::SipTrunkFailure => Self::SipTrunkFailure,
            Lk::ConnectionTimeout => Self::ConnectionTimeout,
            Lk::MediaFailure => Self::MediaFailure,
            Lk::AgentError => Self::AgentError,
        }
    }
}
