//! Whole spoken conversations, with the fixtures' recordings and a real judge of what is speech.

use std::path::PathBuf;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _, stream};
use serde_json::Value;

use super::voice::Voice;
use super::*;
use crate::eval::recorded::{RecordedAnswer, Recording};
use crate::eval::run::{Mind, Minds};
use crate::eval::told::Heard;
use crate::eval::{report, run_all};
use sidetone_base::audio::Pcm;
use sidetone_call::{Llm, Piece, ProviderError, Question, Role, Stt, Tools, Tts};
use sidetone_config::folder::AgentFolder;
use sidetone_config::request::HttpRequest;
use sidetone_config::secret::Secrets;

/// A folder with an agent, whose file says `settings`, too, and a scenario for it.
struct Stage {
    folder: tempfile::TempDir,
    agents: AgentFolder,
    scenario: Scenario,
}

impl Stage {
    fn new(settings: &str, turns: &str, answers: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let file: PathBuf = folder.path().join(name);
            std::fs::write(&file, text).unwrap();
            file
        };
        write("prompt.md", "Be kind.");
        let agent =
            format!("prompt = \"prompt.md\"\ngreeting = \"Hello, this is us.\"\n{settings}\n");
        write("us.toml", &agent);
        let audio = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/audio");
        let turns = turns.replace("AUDIO", audio.to_str().unwrap());
        let file = write("it.scenario.toml", &format!("agent = \"us\"\n{turns}"));
        let scenario = Scenario::load(&file).unwrap();
        std::fs::remove_file(file).unwrap();
        let recording = Recording {
            source: "written by hand".into(),
            answers: answers.iter().map(|text| answer(text)).collect(),
            ..Recording::default()
        };
        recording.save(&scenario.recording()).unwrap();
        let agents = AgentFolder::open(folder.path(), Secrets::default());
        assert_eq!(agents.problems(), []);
        Self {
            folder,
            agents,
            scenario,
        }
    }

    async fn run(&self, mind: &Mind) -> report::Result {
        let scenarios = std::slice::from_ref(&self.scenario);
        let mut results = run_all(scenarios, &self.agents, mind, None, 1).await;
        assert!(self.folder.path().exists());
        results.remove(0)
    }

    /// What was heard of each turn, and what does not hold.
    async fn heard(&self) -> (Vec<Heard>, Vec<String>) {
        let outcome = self.run(&Mind::Recorded).await.unwrap();
        let heard = outcome.turns.iter().filter_map(|turn| turn.heard);
        let failures = outcome.failures.into_iter().map(|(_, failure)| failure);
        (heard.collect(), failures.collect())
    }
}

fn answer(text: &str) -> RecordedAnswer {
    RecordedAnswer {
        text: text.into(),
        calls: Vec::new(),
    }
}

const LONG: &str =
    "On Saturday we are open from nine in the morning until one in the afternoon, as always.";

const QUESTION: &str = "[[turns]]\nsound = \"AUDIO/caller-opening-hours.wav\"\n\
                        caller = \"Hello! What are your opening hours on Saturday?\"\n";

/// Thinks for more than a second, after words that could be all.
const THINKS: &str = "[[turns]]\nsound = \"AUDIO/caller-thinks.wav\"\n\
                      caller = \"I need some help. … Reset my password, please.\"\n";

#[tokio::test]
async fn two_runs_are_the_same_and_have_the_waits_that_the_scenario_says() {
    let turns = format!("[delays]\nstt_ms = 100\nllm_ms = 2000\ntts_ms = 300\n{QUESTION}");
    let slow = Stage::new("", &turns, &[LONG]);
    let first = slow.heard().await;
    assert_eq!(first, slow.heard().await);
    let (heard, failures) = first;
    assert_eq!(failures, [""; 0]);
    let quick = Stage::new("", QUESTION, &[LONG]).heard().await.0;
    let difference = heard[0].waited.unwrap() - quick[0].waited.unwrap();
    // The model works ahead while endpointing waits, so only what is longer than that wait is noticed.
    assert!(difference > Duration::from_millis(1_000), "{difference:?}");
    assert_eq!(quick[0].cut_off, None);
}

