//! Servers that call themselves OpenAI-compatible, each with its own way of streaming and refusing: a call's models
//! are used over real sockets as in a call.

mod fields;
mod health;
mod streams;

use futures::StreamExt as _;
use serde_json::{Value, json};
use sidetone_base::audio::Pcm;
use sidetone_call::clients::Clients;
use sidetone_call::providers::{Fault, Opaque, ToolCall, Usage};
use sidetone_call::{Llm as _, Message, Models, Piece, ProviderError, Question, Role, Stt as _};
use sidetone_config::agent::{AgentConfig, Overrides};
use sidetone_config::env::Env;
use sidetone_config::secret::Secrets;
use sidetone_config::tools::Tool;
use sidetone_testkit::fake_openai::{FakeOpenAi, Timing};

/// A process with one fake provider, and an agent's models.
struct Stand {
    fake: FakeOpenAi,
    clients: Clients,
    agent: AgentConfig,
    models: Models,
}

/// The outcome of one question.
#[derive(Debug, Default)]
struct Came {
    text: String,
    calls: Vec<ToolCall>,
    opaque: Opaque,
    usage: Vec<Usage>,
    error: Option<ProviderError>,
}

/// The tool that all answers here call.
const TOOL: &str = "[tools.look]\ndescription = \"Looks.\"\nurl = \"https://x.example/look\"\n\
                    [tools.look.parameters]\ntype = \"object\"\n\
                    [tools.look.parameters.properties.day]\ntype = \"string\"\n";

async fn stand() -> Stand {
    stand_with("", |_| None).await
}

/// With additional lines in the agent's file, and environment variables.
async fn stand_with(more: &str, variable: impl Fn(&str) -> Option<String>) -> Stand {
    let fake = FakeOpenAi::start(Timing::INSTANT).await;
    let agent = agent(&format!("{more}\n{TOOL}"));
    let base_url = fake.base_url();
    let env = Env::from_lookup(|name| {
        variable(name).or(match name {
            "OPENAI_BASE_URL" => Some(base_url.clone()),
            "OPENAI_API_KEY" => Some("sk-very-secret-key".to_owned()),
            _ => None,
        })
    });
    let clients = Clients::new(&env.unwrap(), None).unwrap();
    let models = clients.for_call(&agent);
    Stand {
        fake,
        clients,
        agent,
        models,
    }
}

fn agent(more: &str) -> AgentConfig {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("prompt.md"), "You help.").unwrap();
    let file = folder.path().join("agent.toml");
    std::fs::write(&file, format!("prompt = \"prompt.md\"\n{more}")).unwrap();
    let secrets = ["one", "two"].map(|name| {
        let variable = format!("SIDETONE_SECRET_{}", name.to_uppercase());
        (variable, format!("sk-secret-{name}"))
    });
    let agent = AgentConfig::load(&file, &Secrets::from_variables(secrets)).unwrap();
    agent.for_call(&Overrides::default()).unwrap()
}

fn prompt() -> Message {
    Message::new(Role::System, "You help.")
}

fn said(text: &str) -> Message {
    Message::new(Role::User, text)
}

impl Stand {
    fn tools(&self) -> Vec<Tool> {
        self.agent.tools.clone()
    }

    async fn ask(&self, messages: Vec<Message>) -> Came {
        ask(&self.models, messages, self.tools()).await
    }

    /// Asks for the time.
    async fn time(&self) -> Came {
        self.ask(vec![prompt(), said("What time is it?")]).await
    }

    /// Answers the calls of `came` and continues the conversation.
    async fn go_on(&self, came: &Came) -> Came {
        let mut calls = Message::calls(came.text.clone(), came.calls.clone());
        calls.opaque = came.opaque.clone();
        let mut messages = vec![prompt(), said("Is there a table?"), calls];
        let results = came
            .calls
            .iter()
            .map(|call| Message::result(&call.id, "Free at noon."));
        messages.extend(results);
        self.ask(messages).await
    }
}

async fn ask(models: &Models, messages: Vec<Message>, tools: Vec<Tool>) -> Came {
    let question = Question {
        messages,
        tools,
        may_call: true,
        schema: None,
    };
    let mut pieces = models.chat(question);
    let mut came = Came::default();
    while let Some(piece) = pieces.next().await {
        match piece {
            Ok(Piece::Text(text)) => came.text += &text,
            Ok(Piece::Calling) => {}
            Ok(Piece::Call(call)) => came.calls.push(call),
            Ok(Piece::Opaque(opaque)) => came.opaque.extend(opaque),
            Ok(Piece::Usage(usage)) => came.usage.push(usage),
            Err(error) => came.error = Some(error),
        }
    }
    came
}

fn friday() -> Value {
    json!({ "day": "Friday" })
}
