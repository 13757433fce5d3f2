//! The default model answers what its prompt knows, and nothing else, with the default agent's prompt.

use std::fs;
use std::path::{Path, PathBuf};

use regex::RegexBuilder;
use serde::Deserialize;
use sidetone_models::llm::{Chat, ChatEvent, Message, Role};

use crate::{alone, models};

/// What the prompt says to say.
const UNKNOWN: &str = "I'm sorry, I don't know that.";

/// A scenario of `sidetone eval`, as far as these have it.
#[derive(Deserialize)]
struct Scenario {
    variables: Variables,
    turns: Vec<Turn>,
}

#[derive(Deserialize)]
struct Variables {
    company: String,
    facts: String,
}

#[derive(Deserialize)]
struct Turn {
    caller: String,
    expect: Vec<Expect>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Expect {
    Matches(String),
    Never(String),
}

impl Expect {
    fn holds(&self, said: &str) -> bool {
        let (Self::Matches(pattern) | Self::Never(pattern)) = self;
        let pattern = RegexBuilder::new(pattern).case_insensitive(true).build();
        pattern.unwrap().is_match(said) == matches!(self, Self::Matches(_))
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The default agent's small prompt, filled in.
fn prompt(company: &str, facts: &str) -> Message {
    let template = fs::read_to_string(root().join("prompts/support-small.md")).unwrap();
    let (head, rest) = template.split_once("{%- if facts %}").unwrap();
    let (known, rest) = rest.split_once("{%- else %}").unwrap();
    let (_, rest) = rest.split_once("{%- endif %}").unwrap();
    let text = format!("{head}{known}{rest}");
    let text = text
        .replace("{{company}}", company)
        .replace("{{facts}}", facts);
    assert!(!text.contains("{{") && !text.contains("{%"), "{text}");
    Message::new(Role::System, text)
}

/// The answer, and how many tokens the model chose for it.
async fn ask(messages: Vec<Message>) -> (String, usize) {
    let chat = Chat {
        messages,
        max_tokens: Some(60),
        ..Chat::default()
    };
    let mut answer = models().llm.chat(chat).unwrap();
    let mut text = String::new();
    loop {
        match answer.recv().await.unwrap() {
            ChatEvent::Text(more) => text.push_str(&more),
            ChatEvent::Done { usage, .. } => return (text, usage.completion),
            other => panic!("{other:?}"),
        }
    }
}

/// Asks all questions of a folder; returns how many were answered right, and the answers to those that the facts do
/// not answer.
async fn held(folder: &str) -> (usize, Vec<(String, String)>) {
    let (mut right, mut unknown) = (0, Vec::new());
    let files = fs::read_dir(root().join("fixtures/local").join(folder)).unwrap();
    for file in files {
        let path = file.unwrap().path();
        let scenario: Scenario = toml::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let Variables { company, facts } = &scenario.variables;
        let turn = &scenario.turns[0];
        let (said, _) = ask(vec![
            prompt(company, facts),
            Message::new(Role::Assistant, "Hello! How can I help you today?"),
            Message::new(Role::User, &turn.caller),
        ])
        .await;
        right += usize::from(turn.expect.iter().all(|expect| expect.holds(&said)));
        if path.to_string_lossy().contains("unknown") {
            unknown.push((turn.caller.clone(), said));
        }
    }
    (right, unknown)
}

#[tokio::test]
async fn most_questions_are_answered_and_nothing_is_invented() {
    let _alone = alone().await;
    for folder in ["support", "hire"] {
        let (right, unknown) = held(folder).await;
        assert!(right >= 15, "{folder}: {right} of 20");
        assert_eq!(unknown.len(), 7, "{folder}");
        for (question, said) in unknown {
            assert_eq!(said, UNKNOWN, "{folder}: {question}");
        }
    }
}

#[tokio::test]
async fn small_talk_does_not_end_in_not_knowing() {
    let _alone = alone().await;
    let shop = prompt("Harbour Books", "The shop opens at nine.");
    for talk in [
        "Hello?",
        "Thanks, bye!",
        "Can I speak to a person?",
        "What's your name?",
        "My name is Tom Baker.",
        "Okay.",
    ] {
        let (said, _) = ask(vec![shop.clone(), Message::new(Role::User, talk)]).await;
        assert!(!said.is_empty() && said != UNKNOWN, "{talk}: {said}");
    }
}

#[tokio::test]
async fn a_conversation_goes_on_from_the_question_before() {
    let _alone = alone().await;
    let fact = "Breakfast is served from seven to ten and costs twelve euros.";
    let facts = format!("{fact} The sauna is on the fifth floor.");
    let mut messages = vec![
        prompt("Hotel Aurora", &facts),
        Message::new(Role::User, "What time is breakfast?"),
    ];
    let (said, tokens) = ask(messages.clone()).await;
    assert_eq!((said.as_str(), tokens), (fact, 0));
    messages.push(Message::new(Role::Assistant, said));
    messages.push(Message::new(Role::User, "And how much is that?"));
    assert_eq!(ask(messages).await.0, fact);
}
