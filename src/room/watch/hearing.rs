//! Selects the caller's track to listen to, and tells the call about the microphone.

use livekit::prelude::{RemoteTrack, RemoteTrackPublication, RoomEvent as LkEvent, TrackSid};
use tokio::task::AbortHandle;

use super::super::microphone::Tracks;
use super::super::voice::{hear, subscribe};
use super::Watch;
use sidetone_call::transport::RoomEvent;

impl Watch<'_> {
    /// Handles an event of a track; tracks of others count where several people are heard.
    pub(super) async fn track_event(&mut self, event: LkEvent) {
        match event {
            LkEvent::TrackPublished {
                publication,
                participant,
            } if self.is_caller(&participant.identity()) => {
                self.published(&publication);
                self.listen().await;
            }
            LkEvent::TrackUnpublished {
                publication,
                participant,
            } if self.is_caller(&participant.identity()) => {
                self.tracks.unpublished(&publication.sid());
                self.listen().await;
            }
            LkEvent::TrackSubscribed {
                track: RemoteTrack::Audio(track),
                participant,
                ..
            } if self.is_caller(&participant.identity()) => {
                // A new stream of a track that was heard before.
                stop(self.hearing.take_if(|(sid, _)| *sid == track.sid()));
                self.tracks.arrives(&track.sid(), true);
                self.listen().await;
            }
            LkEvent::TrackUnsubscribed {
                track, participant, ..
            } if self.is_caller(&participant.identity()) => {
                self.tracks.arrives(&track.sid(), false);
                self.listen().await;
            }
            LkEvent::TrackMuted {
                participant,
                publication,
            } if self.is_caller(&participant.identity()) => {
                self.tracks.muted(&publication.sid(), true);
                self.listen().await;
            }
            LkEvent::TrackUnmuted {
                participant,
                publication,
            } if self.is_caller(&participant.identity()) => {
                self.tracks.muted(&publication.sid(), false);
                self.listen().await;
            }
            other => self.other_track(other),
        }
    }

    pub(super) fn published(&mut self, publication: &RemoteTrackPublication) {
        if self.tracks.published(publication.into()) {
            subscribe(publication, self.secrecy.is_kept());
        }
    }

    /// The caller has left, and its tracks with it.
    pub(super) fn forget_tracks(&mut self) {
        self.tracks = Tracks::none(self.secrecy.is_kept());
        self.stop_hearing();
        self.secrecy.nothing_is_closed();
        self.is_muted = false;
    }

    /// Listens to the caller's current microphone, and tells the call what changed.
    pub(super) async fn listen(&mut self) {
        self.judge_tracks().await;
        let is_heard = self.secrecy.mismatch.is_none();
        let heard = self.tracks.heard().filter(|_| is_heard);
        let heard = heard.map(|track| track.sid.clone());
        if self.hearing.as_ref().map(|(sid, _)| sid) != heard.as_ref() {
            self.stop_hearing();
            self.hearing = heard.and_then(|sid| self.hear(sid));
        }
        // A caller whom the call does not know yet is reported later, with its microphone.
        if self.caller.is_some() && self.greet_by.is_none() {
            self.tell_muted().await;
        }
    }

    fn stop_hearing(&mut self) {
        if self.hearing.is_some()
            && let (Some(several), Some(known)) = (&self.several, &self.known)
        {
            several.left(known, &mut self.tasks);
        }
        stop(self.hearing.take());
    }

    fn hear(&mut self, sid: TrackSid) -> Option<(TrackSid, AbortHandle)> {
        let caller = self.caller.as_ref()?;
        let publication = caller.get_track_publication(&sid)?;
        let Some(RemoteTrack::Audio(track)) = publication.track() else {
            return None;
        };
        self.seeing.track_of(caller.identity(), sid.clone());
        if let Some(several) = &self.several {
            let hearing = several.hear(caller, track, &mut self.tasks);
            return Some((sid, hearing));
        }
        let (mic, tap) = (self.mic.clone(), self.tap.clone());
        let hearing = self.tasks.spawn(hear(track, move |frame| {
            tap.caller(&frame);
            mic.try_send(frame.into())
        }));
        Some((sid, hearing))
    }

    pub(super) async fn tell_muted(&mut self) {
        // Who of several is muted is silent, while another may be speaking.
        if self.several.is_some() {
            return;
        }
        // A microphone that is gone has not been unmuted.
        let Some(microphone) = self.tracks.microphone() else {
            return;
        };
        let is_muted = microphone.is_muted;
        if std::mem::replace(&mut self.is_muted, is_muted) != is_muted {
            self.tell(RoomEvent::MicMuted(is_muted)).await;
        }
    }
}

pub(super) fn stop(hearing: Option<(TrackSid, AbortHandle)>) {
    if let Some((_, hearing)) = hearing {
        hearing.abort();
    }
}
