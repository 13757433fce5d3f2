use sidetone_base::provider::SttHints;
use sidetone_testkit::fake_openai::{
    Endpoint, Failure, FakeOpenAi, Outcome, Strict, Style, Timing,
};

use super::super::{ApiKey, Http, Settings, Stt};
use super::*;

const PATIENCE: Duration = Duration::from_millis(300);

fn hearing(fake: &FakeOpenAi) -> Hearing {
    let settings = Settings {
        base_url: fake.base_url(),
        api_key: Some(ApiKey::new("key")),
        model: "hears".into(),
        timeout: Duration::from_secs(1),
        ..Settings::default()
    };
    let stt = Stt::new(&Http::new().unwrap(), settings, None).unwrap();
    stt.with_language(Some("de-AT")).hear(PATIENCE)
}

fn words(hearing: &Hearing) -> impl Future<Output = Option<String>> + use<> {
    hearing.words(watch::channel(String::new()).0)
}

fn second() -> Pcm<16_000> {
    Pcm::new(vec![1000; 16_000])
}

fn types(fake: &FakeOpenAi, socket: usize) -> Vec<String> {
    let request = &fake.requests_to(Endpoint::Realtime)[socket];
    let events = request.body.as_array().unwrap().iter();
    let kind = |event: &Value| event["type"].as_str().unwrap().to_owned();
    events.map(kind).collect()
}

#[tokio::test]
async fn the_words_of_a_turn_come_by_stretches() {
    let fake = FakeOpenAi::start(Timing::INSTANT).await;
    for words in ["My number is", "four two.", "Thanks."] {
        fake.script_transcript(words);
    }
    let mut hearing = hearing(&fake);
    hearing.push(second());
    assert_eq!(words(&hearing).await.unwrap(), "My number is");
    hearing.push(second());
    assert_eq!(words(&hearing).await.unwrap(), "My number is four two.");
    hearing.forget();
    hearing.push(second());
    assert_eq!(words(&hearing).await.unwrap(), "Thanks.");

    let request = &fake.requests_to(Endpoint::Realtime)[0];
    assert_eq!(request.authorization.as_deref(), Some("Bearer key"));
    let session = &request.body[0]["session"];
    assert_eq!(session["type"], "transcription");
    let input = &session["audio"]["input"];
    assert_eq!(
        input["format"],
        json!({"type": "audio/pcm", "rate": 24_000})
    );
    assert_eq!(
        input["transcription"],
        json!({"model": "hears", "language": "de"})
    );
    assert!(input["turn_detection"].is_null());
    // Three seconds arrived, as 16-bit samples at 24 kHz.
    let events = request.body.as_array().unwrap().iter();
    let audio = events.filter_map(|event| event["audio"].as_str());
    let bytes: usize = audio
        .map(|text| BASE64_STANDARD.decode(text).unwrap().len())
        .sum();
    assert!(bytes.abs_diff(3 * 48_000) < 3_000, "{bytes} bytes");
}

#[tokio::test]
async fn a_short_sound_is_made_long_enough() {
    let fake = FakeOpenAi::start(Timing::INSTANT).await;
    let mut hearing = hearing(&fake);
    hearing.push(Pcm::new(vec![1000; 160]));
    assert!(words(&hearing).await.is_some());
    let request = &fake.requests_to(Endpoint::Realtime)[0];
    let events = request.body.as_array().unwrap().iter();
    let audio = events.filter_map(|event| event["audio"].as_str());
    let bytes: usize = audio
        .map(|text| BASE64_STANDARD.decode(text).unwrap().len())
        .sum();
    assert!(bytes >= 2 * LEAST, "{bytes} bytes");
}

