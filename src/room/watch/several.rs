//! Where the agent hears everybody in its room: all voices go to one task, which listens to one person at a time. The
//! caller is the one whose place somebody else takes on leaving; everything else holds for all alike.

use std::sync::Arc;

use livekit::prelude::{
    Participant, ParticipantIdentity, RemoteAudioTrack, RemoteParticipant, RemoteTrack,
    RemoteTrackPublication, RoomEvent as LkEvent, TrackSid,
};
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::task::{AbortHandle, JoinSet};

use super::super::microphone::Tracks;
use super::super::mixer::{Mixer, Side};
use super::super::person::{is_person, rings};
use super::super::voice::{hear, subscribe};
use super::Watch;
use super::hearing::stop;
use super::said_before::SaidBefore;
use sidetone_base::audio::Pcm;
use sidetone_base::clock;
use sidetone_base::tap::Tap;
use sidetone_call::speakers::{MOST, Speakers};
use sidetone_call::transport::{MIC_FRAMES, MicFrame, Person};
use sidetone_call::vad::Vad;
use sidetone_config::agent::VadConfig;

/// Frames of all voices that may wait to be listened to: half a second of each. A full queue costs a frame.
const WAITING: usize = MOST * MIC_FRAMES;

/// What goes to the task that listens.
enum Said {
    /// 10 ms of somebody's voice.
    Frame(Arc<Person>, Pcm<16_000>),
    /// Somebody, by identity, is not heard any more.
    Left(String),
}

/// The people beside the caller, and the way to the task that listens to all of them.
pub(super) struct Several {
    to_listen: mpsc::Sender<Said>,
    others: Vec<Other>,
    is_crowd_logged: bool,
}

/// Somebody beside the caller.
struct Other {
    participant: RemoteParticipant,
    tracks: Tracks,
    hearing: Option<(TrackSid, AbortHandle)>,
}

impl Several {
    /// Listens for `mic` and records for `tap`, in one of the `tasks`.
    pub(super) fn new(
        vad: VadConfig,
        mic: mpsc::Sender<MicFrame>,
        tap: Tap,
        tasks: &mut JoinSet<()>,
    ) -> Self {
        let (to_listen, said) = mpsc::channel(WAITING);
        tasks.spawn(listen(said, vad, mic, tap));
        Self {
            to_listen,
            others: Vec::new(),
            is_crowd_logged: false,
        }
    }

    /// Passes on what somebody says.
    pub(super) fn hear(
        &self,
        who: &RemoteParticipant,
        track: RemoteAudioTrack,
        tasks: &mut JoinSet<()>,
    ) -> AbortHandle {
        let (who, to_listen) = (person(who), self.to_listen.clone());
        tasks.spawn(hear(track, move |frame| {
            to_listen.try_send(Said::Frame(Arc::clone(&who), frame))
        }))
    }

    /// Somebody's track is not heard any more.
    pub(super) fn left(&self, who: &ParticipantIdentity, tasks: &mut JoinSet<()>) {
        let left = Said::Left(who.to_string());
        if let Err(TrySendError::Full(left)) = self.to_listen.try_send(left) {
            let to_listen = self.to_listen.clone();
            tasks.spawn(async move { to_listen.send(left).await.unwrap_or_default() });
        }
    }

    fn place_of(&self, who: &ParticipantIdentity) -> Option<usize> {
        let mut others = self.others.iter();
        others.position(|other| other.identity() == *who)
    }

    /// The person of this identity, if it is one who is heard beside the caller.
    fn person(&self, who: &ParticipantIdentity) -> Option<Arc<Person>> {
        let place = self.place_of(who)?;
        Some(person(&self.others[place].participant))
    }
}

