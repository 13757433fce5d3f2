//! Whole calls on a simulated clock, as golden timelines.
//!
//! A scenario in `scenarios/` is a trace. `>` lines are what the caller and the world do; all other lines are the
//! result: `|` at the caller (voice, transcripts, state), `*` events for the store, `?` requests to providers. The
//! runner plays the `>` lines against the real call and compares the whole trace. `BLESS=1` writes the actual trace
//! instead.

mod earlier;
mod fakes;
mod flood;
mod room;
mod trace;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sidetone_base::leave::LeaveOrder;
use sidetone_call::vad::Vad;
use sidetone_call::{CallSpec, Meter, Persona, run};
use sidetone_config::agent::{AgentConfig, Overrides};
use sidetone_config::secret::Secrets;
use tokio::sync::mpsc;

use fakes::Fakes;
use room::Step;
use trace::Trace;

/// Louder frames are speech. The simulated caller speaks at -30 dBFS and is otherwise digitally silent.
const SPEECH_DBFS: f32 = -50.0;
/// A comment of scenarios whose trace has what is recognised of turns that are not over.
const SAYINGS: &str = "\n# With what is being said.\n";

#[test]
fn scenarios() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conversation/scenarios");
    let only = std::env::var("SCENARIO").unwrap_or_default();
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 15, "the scenarios are not there");
    files.retain(|file| file.to_string_lossy().contains(&only));
    let bless = std::env::var_os("BLESS").is_some();
    let mut wrong = Vec::new();
    for file in files {
        let expected = std::fs::read_to_string(&file).unwrap();
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let actual = play(&name, &expected);
        assert_eq!(actual, play(&name, &expected), "{name}: two runs differ");
        if bless {
            std::fs::write(&file, actual).unwrap();
        } else if actual != expected {
            wrong.push(format!("--- {name}\n{}", difference(&expected, &actual)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The first lines that differ, with those before them.
fn difference(expected: &str, actual: &str) -> String {
    let same = expected
        .lines()
        .zip(actual.lines())
        .take_while(|(a, b)| a == b)
        .count();
    let show = |text: &str, mark: &str| -> String {
        text.lines()
            .skip(same)
            .take(8)
            .map(|line| format!("{mark} {line}\n"))
            .collect()
    };
    let before: String = expected
        .lines()
        .skip(same.saturating_sub(5))
        .take(same.min(5))
        .map(|line| format!("  {line}\n"))
        .collect();
    before + &show(expected, "-") + &show(actual, "+")
}

/// Plays the `>` lines of a script; returns the whole trace.
fn play(name: &str, script: &str) -> String {
    let (head, settings, steps) = parse(script);
    let other = agent("other", &others(script));
    let agent = agent(name, &settings);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let trace = runtime.block_on(async {
        let trace = Trace::start(script.contains(SAYINGS));
        let fakes = Arc::new(Fakes::new(trace.clone()));
        let (link, driver) = sidetone_call::transport::link();
        // Small, so that every scenario includes a store that lags.
        let (events, store) = mpsc::channel(2);
        let drain = LeaveOrder::default();
        // Handovers lead to an agent called "other".
        let other = Persona {
            agent: Arc::new(other),
            providers: Arc::new(fakes.of_other()).into(),
        };
        let spec = CallSpec {
            id: uuid::Uuid::nil(),
            team: vec![other],
            vad: Vad::by_level(&agent.vad, SPEECH_DBFS),
            end_of_turn: Some(Arc::clone(&fakes) as _),
            persona: Persona {
                agent: Arc::new(agent),
                providers: Arc::clone(&fakes).into(),
            },
            meter: Meter::default(),
            earlier: earlier::parse(script),
        };
        let call = run(spec, link, events, drain.clone());
        let room = room::drive(driver, steps, fakes, drain, trace.clone());
        let limit = Duration::from_secs(2 * 3600);
        let all = async { tokio::join!(call, room, trace.clone().record(store)) };
        let (outcome, (), (figures, taken)) = tokio::time::timeout(limit, all)
            .await
            .expect("the call never ends");
        assert_eq!(outcome.events_lost, 0);
        trace.note(&format!("= {:?}, {} turns", outcome.reason, outcome.turns));
        trace.books(&figures, &taken);
        trace
    });
    head + &trace.finish()
}

/// Returns the comments and settings unchanged, the settings as TOML, and the steps with their times.
fn parse(script: &str) -> (String, String, Vec<(u64, Step)>) {
    let (mut head, mut settings, mut steps) = (String::new(), String::new(), Vec::new());
    for line in script.lines() {
        if let Some((ms, step)) = line.split_once(" > ") {
            let ms: u64 = ms
                .trim()
                .parse()
                .unwrap_or_else(|_| panic!("no time in {line:?}"));
            assert!(
                steps.last().is_none_or(|(last, _)| *last <= ms),
                "out of order: {line:?}"
            );
            steps.push((ms, Step::parse(step)));
        } else if ["#", "set ", "other ", "earlier "]
            .iter()
            .any(|mark| line.starts_with(mark))
        {
            head += &format!("{line}\n");
            if let Some(setting) = line.strip_prefix("set ") {
                settings += &format!("{setting}\n");
            }
        }
    }
    (head, settings, steps)
}

/// The settings of the agent called "other", the target of handovers.
fn others(script: &str) -> String {
    let lines = script
        .lines()
        .filter_map(|line| line.strip_prefix("other "));
    let settings: Vec<_> = lines.collect();
    format!("filler = \"Other here.\"\n{}\n", settings.join("\n"))
}

fn agent(name: &str, settings: &str) -> AgentConfig {
    // Other tests load agents with the same name at the same time.
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("prompt.md"), "Be kind.").unwrap();
    let file = folder.path().join(format!("{name}.toml"));
    let greeting = if settings.contains("greeting") {
        ""
    } else {
        "greeting = \"Hello there.\"\n"
    };
    let apology = if settings.contains("apology") {
        ""
    } else {
        "apology = \"Sorry, what?\"\n"
    };
    let text = format!("prompt = \"prompt.md\"\n{greeting}{apology}{settings}\n");
    std::fs::write(&file, text).unwrap();
    let agent =
        AgentConfig::load(&file, &Secrets::default()).unwrap_or_else(|error| panic!("{error}"));
    agent.for_call(&Overrides::default()).unwrap()
}
