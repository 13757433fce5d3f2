//! docs/first-agent.md as its reader follows it, on a machine without a key: its files are written, its commands run,
//! and the caller hears answers. The agents that we ship are tested, too.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;

const GUIDE: &str = include_str!("../docs/first-agent.md");
/// A limit against hanging: a new machine fetches 0.7 GB.
const PATIENCE: Duration = Duration::from_secs(240);
/// Part of every apology.
const APOLOGY: &str = "something went wrong";

/// A code block of the guide, and the paragraph before it.
struct Block {
    about: String,
    text: String,
}

fn blocks(guide: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let (mut about, mut lines) = (String::new(), guide.lines());
    while let Some(line) = lines.next() {
        let Some(indent) = line.find("```") else {
            about.push_str(line.trim());
            about.push(' ');
            continue;
        };
        let block = lines.by_ref().take_while(|line| line.trim() != "```");
        let block = block.map(|line| line.get(indent..).unwrap_or_default().to_owned() + "\n");
        let text = block.collect();
        blocks.push(Block {
            about: std::mem::take(&mut about),
            text,
        });
    }
    blocks
}

/// The inline code of a text.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The path that a block is written to: the last one named before it.
fn path(about: &str) -> Option<&str> {
    let is_path = |text: &&str| {
        let ending = Path::new(text).extension();
        text.contains('/') && ending.is_some_and(|ending| ending == "md" || ending == "toml")
    };
    quoted(about).filter(is_path).last()
}

/// A copy of the repository's folder that contains the guide's files.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in ["agent-config", "prompts"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
        for entry in std::fs::read_dir(root.join(name)).unwrap() {
            let file = entry.unwrap().path();
            let to = folder.path().join(name).join(file.file_name().unwrap());
            std::fs::copy(&file, to).unwrap();
        }
    }
    let mut written = Vec::new();
    for block in blocks(GUIDE) {
        let Some(path) = path(&block.about) else {
            continue;
        };
        let file = folder.path().join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, block.text).unwrap();
        written.push(path.to_owned());
    }
    let expected = [
        "prompts/bakery.md",
        "agent-config/bakery.toml",
        "fixtures/scenarios/40-bakery-hours.toml",
    ];
    assert_eq!(written, expected);
    folder
}

/// A command as the guide writes it, without a key.
fn command(words: &str, folder: &Path) -> Command {
    let mut words = words.split_whitespace();
    assert_eq!(words.next(), Some("sidetone"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_sidetone"));
    command
        .args(words)
        .current_dir(folder)
        .env_remove("OPENAI_API_KEY")
        .env_remove("OPENAI_BASE_URL")
        .env("SIDETONE_DATA_DIR", folder)
        .env("SIDETONE_DEMO", "true")
        .kill_on_drop(true);
    command
}

/// Returns whether the command succeeded, and its standard output.
async fn output(words: &str, folder: &Path) -> (bool, String) {
    let output = tokio::time::timeout(PATIENCE, command(words, folder).output()).await;
    let output = output
        .unwrap_or_else(|_| panic!("{words} does not end"))
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.success(), text)
}

/// Writes `question` to the agent in the console, and returns everything that was shown.
async fn converse(words: &str, folder: &Path, question: &str) -> (String, String) {
    let mut console = command(words, folder);
    console
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut console = console.spawn().unwrap();
    let mut input = console.stdin.take().unwrap();
    let mut lines = BufReader::new(console.stdout.take().unwrap()).lines();
    let (mut seen, mut spoke, mut wrote) = (String::new(), 0, 0);
    let conversation = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            seen += &format!("{line}\n");
            spoke += usize::from(line.starts_with("agent: "));
            if line == "[listening]" && spoke > wrote {
                let next = if wrote == 0 { question } else { "/quit" };
                input
                    .write_all(format!("{next}\n").as_bytes())
                    .await
                    .unwrap();
                wrote = spoke;
            }
        }
    };
    let ended = tokio::time::timeout(PATIENCE, conversation).await;
    assert!(ended.is_ok(), "the conversation does not end:\n{seen}");
    let log = console.wait_with_output().await.unwrap().stderr;
    (seen, String::from_utf8_lossy(&log).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guide_holds_without_a_key_and_so_do_the_agents_we_ship() {
    let folder = folder();
    let commands: String = blocks(GUIDE)
        .into_iter()
        .filter(|block| path(&block.about).is_none())
        .map(|block| block.text)
        .collect();
    let [fetch, console] = commands.lines().collect::<Vec<_>>()[..] else {
        panic!("{commands:?}");
    };
    // A new machine fetches the models; others already have them.
    let (good, text) = output(fetch, folder.path()).await;
    assert!(good, "{text}");

    let question = "When do you open?";
    let (seen, log) = converse(console, folder.path(), question).await;
    let said: Vec<&str> = seen
        .lines()
        .filter_map(|line| line.strip_prefix("agent: "))
        .collect();
    assert_eq!(said[0], "Miller's Bakery, good morning!", "{seen}");
    assert!(said[1].to_lowercase().contains("seven"), "{seen}");
    assert!(
        !seen.contains(APOLOGY) && !seen.contains("failed"),
        "{seen}"
    );
    // The operator is told once what the local model cannot do.
    assert_eq!(log.matches("this agent has end_call;").count(), 1, "{log}");

    let inline: Vec<&str> = quoted(GUIDE)
        .filter(|text| text.starts_with("sidetone eval"))
        .collect();
    let [record, replay] = inline[..] else {
        panic!("{inline:?}");
    };
    // One process runs the guide's scenario and ours, so that the models are loaded only once.
    let agents = questions(folder.path());
    let (good, text) = output(&format!("{record} questions"), folder.path()).await;
    let passed = format!("{0} scenarios, {0} passed", agents + 1);
    assert!(good && text.contains(&passed), "{text}");
    let (good, text) = output(replay, folder.path()).await;
    assert!(good && text.contains("1 scenarios, 1 passed"), "{text}");

    let (_, text) = output("sidetone check", folder.path()).await;
    assert!(text.contains("✓ agent        bakery: version"), "{text}");
    assert!(!text.contains("✗ agent"), "{text}");
    let notes = text.lines().filter(|line| line.starts_with("· tools"));
    let notes: Vec<&str> = notes.collect();
    assert_eq!(
        notes.len(),
        4,
        "bakery, and what we ship with tools: {text}"
    );
}

/// Writes a scenario with a question to each agent of the folder; returns the number of agents.
fn questions(folder: &Path) -> usize {
    let questions = folder.join("questions");
    std::fs::create_dir(&questions).unwrap();
    let mut agents = 0;
    for entry in std::fs::read_dir(folder.join("agent-config")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if path.extension().is_none_or(|ending| ending != "toml") || name == "defaults" {
            continue;
        }
        agents += 1;
        // A failing stage fails the scenario.
        let scenario = format!(
            "agent = {name:?}\n[[turns]]\ncaller = \"What are your hours?\"\n\
             expect = [{{ matches = \"\\\\w\" }}, {{ never = {APOLOGY:?} }}]\n"
        );
        std::fs::write(questions.join(format!("{name}.toml")), scenario).unwrap();
    }
    assert!(agents >= 4, "{agents}");
    agents
}