#[tokio::test]
async fn a_failed_transcription_has_no_words_and_the_next_turn_has_a_new_socket() {
    for failure in [
        Failure::Unauthorized,
        Failure::Garbage,
        Failure::CutAfter(0),
        Failure::StallAfter(0),
    ] {
        let fake = FakeOpenAi::start(Timing::INSTANT).await;
        fake.script_failures(Endpoint::Realtime, &[failure]);
        let mut hearing = hearing(&fake);
        hearing.push(second());
        assert_eq!(words(&hearing).await, None, "{failure:?}");
        hearing.forget();
        fake.script_transcript("Here.");
        hearing.push(second());
        assert_eq!(
            words(&hearing).await.as_deref(),
            Some("Here."),
            "{failure:?}"
        );
        assert_eq!(types(&fake, 1)[0], "session.update");
    }
}

#[tokio::test]
async fn a_late_stretch_of_a_turn_before_is_not_taken_for_this_one() {
    let slow = Timing {
        transcription: Duration::from_millis(100),
        ..Timing::INSTANT
    };
    let fake = FakeOpenAi::start(slow).await;
    fake.script_transcript("old");
    fake.script_transcript("new");
    let mut hearing = hearing(&fake);
    hearing.push(second());
    let old = words(&hearing);
    hearing.forget();
    hearing.push(second());
    let (old, new) = tokio::join!(old, words(&hearing));
    assert_eq!(old, None);
    assert_eq!(new.as_deref(), Some("new"));
}

#[tokio::test]
async fn the_socket_closes_with_the_call() {
    let fake = FakeOpenAi::start(Timing::INSTANT).await;
    let hearing = hearing(&fake);
    fake.until(|requests| requests.len() == 1).await;
    drop(hearing);
    let finished = sidetone_testkit::fake_openai::Outcome::Finished;
    fake.until(|requests| requests[0].outcome == finished).await;
}

#[tokio::test]
async fn words_are_seen_as_they_are_written_down() {
    let slow = Timing {
        transcription: Duration::from_millis(100),
        ..Timing::INSTANT
    };
    let fake = FakeOpenAi::start(slow).await;
    fake.script_transcript("My number is");
    fake.script_transcript("four two.");
    let mut hearing = hearing(&fake);
    let mut before = String::new();
    for whole in ["My number is", "My number is four two."] {
        hearing.push(second());
        let (sender, mut so_far) = watch::channel(String::new());
        let words = hearing.words(sender);
        so_far.changed().await.unwrap();
        let seen = so_far.borrow_and_update().clone();
        assert!(
            seen.len() > before.len() && whole.starts_with(&seen),
            "{seen:?}"
        );
        assert_eq!(words.await.as_deref(), Some(whole));
        whole.clone_into(&mut before);
    }
}

fn keen(fake: &FakeOpenAi, http: &Http, model: &str) -> Hearing {
    let settings = Settings {
        base_url: fake.base_url(),
        model: model.into(),
        ..Settings::default()
    };
    let hints = SttHints {
        prompt: Some("A bakery.".into()),
        keywords: vec!["Ciabatta".into()],
    };
    let stt = Stt::new(http, settings, None).unwrap().with_hints(hints);
    stt.with_language(Some("de-AT")).hear(PATIENCE)
}

fn sessions(fake: &FakeOpenAi, socket: usize) -> Vec<Value> {
    let request = &fake.requests_to(Endpoint::Realtime)[socket];
    let events = request.body.as_array().unwrap().iter();
    events
        .filter(|event| event["type"] == "session.update")
        .map(|event| event["session"]["audio"]["input"]["transcription"].clone())
        .collect()
}

#[tokio::test]
async fn each_model_gets_the_hints_that_it_takes() {
    for (model, expected) in [
        (
            "gpt-live-transcribe",
            json!({ "model": "gpt-live-transcribe", "languages": ["de"], "keywords": ["Ciabatta"],
                    "prompt": "A bakery." }),
        ),
        (
            "gpt-realtime-whisper",
            json!({ "model": "gpt-realtime-whisper", "language": "de" }),
        ),
        (
            "gpt-4o-transcribe",
            json!({ "model": "gpt-4o-transcribe", "language": "de", "prompt": "A bakery. Ciabatta" }),
        ),
    ] {
        let fake = FakeOpenAi::start(Timing::INSTANT).await;
        let mut hearing = keen(&fake, &Http::new().unwrap(), model);
        hearing.push(second());
        assert!(words(&hearing).await.is_some(), "{model}");
        assert_eq!(sessions(&fake, 0), [expected]);
    }
}

