//! The listening half of a driven room: LiveKit's events in, the call's events out. Here is who the
//! caller is and when it is greeted.

mod hearing;
mod link;
mod order;
mod packets;
mod said_before;
mod secrecy;
mod several;

use std::time::{Duration, Instant};

use futures::future::OptionFuture;
use livekit::participant::ParticipantState;
use livekit::prelude::{
    ConnectionState, Participant, ParticipantIdentity, ParticipantSid, RemoteParticipant, Room,
    RoomEvent as LkEvent, TrackSid,
};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep_until;

use super::asked::Chats;
use super::before;
use super::keys::key_of;
use super::microphone::Tracks;
use super::overheard::{Overheard, shut};
use super::person::{caller_of, may_call, rings};
use super::publish::Seeing;
use super::pulse;
use super::quality::Quality;
use super::reason::reason_of;
use super::voice::subscribe;
pub(super) use link::Link;
use order::Order;
use packets::Early;
pub(super) use packets::Orders;
use said_before::SaidBefore;
pub(super) use secrecy::{Secrecy, Voice};
use several::Several;
use sidetone_base::clock;
use sidetone_base::tap::Tap;
use sidetone_call::transport::{DisconnectReason, Dismissal, MicFrame, RoomEvent};
use sidetone_intake::doors::KeyDoor;

/// A caller who is in the room but has not subscribed to the agent's voice after this long may
/// not want to (a text client): the conversation begins all the same.
const SUBSCRIBE_GRACE: Duration = Duration::from_secs(2);
/// The same where somebody has subscribed long before, such as a recorder: LiveKit tells of the first alone.
const LATER_GRACE: Duration = Duration::from_millis(500);
/// An agent that joins anew takes its own place, at which LiveKit ends its job, too. So an order that
/// comes while it joins, or so soon afterwards, is about the session before.
const OWN_PLACE: Duration = Duration::from_secs(2);

/// LiveKit tells of those who come and go in batches, and of those who only listen every few seconds; within
/// one, who has left may stand before who has come. So nobody is taken for the last one at once.
const SETTLE: Duration = Duration::from_millis(500);

/// A caller who has left, until it is clear whether somebody else has the call.
struct Parted {
    identity: ParticipantIdentity,
    reason: DisconnectReason,
    settled: Instant,
}

/// The listening half: LiveKit's events in, the call's events out.
pub(super) struct Watch<'a> {
    room: &'a Room,
    to_call: mpsc::Sender<RoomEvent>,
    mic: mpsc::Sender<MicFrame>,
    /// The person that this call is with: the first one who is neither agent nor recorder.
    caller: Option<RemoteParticipant>,
    /// A telephone is called: it is not the caller while it rings.
    is_dialled: bool,
    /// Who the caller was: when the agent's own connection is made anew, nobody else is.
    known: Option<ParticipantIdentity>,
    /// The last caller's leave, which the call is not told yet.
    parted: Option<Parted>,
    /// The caller is here, the call does not know it yet: by then it is told.
    greet_by: Option<Instant>,
    /// When somebody began to hear the agent: LiveKit may tell of it before it tells who is there.
    heard_since: Option<Instant>,
    before: SaidBefore,
    /// What the caller did while another agent held the call.
    overheard: Option<Overheard>,
    tracks: Tracks,
    /// The track that is listened to.
    hearing: Option<(TrackSid, AbortHandle)>,
    /// What the call knows of the microphone.
    is_muted: bool,
    /// Where the agent hears several people: those beside the caller.
    several: Option<Several>,
    secrecy: Secrecy,
    /// Our own session in the room.
    session: ParticipantSid,
    /// When it replaced another.
    rejoined: Option<Instant>,
    chats: Chats,
    keys: KeyDoor,
    early: Early,
    seeing: Seeing,
    link: Link,
    tap: Tap,
    orders: Orders,
    tasks: JoinSet<()>,
}

