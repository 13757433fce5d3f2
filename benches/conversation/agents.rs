//! The agent processes being compared.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use sidetone_testkit::LiveKitServer;

/// The name that all of them register under.
pub const AGENT_NAME: &str = "bench";

/// An agent to measure.
#[derive(Debug, Clone, Copy)]
pub enum Agent {
    Sidetone,
    /// Sidetone with speech over the Realtime socket.
    SidetoneRealtime,
    LiveKitAgents,
    Pipecat,
}

impl Agent {
    pub fn peer(name: &str) -> Self {
        match name {
            "livekit-agents" => Self::LiveKitAgents,
            "pipecat" => Self::Pipecat,
            _ => panic!("--peer {name} is not known; known are livekit-agents and pipecat"),
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Sidetone => "sidetone",
            Self::SidetoneRealtime => "sidetone-realtime",
            Self::LiveKitAgents => "livekit-agents",
            Self::Pipecat => "pipecat",
        }
    }

    /// What its log says once it takes jobs. (Before that, plugins are "registered".)
    fn ready(self) -> &'static str {
        match self {
            Self::Sidetone | Self::SidetoneRealtime => "worker registered",
            Self::LiveKitAgents => "registered worker",
            Self::Pipecat => "waits for rooms",
        }
    }

    /// Starts the process. Its log goes to a file in the temporary folder.
    pub fn start(self, livekit: &LiveKitServer, provider: &str) -> Running {
        let folder = tempfile::tempdir().unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut command = match self {
            Self::Sidetone | Self::SidetoneRealtime => {
                // Another build, for example a release.
                let built = std::env::var_os("SIDETONE_BINARY");
                let built = built.unwrap_or_else(|| env!("CARGO_BIN_EXE_sidetone").into());
                let mut command = Command::new(built);
                command.args(["worker", "--count-jobs", "--agents"]);
                // As many as are asked for: what more callers do to each other is measured, not refused.
                command.env("SIDETONE_MAX_CALLS", "1000");
                command.arg(match self {
                    Self::SidetoneRealtime => realtime_agents(root, folder.path()),
                    _ => root.join("agent-config"),
                });
                command
            }
            Self::LiveKitAgents => {
                let mut command = python("livekit-agents");
                command.arg(root.join("benches/conversation/livekit_agents.py"));
                command.arg("start");
                command
            }
            Self::Pipecat => {
                let mut command = python("pipecat");
                command.arg(root.join("benches/conversation/pipecat_agent.py"));
                command
            }
        };
        let mut child = command
            .env("LIVEKIT_HOST", &livekit.url)
            .env("LIVEKIT_URL", &livekit.url)
            .env("LIVEKIT_API_KEY", &livekit.api_key)
            .env("LIVEKIT_API_SECRET", &livekit.api_secret)
            .env("OPENAI_API_KEY", "sk-bench")
            .env("OPENAI_BASE_URL", provider)
            .env("SIDETONE_AGENT_NAME", AGENT_NAME)
            .env("SIDETONE_DATA_DIR", folder.path())
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Running {
            rooms: child.stdin.take().filter(|_| matches!(self, Self::Pipecat)),
            child,
            folder,
            ready: self.ready(),
        }
    }
}

/// The default agent, except for how its speech is requested.
fn realtime_agents(root: &Path, folder: &Path) -> PathBuf {
    let text = std::fs::read_to_string(root.join("agent-config/default.toml")).unwrap();
    let prompts = format!("{}/", root.join("prompts").display());
    let text = text
        .replace("../prompts/", &prompts)
        .replace("\n[tts]\n", "\n[tts]\nprotocol = \"realtime\"\n");
    let agents = folder.join("agents");
    std::fs::create_dir(&agents).unwrap();
    std::fs::write(agents.join("default.toml"), text).unwrap();
    agents
}

/// The Python environment with a peer installed.
fn python(peer: &str) -> Command {
    let python = tools().join(peer).join("bin/python");
    let part = peer.replace('-', "_");
    assert!(
        python.exists(),
        "{peer} is not installed: run scripts/tools.sh {part}"
    );
    Command::new(python)
}

/// The folder with installed tools.
fn tools() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    cache.or(home).unwrap().join("sidetone/tools")
}

/// A process; dropping it stops it.
pub struct Running {
    child: Child,
    folder: tempfile::TempDir,
    ready: &'static str,
    /// Where rooms are announced to it, if LiveKit's dispatch does not do that.
    rooms: Option<ChildStdin>,
}

impl Running {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it says that it is registered.
    pub async fn ready(&self) {
        for _ in 0..600 {
            if self.log().contains(self.ready) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the agent does not register:\n{}", self.log());
    }

    /// Announces a call in this room.
    pub fn invite(&self, room: &str) {
        if let Some(mut rooms) = self.rooms.as_ref() {
            writeln!(rooms, "{room}").unwrap();
        }
    }

    /// What it has written so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // SIGTERM, so that it stops its own children.
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().ok();
        for _ in 0..100 {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
