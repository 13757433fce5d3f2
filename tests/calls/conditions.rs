//! Calls under real conditions: noise, coughs, "mm-hmm", pauses for thought, both speaking at once, a bad network.
//! Transcripts depend on what was loud, so they are the same however often the provider is asked.

use std::time::Duration;

use livekit::SendByteOptions;
use livekit::options::TrackPublishOptions;
use livekit::prelude::{LocalAudioTrack, LocalTrack, TrackSource};
use livekit::webrtc::audio_source::native::NativeAudioSource;
use livekit::webrtc::audio_source::{AudioSourceOptions, RtcAudioSource};
use serde_json::{Value, json};
use sidetone::caller::ScriptTurn;
use sidetone::caller::access::Access;
use sidetone::caller::script::Cue;
use sidetone::room as livekit_room;
use sidetone_base::audio::Pcm;
use sidetone_testkit::fake_openai::Transcript;
use sidetone_testkit::livekit_server::Options;
use sidetone_testkit::{RoughPath, Roughness};

use super::stage::{Stage, sound};
use super::{until, until_async};

const HOURS: &str = "caller-opening-hours.wav";
const QUESTION: &str = "What are your opening hours on Saturday?";
/// Fifteen seconds, so that there is time to talk over it.
const STORY: &str = "There is a lot to say about that. We open at nine in the morning on all days \
    but Sunday. On Saturday we close at noon, and in August we are closed for two weeks, as the \
    whole street is.";

const MS: fn(u64) -> Duration = Duration::from_millis;

/// A simulated model's hearing: a breath, a word, or a sentence, by how long it was loud.
fn ear(loud: Duration) -> Transcript {
    let words = match loud.as_millis() {
        0..150 => "",
        150..600 => "Mm-hmm.",
        _ => QUESTION,
    };
    Transcript::new(words)
}

fn turn(name: &str, sound: Pcm<48_000>, cue: Cue) -> ScriptTurn {
    ScriptTurn {
        name: name.into(),
        says: sound.into(),
        cue,
    }
}

/// Adds steady noise of this level to audio (white; a linear congruential generator).
fn noisy(sound: &Pcm<48_000>, dbfs: f32) -> Pcm<48_000> {
    let amplitude = 32_768.0 * 10f32.powf(dbfs / 20.0) * 12f32.sqrt();
    let mut state = 1u64;
    let noise = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        ((state >> 40) as f32 / (1u64 << 24) as f32 - 0.5) * amplitude
    });
    let mixed = sound.samples().iter().zip(noise);
    Pcm::new(mixed.map(|(&s, n)| (f32::from(s) + n) as i16).collect())
}

fn joined(parts: &[&[i16]]) -> Pcm<48_000> {
    Pcm::new(parts.concat())
}

fn silence(length: Duration) -> Vec<i16> {
    vec![0; Pcm::<48_000>::samples_in(length)]
}

