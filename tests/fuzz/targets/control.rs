//! Input to the process: LiveKit's events and messages, agent files, a model's arguments.

use std::collections::BTreeMap;
use std::time::Duration;

use livekit_protocol as proto;
use prost::Message as _;
use serde_json::Value;
use sidetone::worker::protocol::{Input, Output, Worker};
use sidetone::worker::{JobOutcome, WorkerSettings};
use sidetone_base::clock;
use sidetone_config::agent::{AgentConfig, Overrides};
use sidetone_config::choices::Caller;
use sidetone_config::env::LiveKit;
use sidetone_config::json_schema;
use sidetone_config::problem::{ConfigError, Problems};
use sidetone_config::secret::Secrets;
use sidetone_control_plane::control::inbox::{EventBody, LONGEST_NAME};

use super::text;

pub const WEBHOOK: &[&[u8]] = &[
    b"{\"event\":\"participant_joined\",",
    b"\"room\":{\"sid\":\"RM_a\",\"name\":\"a\"},",
    b"\"participant\":{\"sid\":\"PA_a\",\"identity\":\"a\",\"kind\":\"SIP\"},",
    b"\"createdAt\":\"9223372036854775807\"",
    b"\"joinedAtMs\":\"-9223372036854775808\"",
    b"\"egressInfo\":{\"fileResults\":[{\"startedAt\":\"9223372036854775807\"}]}",
];
pub const AGENT: &[&[u8]] = &[
    b"prompt = \"prompt.md\"\n",
    b"\n---\n",
    b"\"\n",
    b"[tools.look]\n",
    b"[variables]\n",
    b"parameters = { type = \"object\", properties = { a = { type = \"string\" } } }\n",
    b"url = \"https://a.example/{{ a }}\"\n",
    b"{{ caller.name }}",
    b"{% for a in b %}",
    b"language = \"de\"\n",
    b"[endpointing]\n",
];
pub const ARGUMENTS: &[&[u8]] = &[
    b"\"$ref\":\"#\"",
    b"\"anyOf\":[",
    b"\"type\":[\"string\",\"null\"]",
    b"\"properties\":{\"a\":",
    b"\"items\":",
    b"\n",
    b"null",
];

/// Facts fit into the store, and are the same whenever the event is read.
pub fn webhook(input: &[u8]) {
    let Ok(body) = serde_json::from_slice::<EventBody>(input) else {
        return;
    };
    let received = chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let facts = body.facts(received);
    assert!(facts.len() <= 2, "{facts:?}");
    assert_eq!(facts, body.facts(received));
    let name = body.room_name().map(|name| name.chars().count());
    if body.too_long().is_none() {
        assert!(name.is_none_or(|length| length <= LONGEST_NAME));
    }
    let _ = (body.room_sid(), body.is_of_egress());
}

/// Messages, each preceded by its length; a job's task ends when it is told to. The worker keeps no more jobs than it
/// may, and does only a few things per message.
pub fn worker(input: &[u8]) {
    let livekit = LiveKit::new("ws://127.0.0.1:7880", "key", "secret");
    let settings = WorkerSettings {
        max_jobs: 3,
        ..WorkerSettings::new(livekit, "sidetone")
    };
    let mut now = clock::now();
    let mut worker = Worker::new(now, settings);
    worker.handle_input(now, Input::Connected);
    let mut rest = input;
    while let Some((head, body)) = rest.split_at_checked(2) {
        let (message, after) = body.split_at(usize::from(head[0]).min(body.len()));
        rest = after;
        now += Duration::from_millis(u64::from(head[1]) * 50);
        let Ok(message) = proto::ServerMessage::decode(message) else {
            worker.handle_input(now, Input::Disconnected);
            worker.handle_input(now, Input::Timeout);
            continue;
        };
        if let Some(message) = message.message {
            worker.handle_input(now, Input::Received(message));
        }
        let mut steps = 0;
        loop {
            steps += 1;
            assert!(steps < 100, "a message does not end");
            match worker.poll_output() {
                Output::Timeout(_) | Output::Finished => break,
                Output::Connect => worker.handle_input(now, Input::Connected),
                Output::Cancel(job, ..) => {
                    worker.handle_input(now, Input::JobLeft(job, JobOutcome::Success));
                }
                Output::Send(_) | Output::Close | Output::Start(_) | Output::Abort(_) => {}
            }
        }
        assert!(worker.status(now).jobs.len() <= 3);
    }
}

/// The agent of a file, and after a line of three dashes its prompt, which the file calls `prompt.md`.
pub fn agent(input: &[u8]) -> Result<AgentConfig, Problems> {
    thread_local! {
        static FOLDER: tempfile::TempDir = tempfile::tempdir().unwrap();
    }
    let text = text(input);
    let (file, prompt) = text.split_once("\n---\n").unwrap_or((&text, "Be kind."));
    FOLDER.with(|folder| {
        std::fs::write(folder.path().join("prompt.md"), prompt).unwrap();
        let path = folder.path().join("fuzz.toml");
        std::fs::write(&path, file).unwrap();
        AgentConfig::load(&path, &Secrets::default())
    })
}

/// A file is a valid agent, or its errors are reported, each of a file. A valid one holds a call that has what the
/// file requires, or it is reported which of its texts cannot be filled in.
pub fn agent_file(input: &[u8]) {
    let reported = |problems: Problems| {
        assert!(!problems.0.is_empty());
        for ConfigError {
            file,
            line,
            message,
        } in problems.0
        {
            assert!(!file.is_empty() && !message.trim().is_empty() && line != Some(0));
        }
    };
    let agent = match agent(input) {
        Ok(agent) => agent,
        Err(problems) => return reported(problems),
    };
    let required = agent.required_variables.iter();
    let asked = Overrides {
        variables: required.map(|name| (name.clone(), "b".into())).collect(),
        ..Overrides::default()
    };
    match agent.for_call(&asked) {
        Ok(call) => {
            let caller = Caller {
                identity: "ada".into(),
                name: "Ada".into(),
                attributes: BTreeMap::new(),
                by_telephone: false,
                writes_attributes: true,
            };
            let (met, problems, _) = call.meet(&caller);
            assert!(!met.system_prompt.trim().is_empty() || !problems.is_empty());
        }
        Err(problems) => reported(problems),
    }
}

/// A schema in the first line, a model's arguments in the second. What is accepted is accepted a second time, too.
pub fn arguments(input: &[u8]) {
    let text = text(input);
    let (schema, arguments) = text.split_once('\n').unwrap_or((&text, "{}"));
    let read = |text: &str| serde_json::from_str::<Value>(text);
    let (Ok(schema), Ok(arguments)) = (read(schema), read(arguments)) else {
        return;
    };
    if !json_schema::problems(&schema).is_empty() {
        return;
    }
    if let Ok(taken) = json_schema::accept(&schema, arguments) {
        let again = json_schema::accept(&schema, taken.clone());
        assert_eq!(again.as_ref(), Ok(&taken));
    }
}
