use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use serde_json::Value;

use super::*;
use sidetone_base::audio::Pcm;
use sidetone_call::{Llm, Piece, ProviderError, Question, Stt, Tools, Tts};
use sidetone_config::request::HttpRequest;
use sidetone_config::secret::Secrets;

async fn eval(scenarios: &[Scenario]) -> Vec<report::Result> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let agents = AgentFolder::open(root.join("agent-config"), Secrets::default());
    assert_eq!(agents.problems(), []);
    run_all(scenarios, &agents, &Mind::Recorded, None, 8).await
}

fn scenarios() -> Vec<Scenario> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    scenario::load_all(&[root.join("fixtures/scenarios")]).unwrap()
}

#[tokio::test]
async fn all_scenarios_hold() {
    let scenarios = scenarios();
    assert!(scenarios.len() >= 30);
    let results = eval(&scenarios).await;
    let table = report::table(&results, Duration::ZERO);
    assert!(report::is_good(&results), "{table}");
}

#[tokio::test]
async fn failed_expectations_are_found() {
    let find = |name: &str| {
        let found = scenarios().into_iter().find(|s| s.name == name);
        found.unwrap_or_else(|| panic!("no scenario {name}"))
    };
    let mut booked = find("02-booked");
    booked.turns[0].expect = vec![
        scenario::Expect::Contains("Christmas".into()),
        scenario::Expect::NoTool("find_tables".into()),
        scenario::Expect::Ended(true),
        scenario::Expect::Handoff("default".into()),
        scenario::Expect::Never("tomorrow".into()),
        scenario::Expect::Judge("It is polite.".into()),
    ];
    // Two answers are recorded, for more turns than that.
    let mut long = find("21-support-greets");
    long.turns.push(long.turns[0].clone());
    let results = eval(&[booked, long]).await;
    let failures: Vec<usize> = results
        .iter()
        .map(|result| result.as_ref().map_or(0, |outcome| outcome.failures.len()))
        .collect();
    assert_eq!(
        failures[0],
        6,
        "{}",
        report::table(&results, Duration::ZERO)
    );
    assert!(
        failures[1] > 0,
        "{}",
        report::table(&results, Duration::ZERO)
    );
}

/// Plays the agent and the caller: when prompted to play a caller it says `said`, then hangs up.
struct Both(std::sync::Mutex<Vec<&'static str>>);

impl Stt for Both {
    fn transcribe(&self, audio: Pcm<16_000>) -> BoxFuture<'static, Result<String, ProviderError>> {
        let seconds = audio.duration().as_secs();
        async move { Ok(format!("I spoke for {seconds} seconds.")) }.boxed()
    }
}

impl Llm for Both {
    fn chat(&self, question: Question) -> BoxStream<'static, Result<Piece, ProviderError>> {
        let messages = &question.messages;
        let is_caller = messages[0].text.starts_with("You write what a caller says");
        let is_judge = messages[0].text.starts_with("You judge");
        let last = messages.last().map(|message| message.text.clone());
        let answer = match (is_caller, is_judge) {
            (true, _) => self.0.lock().unwrap().pop().unwrap_or("END").to_owned(),
            (_, true) => "YES\nIt was so.".to_owned(),
            _ => format!("You said: {}", last.unwrap_or_default()),
        };
        stream::iter([Ok(Piece::Text(answer))]).boxed()
    }
}

impl Tts for Both {
    fn speak(&self, _: String) -> BoxStream<'static, Result<Pcm<24_000>, ProviderError>> {
        stream::empty().boxed()
    }
}

impl Tools for Both {
    fn call_tool(
        &self,
        _: HttpRequest,
        _: Value,
        _: Value,
    ) -> BoxFuture<'static, Result<String, String>> {
        async { Err("none".into()) }.boxed()
    }
}

#[tokio::test]
async fn a_played_caller_and_a_recording_are_the_same_offline() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("played.toml");
    let second = Pcm::<16_000>::new(vec![0; 32_000]);
    sidetone_base::audio::wav::write(&folder.path().join("two.wav"), &second).unwrap();
    let text = "agent = \"default\"\n[[turns]]\nwav = \"two.wav\"\n\
                    expect = [{ contains = \"I spoke for 2 seconds\" }]\n\
                    [simulated]\npersona = \"Patient.\"\ngoal = \"An echo.\"\n\
                    expect = [{ contains = \"One.\" }, { contains = \"Two.\" }, \
                    { judge = \"It echoes.\" }, { never = \"END\" }]\n";
    std::fs::write(&file, text).unwrap();
    let scenario = Scenario::load(&file).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let agents = AgentFolder::open(root.join("agent-config"), Secrets::default());
    let both = Arc::new(Both(vec!["Two.", "One."].into()));
    let minds: Arc<run::Minds> = Arc::new(move |agent| (agent, Arc::clone(&both).into()));
    let recording = Mind::Record(minds, "both".into());
    for mind in [recording, Mind::Recorded] {
        let results = run_all(std::slice::from_ref(&scenario), &agents, &mind, None, 1).await;
        assert!(
            report::is_good(&results),
            "{}",
            report::table(&results, Duration::ZERO)
        );
        let outcome = results[0].as_ref().unwrap();
        assert_eq!(outcome.turns.len(), 4, "greeting, recording, two turns");
        assert!(outcome.turns[3].said.contains("You said: Two."));
    }
    // A failed expectation of the whole conversation is found, too.
    let mut wrong = scenario;
    wrong.simulated.as_mut().unwrap().expect = vec![scenario::Expect::Contains("Three".into())];
    let results = run_all(&[wrong], &agents, &Mind::Recorded, None, 1).await;
    assert!(!report::is_good(&results));
}

#[test]
fn the_local_models_scenarios_can_be_held() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let agents = AgentFolder::open(root.join("agent-config"), Secrets::default());
    for (folder, count) in [("support", 20), ("hire", 20), ("tools", 10)] {
        let folder = root.join("fixtures/local").join(folder);
        let scenarios = scenario::load_all(&[folder]).unwrap();
        assert_eq!(scenarios.len(), count);
        for scenario in scenarios {
            let team = agents.team(&scenario.agent).unwrap();
            let tools: Vec<&str> = team[0].tools.iter().map(|t| t.name.as_str()).collect();
            for tool in scenario.answers.keys() {
                assert!(tools.contains(&tool.as_str()), "{}: {tool}", scenario.name);
            }
        }
    }
}

#[test]
fn a_scenario_needs_words() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.toml");
    for (text, expected) in [
        ("agent = \"x\"", "there are no [[turns]]"),
        ("agent = \"x\"\n[[turns]]\n", "turn 1: write caller = "),
        (
            "agent = \"x\"\n[[turns]]\ncaller = \"Hi\"\nwav = \"hi.wav\"",
            "turn 1: write caller = ",
        ),
        (
            "agent = \"x\"\n[[turns]]\ncaller = \"Hi\"\nwav = \"hi.wav\"\nsound = \"hi.wav\"",
            "turn 1: write sound = ",
        ),
        (
            "agent = \"x\"\n[[turns]]\nsound = \"hi.wav\"",
            "turn 1: write caller = ",
        ),
        (
            "agent = \"x\"\n[[turns]]\ncaller = \"Hi\"\nexpect = [{ cut_off = false }]",
            "turn 1: cut_off needs",
        ),
        (
            "agent = \"x\"\n[[turns]]\ncaller = \"Hi\"\ntalks_over_ms = 500",
            "turn 1: talks_over_ms needs",
        ),
    ] {
        std::fs::write(&file, text).unwrap();
        let error = Scenario::load(&file).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
