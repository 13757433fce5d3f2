//! The command line, parsed; `main` runs what it says.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::caller::script::Cue;
use sidetone_call::transport::Key;

/// A voice agent for LiveKit rooms, in one process.
#[derive(Debug, Parser)]
#[command(name = "sidetone", version, about)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The roles of the one binary.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the control plane, the web pages and an agent worker in one process
    Serve(ServeArgs),
    /// Run an agent worker alone: it registers with LiveKit's agent dispatch and takes calls
    Worker(WorkerArgs),
    /// Place a scripted call as a person would, and measure what is heard
    Call(CallArgs),
    /// List, download and serve the local speech and language models
    #[command(subcommand)]
    Models(ModelsCommand),
    /// Check configuration, credentials, database and models, and say how to fix what is wrong
    Check(CheckArgs),
    /// Test agents on scenarios: offline with recorded answers, or live
    Eval(EvalArgs),
    /// Replay a stored call with the agent files as they are now, and show what differs
    Replay(ReplayArgs),
    /// Talk with an agent in this terminal, without a server
    Console(ConsoleArgs),
    /// Print the keys of agent files as a JSON Schema for editors
    Schema {
        /// Print a Markdown page for people instead
        #[arg(long)]
        markdown: bool,
    },
    /// Publish the agents' files for the whole pool, list what was published, or go back to it
    #[command(subcommand)]
    Agents(AgentsCommand),
    /// Apply the database migrations
    Migrate,
    /// Run everything on this machine: livekit-server, an agent, one scripted call, then the page to try it on
    Demo(DemoArgs),
}

impl Command {
    /// Whether this role may run the local models in its process.
    pub fn runs_models(&self) -> bool {
        match self {
            Self::Serve(_)
            | Self::Worker(_)
            | Self::Demo(_)
            | Self::Replay(_)
            | Self::Eval(_)
            | Self::Console(_)
            | Self::Check(CheckArgs { live: true, .. })
            | Self::Models(ModelsCommand::Serve { .. }) => true,
            Self::Call(_)
            | Self::Models(_)
            | Self::Agents(_)
            | Self::Check(_)
            | Self::Schema { .. }
            | Self::Migrate => false,
        }
    }
}

/// `sidetone serve`
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Address to listen on [default: SIDETONE_BIND, else 127.0.0.1:3000]
    #[arg(long)]
    pub bind: Option<SocketAddr>,
    /// Run the control plane alone: the agents run in `sidetone worker` processes
    #[arg(long)]
    pub no_worker: bool,
    /// How it ends
    #[command(flatten)]
    pub drain: DrainArgs,
    /// Measure the worker's load by its calls instead of the CPU: for a machine that does other work, too
    #[arg(long)]
    pub count_jobs: bool,
    /// Folder of agent configuration files
    #[arg(long, default_value = "agent-config")]
    pub agents: PathBuf,
}

/// How a process with a worker ends.
#[derive(Debug, Args)]
pub struct DrainArgs {
    /// How many seconds calls may go on after SIGTERM. The process ends at most a minute later; a second
    /// signal ends the calls at once, with their last sentence
    /// [default: SIDETONE_DRAIN_SECONDS, else 600]
    #[arg(long = "drain", value_name = "SECONDS")]
    pub seconds: Option<u64>,
}

impl DrainArgs {
    /// What the command line says, else `otherwise`.
    pub fn time(&self, otherwise: Duration) -> Duration {
        self.seconds.map_or(otherwise, Duration::from_secs)
    }
}

/// `sidetone worker`
#[derive(Debug, Args)]
pub struct WorkerArgs {
    /// Address that answers health checks, such as 127.0.0.1:3001
    /// [default: SIDETONE_HEALTH_ADDRESS, else none]
    #[arg(long, value_name = "ADDRESS")]
    pub health: Option<SocketAddr>,
    /// How it ends
    #[command(flatten)]
    pub drain: DrainArgs,
    /// Measure the worker's load by its calls instead of the CPU: for a machine that does other work, too
    #[arg(long)]
    pub count_jobs: bool,
    /// Folder of agent configuration files
    #[arg(long, default_value = "agent-config")]
    pub agents: PathBuf,
}

