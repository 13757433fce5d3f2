//! `sidetone console`: talk with an agent in a terminal, without a server. The whole of a call
//! runs; only its ears and its voice are missing.

use std::io::{BufRead as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::agent::clients::Clients;
use crate::call::vad::Vad;
use crate::call::{self, CallEvent, CallSpec, Persona, Providers, Role};
use crate::clock;
use crate::config::agent::Overrides;
use crate::config::env::Secrets;
use crate::config::folder::AgentFolder;
use crate::eval::text::{Seen, Silent, drive};
use crate::transport::{self, DisconnectReason, RoomEvent};

const HELP: &str = "write to the agent; /why shows the prompt as it was sent last, /say TEXT makes \
                    the agent say something, /reload begins a new call with the files as they \
                    are now, /quit ends";

/// What is talked with.
pub struct Console {
    /// Folder of agent files.
    pub agents: PathBuf,
    /// The agent to begin with.
    pub agent: String,
    /// The caller's name.
    pub name: String,
    /// Models and tools' servers.
    pub clients: Clients,
}

/// Why a call of the console ended.
#[derive(PartialEq, Eq)]
enum Ended {
    Reload,
    Quit,
}

/// Talks until `/quit` or the end of the input.
///
/// # Errors
/// The agent's files cannot be used.
pub async fn run(console: Console) -> anyhow::Result<()> {
    let agents = AgentFolder::open(&console.agents, Secrets::read());
    let mut lines = lines();
    println!("{HELP}");
    while talk(&console, &agents, &mut lines).await? == Ended::Reload {}
    Ok(())
}

/// Lines of the terminal. A thread of its own reads them: there is no other way to stop waiting.
fn lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

async fn talk(
    console: &Console,
    agents: &AgentFolder,
    lines: &mut mpsc::Receiver<String>,
) -> anyhow::Result<Ended> {
    let overrides = Overrides {
        call_id: Some("console".into()),
        ..Overrides::default()
    };
    let mut team = Vec::new();
    let mut minds = Vec::new();
    for agent in agents.team(&console.agent)? {
        let agent = agent.for_call(&overrides)?;
        let mind = Arc::new(Silent::new(Arc::new(console.clients.for_call(&agent))));
        minds.push(Arc::clone(&mind));
        team.push(Persona {
            agent: Arc::new(agent),
            providers: mind as Arc<dyn Providers>,
        });
    }
    let Persona { agent, providers } = team.remove(0);
    println!("-- {} (version {})", agent.name, agent.version);
    let (link, driver) = transport::link();
    let (write, written) = mpsc::channel(4);
    let (seen, see) = mpsc::channel(64);
    let (record, events) = mpsc::channel(64);
    let spec = CallSpec {
        id: Uuid::now_v7(),
        vad: Vad::new(&agent.vad),
        end_of_turn: None,
        agent,
        team,
    };
    let call = call::run(spec, link, providers, record, CancellationToken::new());
    let room = drive(driver, &console.name, written, seen);
    let (_, (), (), ended) =
        tokio::join!(call, room, show(see, events), listen(lines, write, &minds));
    Ok(ended)
}

/// Prints what the agent says and does.
async fn show(mut see: mpsc::Receiver<Seen>, mut events: mpsc::Receiver<CallEvent>) {
    let mut in_words = false;
    let (mut seeing, mut told) = (true, true);
    while seeing || told {
        let line = tokio::select! {
            seen = see.recv(), if seeing => match seen {
                Some(Seen::Words(words)) => {
                    print!("{}{words}", if in_words { "" } else { "agent: " });
                    in_words = true;
                    std::io::stdout().flush().ok();
                    continue;
                }
                Some(Seen::State(state)) => format!("[{}]", state.as_str()),
                Some(Seen::Keys(keys)) => format!("[keys {keys}]"),
                Some(Seen::Left) => "[the agent has left; /reload begins anew]".into(),
                None => {
                    seeing = false;
                    continue;
                }
            },
            event = events.recv(), if told => match event {
                Some(CallEvent::ToolCall(called)) => {
                    let (name, arguments, took) = (called.name, called.arguments, called.took);
                    format!("[{name}{arguments} -> {:?} in {took:.0?}]", called.result)
                }
                Some(CallEvent::AgentTurn(turn)) if turn.is_final => {
                    let millis = |time: Option<std::time::Duration>| {
                        time.map_or_else(|| "-".to_owned(), |time| time.as_millis().to_string())
                    };
                    let (first, all) = (turn.latency.llm_first_token, turn.latency.response);
                    format!("[first token {} ms, first words {} ms]", millis(first), millis(all))
                }
                Some(CallEvent::Error { stage, message, .. }) => {
                    format!("[{} failed: {message}]", stage.as_str())
                }
                Some(_) => continue,
                None => {
                    told = false;
                    continue;
                }
            },
        };
        println!("{}{line}", if in_words { "\n" } else { "" });
        in_words = false;
    }
}

/// Takes what is written until the call is to end.
async fn listen(
    lines: &mut mpsc::Receiver<String>,
    write: mpsc::Sender<RoomEvent>,
    minds: &[Arc<Silent>],
) -> Ended {
    let mut asked_at = clock::now();
    let ended = loop {
        let Some(line) = lines.recv().await else {
            // Input from a file ends before the last answer is there.
            let quiet = std::time::Duration::from_secs(2);
            tokio::time::sleep_until((asked_at + quiet).into()).await;
            break Ended::Quit;
        };
        match line.trim() {
            "" => {}
            "/quit" => break Ended::Quit,
            "/reload" => break Ended::Reload,
            "/why" => why(minds),
            line => {
                asked_at = clock::now();
                let event = match line.strip_prefix("/say ") {
                    Some(text) => RoomEvent::Say { text: text.into() },
                    None if line.starts_with('/') => {
                        println!("{HELP}");
                        continue;
                    }
                    None => RoomEvent::Chat { text: line.into() },
                };
                if write.send(event).await.is_err() {
                    println!("[nobody is there; /reload begins anew]");
                }
            }
        }
    };
    let reason = DisconnectReason::ClientInitiated;
    // A call that has ended needs no farewell.
    write.send(RoomEvent::CallerLeft { reason }).await.ok();
    ended
}

/// Prints what the model was asked last.
fn why(minds: &[Arc<Silent>]) {
    let longest = minds.iter().filter_map(|mind| mind.asked());
    let Some(question) = longest.max_by_key(|question| question.messages.len()) else {
        println!("[the model was asked nothing yet]");
        return;
    };
    for message in question.messages {
        let role = match message.role {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::Tool => "tool",
        };
        println!("--- {role}\n{}", message.text);
        for call in message.calls {
            println!("calls {}{}", call.name, call.arguments);
        }
    }
    let tools: Vec<_> = question.tools.into_iter().map(|tool| tool.name).collect();
    println!("--- tools: {}", tools.join(", "));
}