/// Listens to one voice at a time. The recording has the sum of all.
async fn listen(
    mut said: mpsc::Receiver<Said>,
    vad: VadConfig,
    mic: mpsc::Sender<MicFrame>,
    tap: Tap,
) {
    let mut speakers = Speakers::new(move || Vad::new(&vad), vad.prefix_padding);
    let mut mixer = Mixer::default();
    let (mut untold, mut dropped) = (None, 0_u64);
    while let Some(said) = said.recv().await {
        let (who, sound) = match said {
            Said::Frame(who, sound) => (who, sound),
            Said::Left(identity) => {
                speakers.left(&identity);
                mixer.forget_silent();
                continue;
            }
        };
        mixer.push(Arc::clone(&who), Side::Left, sound.clone());
        let Some(mut frame) = speakers.hear(clock::now(), &who, sound) else {
            continue;
        };
        tap.caller(&mixer.mix().0);
        frame.turn_to = frame.turn_to.or_else(|| untold.take());
        match mic.try_send(frame) {
            Ok(()) => {}
            Err(TrySendError::Full(frame)) => {
                dropped += 1;
                untold = frame.turn_to;
            }
            Err(TrySendError::Closed(_)) => break,
        }
    }
    if dropped > 0 {
        tracing::warn!(
            dropped,
            "frames of remote voices were dropped: the machine is too busy"
        );
    }
}

fn person(participant: &RemoteParticipant) -> Arc<Person> {
    Arc::new(Person {
        identity: participant.identity().to_string(),
        name: participant.name(),
    })
}

impl Other {
    fn published(&mut self, publication: &RemoteTrackPublication, has_key: bool) {
        if self.tracks.published(publication.into()) {
            subscribe(publication, has_key);
        }
    }

    fn identity(&self) -> ParticipantIdentity {
        self.participant.identity()
    }

    fn audio_track(&self) -> Option<(TrackSid, RemoteAudioTrack)> {
        let sid = self.tracks.heard()?.sid.clone();
        match self.participant.get_track_publication(&sid)?.track()? {
            RemoteTrack::Audio(track) => Some((sid, track)),
            RemoteTrack::Video(_) => None,
        }
    }
}