/// `sidetone check`
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Folder of agent configuration files
    #[arg(long, default_value = "agent-config")]
    pub agents: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
    /// Also send each provider of each agent one real request: a sentence is spoken and transcribed, and
    /// the model is asked a question of four words. Costs next to nothing
    #[arg(long)]
    pub live: bool,
    /// Fix what can be fixed from here: the CORS rules of the recordings' bucket
    #[arg(long)]
    pub fix: bool,
}

/// `sidetone eval`
#[derive(Debug, Args)]
pub struct EvalArgs {
    /// Scenario files, or folders of them
    #[arg(default_value = "fixtures/scenarios")]
    pub scenarios: Vec<PathBuf>,
    /// Folder of agent configuration files
    #[arg(long, default_value = "agent-config")]
    pub agents: PathBuf,
    /// Ask the real models and tool servers (without OPENAI_API_KEY and OPENAI_BASE_URL: the local
    /// models)
    #[arg(long)]
    pub live: bool,
    /// Like --live, and store the answers beside the scenarios
    #[arg(long)]
    pub record: bool,
    /// Write a JUnit XML report to this file
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// How many scenarios run at a time [default: 8, or 1 with the local models]
    #[arg(long)]
    pub jobs: Option<usize>,
}

/// `sidetone replay`
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The call's id, as the history shows it
    #[arg(value_name = "CALL_ID")]
    pub call: uuid::Uuid,
    /// Folder of agent configuration files
    #[arg(long, default_value = "agent-config")]
    pub agents: PathBuf,
    /// Use this agent instead of the call's own
    #[arg(long)]
    pub agent: Option<String>,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// `sidetone console`
#[derive(Debug, Args)]
pub struct ConsoleArgs {
    /// Type instead of speaking
    #[arg(long, conflicts_with_all = ["headphones", "input", "output", "devices"])]
    pub text: bool,
    /// You wear headphones: the microphone stays open while the agent speaks, so that you can interrupt it
    #[arg(long)]
    pub headphones: bool,
    /// Microphone to use, by a part of its name [default: the system's]
    #[arg(long, value_name = "NAME")]
    pub input: Option<String>,
    /// Loudspeaker to use, by a part of its name [default: the system's]
    #[arg(long, value_name = "NAME")]
    pub output: Option<String>,
    /// List the audio devices of this machine and exit
    #[arg(long)]
    pub devices: bool,
    /// Folder of agent configuration files
    #[arg(long, default_value = "agent-config")]
    pub agents: PathBuf,
    /// The agent to talk with
    #[arg(long, default_value = "default")]
    pub agent: String,
    /// Your name
    #[arg(long, default_value = "Ada")]
    pub name: String,
}

/// `sidetone call`
#[derive(Debug, Args)]
pub struct CallArgs {
    /// Sound files to play, in order, or telephone keys to press (`keys:12#`); with `@800ms` at its end one interrupts
    /// the agent after it has spoken for 800 ms
    #[arg(required = true, value_name = "WAV|keys:KEYS[@BARGE-IN]")]
    pub turns: Vec<TurnArg>,
    /// The Sidetone server that issues the token and dispatches the agent
    #[arg(long, default_value = "http://127.0.0.1:3000", conflicts_with_all = ["url", "token"])]
    pub server: String,
    /// Bearer token or API key for --server
    #[arg(long, env = "SIDETONE_API_KEY", hide_env_values = true)]
    pub api_key: Option<String>,
    /// LiveKit's address, to join a room directly (with --token)
    #[arg(long, requires = "token")]
    pub url: Option<String>,
    /// A participant token, to join a room directly (with --url)
    #[arg(long, requires = "url", hide_env_values = true)]
    pub token: Option<String>,
    /// Call as a telephone that LiveKit's SIP service brings in: a room of its own, 8 kHz, keys. Uses LIVEKIT_URL,
    /// LIVEKIT_API_KEY, LIVEKIT_API_SECRET and SIDETONE_AGENT_NAME
    #[arg(long, conflicts_with_all = ["server", "url", "token", "agent", "voice"])]
    pub phone: bool,
    /// The telephone's number
    #[arg(long, requires = "phone", default_value = "+15550100")]
    pub number: String,
    /// The number that the telephone dials, for routing.toml
    #[arg(long, requires = "phone", value_name = "NUMBER")]
    pub dials: Option<String>,
    /// The metadata of the dispatch, as a SIP rule sets it
    #[arg(long, requires = "phone", value_name = "TEXT", default_value = "")]
    pub metadata: String,
    /// The agent to ask for
    #[arg(long)]
    pub agent: Option<String>,
    /// The voice to ask for
    #[arg(long)]
    pub voice: Option<String>,
    /// Folder to write reply.wav and caller.wav to
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
    /// End the call after this many seconds
    #[arg(long, default_value_t = 180)]
    pub limit: u64,
}