impl<'a> Watch<'a> {
    /// Watches `room` for a call. `tasks` end with it.
    pub(super) fn new(
        room: &'a Room,
        (to_call, mic): (mpsc::Sender<RoomEvent>, mpsc::Sender<MicFrame>),
        seeing: Seeing,
        link: Link,
        tap: Tap,
        orders: Orders,
        secrecy: Secrecy,
    ) -> Self {
        Self {
            room,
            chats: Chats::new(room.local_participant(), to_call.clone()),
            keys: KeyDoor::default(),
            early: Early::default(),
            to_call,
            mic,
            caller: None,
            is_dialled: false,
            known: None,
            parted: None,
            greet_by: None,
            heard_since: None,
            before: SaidBefore::default(),
            overheard: None,
            tracks: Tracks::none(secrecy.is_kept()),
            secrecy,
            hearing: None,
            is_muted: false,
            several: None,
            session: room.local_participant().sid(),
            rejoined: None,
            seeing,
            link,
            tap,
            orders,
            tasks: JoinSet::new(),
        }
    }

    /// That of a call to a telephone.
    pub(super) fn dialled(self, is_dialled: bool) -> Self {
        Self { is_dialled, ..self }
    }

    /// That of an agent to which another one has handed the call over.
    pub(super) fn after(self, overheard: Option<Overheard>) -> Self {
        Self { overheard, ..self }
    }

    /// Watches until the room is over, and then until it is dropped.
    pub(super) async fn run(
        mut self,
        mut events: UnboundedReceiver<LkEvent>,
        dismissal: Dismissal,
        quality: &Quality,
    ) {
        if let Some(sound) = self.overheard.as_mut().and_then(Overheard::sound) {
            self.before = SaidBefore::of(sound);
        }
        self.anybody().await;
        let mut order = Order::Awaited(dismissal.ordered);
        let (tell, mut beats) = mpsc::channel(1);
        let pulse = pulse::watch(self.room, tell, quality);
        tokio::pin!(pulse);
        loop {
            // A greeting is for a room that we are in.
            let greet_by = self.greet_by.filter(|_| !self.is_away());
            let grace: OptionFuture<_> = greet_by.map(|at| sleep_until(at.into())).into();
            let secrecy: OptionFuture<_> =
                (self.secrecy.due()).map(|at| sleep_until(at.into())).into();
            let settled = self.parted.as_ref().map(|parted| parted.settled);
            let settled: OptionFuture<_> = settled.map(|at| sleep_until(at.into())).into();
            tokio::select! {
                event = next(&mut self.overheard, &mut events) => match event {
                    Some(LkEvent::Disconnected { reason }) => {
                        self.part(None).await;
                        tracing::info!(?reason, "the room is over for the agent");
                        self.tell(RoomEvent::Closed { reason: reason_of(reason) }).await;
                        // The call answers with `Leave`; until then nothing more happens here.
                        std::future::pending::<()>().await;
                    }
                    Some(event) => self.event(event).await,
                    None => return,
                },
                Some(read) = self.before.read.recv() => self.before_is_read(read).await,
                // What a task leaves behind is kept until it is asked for.
                Some(_) = self.tasks.join_next() => {}
                Some(()) = grace => self.greet().await,
                Some(()) = secrecy => self.secrecy_due().await,
                Some(()) = settled => self.part(None).await,
                () = &mut pulse => {}
                Some(beat) = beats.recv() => {
                    if let Some(check) = self.link.beat(beat, self.room, &self.to_call).await {
                        self.tasks.spawn(check);
                    }
                }
                lost = self.link.lost() => {
                    self.tasks.spawn(lost);
                }
                () = order.step() => match order {
                    Order::Heard { .. } | Order::Due(_) if self.took_own_place() => {
                        tracing::info!("the job was ended for the session before: the agent stays");
                        dismissal.declined.cancel();
                        order = Order::Done;
                    }
                    Order::Due(by) => {
                        order = Order::Done;
                        self.tell(RoomEvent::Dismissed(by)).await;
                    }
                    Order::Awaited(_) | Order::Heard { .. } | Order::Done => {}
                },
            }
        }
    }

    /// Our own connection is lost and may be made anew.
    fn is_away(&self) -> bool {
        self.room.connection_state() == ConnectionState::Reconnecting
    }

    fn took_own_place(&self) -> bool {
        let just_now = |at: Instant| at + OWN_PLACE > clock::now();
        self.is_away() || self.rejoined.is_some_and(just_now)
    }

