//! Which of the caller's tracks is listened to, and what the call knows of its microphone.

use livekit::prelude::{RemoteTrack, RemoteTrackPublication, RoomEvent as LkEvent, TrackSid};
use tokio::task::AbortHandle;

use super::super::microphone::{Track, Tracks};
use super::super::voice::hear;
use super::Watch;
use sidetone_call::transport::RoomEvent;

impl Watch<'_> {
    /// Something became of a track; those of others are not listened to.
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
                // Of a track that was heard before, this is a new stream.
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
            _ => {}
        }
    }

    pub(super) fn published(&mut self, publication: &RemoteTrackPublication) {
        if self.tracks.published(publication.into()) {
            subscribe(publication, self.secrecy.is_kept());
        }
    }

    /// The caller has gone, and its tracks with it.
    pub(super) fn forget_tracks(&mut self) {
        self.tracks = Tracks::none(self.secrecy.is_kept());
        stop(self.hearing.take());
        self.secrecy.nothing_is_closed();
        self.is_muted = false;
    }

    /// Listens to what is the caller's microphone now, and tells the call what changed.
    pub(super) async fn listen(&mut self) {
        self.judge_tracks().await;
        let is_heard = self.secrecy.mismatch.is_none();
        let heard = self.tracks.heard().filter(|_| is_heard);
        let heard = heard.map(|track| track.sid.clone());
        if self.hearing.as_ref().map(|(sid, _)| sid) != heard.as_ref() {
            stop(self.hearing.take());
            self.hearing = heard.and_then(|sid| self.hear(sid));
        }
        // A caller whom the call has not met yet is met as it is then.
        if self.caller.is_some() && self.greet_by.is_none() {
            self.tell_muted().await;
        }
    }

    fn hear(&mut self, sid: TrackSid) -> Option<(TrackSid, AbortHandle)> {
        let publication = self.caller.as_ref()?.get_track_publication(&sid)?;
        let Some(RemoteTrack::Audio(track)) = publication.track() else {
            return None;
        };
        self.seeing.caller_track(sid.clone());
        let (mic, tap) = (self.mic.clone(), self.tap.clone());
        let hearing = self.tasks.spawn(hear(track, move |frame| {
            tap.caller(&frame);
            mic.try_send(frame)
        }));
        Some((sid, hearing))
    }

    pub(super) async fn tell_muted(&mut self) {
        // A microphone that is gone was not unmuted.
        let Some(microphone) = self.tracks.microphone() else {
            return;
        };
        let is_muted = microphone.is_muted;
        if std::mem::replace(&mut self.is_muted, is_muted) != is_muted {
            self.tell(RoomEvent::MicMuted(is_muted)).await;
        }
    }
}

fn stop(hearing: Option<(TrackSid, AbortHandle)>) {
    if let Some((_, hearing)) = hearing {
        hearing.abort();
    }
}

/// Asks the server for sound that may be heard, and for nothing else.
pub(super) fn subscribe(publication: &RemoteTrackPublication, has_key: bool) {
    if Track::from(publication).may_be_heard(has_key) {
        publication.set_subscribed(true);
    }
}