#[tokio::test]
async fn a_refused_hint_is_given_up_on_the_same_socket_and_for_good() {
    let fake = FakeOpenAi::start(Timing::INSTANT).await;
    let http = Http::new().unwrap();
    fake.refuse(Endpoint::Realtime, Strict::Field("keywords"), Style::OpenAi);
    for sent in [2, 1] {
        let mut hearing = keen(&fake, &http, "gpt-live-transcribe");
        hearing.push(second());
        assert!(words(&hearing).await.is_some());
        let socket = fake.requests_to(Endpoint::Realtime).len() - 1;
        let sessions = sessions(&fake, socket);
        assert_eq!(sessions.len(), sent);
        let last = sessions.last().unwrap();
        assert_eq!(
            (last.get("keywords"), &last["prompt"]),
            (None, &json!("A bakery."))
        );
    }
}

#[tokio::test]
async fn most_errors_cost_nothing_and_some_the_turn() {
    let fake = FakeOpenAi::start(Timing::INSTANT).await;
    let mut hearing = hearing(&fake);
    fake.script_transcript("Here.");
    fake.trouble(json!({ "type": "invalid_request_error", "code": null, "message": "odd" }));
    hearing.push(second());
    assert_eq!(words(&hearing).await.as_deref(), Some("Here."));
    hearing.forget();
    for error in [
        json!({ "code": "session_expired", "message": "60 minutes" }),
        json!({ "message": "buffer too small", "event_id": COMMIT }),
    ] {
        fake.trouble(error);
        hearing.push(second());
        assert_eq!(words(&hearing).await, None);
        hearing.forget();
    }
    fake.script_transcript("Again.");
    hearing.push(second());
    assert_eq!(words(&hearing).await.as_deref(), Some("Again."));
}

#[tokio::test]
async fn a_socket_that_ends_between_two_turns_costs_no_words() {
    let fake = FakeOpenAi::start(Timing::INSTANT).await;
    let server = fake.base_url();
    let server = server
        .strip_prefix("http://")
        .and_then(|url| url.split_once('/'));
    let gate = sidetone_testkit::gate::Gate::before(server.unwrap().0);
    let gate = gate.await.unwrap();
    let settings = Settings {
        base_url: format!("http://{}/v1", gate.address),
        model: "hears".into(),
        ..Settings::default()
    };
    let stt = Stt::new(&Http::new().unwrap(), settings, None).unwrap();
    let mut hearing = stt.hear(Duration::from_secs(10));
    for turn in 0..2 {
        fake.script_transcript("Here.");
        hearing.push(second());
        assert_eq!(words(&hearing).await.as_deref(), Some("Here."), "{turn}");
        hearing.push(Pcm::new(vec![0; 160]));
        hearing.forget();
        gate.end_connections();
        fake.until(|requests| requests.len() > turn && requests[turn].outcome == Outcome::Finished)
            .await;
    }
}

#[tokio::test]
async fn forgotten_audio_is_not_heard_with_what_follows() {
    let fake = FakeOpenAi::start(Timing::INSTANT).await;
    fake.script_transcript("Yes.");
    let mut hearing = hearing(&fake);
    hearing.push(second());
    hearing.forget();
    hearing.push(second());
    assert_eq!(words(&hearing).await.as_deref(), Some("Yes."));
    let types = types(&fake, 0);
    let at = |kind: &str| types.iter().position(|other| other == kind).unwrap();
    let (clear, commit) = (
        at("input_audio_buffer.clear"),
        at("input_audio_buffer.commit"),
    );
    let sent = |from: usize, to: usize| {
        let kinds = types[from..to].iter();
        kinds
            .filter(|kind| *kind == "input_audio_buffer.append")
            .count()
    };
    assert!(sent(0, clear) > 0 && sent(clear, commit) > 0, "{types:?}");
}