    async fn event(&mut self, event: LkEvent) {
        match event {
            LkEvent::ParticipantConnected(participant) => {
                self.arrived(participant).await;
                self.take_in_others();
            }
            LkEvent::ParticipantDisconnected(participant)
                if self.is_caller(&participant.identity()) =>
            {
                self.left(&participant).await;
            }
            LkEvent::ParticipantDisconnected(participant) => {
                self.other_left(&participant.identity());
            }
            LkEvent::ParticipantAttributesChanged { participant, .. } if self.is_dialled => {
                self.answered(&participant).await;
                self.take_in_others();
            }
            LkEvent::Reconnecting => self.link.is_down(clock::now()),
            LkEvent::Reconnected => self.reconnected().await,
            LkEvent::LocalTrackRepublished { publication, .. } => {
                self.seeing.own_track(publication.sid());
                self.go_on();
            }
            LkEvent::E2eeStateChanged { participant, state } => {
                self.encryption(&participant, state).await;
            }
            LkEvent::LocalTrackSubscribed { .. } => {
                self.heard_since = Some(clock::now());
                self.caller_hears().await;
            }
            LkEvent::TrackPublished { .. }
            | LkEvent::TrackUnpublished { .. }
            | LkEvent::TrackSubscribed { .. }
            | LkEvent::TrackUnsubscribed { .. }
            | LkEvent::TrackMuted { .. }
            | LkEvent::TrackUnmuted { .. } => self.track_event(event).await,
            LkEvent::ChatMessage {
                message,
                participant: Some(participant),
            } if self.is_heard(&participant.identity()) => {
                let (chats, writer) = (self.chats.clone(), participant.identity());
                let by = self.person(&writer);
                self.tasks
                    .spawn(async move { chats.whole(writer, by, message.message).await });
            }
            LkEvent::SipDTMFReceived {
                code,
                digit,
                participant: Some(participant),
            } if self.is_heard(&participant.identity()) => {
                if let Some(key) = key_of(code, digit.as_deref()) {
                    self.pressed(key).await;
                }
            }
            LkEvent::TextStreamOpened {
                reader,
                topic,
                participant_identity,
            } if topic == "lk.chat" && self.may_write(&participant_identity) => {
                if let Some(reader) = reader.take() {
                    self.chat(participant_identity, reader);
                }
            }
            LkEvent::ByteStreamOpened {
                reader,
                topic,
                participant_identity,
            } if topic == before::TOPIC && self.is_caller(&participant_identity) => {
                if let Some(reader) = reader.take() {
                    self.take_before(reader);
                }
            }
            // Nobody reads these: what is dropped without a word stays open.
            LkEvent::TextStreamOpened { .. } | LkEvent::ByteStreamOpened { .. } => shut(&event),
            // Without a sender: from the control plane, or from somebody who is not seen (yet).
            LkEvent::DataReceived {
                payload,
                topic: Some(topic),
                participant: None,
                ..
            } => self.order(&topic, &payload).await,
            _ => {}
        }
    }

    /// Whoever of those in the room the call is with.
    async fn anybody(&mut self) {
        for participant in self.room.remote_participants().into_values() {
            self.arrived(participant).await;
        }
        self.take_in_others();
    }

    async fn arrived(&mut self, participant: RemoteParticipant) {
        // Of somebody who leaves, LiveKit's client may know neither kind nor attributes any more.
        let has_left = participant.state() == ParticipantState::Disconnected;
        let is_ringing = self.is_dialled && rings(&participant);
        if self.caller.is_some() || has_left || !may_call(&participant) || is_ringing {
            return;
        }
        let identity = participant.identity();
        // The server shows who is there in no order, and the caller may be last.
        if self.is_away() && self.known.as_ref().is_some_and(|known| *known != identity) {
            return;
        }
        self.other_left(&identity);
        self.part(Some(&identity)).await;
        self.seeing.caller(identity.clone());
        self.known = Some(identity);
        let now = clock::now();
        let grace = self.heard_since.map_or(SUBSCRIBE_GRACE, |_| LATER_GRACE);
        self.greet_by = Some(now + grace);
        for publication in participant.track_publications().values() {
            self.published(publication);
        }
        self.caller = Some(participant);
        self.secrecy.caller_came(now, &self.tracks);
        self.chats_of_early();
        self.listen().await;
        let just_now = |since: Instant| now < since + SUBSCRIBE_GRACE;
        if self.heard_since.is_some_and(just_now) {
            self.caller_hears().await;
        }
    }