impl Watch<'_> {
    /// Hears everybody in the room from now on, as their voices are judged by `vad`. `None`: the caller alone.
    pub(in crate::room) fn several(mut self, vad: Option<VadConfig>) -> Self {
        self.several = vad.map(|vad| {
            let (mic, tap) = (self.mic.clone(), self.tap.clone());
            Several::new(vad, mic, tap, &mut self.tasks)
        });
        self
    }

    /// Whether this is the caller, or somebody else who is heard.
    pub(super) fn is_heard(&self, who: &ParticipantIdentity) -> bool {
        self.is_caller(who) || self.person(who).is_some()
    }

    /// The person of this identity, where several are heard.
    pub(super) fn person(&self, who: &ParticipantIdentity) -> Option<Arc<Person>> {
        let several = self.several.as_ref()?;
        let caller = self.caller.as_ref().filter(|_| self.is_caller(who));
        caller.map(person).or_else(|| several.person(who))
    }

    /// Hears those who are not heard yet, as far as there is room.
    pub(super) fn take_in_others(&mut self) {
        if self.several.is_none() || self.caller.is_none() {
            return;
        }
        for participant in self.room.remote_participants().into_values() {
            let is_ringing = self.is_dialled && rings(&participant);
            let is_new = !is_ringing && !self.is_heard(&participant.identity());
            if is_new && is_person(&participant) {
                self.take_in(participant);
            }
        }
    }

    fn take_in(&mut self, participant: RemoteParticipant) {
        let has_key = self.secrecy.is_kept();
        let Some(several) = &mut self.several else {
            return;
        };
        if several.others.len() + 1 >= MOST {
            if !std::mem::replace(&mut several.is_crowd_logged, true) {
                tracing::warn!("only {MOST} of the people in the room are heard");
            }
            return;
        }
        let identity = participant.identity();
        let mut other = Other {
            tracks: Tracks::none(has_key),
            hearing: None,
            participant,
        };
        for publication in other.participant.track_publications().values() {
            other.published(publication, has_key);
        }
        several.others.push(other);
        self.listen_to_other(&identity);
    }

    /// Handles an event of a track of somebody beside the caller.
    pub(super) fn other_track(&mut self, event: LkEvent) {
        let has_key = self.secrecy.is_kept();
        let identity = match &event {
            LkEvent::TrackPublished { participant, .. }
            | LkEvent::TrackUnpublished { participant, .. }
            | LkEvent::TrackSubscribed { participant, .. }
            | LkEvent::TrackUnsubscribed { participant, .. } => participant.identity(),
            LkEvent::TrackMuted { participant, .. } | LkEvent::TrackUnmuted { participant, .. } => {
                Participant::identity(participant)
            }
            _ => return,
        };
        let Some(several) = &mut self.several else {
            return;
        };
        let Some(place) = several.place_of(&identity) else {
            return;
        };
        let other = &mut several.others[place];
        match event {
            LkEvent::TrackPublished { publication, .. } => other.published(&publication, has_key),
            LkEvent::TrackUnpublished { publication, .. } => {
                other.tracks.unpublished(&publication.sid());
            }
            LkEvent::TrackSubscribed { track, .. } => {
                stop(other.hearing.take_if(|(sid, _)| *sid == track.sid()));
                other.tracks.arrives(&track.sid(), true);
            }
            LkEvent::TrackUnsubscribed { track, .. } => {
                other.tracks.arrives(&track.sid(), false);
            }
            LkEvent::TrackMuted { publication, .. } => {
                other.tracks.muted(&publication.sid(), true);
            }
            LkEvent::TrackUnmuted { publication, .. } => {
                other.tracks.muted(&publication.sid(), false);
            }
            _ => {}
        }
        self.listen_to_other(&identity);
    }

    /// Listens to the current microphone of somebody beside the caller.
    fn listen_to_other(&mut self, who: &ParticipantIdentity) {
        let is_heard = self.secrecy.mismatch.is_none();
        let (seeing, tasks) = (&self.seeing, &mut self.tasks);
        let Some(several) = &mut self.several else {
            return;
        };
        let Some(place) = several.place_of(who) else {
            return;
        };
        let other = &several.others[place];
        let heard = other.audio_track().filter(|_| is_heard);
        let is_new =
            other.hearing.as_ref().map(|(sid, _)| sid) != heard.as_ref().map(|(sid, _)| sid);
        if !is_new {
            return;
        }
        let hearing = heard.map(|(sid, track)| {
            seeing.track_of(who.clone(), sid.clone());
            (sid, several.hear(&other.participant, track, tasks))
        });
        if hearing.is_none() {
            several.left(who, tasks);
        }
        let before = std::mem::replace(&mut several.others[place].hearing, hearing);
        stop(before);
    }

    /// Somebody beside the caller has left.
    pub(super) fn other_left(&mut self, who: &ParticipantIdentity) {
        let Some(several) = &mut self.several else {
            return;
        };
        if let Some(place) = several.place_of(who) {
            stop(several.others.swap_remove(place).hearing);
            several.left(who, &mut self.tasks);
            self.take_in_others();
        }
    }

    /// The caller has left: whoever else is heard has its place, and the call goes on as it is. `false` if nobody is.
    pub(super) fn is_replaced(&mut self, caller: &ParticipantIdentity) -> bool {
        let is_away = self.is_away();
        let several = self.several.as_mut().filter(|_| !is_away);
        let Some(several) = several.filter(|several| !several.others.is_empty()) else {
            return false;
        };
        let next = several.others.remove(0);
        several.left(caller, &mut self.tasks);
        stop(self.hearing.take());
        tracing::info!("the caller has left, and the others go on with the call");
        self.before = SaidBefore::default();
        self.secrecy.nothing_is_closed();
        self.seeing.caller(next.identity());
        self.known = Some(next.identity());
        self.caller = Some(next.participant);
        (self.tracks, self.hearing) = (next.tracks, next.hearing);
        self.take_in_others();
        true
    }

    /// The server knows nothing any more of what we asked for.
    pub(super) fn ask_for_others(&mut self) {
        let has_key = self.secrecy.is_kept();
        for other in self.several.iter().flat_map(|several| &several.others) {
            for publication in other.participant.track_publications().values() {
                subscribe(publication, has_key);
            }
        }
        self.take_in_others();
    }
}

#[cfg(test)]
mod tests;
