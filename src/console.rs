//! `sidetone console`: talk with an agent at a terminal, without a server, by microphone and loudspeaker or in writing.
//! Everything else of a call runs as usual.

mod asked;
mod screen;
pub mod sound;

use std::io::BufRead as _;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::mpsc;
use uuid::Uuid;

use crate::eval::text;
use asked::Asked;
use screen::show;
use sidetone_base::clock;
use sidetone_base::leave::LeaveOrder;
use sidetone_call::clients::Clients;
use sidetone_call::transport::{self, DisconnectReason, RoomEvent};
use sidetone_call::vad::Vad;
use sidetone_call::{CallSpec, EndOfTurn, Persona, Providers, Role};
use sidetone_config::agent::Overrides;
use sidetone_config::folder::AgentFolder;
use sidetone_config::secret::Secrets;
use sound::SoundOptions;

const HELP: &str = "type to talk to the agent; /why shows the last prompt as it was sent, /say TEXT makes \
                    the agent say something, /reload starts a new call with the files as they are now, /quit ends";

/// Settings of a console call.
pub struct Console {
    /// Folder of agent files.
    pub agents: PathBuf,
    /// The agent that begins.
    pub agent: String,
    /// The caller's name.
    pub name: String,
    /// Clients of models and tool servers.
    pub clients: Clients,
    /// The sound devices. `None` to talk in writing.
    pub sound: Option<SoundOptions>,
    /// Decides whether a speaking caller is done.
    pub end_of_turn: Option<Arc<dyn EndOfTurn>>,
}

/// Why a console call ended.
#[derive(PartialEq, Eq)]
enum Ended {
    Reload,
    Quit,
}

/// Talks until `/quit` or the end of the input.
///
/// # Errors
/// If the agent's files or the devices cannot be used.
pub async fn run(console: Console) -> anyhow::Result<()> {
    let agents = AgentFolder::open_on(
        console.agents.clone(),
        Secrets::read(),
        console.clients.is_local(),
    );
    let mut lines = lines();
    println!("{HELP}");
    while talk(&console, &agents, &mut lines).await? == Ended::Reload {}
    Ok(())
}

/// Lines from the terminal. A thread of its own reads them, because waiting for input cannot be cancelled otherwise.
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
        let agent = console.clients.settle(agent.for_call(&overrides)?);
        let models = console.clients.for_call(&agent);
        models.warm();
        let models = Providers::from(Arc::new(models));
        let llm = Arc::new(Asked::new(models.llm));
        minds.push(Arc::clone(&llm));
        let providers = match &console.sound {
            Some(_) => Providers { llm, ..models },
            None => text::in_writing(llm, models.tools),
        };
        team.push(Persona {
            agent: Arc::new(agent),
            providers,
        });
    }
    let sound = console.sound.as_ref();
    let card = sound.map(sound::open).transpose()?;
    let headphones = sound.is_some_and(|sound| sound.headphones);
    let persona = team.remove(0);
    let agent = &persona.agent;
    println!("-- {} (version {})", agent.name, agent.version);
    let (link, driver) = transport::link();
    let (write, written) = mpsc::channel(4);
    let (seen, see) = mpsc::channel(64);
    let (record, events) = mpsc::channel(64);
    let spec = CallSpec {
        id: Uuid::now_v7(),
        vad: Vad::new(&agent.vad),
        end_of_turn: console.end_of_turn.clone().filter(|_| card.is_some()),
        persona,
        team,
        meter: sidetone_call::Meter::default(),
        earlier: None,
    };
    let call = sidetone_call::run(spec, link, record, LeaveOrder::default());
    let room = async {
        match card {
            Some(card) => {
                sound::drive(driver, &console.name, card, headphones, written, seen).await
            }
            None => text::drive(driver, &console.name, written, seen).await,
        }
    };
    let (_, (), (), ended) =
        tokio::join!(call, room, show(see, events), listen(lines, write, &minds));
    Ok(ended)
}

/// Passes on what is typed until the call is to end.
async fn listen(
    lines: &mut mpsc::Receiver<String>,
    write: mpsc::Sender<RoomEvent>,
    minds: &[Arc<Asked>],
) -> Ended {
    let mut asked_at = clock::now();
    let ended = loop {
        let Some(line) = lines.recv().await else {
            // Input from a file ends before the last answer has arrived.
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
                    None => RoomEvent::Chat {
                        text: line.into(),
                        by: None,
                    },
                };
                if write.send(event).await.is_err() {
                    println!("[nobody is there; /reload starts a new call]");
                }
            }
        }
    };
    let reason = DisconnectReason::ClientInitiated;
    // A call that has ended needs no goodbye.
    write
        .send(RoomEvent::CallerLeft {
            reason,
            is_followed: false,
        })
        .await
        .ok();
    ended
}

/// Prints the last request to the model.
fn why(minds: &[Arc<Asked>]) {
    let longest = minds.iter().filter_map(|mind| mind.last());
    let Some(question) = longest.max_by_key(|question| question.messages.len()) else {
        println!("[the model has not been asked anything yet]");
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
