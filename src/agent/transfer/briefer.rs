//! The private word with a person in a room: a second participant, whose track by its own permissions that person
//! alone may hear. It says the briefing and takes the person's answer, a telephone key.

use std::time::Duration;

use futures::future::OptionFuture;
use livekit::participant::ParticipantTrackPermission;
use livekit::prelude::{ParticipantIdentity, Room, RoomEvent};
use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{sleep, sleep_until, timeout};

use crate::room::voice::VoiceTrack;
use crate::room::{self, key_of};
use sidetone_base::audio::Pcm;
use sidetone_base::clock;
use sidetone_call::Briefed;
use sidetone_call::question::{Question, Step};
use sidetone_config::transfer::{DECLINE, TAKE};
use sidetone_control_plane::server_api::ServerApi;

/// A telephone that was answered subscribes within this.
const HEARS: Duration = Duration::from_secs(3);
/// From then on until its line is open.
const OPENS: Duration = Duration::from_millis(300);
/// How long a key is awaited, each time.
const WAIT: Duration = Duration::from_secs(8);
/// How often the person is asked.
const TIMES: u32 = 3;
/// Within this the server has what is said of it.
const PERMITTED: Duration = Duration::from_secs(5);

/// See the module's documentation. It leaves when it is dropped.
pub(super) struct Briefer {
    room: Option<Room>,
    events: UnboundedReceiver<RoomEvent>,
    voice: VoiceTrack,
    identity: String,
    person: ParticipantIdentity,
}

impl Briefer {
    /// Joins a room for a word with `person`, who need not be there yet.
    ///
    /// # Errors
    /// The room cannot be joined; in words for the model, the cause is logged.
    pub(super) async fn join(
        livekit: &ServerApi,
        url: &str,
        name: &str,
        person: &str,
    ) -> Result<Self, String> {
        let identity = format!("{person}-briefing");
        let joined = async {
            let token = livekit.voice_token(name, &identity)?;
            let (room, events) = room::join(url, &token, false).await?;
            let only = ParticipantTrackPermission {
                participant_identity: person.to_owned().into(),
                allow_all: true,
                allowed_track_sids: Vec::new(),
            };
            let me = room.local_participant();
            let only = me.set_track_subscription_permissions(false, vec![only]);
            timeout(PERMITTED, only).await??;
            let voice = VoiceTrack::publish(&room, "briefing").await?;
            anyhow::Ok((room, events, voice))
        };
        let (room, events, voice) = joined.await.map_err(|error| {
            tracing::error!(room = name, "a person cannot be briefed: {error:#}");
            "the person could not be briefed".to_owned()
        })?;
        Ok(Self {
            room: Some(room),
            events,
            voice,
            identity,
            person: person.to_owned().into(),
        })
    }

    pub(super) fn identity(&self) -> &str {
        &self.identity
    }

    /// Tells the person, who has answered, and waits for a key.
    ///
    /// # Errors
    /// The person does not take the call; in words for the model.
    pub(super) async fn brief(&mut self, briefed: &Briefed) -> Result<(), String> {
        self.is_heard().await?;
        let first = Pcm::concat([&briefed.summary, &briefed.question]);
        let mut question = Question::new(vec![(TAKE, true), (DECLINE, false)], WAIT, TIMES);
        let (voice, events) = (&self.voice, &mut self.events);
        let mut saying = Box::pin(say(voice, first));
        let mut is_saying = true;
        loop {
            let due: OptionFuture<_> = question.next().map(|at| sleep_until(at.into())).into();
            let step = tokio::select! {
                () = &mut saying, if is_saying => {
                    is_saying = false;
                    question.asked(clock::now());
                    None
                }
                event = events.recv() => match event {
                    Some(RoomEvent::SipDTMFReceived { code, digit, participant: Some(participant) })
                        if participant.identity() == self.person =>
                    {
                        key_of(code, digit.as_deref()).map(|key| question.press(key))
                    }
                    event => {
                        is_gone(event, &self.person)?;
                        None
                    }
                },
                Some(()) = due => question.due(clock::now()),
            };
            match step {
                None => {}
                Some(Step::Chosen(true)) => return Ok(()),
                Some(Step::Chosen(false)) => return Err("the person declined".into()),
                Some(Step::GivenUp) => {
                    return Err("somebody answered, but pressed no key to take the call".into());
                }
                Some(Step::Ask) => {
                    saying = Box::pin(say(voice, briefed.question.clone()));
                    is_saying = true;
                }
            }
        }
    }

    /// Waits until the person's line takes our sound, for a while.
    async fn is_heard(&mut self) -> Result<(), String> {
        let heard = async {
            loop {
                match self.events.recv().await {
                    Some(RoomEvent::LocalTrackSubscribed { .. }) => return Ok::<_, String>(()),
                    event => is_gone(event, &self.person)?,
                }
            }
        };
        timeout(HEARS, heard).await.unwrap_or(Ok(()))?;
        sleep(OPENS).await;
        Ok(())
    }
}

impl Drop for Briefer {
    fn drop(&mut self) {
        if let (Some(room), Ok(runtime)) = (self.room.take(), Handle::try_current()) {
            runtime.spawn(async move { room::close(&room).await });
        }
    }
}

async fn say(voice: &VoiceTrack, sound: Pcm<48_000>) {
    for frame in sound.samples().chunks(480) {
        let mut frame = frame.to_vec();
        frame.resize(480, 0);
        voice.play(&Pcm::new(frame)).await;
    }
}

/// Whether the person, or the room, is gone.
fn is_gone(event: Option<RoomEvent>, person: &ParticipantIdentity) -> Result<(), String> {
    match event {
        None | Some(RoomEvent::Disconnected { .. }) => {
            Err("the connection to the person was lost".into())
        }
        Some(RoomEvent::ParticipantDisconnected(one)) if one.identity() == *person => {
            Err("the person hung up without taking the call".into())
        }
        Some(_) => Ok(()),
    }
}
