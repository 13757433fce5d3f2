//! What the configuration of an agent takes and refuses.

use super::*;
use crate::config::recording::RecordingMode;

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("agent-config")
}

fn parse(text: &str) -> Result<AgentConfig, ConfigError> {
    let text = format!("prompt = \"../prompts/support.md\"\n{text}");
    AgentConfig::parse(
        Source {
            file: "a.toml",
            text: &text,
        },
        "a".into(),
        &folder(),
    )
}

#[test]
fn the_default_agent_is_the_defaults() {
    let default = AgentConfig::load(&folder().join("default.toml")).unwrap();
    let plain = parse("").unwrap();
    let plain = AgentConfig {
        name: default.name.clone(),
        ..plain
    };
    let variables = default.variables.clone();
    assert_eq!(AgentConfig { variables, ..plain }, default);
    default.for_call(&Overrides::default()).unwrap();
}

#[test]
fn every_key_is_commented_in_the_default_agent() {
    let text = std::fs::read_to_string(folder().join("default.toml")).unwrap();
    let mut commented = false;
    for line in text.lines() {
        if line.contains(" = ") && !line.starts_with('#') {
            assert!(commented, "no comment above: {line}");
        }
        commented = line.starts_with('#');
    }
}

#[test]
fn says_what_is_wrong_and_how_to_mend_it() {
    for (text, expected) in [
        (
            "voise = \"nova\"",
            "a.toml:2: unknown key voise; did you mean voice?",
        ),
        (
            "voice = \"bob\"",
            "a.toml:2: unknown voice \"bob\"; use one of alloy, echo, fable, onyx, nova, shimmer",
        ),
        (
            "[endpointing]\nmin_dely = \"1s\"",
            "a.toml:3: unknown key endpointing.min_dely; did you mean endpointing.min_delay?",
        ),
        (
            "[vad]\nmin_speech = 50",
            "a.toml:3: vad.min_speech = 50 must be a duration in quotes with its unit (ms, s, m or h), such as \"500ms\" or \"1.5s\"",
        ),
        (
            "[vad]\nthreshold = 1.5",
            "a.toml:3: vad.threshold = 1.5 must be a number from 0 to 1, such as 0.5",
        ),
        (
            "[endpointing]\nmin_delay = \"5s\"",
            "a.toml: endpointing.min_delay = 5s must not be above endpointing.max_delay = 3s",
        ),
        (
            "[limits]\nllm = \"1h\"",
            "a.toml:3: limits.llm = \"1h\" must be from 100ms to 120s, such as \"10s\"",
        ),
        (
            "vad = 3",
            "a.toml:2: vad = 3 must be a table, such as […] on a line of its own",
        ),
        (
            "zzz = 1",
            "a.toml:2: unknown key zzz; known keys here: voice, prompt, recording, greeting, recording_announcement, apology, language, pronunciations, variables, vad, preemptive_generation, endpointing, interruption, limits",
        ),
    ] {
        assert_eq!(parse(text).unwrap_err().to_string(), expected);
    }
    let broken = parse("a = = 1").unwrap_err();
    assert_eq!(broken.line, Some(2), "{broken}");
}

#[test]
fn a_call_fills_in_its_variables() {
    let mut agent =
        parse("greeting = \"Hi {{name}}!\"\n[variables]\ncompany = \"Acme\"\nname = \"you\"")
            .unwrap();
    assert_eq!(
        agent.for_call(&Overrides::default()).unwrap().greeting,
        "Hi you!"
    );
    let overrides = Overrides {
        voice: Some(Voice::Onyx),
        system_prompt: Some("You talk with {{name}}.".into()),
        variables: [("name".to_owned(), "Ada".to_owned())].into(),
        recording: Some(RecordingMode::Off),
    };
    let call = agent.for_call(&overrides).unwrap();
    assert_eq!(
        (call.greeting.as_str(), call.voice),
        ("Hi Ada!", Voice::Onyx)
    );
    assert_eq!(call.system_prompt, "You talk with Ada.");
    agent.variables.remove("name");
    let error = agent.for_call(&Overrides::default()).unwrap_err();
    assert!(
        error.to_string().contains("no value for {{name}}"),
        "{error}"
    );
}

#[test]
fn a_missing_prompt_is_named() {
    let source = Source {
        file: "a.toml",
        text: "\nprompt = \"nowhere.md\"",
    };
    let error = AgentConfig::parse(source, "a".into(), &folder()).unwrap_err();
    assert_eq!(error.line, Some(2));
    assert!(error.message.contains("nowhere.md"), "{error}");
}
