//! One room that is being recorded.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::Context as _;
use chrono::TimeDelta;
use livekit::e2ee::EncryptionType;
use livekit::prelude::*;
use livekit_api::access_token::{AccessToken, VideoGrants};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::{AGAIN, LEASE, Recorder};
use crate::room::mixer::{Mixer, Side};
use crate::room::{self, voice};
use sidetone_base::audio::{Pcm, Resampler};
use sidetone_base::clock;
use sidetone_base::signed::Inbox;
use sidetone_base::tap::{RECORDING_TOPIC, Tap};
use sidetone_control_plane::control::rooms::recorder_identity;
use sidetone_recording::Recorded;
use sidetone_store::{Recording, RoomToRecord};

/// The unit of mixing.
const FRAME: Duration = Duration::from_millis(10);
/// How often the room's lease is renewed.
const KEEP: Duration = Duration::from_secs(2);
/// How long to wait for the end of a recording to be on disk before moving on.
const FINISH: Duration = Duration::from_secs(10);
/// Frames of all voices queued for the mixer: ten voices for half a second. If the queue is full a frame is dropped.
const WAITING: usize = 512;
/// Tracks decoded at once: more than there are people in a conversation, and a limit to what a participant who
/// publishes without end can cost.
const TRACKS: usize = 32;
/// The token only needs to be valid until the room is joined.
const TOKEN_TTL: Duration = Duration::from_secs(600);

/// Why a recording has ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// The call or its room is over.
    Over,
    /// The connection is lost, or this process ends: another one continues.
    Left,
    /// Writing has ended: Egress records, or the disk is full.
    Written,
}

/// 10 ms of a track.
type Heard = (TrackSid, Side, Pcm<16_000>);

impl Recorder {
    /// Records a room that this process has claimed, to the end of its call.
    pub(super) async fn record(&self, wanted: RoomToRecord, stop: CancellationToken) {
        let call_id = wanted.call_id;
        let (after, reason) = match self.listen_in(&wanted, &stop).await {
            Ok(End::Over) => return,
            Ok(End::Written) => {
                if let Err(error) = self.store.room_is_recorded(call_id).await {
                    tracing::warn!(%call_id, %error, "a recorded room may be listened in on again");
                }
                return;
            }
            Ok(End::Left) => (TimeDelta::zero(), None),
            Err(error) => {
                let reason = format!("nobody could listen in: {error:#}");
                tracing::error!(%call_id, reason, "a call between people is not recorded yet");
                (AGAIN, Some(reason))
            }
        };
        let left = self
            .store
            .leave_room(call_id, self.holder, after, reason.as_deref());
        if let Err(error) = left.await {
            tracing::warn!(%call_id, %error, "a room is free for others when its lease ends");
        }
    }

    async fn listen_in(
        &self,
        wanted: &RoomToRecord,
        stop: &CancellationToken,
    ) -> anyhow::Result<End> {
        let caller = self.store.call(wanted.call_id).await?;
        let caller = caller.map(|call| call.caller_id).unwrap_or_default();
        let token = self.token(&wanted.room_name)?;
        let (room, events) = room::join(&self.livekit.host, &token, false).await?;
        tracing::info!(call_id = %wanted.call_id, "a call between people is recorded");
        let (tap, recorded) = (self.recordings).record_people(wanted.call_id, wanted.until_egress);
        let mut listening = Listening {
            recorder: self,
            wanted,
            caller,
            tap,
            mixer: Mixer::default(),
            up: Resampler::new(),
            is_heard: false,
            is_encrypted: false,
            tracks: HashSet::new(),
            tasks: JoinSet::new(),
        };
        let end = listening.run(&room, events, &recorded, stop).await;
        drop(listening);
        room::close(&room).await;
        recorded.finish(clock::now() + FINISH).await;
        Ok(end)
    }

    /// Joins like LiveKit's own Egress: hidden, and clients show that the room is recorded.
    fn token(&self, room: &str) -> anyhow::Result<String> {
        let key = self.livekit.keys.first();
        AccessToken::with_api_key(&key.id, &key.secret.expose())
            .with_ttl(TOKEN_TTL)
            .with_identity(&recorder_identity(self.holder))
            .with_kind("egress")
            .with_grants(VideoGrants {
                room_join: true,
                room: room.to_owned(),
                can_publish: Some(false),
                can_publish_data: Some(false),
                can_subscribe: Some(true),
                hidden: true,
                recorder: true,
                ..VideoGrants::default()
            })
            .to_jwt()
            .context("signing a token for the room")
    }
}

/// The state of a room that is being recorded.
struct Listening<'a> {
    recorder: &'a Recorder,
    wanted: &'a RoomToRecord,
    /// Whose voice is on the left.
    caller: String,
    tap: Tap,
    mixer: Mixer<TrackSid>,
    up: Resampler<16_000, 48_000>,
    /// A recording begins with the first voice.
    is_heard: bool,
    is_encrypted: bool,
    /// The requested tracks.
    tracks: HashSet<TrackSid>,
    tasks: JoinSet<()>,
}

