use std::sync::Mutex;

use chrono::{TimeZone as _, Utc};
use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use serde_json::{Value, json};

use super::*;
use crate::eval::text::in_writing;
use sidetone_call::{self, Llm, Piece, ProviderError, Question, Role, Tools};
use sidetone_config::request::HttpRequest;
use sidetone_config::secret::Secrets;

/// Looks up a table when asked for one, and says what it found.
struct Model(Arc<Mutex<Vec<Question>>>);

impl Llm for Model {
    fn chat(&self, question: Question) -> BoxStream<'static, Result<Piece, ProviderError>> {
        let last = question.messages.last().unwrap().clone();
        self.0.lock().unwrap().push(question);
        let piece = match last.role {
            Role::User if last.text.contains("table") => Piece::Call(sidetone_call::ToolCall {
                id: "1".into(),
                name: "find_tables".into(),
                arguments: "{ \"day\": \"2026-12-24\", \"people\": 2 }".into(),
                ..sidetone_call::ToolCall::default()
            }),
            Role::Tool => Piece::Text(format!("I see: {}.", last.text)),
            _ => Piece::Text("You are welcome.".into()),
        };
        stream::iter([Ok(piece)]).boxed()
    }
}

impl Tools for Model {
    fn call_tool(
        &self,
        _: HttpRequest,
        _: Value,
        _: Value,
    ) -> BoxFuture<'static, Result<String, String>> {
        panic!("a replay asks no server");
    }
}

fn stored() -> Stored {
    let at = |second| Utc.timestamp_opt(1_700_000_000 + second, 0).unwrap();
    let turn = |second: i64, speaker, text: &str| StoredTurn {
        turn_id: second.to_string(),
        speaker,
        person: None,
        name: None,
        text: text.into(),
        started_at: at(second),
        ended_at: None,
        interrupted: false,
        unfinished: false,
        unasked: false,
        latency_ms: None,
        metrics: sidetone_store::Json(Value::Null),
    };
    Stored {
        id: Uuid::nil(),
        agent: "receptionist".into(),
        version: "0123456789ab".into(),
        caller: "Ada".into(),
        variables: BTreeMap::from([("restaurant".to_owned(), "The Owl".to_owned())]),
        turns: vec![
            turn(1, Speaker::Agent, "The Owl, good day! How can I help you?"),
            turn(
                5,
                Speaker::User,
                "A table for two on Christmas Eve, please.",
            ),
            turn(7, Speaker::Agent, "Let me look at the book."),
            turn(8, Speaker::Agent, "Seven is free."),
            turn(12, Speaker::User, "Thank you."),
            turn(13, Speaker::Agent, "You are welcome."),
        ],
        tools: vec![ToolCall {
            agent: "receptionist".into(),
            name: "find_tables".into(),
            arguments: sidetone_store::Json(json!({"people": 2, "day": "2026-12-24"})),
            ok: true,
            running: false,
            result: "Free: 19:00".into(),
            started_at: at(6),
            duration_ms: 100,
        }],
    }
}

#[tokio::test]
async fn a_call_is_held_again_without_doing_anything_again() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let agents = AgentFolder::open(root.join("agent-config"), Secrets::default());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let model = Arc::clone(&asked);
    let minds: Arc<Minds> = Arc::new(move |agent| {
        let model = Arc::new(Model(Arc::clone(&model)));
        (agent, in_writing(model.clone(), model))
    });
    let replay = replay(&stored(), None, &agents, minds).await.unwrap();
    let [greeting, table, thanks] = &replay.exchanges[..] else {
        panic!("{replay}");
    };
    assert!(!greeting.differs() && !thanks.differs(), "{replay}");
    assert_eq!(table.then.text, "Let me look at the book. Seven is free.");
    assert_eq!(table.now.text, "I see: Free: 19:00.");
    // The same tool with the same arguments, however they are written.
    assert_eq!(table.then.tools, table.now.tools);
    let text = replay.to_string();
    assert!(
        text.contains("now: receptionist") && text.contains("0123456789ab"),
        "{text}"
    );
    assert!(
        text.contains("\n* Let me look at the book. Seven is free."),
        "{text}"
    );
    assert!(text.ends_with("1 of 3 answers differ (*)\n"), "{text}");
    let prompt = asked.lock().unwrap()[0].messages[0].text.clone();
    assert!(
        prompt.contains("The Owl"),
        "the call's own variables: {prompt}"
    );
}