/// A turn as given on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnArg {
    /// What is said or pressed.
    pub says: SaysArg,
    /// When.
    pub cue: Cue,
}

/// A turn's content as given on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SaysArg {
    /// A sound file.
    File(PathBuf),
    /// Telephone keys.
    Keys(Vec<Key>),
}

impl std::str::FromStr for SaysArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some(keys) = text.strip_prefix("keys:") else {
            return Ok(Self::File(text.into()));
        };
        let key = |sign| {
            Key::new(sign).ok_or_else(|| {
                format!(
                    "{sign:?} is not a telephone key; write digits, *, # and A to D, such as keys:12#"
                )
            })
        };
        let keys: Vec<Key> = keys.chars().map(key).collect::<Result<_, _>>()?;
        match keys.is_empty() {
            true => Err("there are no keys; write some, such as keys:12#".to_owned()),
            false => Ok(Self::Keys(keys)),
        }
    }
}

impl std::str::FromStr for TurnArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (says, cue) = match text.rsplit_once('@') {
            Some((file, after)) if after.ends_with("ms") => {
                let millis = after.trim_end_matches("ms").parse().map_err(|_| {
                    format!("{after:?} is not a time; write whole milliseconds, such as 800ms")
                })?;
                (file, Cue::AgentSpeakingFor(Duration::from_millis(millis)))
            }
            _ => (text, Cue::AgentDone),
        };
        Ok(Self {
            says: says.parse()?,
            cue,
        })
    }
}

/// `sidetone agents …`
#[derive(Debug, Subcommand)]
pub enum AgentsCommand {
    /// Check a folder's files and make them the pool's current edition
    Publish {
        /// Folder of agent configuration files
        #[arg(long, default_value = "agent-config")]
        agents: PathBuf,
    },
    /// List the editions, the current one first
    List,
    /// Hold the pool at one edition, whatever is published; `newest` ends that
    Use {
        /// The edition, or its first digits, or `newest`
        version: String,
    },
}

/// `sidetone models …`
#[derive(Debug, Subcommand)]
pub enum ModelsCommand {
    /// List the models with licence and size, and whether they are downloaded
    List,
    /// Download the models that are missing
    Fetch {
        /// The models to download [default: those that `serve` uses]
        names: Vec<String>,
    },
    /// Serve the models over the OpenAI protocol on loopback
    Serve {
        /// Address to listen on
        #[arg(long, default_value = "127.0.0.1:8090")]
        bind: SocketAddr,
        /// Threads for all models together [default: the cores, at most 4]
        #[arg(long)]
        threads: Option<std::num::NonZeroUsize>,
    },
}

/// `sidetone demo`
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Exit after the scripted call; the exit code says whether it went well
    #[arg(long)]
    pub once: bool,
    /// Folder of agent configuration files
    #[arg(long, default_value = "agent-config")]
    pub agents: PathBuf,
    /// Folder with the caller's sound files
    #[arg(long, default_value = "fixtures/audio")]
    pub audio: PathBuf,
    /// Folder to write the call's recordings to
    #[arg(long, default_value = "demo-output")]
    pub out: PathBuf,
}

#[cfg(test)]
mod tests;