impl Listening<'_> {
    async fn run(
        &mut self,
        room: &Room,
        mut events: mpsc::UnboundedReceiver<RoomEvent>,
        recorded: &Recorded,
        stop: &CancellationToken,
    ) -> End {
        let (to_mix, mut heard) = mpsc::channel::<Heard>(WAITING);
        let call = self.wanted.call_id.to_string();
        let keys = self.recorder.api.signer();
        let mut inbox = Inbox::new(keys, &*self.wanted.room_name, call);
        let mut frames = interval(FRAME);
        // A busy machine's delay is made up for: a second of the call is a second of the recording.
        frames.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut keep = interval(KEEP);
        keep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for participant in room.remote_participants().into_values() {
            for publication in participant.track_publications().into_values() {
                self.published(&publication).await;
            }
        }
        loop {
            tokio::select! {
                () = stop.cancelled() => return End::Left,
                event = events.recv() => match event {
                    None => return End::Left,
                    Some(RoomEvent::Disconnected { reason }) => return ended(reason.into()),
                    Some(RoomEvent::TrackPublished { publication, .. }) => {
                        self.published(&publication).await;
                    }
                    Some(RoomEvent::TrackUnpublished { publication, .. }) => {
                        self.tracks.remove(&publication.sid());
                    }
                    Some(RoomEvent::TrackSubscribed {
                        track: RemoteTrack::Audio(track), participant, ..
                    }) => self.hear(track, &participant.identity(), to_mix.clone()),
                    Some(RoomEvent::DataReceived {
                        payload, topic: Some(topic), participant: None, ..
                    }) if topic == RECORDING_TOPIC => {
                        if let Ok(command) = inbox.take(&topic, clock::wall(), &payload) {
                            self.tap.command(command.as_bytes());
                        }
                    }
                    Some(_) => {}
                },
                Some((track, side, frame)) = heard.recv() => {
                    self.is_heard = true;
                    self.mixer.push(track, side, frame);
                }
                _ = frames.tick() => self.mix(),
                _ = keep.tick() => {
                    while self.tasks.try_join_next().is_some() {}
                    self.mixer.forget_silent();
                    if recorded.is_over() {
                        return End::Written;
                    }
                    let (store, call_id) = (&self.recorder.store, self.wanted.call_id);
                    match store.keep_room(call_id, self.recorder.holder, LEASE).await {
                        Ok(true) => {}
                        Ok(false) => return End::Over,
                        // Nobody else can claim it in the meantime.
                        Err(error) => tracing::debug!(%call_id, %error, "a room's lease"),
                    }
                }
            }
        }
    }

    /// Subscribes to an audio track. End-to-end encrypted audio would be noise here; that it is missing is recorded.
    async fn published(&mut self, publication: &RemoteTrackPublication) {
        if publication.kind() != TrackKind::Audio {
            return;
        }
        if publication.encryption_type() == EncryptionType::None {
            if self.tracks.len() < TRACKS {
                self.tracks.insert(publication.sid());
                publication.set_subscribed(true);
            } else {
                let call_id = self.wanted.call_id;
                tracing::warn!(%call_id, "a track is not recorded: {TRACKS} already are");
            }
        } else if !std::mem::replace(&mut self.is_encrypted, true) {
            let call_id = self.wanted.call_id;
            let reason = "the call's sound is end-to-end encrypted, and a recorder has no key";
            tracing::error!(%call_id, reason, "a call between people is not recorded");
            let missed = Recording::missed(call_id, reason, sidetone_store::now());
            if let Err(error) = self.recorder.store.save_recording(&missed).await {
                tracing::error!(%call_id, %error, "that it is not recorded was not stored");
            }
        }
    }

    fn hear(
        &mut self,
        track: RemoteAudioTrack,
        whose: &ParticipantIdentity,
        to_mix: mpsc::Sender<Heard>,
    ) {
        let side = match whose.as_str() == self.caller {
            true => Side::Left,
            false => Side::Right,
        };
        let sid = track.sid();
        self.tasks.spawn(voice::hear(track, move |frame| {
            to_mix.try_send((sid.clone(), side, frame))
        }));
    }

    fn mix(&mut self) {
        if self.is_heard {
            let (left, right) = self.mixer.mix();
            self.tap.caller(&left);
            self.tap.agent(&self.up.push(&right));
        }
    }
}

fn ended(reason: DisconnectReason) -> End {
    match reason {
        DisconnectReason::RoomDeleted
        | DisconnectReason::RoomClosed
        | DisconnectReason::ParticipantRemoved => End::Over,
        _ => End::Left,
    }
}
