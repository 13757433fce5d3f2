//! The sound that callers hear while an agent thinks, as received by a real participant.

use std::f32::consts::TAU;
use std::time::Duration;

use livekit::prelude::*;
use sidetone::room::{self as livekit_room, voice};
use sidetone_base::audio::Pcm;
use sidetone_base::tap::{Sound, Tap};
use sidetone_call::holding::Holding;
use sidetone_call::transport::{AgentState, Dismissal, RoomCommand, link};
use sidetone_testkit::LiveKitServer;
use tokio::sync::mpsc;

use super::commission;
use super::person::{Person, token};
use crate::calls::until;

const SOUND: f32 = 1_000.0;
const VOICE: f32 = 300.0;
/// Sounds played below are well above this level, and everything else is below it.
const AUDIBLE: f32 = 500.0;
const PATIENCE: Duration = Duration::from_secs(30);
/// Frames of the agent's voice.
const SPOKEN: usize = 150;

fn tone(hertz: f32, samples: usize) -> Pcm<48_000> {
    let sample = |n: usize| (TAU * hertz * n as f32 / 48_000.0).sin() * 6_000.0;
    Pcm::new((0..samples).map(|n| sample(n) as i16).collect())
}

/// How loud this pitch is in the audio.
fn loudness(sound: &[i16], hertz: f32) -> f32 {
    let (mut re, mut im) = (0.0, 0.0);
    for (n, sample) in sound.iter().enumerate() {
        let at = TAU * hertz * n as f32 / 48_000.0;
        re += f32::from(*sample) * at.cos();
        im += f32::from(*sample) * at.sin();
    }
    2.0 * re.hypot(im) / sound.len() as f32
}

/// What a listener hears of the agent.
struct Ear(mpsc::Receiver<Pcm<48_000>>);

impl Ear {
    async fn of(person: &Person) -> Self {
        let track = until("the agent's track", || {
            let agents = person.room.remote_participants().into_values();
            let mut tracks = agents.flat_map(|agent| agent.track_publications().into_values());
            tracks.find_map(|publication| match publication.track() {
                Some(RemoteTrack::Audio(track)) => Some(track),
                _ => None,
            })
        })
        .await;
        let (frames, heard) = mpsc::channel(2_000);
        tokio::spawn(voice::hear(track, move |frame| frames.try_send(frame)));
        Self(heard)
    }

    /// Waits for a tenth of a second in which the first pitch is loud and the second is not.
    async fn hears(&mut self, loud: f32, quiet: f32) {
        let found = async {
            loop {
                let mut part = Vec::new();
                while part.len() < 4_800 {
                    part.extend(self.0.recv().await.expect("the track lasts").into_inner());
                }
                if loudness(&part, loud) > AUDIBLE && loudness(&part, quiet) < AUDIBLE {
                    return;
                }
            }
        };
        let found = tokio::time::timeout(PATIENCE, found).await;
        assert!(found.is_ok(), "{loud} Hz without {quiet} Hz was not heard");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_waits_hears_the_agents_sound_and_its_recording_has_only_the_voice() {
    let livekit = LiveKitServer::start().await.unwrap();
    let (room, events) =
        livekit_room::join(&livekit.url, &token(&livekit, "holding", "agent"), false)
            .await
            .unwrap();
    let ada = Person::join(&livekit.url, &token(&livekit, "holding", "ada")).await;
    let (call, driver) = link();
    let (tap, mut tapping) = Tap::open("recording");
    let mut sent = commission(&livekit);
    let after = Duration::from_millis(300);
    sent.holding = Some(Holding::new(tone(SOUND, 48_000), after, 0.5));
    let drive = livekit_room::agent::drive(&room, events, driver, tap, Dismissal::default(), sent);
    let state = async |state| {
        call.commands
            .send(RoomCommand::SetState(state))
            .await
            .unwrap()
    };
    let heard = async {
        let mut ear = Ear::of(&ada).await;
        for _ in 0..2 {
            state(AgentState::Thinking).await;
            ear.hears(SOUND, VOICE).await;
            state(AgentState::Speaking).await;
            let speaking = async {
                for frame in tone(VOICE, SPOKEN * 480).samples().chunks_exact(480) {
                    call.speaker.send(Pcm::new(frame.to_vec())).await.unwrap();
                }
            };
            tokio::join!(speaking, ear.hears(VOICE, SOUND));
        }
        state(AgentState::Thinking).await;
        ear.hears(SOUND, VOICE).await;
    };
    let recorded = async {
        let mut recorded = Vec::new();
        while let Some(tapped) = tapping.sound.recv().await {
            if let Sound::Agent(frame) = tapped.sound {
                recorded.extend(frame.into_inner());
            }
            if recorded.len() == 2 * SPOKEN * 480 {
                break;
            }
        }
        recorded
    };
    let both = async { tokio::join!(heard, tokio::time::timeout(PATIENCE, recorded)).1 };
    let recorded = tokio::select! {
        driven = drive => panic!("the room is over: {driven:?}"),
        recorded = both => recorded.expect("all of the voice is recorded"),
    };
    // Nothing more was: the sound alone was heard before, between and after.
    while let Ok(tapped) = tapping.sound.try_recv() {
        assert!(!matches!(tapped.sound, Sound::Agent(_)), "{tapped:?}");
    }
    let sound = loudness(&recorded, SOUND);
    assert!(sound < AUDIBLE / 10.0, "{sound}");
    ada.leave().await;
    livekit_room::close(&room).await;
}