#[tokio::test]
async fn a_caller_who_thinks_longer_than_the_agents_file_waits_is_cut_off() {
    let expecting = format!("{THINKS}expect = [{{ cut_off = false }}]\n");
    let (heard, failures) = Stage::new("", &expecting, &[LONG]).heard().await;
    assert!(heard[0].cut_off.is_some(), "{heard:?}");
    // The answer is given anew to the whole of the turn: none is missing.
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert!(failures[0].contains("before the caller had finished"));
    let patient = "[endpointing]\nmin_delay = \"1.5s\"";
    let (heard, failures) = Stage::new(patient, &expecting, &[LONG]).heard().await;
    assert_eq!((heard[0].cut_off, failures), (None, Vec::new()));
}

#[tokio::test]
async fn the_agents_file_says_who_may_interrupt() {
    let turns = format!(
        "{QUESTION}{}talks_over_ms = 1000\nexpect = [{{ interrupted = true }}, {{ stops_within_ms = 900 }}]\n",
        THINKS
            .replace("caller-thinks", "caller-interrupts")
            .replace("I need some help. … ", "Wait, stop. ")
    );
    let answers = [LONG, "Choose forgot password on the sign-in page."];
    let (heard, failures) = Stage::new("", &turns, &answers).heard().await;
    assert_eq!(failures, [""; 0], "{heard:?}");
    assert!(heard[1].stopped_after.is_some());
    let stubborn = "[interruption]\nenabled = false";
    let (heard, failures) = Stage::new(stubborn, &turns, &answers).heard().await;
    assert_eq!(heard[1].stopped_after, None);
    assert_eq!(failures.len(), 2, "{failures:?}");
    assert!(failures[0].contains("the agent spoke on"), "{failures:?}");
}

#[tokio::test]
async fn a_caller_who_only_agrees_does_not_interrupt() {
    let agrees = QUESTION
        .replace("caller-opening-hours", "caller-agrees")
        .replace(
            "Hello! What are your opening hours on Saturday?",
            "Yeah, okay.",
        );
    let turns =
        format!("{QUESTION}{agrees}talks_over_ms = 1000\nexpect = [{{ interrupted = false }}]");
    let (heard, failures) = Stage::new("", &turns, &[LONG]).heard().await;
    assert_eq!(failures, [""; 0]);
    assert!(
        heard[1].is_over_agent && heard[1].waited.is_none(),
        "{heard:?}"
    );
}

#[tokio::test]
async fn failed_expectations_are_found() {
    let wrong = format!(
        "{QUESTION}expect = [{{ within_ms = 100 }}, {{ cut_off = true }}, {{ interrupted = true }}, \
         {{ stops_within_ms = 100 }}]\n{QUESTION}talks_over_ms = 60000\n"
    );
    let (_, failures) = Stage::new("", &wrong, &[LONG]).heard().await;
    let found = [
        "first words after",
        "not cut off",
        "was silent when",
        "fell silent after None",
    ];
    for words in found.iter().chain(&["never said"]) {
        assert!(
            failures.iter().any(|f| f.contains(words)),
            "{words}: {failures:?}"
        );
    }
    assert_eq!(failures.len(), 5, "{failures:?}");
}

#[tokio::test]
async fn spoken_and_written_turns_mix() {
    let turns = format!(
        "[[turns]]\ncaller = \"Good morning.\"\nexpect = [{{ contains = \"Yes?\" }}]\n{QUESTION}"
    );
    let stage = Stage::new("", &turns, &["Yes?", LONG]);
    let outcome = stage.run(&Mind::Recorded).await.unwrap();
    assert_eq!(outcome.failures, []);
    assert_eq!(outcome.turns[2].said, LONG);
    assert!(
        outcome
            .turns
            .iter()
            .skip(1)
            .all(|turn| turn.first_words.is_some())
    );
}

#[tokio::test]
async fn a_bad_recording_is_explained() {
    let pauses = THINKS.replace("caller-thinks", "cards-five-five");
    for (turns, expected) in [
        (
            pauses.replace("help.", "… …"),
            "has fewer of 300 ms or more",
        ),
        (THINKS.replace("caller-thinks", "nobody"), "nobody.wav"),
    ] {
        let (name, error) = Stage::new("", &turns, &[LONG])
            .run(&Mind::Recorded)
            .await
            .unwrap_err();
        assert!(error.contains(expected), "{name}: {error}");
    }
}

