//! `POST /audio/speech` as its servers answer it.

use sidetone_call::Tts as _;
use sidetone_call::providers::Fault;
use sidetone_testkit::Endpoint;
use sidetone_testkit::fake_openai::SpeechDialect as Dialect;

use super::{is_spoken, say, stand};

const TEXT: &str = "We open at nine on Tuesday.";

#[tokio::test]
async fn speech_has_its_pitch_and_length_however_it_is_sent() {
    for dialect in [
        Dialect::Pcm,
        Dialect::Rate(22_050),
        Dialect::Rate(48_000),
        Dialect::RateHeader(16_000),
        Dialect::BigEndianStereo(44_100),
        Dialect::Wav(22_050),
        Dialect::Wav(24_000),
        Dialect::Events,
        Dialect::TogetherEvents,
        Dialect::TinyPieces,
    ] {
        let stand = stand().await;
        stand.fake.default_speech(dialect);
        let heard = say(&stand.call(""), TEXT).await;
        let heard = heard.unwrap_or_else(|error| panic!("{dialect:?}: {error}"));
        is_spoken(&heard, TEXT, "alloy");
        assert_eq!(heard.begins, 1);
    }
}

#[tokio::test]
async fn a_rate_that_nobody_names_is_written_into_the_file() {
    let stand = stand().await;
    stand.fake.default_speech(Dialect::UnnamedRate(16_000));
    let heard = say(&stand.call("[tts]\nsample_rate = 16000"), TEXT).await;
    is_spoken(&heard.unwrap(), TEXT, "alloy");
    // Samples that are declared as something else are remembered, too.
    stand.fake.default_speech(Dialect::CalledMp3);
    let heard = say(&stand.call("[tts]\nsample_rate = 24000"), TEXT).await;
    is_spoken(&heard.unwrap(), TEXT, "alloy");
}

#[tokio::test]
async fn what_is_not_speech_is_never_played() {
    for (dialect, what) in [
        (Dialect::Mp3, "sent MP3"),
        (Dialect::CalledMp3, "sent audio/mpeg"),
        (Dialect::JsonError, "(voice)"),
        (Dialect::ErrorEvent, "(server_error)"),
    ] {
        let stand = stand().await;
        stand.fake.default_speech(dialect);
        let mut pieces = stand.call("").speak_as(TEXT.into(), None);
        let first = futures::StreamExt::next(&mut pieces).await.unwrap();
        let error = first.unwrap_err().to_string();
        assert!(error.contains(what), "{dialect:?}: {error}");
    }
}

#[tokio::test]
async fn a_file_cut_short_is_a_failure() {
    let stand = stand().await;
    stand.fake.default_speech(Dialect::CutWav);
    let error = say(&stand.call(""), TEXT).await.unwrap_err();
    assert!(error.to_string().contains("broke off"), "{error}");
}

#[tokio::test]
async fn a_sentence_without_any_sound_fails_alone() {
    let stand = stand().await;
    stand.fake.default_speech(Dialect::Empty);
    let error = say(&stand.call(""), TEXT).await.unwrap_err();
    assert_eq!(error.fault, Fault::Refused, "{error}");
}

#[tokio::test]
async fn a_refused_field_is_left_out_and_that_is_remembered() {
    let settings = "[tts]\ninstructions = \"Be kind.\"\nspeed = 1.5";
    for (dialect, field) in [
        (Dialect::Refuses("instructions"), "instructions"),
        (Dialect::Forbids("speed"), "speed"),
    ] {
        let stand = stand().await;
        stand.fake.default_speech(dialect);
        // Two calls: what was learned belongs to the provider.
        for _ in 0..2 {
            let heard = say(&stand.call(settings), TEXT).await.unwrap();
            is_spoken(&heard, TEXT, "alloy");
        }
        let asked = stand.fake.requests_to(Endpoint::Speech);
        let has: Vec<bool> = asked.iter().map(|r| !r.body[field].is_null()).collect();
        assert_eq!(has, [true, false, false], "{field}");
    }
}

#[tokio::test]
async fn a_server_without_raw_samples_is_asked_for_wav() {
    let stand = stand().await;
    stand.fake.default_speech(Dialect::OnlyWav);
    for _ in 0..2 {
        let heard = say(&stand.call(""), TEXT).await.unwrap();
        is_spoken(&heard, TEXT, "alloy");
    }
    let asked = stand.fake.requests_to(Endpoint::Speech);
    let formats: Vec<_> = asked
        .iter()
        .map(|r| r.body["response_format"].as_str())
        .collect();
    assert_eq!(formats, [Some("pcm"), Some("wav"), Some("wav")]);
}

#[tokio::test]
async fn any_voice_can_be_asked_for() {
    let stand = stand().await;
    say(&stand.call("voice = \"af_heart\""), TEXT)
        .await
        .unwrap();
    say(&stand.call("voice = \"voice_123\""), TEXT)
        .await
        .unwrap();
    let asked = stand.fake.requests_to(Endpoint::Speech);
    assert_eq!(asked[0].body["voice"], "af_heart");
    assert_eq!(asked[1].body["voice"]["id"], "voice_123");
}