/// The stored words of one side, and whether each turn was interrupted.
fn said(call: &Value, speaker: &str) -> Vec<(String, bool)> {
    let turns = call["turns"].as_array().unwrap().iter();
    let turns_of = turns.filter(|turn| turn["speaker"] == speaker);
    turns_of
        .map(|turn| {
            let text = turn["text"].as_str().unwrap().to_owned();
            (text, turn["interrupted"] == json!(true))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_turn_is_lost_or_invented_in_a_room_with_noise() {
    let stage = Stage::set().await;
    stage.provider.transcribe_by(ear);
    stage.provider.default_answer("We are open until noon.");
    let question = sound(HOURS);
    let (begin, rest) = question
        .samples()
        .split_at(Pcm::<48_000>::samples_in(MS(1500)));
    let before = silence(MS(1500));
    let turns = vec![
        turn(
            "noise",
            noisy(&joined(&[&before, question.samples(), &before]), -48.0),
            Cue::AgentDone,
        ),
        turn(
            "false start",
            joined(&[
                &begin[..Pcm::<48_000>::samples_in(MS(120))],
                &silence(MS(1200)),
                question.samples(),
            ]),
            Cue::AgentDone,
        ),
        turn(
            "pause in mid-sentence",
            joined(&[begin, &silence(MS(350)), rest]),
            Cue::AgentDone,
        ),
    ];
    let placed = stage.place(stage.access(), turns).await;
    let report = &placed.report;
    println!("{report}");
    assert!(report.all_answered(), "{report}");
    let call = stage.history(&placed).await;
    let asked = said(&call, "user");
    assert_eq!(asked, vec![(QUESTION.to_owned(), false); 3], "{call:#}");
    let answered = said(&call, "agent");
    assert!(
        answered.iter().all(|(_, interrupted)| !interrupted),
        "{call:#}"
    );
    assert_eq!(
        answered.len(),
        4,
        "the greeting and three answers: {call:#}"
    );
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_mm_hmm_stops_nobody_and_a_question_does() {
    let stage = Stage::set().await;
    stage.provider.transcribe_by(ear);
    stage.provider.default_answer(STORY);
    let question = sound(HOURS);
    // "What are" is loud for a third of a second.
    let word = Pcm::new(question.samples()[..Pcm::<48_000>::samples_in(MS(330))].to_vec());
    let turns = vec![
        turn("question", question.clone(), Cue::AgentDone),
        turn("mm-hmm", word, Cue::AgentSpeakingFor(MS(1500))),
        turn("double talk", question, Cue::AgentSpeakingFor(MS(6000))),
    ];
    let placed = stage.place(stage.access(), turns).await;
    let report = &placed.report;
    println!("{report}");
    let call = stage.history(&placed).await;
    let asked = said(&call, "user");
    assert_eq!(asked, vec![(QUESTION.to_owned(), false); 2], "{call:#}");
    let answered = said(&call, "agent");
    assert_eq!(answered.len(), 3, "{call:#}");
    let (story, interrupted) = &answered[1];
    assert!(*interrupted, "{call:#}");
    // The story continued after the "mm-hmm": four more seconds of it were heard.
    assert!(story.contains("We open at nine"), "{report}\n{call:#}");
    assert!(answered[2].0.starts_with("There is a lot"), "{call:#}");
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_before_the_agent_came_is_answered() {
    // In the format that Chromium records.
    let recorded = include_bytes!("../../fixtures/audio/chromium-preconnect.webm");
    answers_what_was_said_before("audio/webm;codecs=opus", recorded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_before_is_answered_in_older_safaris_too() {
    let recorded = include_bytes!("../../fixtures/audio/fragmented-aac.mp4");
    answers_what_was_said_before("video/mp4", recorded).await;
}

/// The recording says "What are your opening hours on Saturday?"
async fn answers_what_was_said_before(mime: &str, recorded: &[u8]) {
    let stage = Stage::set().await;
    stage.provider.transcribe_by(ear);
    stage.provider.default_answer("We are open until noon.");
    let granted = stage.access().obtain().await.unwrap();
    let (room, _events) = livekit_room::join(&granted.url, &granted.token, true)
        .await
        .unwrap();
    let participant = room.local_participant();
    let source = NativeAudioSource::new(AudioSourceOptions::default(), 48_000, 1, 100);
    let microphone =
        LocalAudioTrack::create_audio_track("microphone", RtcAudioSource::Native(source));
    let options = TrackPublishOptions {
        source: TrackSource::Microphone,
        preconnect_buffer: true,
        ..TrackPublishOptions::default()
    };
    let published = participant
        .publish_track(LocalTrack::Audio(microphone), options)
        .await
        .unwrap();
    let agent = until("the agent is there", || {
        room.remote_participants().into_values().next()
    })
    .await;
    let mut options = SendByteOptions::new_with_topic("lk.agent.pre-connect-audio-buffer");
    options.mime_type = Some(mime.into());
    options.destination_identities = vec![agent.identity()];
    options.attributes = [
        ("trackId", published.sid().as_str()),
        ("sampleRate", "48000"),
        ("channels", "1"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    participant.send_bytes(recorded, options).await.unwrap();

    let id = granted.call_id.unwrap();
    let call = until_async("the answer is stored", async || {
        let call = stage.call_of(&id).await;
        (call["turns"].as_array()?.len() >= 2).then_some(call)
    })
    .await;
    assert_eq!(
        said(&call, "user"),
        [(QUESTION.to_owned(), false)],
        "{call:#}"
    );
    let answer = &said(&call, "agent")[0].0;
    assert!(
        answer.is_empty() || "We are open until noon.".starts_with(answer.as_str()),
        "{call:#}"
    );
    livekit_room::close(&room).await;
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_turn_is_lost_where_packets_are() {
    let stage = Stage::set_on(Options {
        ice_lite: true,
        ..Options::default()
    })
    .await;
    stage.provider.transcribe_by(ear);
    stage.provider.default_answer("We are open until noon.");
    let roughness = Roughness {
        loss: 0.05,
        delay: MS(50),
        jitter: MS(10),
    };
    let path = RoughPath::before(&stage.livekit, roughness).await.unwrap();
    let granted = stage.access().obtain().await.unwrap();
    let access = Access::Token {
        url: path.url.clone(),
        token: granted.token,
    };
    let turns = (0..4).map(|_| turn("question", sound(HOURS), Cue::AgentDone));
    let placed = stage.place(access, turns.collect()).await;
    let report = &placed.report;
    let (carried, lost) = path.counts();
    println!("{report}\n{carried} packets carried, {lost} lost");
    assert!(
        lost > carried / 50,
        "nothing was lost: {carried} carried, {lost} lost"
    );
    assert!(report.all_answered(), "{report}");
    let call = stage.call_of(&granted.call_id.unwrap()).await;
    assert_eq!(
        said(&call, "user"),
        vec![(QUESTION.to_owned(), false); 4],
        "{call:#}"
    );
    assert_eq!(said(&call, "agent").len(), 5, "{call:#}");
    stage.strike().await;
}