/// Answers what it was asked last, and hears how long somebody spoke.
struct Echo;

impl Stt for Echo {
    fn transcribe(&self, audio: Pcm<16_000>) -> BoxFuture<'static, Result<String, ProviderError>> {
        let tenths = audio.duration().as_millis() / 100;
        async move { Ok(format!("I have spoken for {tenths} tenths of a second.")) }.boxed()
    }
}

impl Llm for Echo {
    fn chat(&self, question: Question) -> BoxStream<'static, Result<Piece, ProviderError>> {
        let messages = &question.messages;
        let is_caller = messages[0].text.starts_with("You write what a caller says");
        let asked = messages.iter().rfind(|message| message.role == Role::User);
        let text = match is_caller {
            true => CALLERS.to_owned(),
            false => format!("You said: {}", asked.map_or("", |asked| &asked.text)),
        };
        stream::iter([Ok(Piece::Text(text))]).boxed()
    }
}

/// What a caller says whom `Echo` plays, and who sounds like a recording.
const CALLERS: &str = "What are your opening hours on Saturday?";

impl Tts for Echo {
    fn speak(&self, text: String) -> BoxStream<'static, Result<Pcm<24_000>, ProviderError>> {
        if text != CALLERS {
            let takes = Duration::from_millis(200);
            return Voice { takes }.speak(text);
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let sound = wav::read(&root.join("fixtures/audio/caller-opening-hours.wav"));
        stream::iter([Ok(sound.unwrap())]).boxed()
    }
}

impl Tools for Echo {
    fn call_tool(
        &self,
        _: HttpRequest,
        _: Value,
        _: Value,
    ) -> BoxFuture<'static, Result<String, String>> {
        async { Err("none".into()) }.boxed()
    }
}

/// A conversation in "real" time is held on the clock that there is.
#[tokio::test(start_paused = true)]
async fn a_live_conversation_is_recorded_turn_by_turn() {
    let stage = Stage::new("", &format!("{THINKS}{QUESTION}"), &[]);
    let minds: Arc<Minds> = Arc::new(|agent| (agent, Arc::new(Echo).into()));
    let live = stage
        .run(&Mind::Record(minds, "echo".into()))
        .await
        .unwrap();
    assert_eq!(live.failures, []);
    assert!(live.turns[1].heard.unwrap().cut_off.is_some());
    let recording = Recording::load(&stage.scenario.recording()).unwrap();
    // Of a turn that was cut off the last answer stays, and it is the one to all of its words.
    assert_eq!(recording.answers.len(), 2, "{recording:?}");
    assert!(
        live.turns[1].said.ends_with(&recording.answers[0].text),
        "{live:?}"
    );
    let played = stage.run(&Mind::Recorded).await.unwrap();
    assert_eq!(played.failures, []);
    assert_eq!(played.turns[2].said, recording.answers[1].text);
}

#[tokio::test(start_paused = true)]
async fn a_played_callers_voice_is_kept_and_played_offline() {
    let turns = "[simulated]\npersona = \"Kind.\"\ngoal = \"An echo.\"\nmax_turns = 2\nspoken = true\n\
                 expect = [{ contains = \"You said\" }, { cut_off = false }, { within_ms = 2000 }]\n";
    let stage = Stage::new("", turns, &[]);
    let minds: Arc<Minds> = Arc::new(|agent| (agent, Arc::new(Echo).into()));
    for mind in [Mind::Record(minds, "echo".into()), Mind::Recorded] {
        let outcome = stage.run(&mind).await.unwrap();
        assert_eq!(outcome.failures, []);
        assert_eq!(outcome.turns.len(), 3, "the greeting, and two turns");
        assert!(
            outcome.turns[1..]
                .iter()
                .all(|turn| turn.heard.unwrap().waited.is_some())
        );
    }
    let kept = stage.scenario.file.with_extension("caller-2.wav");
    std::fs::remove_file(kept).unwrap();
    let (_, error) = stage.run(&Mind::Recorded).await.unwrap_err();
    assert!(error.contains("eval --record"), "{error}");
}
