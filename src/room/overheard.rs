//! What an agent hears while the one before it still holds the call: it waits in the room, silent and unseen as a voice,
//! and takes up what the caller has done just before its predecessor was gone ([`handover`](sidetone_call::handover)).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use livekit::prelude::{RemoteParticipant, RemoteTrack, Room, RoomEvent as LkEvent, TrackSid};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::time::{MissedTickBehavior, interval, sleep_until};
use tokio_util::task::AbortOnDropHandle;

use super::microphone::Tracks;
use super::person::{may_call, rings};
use super::voice::{hear, subscribe};
use sidetone_base::audio::Pcm;
use sidetone_base::clock;
use sidetone_call::handover::SETTLED;

/// Time between two looks at who is in the room.
const LOOK: Duration = Duration::from_millis(20);
/// Frames on their way, and those that are heard until the call goes on: five seconds. Later ones are dropped.
const FRAMES: usize = 512;
/// Events kept at most; further ones are dropped.
const EVENTS: usize = 64;

/// See the module's documentation.
pub struct Overheard {
    has_key: bool,
    is_dialled: bool,
    /// The caller's track that was subscribed to last.
    asked: Option<TrackSid>,
    hearing: Option<(TrackSid, AbortOnDropHandle<()>)>,
    /// Nobody publishes anything that could be heard.
    is_silent: bool,
    sender: mpsc::Sender<Pcm<16_000>>,
    frames: mpsc::Receiver<Pcm<16_000>>,
    /// The last of the sound.
    recent: Pcm<16_000>,
    /// The last of what was written and pressed, and what is not the caller's.
    events: VecDeque<(Instant, LkEvent)>,
}

impl Overheard {
    /// Nothing yet, for an agent with a key or without, whose caller may be a telephone that it calls.
    pub fn new(has_key: bool, is_dialled: bool) -> Self {
        let (sender, frames) = mpsc::channel(FRAMES);
        Self {
            has_key,
            is_dialled,
            asked: None,
            hearing: None,
            is_silent: false,
            sender,
            frames,
            recent: Pcm::default(),
            events: VecDeque::new(),
        }
    }

    /// Whether all that the caller does is heard.
    pub fn is_complete(&self) -> bool {
        self.hearing.is_some() || self.is_silent
    }

    /// Listens until `is_over`, asked every 20 ms, or until `at_most`. `false`: it was not over by then.
    pub async fn listen(
        &mut self,
        room: &Room,
        events: &mut UnboundedReceiver<LkEvent>,
        at_most: Instant,
        mut is_over: impl FnMut(&Self) -> bool,
    ) -> bool {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let is_over = loop {
            tokio::select! {
                _ = looks.tick() => {
                    self.look(room);
                    if is_over(self) {
                        break true;
                    }
                }
                Some(frame) = self.frames.recv() => self.recent(&frame),
                event = events.recv() => match event {
                    Some(event @ LkEvent::Disconnected { .. }) => {
                        self.events.push_back((clock::now(), event));
                        break true;
                    }
                    Some(event) => self.keep(event),
                    None => break true,
                },
                () = sleep_until(at_most.into()) => break false,
            }
        };
        self.forget();
        is_over
    }

    /// The sound, up to now; from now on it is heard elsewhere.
    pub(super) fn sound(&mut self) -> Option<Pcm<16_000>> {
        while let Ok(frame) = self.frames.try_recv() {
            self.recent.extend(frame.samples().iter().copied());
        }
        drop(self.hearing.take()?);
        let sound = std::mem::take(&mut self.recent);
        Some(sound).filter(|sound| !sound.is_empty())
    }

    /// The next event that the call has to learn of.
    pub(super) fn next_event(&mut self) -> Option<LkEvent> {
        self.events.pop_front().map(|(_, event)| event)
    }

    /// Hears the caller's microphone.
    fn look(&mut self, room: &Room) {
        let mut there = room.remote_participants().into_values();
        let is_caller = |one: &RemoteParticipant| may_call(one) && !(self.is_dialled && rings(one));
        let caller = there.find(is_caller);
        let mut tracks = Tracks::none(self.has_key);
        let publications = caller.map(|caller| caller.track_publications());
        let publications = publications.unwrap_or_default();
        for publication in publications.values() {
            tracks.published(publication.into());
        }
        let microphone = tracks.microphone();
        self.is_silent = microphone.is_none();
        let found = microphone.and_then(|track| publications.get(&track.sid));
        let Some(publication) = found else {
            return;
        };
        let sid = publication.sid();
        if self.asked.as_ref() != Some(&sid) {
            subscribe(publication, self.has_key);
            self.asked = Some(sid.clone());
        }
        let is_heard = self
            .hearing
            .as_ref()
            .is_some_and(|(heard, _)| *heard == sid);
        if let Some(RemoteTrack::Audio(track)) = publication.track().filter(|_| !is_heard) {
            let sender = self.sender.clone();
            let hearing = tokio::spawn(hear(track, move |frame| sender.try_send(frame)));
            self.hearing = Some((sid, AbortOnDropHandle::new(hearing)));
        }
    }

    fn recent(&mut self, frame: &Pcm<16_000>) {
        self.recent.extend(frame.samples().iter().copied());
        let excess = self.recent.len();
        self.recent
            .take_front(excess.saturating_sub(Pcm::<16_000>::samples_in(SETTLED)));
    }

    /// Keeps an event, unless what it tells of is seen anyway when the call goes on.
    fn keep(&mut self, event: LkEvent) {
        let is_kept = is_of_caller(&event)
            || matches!(
                event,
                LkEvent::DataReceived {
                    participant: None,
                    ..
                } | LkEvent::E2eeStateChanged { .. }
                    | LkEvent::Reconnecting
                    | LkEvent::Reconnected
            );
        if is_kept && self.events.len() < EVENTS {
            self.events.push_back((clock::now(), event));
        } else {
            shut(&event);
        }
        self.forget();
    }

    /// What the caller did earlier is the predecessor's.
    fn forget(&mut self) {
        let now = clock::now();
        self.events.retain(|(at, event)| {
            let is_kept = !is_of_caller(event) || now - *at <= SETTLED;
            if !is_kept {
                shut(event);
            }
            is_kept
        });
    }
}

fn is_of_caller(event: &LkEvent) -> bool {
    matches!(
        event,
        LkEvent::ChatMessage { .. }
            | LkEvent::SipDTMFReceived { .. }
            | LkEvent::TextStreamOpened { .. }
            | LkEvent::ByteStreamOpened { .. }
    )
}

/// Closes what an event opened: what is dropped without a word stays open.
pub(super) fn shut(event: &LkEvent) {
    match event {
        LkEvent::TextStreamOpened { reader, .. } => {
            if let Some(reader) = reader.take() {
                reader.closer().close();
            }
        }
        LkEvent::ByteStreamOpened { reader, .. } => {
            if let Some(reader) = reader.take() {
                reader.closer().close();
            }
        }
        _ => {}
    }
}
