//! Calls with end-to-end encryption: the real program, a real livekit-server, and as the caller LiveKit's Python SDK,
//! which is Google's libwebrtc.

use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sidetone::caller::access::Granted;
use sidetone_base::audio::wav;
use sidetone_testkit::fake_openai::tone_hz;
use sidetone_testkit::{Endpoint, FakeOpenAi, LiveKitServer, Timing};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::binary::Served;
use super::{ANSWER, QUESTION, asks_for_hours, granted};
use crate::calls::stage::sound;
use crate::support::tools;

const GREETING: &str = "Good morning to you.";
const KEY: &str = "words that caller and agent share";
/// Not a measurement: it keeps a failing test from hanging.
const PATIENCE: Duration = Duration::from_secs(60);
/// The agent's voice, which is a tone from the fake provider.
const AGENT: &str = "alloy";
/// Above this level it counts as heard.
const VOICE: f64 = 300.0;

/// LiveKit's Python SDK as a caller.
struct Caller {
    _program: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    sounds: tempfile::TempDir,
    /// The loudest part of the agent's voice that it has heard since it last forgot.
    loudest: f64,
}

impl Caller {
    fn new() -> Self {
        let script = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/python/encrypted_caller.py"
        );
        let mut program = Command::new(tools().join("python/bin/python"))
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let orders = program.stdin.take().unwrap();
        let answers = BufReader::new(program.stdout.take().unwrap()).lines();
        let sounds = tempfile::tempdir().unwrap();
        wav::write(&sounds.path().join("question.wav"), &sound(QUESTION)).unwrap();
        Self {
            _program: program,
            orders,
            answers,
            sounds,
            loudest: 0.0,
        }
    }

    async fn does(&mut self, what: Value) -> Value {
        let order = format!("{what}\n");
        self.orders.write_all(order.as_bytes()).await.unwrap();
        let answer = tokio::time::timeout(PATIENCE, self.answers.next_line()).await;
        let answer = answer.unwrap_or_else(|_| panic!("no answer to {what}"));
        let line = answer.unwrap();
        let line = line.unwrap_or_else(|| panic!("the Python peer ended at {what}"));
        serde_json::from_str(&line).unwrap()
    }

    /// Joins with a key, if any, and publishes its microphone.
    async fn joins(granted: &Granted, key: Option<&str>, more: Value) -> Self {
        let mut caller = Self::new();
        let mut join = json!({
            "do": "join",
            "url": granted.url,
            "token": granted.token,
            "hz": tone_hz(AGENT),
            "key": key.map(|key| STANDARD.encode(key)),
        });
        for (name, value) in more.as_object().unwrap() {
            join[name] = value.clone();
        }
        caller.does(join).await;
        caller.does(json!({"do": "publish"})).await;
        caller
    }

    async fn seen(&mut self) -> Value {
        let seen = self.does(json!({"do": "seen"})).await;
        self.loudest = self.loudest.max(seen["loudest"].as_f64().unwrap());
        seen
    }

    /// Waits until the agent is silent, and forgets what it has heard of it.
    async fn forgets(&mut self) {
        let is_silent = |seen: &Value| seen["attributes"]["lk.agent.state"] == "listening";
        self.sees("an agent that listens", is_silent).await;
        self.loudest = 0.0;
    }

    /// Checks repeatedly until this is seen.
    async fn sees(&mut self, what: &str, is_seen: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let looking = async {
            loop {
                last = self.seen().await;
                if is_seen(&last) {
                    return last.clone();
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let looked = tokio::time::timeout(PATIENCE, looking).await;
        looked.unwrap_or_else(|_| panic!("not seen: {what}; last was {last}"))
    }

    async fn reads(&mut self, text: &str) {
        let has = |seen: &Value| seen["words"].as_str().unwrap().contains(text);
        self.sees(&format!("{text:?}"), has).await;
    }

    async fn hears_a_voice(&mut self) {
        let hearing = async {
            while self.loudest < VOICE {
                self.seen().await;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let heard = tokio::time::timeout(PATIENCE, hearing).await;
        heard.expect("the agent's voice is heard");
    }

    async fn plays_the_question(&mut self) {
        let wav = self.sounds.path().join("question.wav");
        let wav = wav.to_str().unwrap().to_owned();
        self.does(json!({"do": "play", "wav": wav})).await;
    }

    /// Asks aloud until the provider hears it: speech during a key change may be lost.
    async fn is_heard(&mut self, house: &House) {
        let heard = || house.provider.requests_to(Endpoint::Transcriptions).len();
        let before = heard();
        let asking = async {
            while heard() == before {
                self.plays_the_question().await;
            }
        };
        let asked = tokio::time::timeout(PATIENCE, asking).await;
        asked.unwrap_or_else(|_| panic!("the caller is not heard; {}", house.served.log()));
    }

    /// Waits until the agent has left; returns what was seen until then.
    async fn is_left(&mut self) -> Value {
        let leaving = async {
            loop {
                let seen = self.seen().await;
                if seen["agent_left"] == true {
                    return seen;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let left = tokio::time::timeout(PATIENCE, leaving).await;
        left.expect("the agent leaves")
    }
}

/// A program whose agent has these lines in `[encryption]`, and a call with it.
struct House {
    /// Ends with the test.
    _livekit: LiveKitServer,
    _agents: tempfile::TempDir,
    provider: FakeOpenAi,
    served: Served,
    granted: Granted,
}

impl House {
    async fn with(encryption: &str, secrets: &[(&str, &str)]) -> Self {
        let livekit = LiveKitServer::start().await.unwrap();
        let provider = FakeOpenAi::start(Timing::default()).await;
        asks_for_hours(&provider);
        let agents = tempfile::tempdir().unwrap();
        let file = format!("prompt = \"prompt.md\"\ngreeting = \"{GREETING}\"\n{encryption}");
        std::fs::write(agents.path().join("default.toml"), file).unwrap();
        std::fs::write(agents.path().join("prompt.md"), "Be kind.").unwrap();
        let served = Served::start_in(agents.path(), &livekit, &provider, secrets).await;
        let granted = granted(&served).await;
        Self {
            _livekit: livekit,
            _agents: agents,
            provider,
            served,
            granted,
        }
    }

    /// Checks that the agent's end of the call gives this reason, and that nothing was transcribed.
    async fn was_left(&self, why: &str) {
        assert_eq!(self.served.end_of_call().await, "encrypted");
        for endpoint in [Endpoint::Transcriptions, Endpoint::Chat] {
            assert!(self.provider.requests_to(endpoint).is_empty());
        }
        let id = self.granted.call_id.as_deref().unwrap();
        let call = self.served.call_of(id).await;
        let told = call["errors"][0]["message"].as_str().unwrap();
        assert!(told.contains(why), "{call:#}");
        assert!(self.served.log().contains(why), "it is in the log");
    }
}

const ONE_KEY: &str = "[encryption]\nkeys = [\"{{ secret.room }}\"]\n";

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_caller_is_heard_and_answered_aloud_and_in_writing() {
    let house = House::with(ONE_KEY, &[("SIDETONE_SECRET_ROOM", KEY)]).await;
    let mut ada = Caller::joins(&house.granted, Some(KEY), json!({})).await;
    ada.hears_a_voice().await;
    ada.reads(GREETING).await;
    ada.is_heard(&house).await;
    ada.reads(ANSWER).await;
    house.provider.default_answer("Behind the house.");
    ada.does(json!({"do": "write", "text": "Is there parking?"}))
        .await;
    ada.reads("Behind the house.").await;
    let seen = ada.seen().await;
    assert_eq!(seen["agent_encrypts"], true, "{seen}");
    assert_eq!(seen["clear"], json!([]), "{seen}");
    assert!(!house.served.log().contains(KEY));

    // During the call the caller's client ratchets to the next key: the agent follows, and also speaks with it.
    ada.forgets().await;
    ada.does(json!({"do": "ratchet"})).await;
    house.provider.default_transcript("Is it far?");
    house.provider.default_answer("Two minutes on foot.");
    ada.is_heard(&house).await;
    ada.reads("Two minutes on foot.").await;
    ada.hears_a_voice().await;
    house.provider.default_answer("In the yard.");
    ada.does(json!({"do": "write", "text": "And a bicycle?"}))
        .await;
    ada.reads("In the yard.").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_takes_other_keys_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    let (first, second, third) = ([7; 32], [8; 32], [9; 32]);
    let write = |key: &[u8]| std::fs::write(&file, STANDARD.encode(key)).unwrap();
    write(&first);
    let file_name = file.to_str().unwrap();
    let other = STANDARD.encode(second);
    let encryption = "[encryption]\nkeys = [\"{{ secret.room }}\", \"{{ secret.other }}\"]\nderivation = \"hkdf\"\n";
    let secrets = [
        ("SIDETONE_SECRET_ROOM_FILE", file_name),
        ("SIDETONE_SECRET_OTHER", other.as_str()),
    ];
    let house = House::with(encryption, &secrets).await;
    let bytes = json!({"key": STANDARD.encode(first), "hkdf": true});
    let mut ada = Caller::joins(&house.granted, None, bytes).await;
    ada.hears_a_voice().await;
    ada.reads(GREETING).await;
    let keyed =
        |key: [u8; 32], index| json!({"do": "key", "key": STANDARD.encode(key), "index": index});

    // Another index of the key ring.
    ada.does(keyed(second, 1)).await;
    house.provider.default_transcript("Is it far?");
    house.provider.default_answer("Two minutes on foot.");
    ada.is_heard(&house).await;
    ada.reads("Two minutes on foot.").await;

    // Another key, which the agent finds in its file once the old one decrypts nothing.
    ada.forgets().await;
    ada.does(keyed(third, 0)).await;
    write(&third);
    house.provider.default_transcript("Is it new?");
    house.provider.default_answer("From last year.");
    ada.is_heard(&house).await;
    ada.reads("From last year.").await;
    ada.hears_a_voice().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_encrypts_sound_alone_may_write_in_the_clear() {
    let house = House::with(ONE_KEY, &[("SIDETONE_SECRET_ROOM", KEY)]).await;
    let mut ada = Caller::joins(&house.granted, Some(KEY), json!({"data": false})).await;
    ada.hears_a_voice().await;
    ada.reads(GREETING).await;
    ada.does(json!({"do": "write", "text": "When do you open?"}))
        .await;
    ada.reads(ANSWER).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_without_the_key_says_so_in_writing_and_leaves() {
    let house = House::with("", &[]).await;
    let mut ada = Caller::joins(&house.granted, Some(KEY), json!({})).await;
    ada.plays_the_question().await;
    let seen = ada.is_left().await;
    let words = seen["words"].as_str().unwrap();
    assert_eq!(words.matches("encrypted").count(), 1, "{seen}");
    assert_eq!(
        seen["attributes"]["sidetone.encryption"], "no-key",
        "{seen}"
    );
    assert!(
        seen["loudest"].as_f64().unwrap() < VOICE,
        "in the clear: {seen}"
    );
    house.was_left("the agent has no key").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_with_another_key_says_so_in_writing_and_leaves() {
    let house = House::with(ONE_KEY, &[("SIDETONE_SECRET_ROOM", KEY)]).await;
    let mut ada = Caller::joins(&house.granted, Some("another key"), json!({})).await;
    ada.plays_the_question().await;
    ada.is_left().await;
    // A client may still be trying keys on earlier data.
    let is_told = |seen: &Value| seen["clear"] != json!([]);
    let seen = ada.sees("a caption in the clear", is_told).await;
    let clear = seen["clear"].to_string();
    assert_eq!(clear.matches("encrypted").count(), 1, "{seen}");
    assert_eq!(
        seen["attributes"]["sidetone.encryption"], "wrong-key",
        "{seen}"
    );
    assert_eq!(seen["words"], "", "{seen}");
    assert!(ada.loudest < VOICE, "{}", ada.loudest);
    house.was_left("no key of the agent opens it").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_with_a_key_holds_no_call_in_the_clear() {
    let house = House::with(ONE_KEY, &[("SIDETONE_SECRET_ROOM", KEY)]).await;
    let mut ada = Caller::joins(&house.granted, None, json!({})).await;
    ada.plays_the_question().await;
    ada.is_left().await;
    // A client may still be trying keys on earlier data.
    let is_told = |seen: &Value| seen["clear"] != json!([]);
    let seen = ada.sees("a caption in the clear", is_told).await;
    let clear = seen["clear"].to_string();
    assert_eq!(clear.matches("encrypted").count(), 1, "{seen}");
    assert_eq!(
        seen["attributes"]["sidetone.encryption"], "in-the-clear",
        "{seen}"
    );
    assert_eq!(seen["agent_encrypts"], true, "{seen}");
    assert_eq!(seen["words"], "", "{seen}");
    house.was_left("the caller's tracks are in the clear").await;
}