    /// What is known of somebody has changed: a telephone may have been answered.
    async fn answered(&mut self, participant: &Participant) {
        if let Participant::Remote(participant) = participant {
            self.arrived(participant.clone()).await;
        }
    }

    /// The caller is gone; whoever else is there has the call from now on.
    async fn left(&mut self, participant: &RemoteParticipant) {
        if self.is_replaced(&participant.identity()) {
            return self.listen().await;
        }
        self.caller = None;
        self.forget_tracks();
        // What is still being read is of a caller who is gone.
        self.before = SaidBefore::default();
        let next = match self.is_away() {
            true => None,
            false => self.somebody_else(&participant.identity()),
        };
        // A caller whom the call never met needs no farewell.
        if self.greet_by.take().is_none() {
            self.parted = Some(Parted {
                identity: participant.identity(),
                reason: reason_of(livekit::DisconnectReason::from(
                    participant.disconnect_reason(),
                )),
                settled: clock::now() + SETTLE,
            });
        }
        if let Some(next) = next {
            self.arrived(next).await;
            // Who was there before hears the agent already.
            self.greet().await;
        }
    }

    /// Tells the call that its caller has left, and whether somebody else has it now.
    async fn part(&mut self, next: Option<&ParticipantIdentity>) {
        let Some(parted) = self.parted.take() else {
            return;
        };
        let is_followed = next.is_some_and(|next| *next != parted.identity);
        if is_followed {
            tracing::info!("the caller has left, and somebody else has the call now");
        }
        let left = RoomEvent::CallerLeft {
            reason: parted.reason,
            is_followed,
        };
        self.tell(left).await;
    }

    fn somebody_else(&self, than: &ParticipantIdentity) -> Option<RemoteParticipant> {
        let mut there = self.room.remote_participants().into_values();
        let is_ringing = |other: &RemoteParticipant| self.is_dialled && rings(other);
        there.find(|other| may_call(other) && !is_ringing(other) && other.identity() != *than)
    }

    /// We are in the room again. After a full reconnect the server knows nothing of what we asked
    /// for; and what was asked for before this event went to the session before (livekit 0.10 shows
    /// who is there before its new session is in place).
    async fn reconnected(&mut self) {
        let session = self.room.local_participant().sid();
        if std::mem::replace(&mut self.session, session.clone()) != session {
            self.rejoined = Some(clock::now());
            self.heard_since = None;
            self.seeing.rejoined();
        }
        if let Some(check) = self.link.is_up(self.room, &self.to_call) {
            self.tasks.spawn(check);
        }
        if self.caller.is_none() {
            self.anybody().await;
        }
        let Some(caller) = &self.caller else { return };
        for publication in caller.track_publications().values() {
            subscribe(publication, self.secrecy.is_kept());
        }
        self.ask_for_others();
        if let Some(greet_by) = &mut self.greet_by {
            *greet_by = clock::now() + SUBSCRIBE_GRACE;
        }
    }

    /// Tells the call that the caller is here and can hear us, once.
    async fn greet(&mut self) {
        if self.greet_by.take().is_none() {
            return;
        }
        let before = self.before.take();
        let Some(caller) = &self.caller else { return };
        if let Some(sound) = before {
            self.tell(RoomEvent::SaidBefore(sound)).await;
        }
        let joined = caller_of(caller);
        self.tell(RoomEvent::CallerJoined(joined)).await;
        self.tell_muted().await;
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

/// What happens next: first what happened while another agent held the call.
async fn next(
    overheard: &mut Option<Overheard>,
    events: &mut UnboundedReceiver<LkEvent>,
) -> Option<LkEvent> {
    match overheard.as_mut().and_then(Overheard::next_event) {
        Some(event) => Some(event),
        None => events.recv().await,
    }
}
