//! The environment of whole calls.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sidetone::caller::access::{Access, TokenRequest};
use sidetone::caller::script::{Cue, Patience};
use sidetone::caller::{self, CallPlan, Placed, ScriptTurn};
use sidetone::serve::{Process, serve};
use sidetone::worker::LoadMeasure;
use sidetone_base::audio::{Pcm, wav};
use sidetone_config::env::Env;
use sidetone_testkit::livekit_server::Options;
use sidetone_testkit::{FakeOpenAi, LiveKitServer, Timing};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Everything that a call needs, on this machine.
pub struct Stage {
    pub provider: FakeOpenAi,
    pub livekit: LiveKitServer,
    address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<anyhow::Result<()>>,
    pub data: tempfile::TempDir,
    host: String,
}

/// A second control plane with the stage's database and without a worker.
pub struct Beside {
    pub address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<anyhow::Result<()>>,
}

impl Beside {
    pub async fn close(self) {
        self.stop.cancel();
        self.serving.await.unwrap().unwrap();
    }
}

/// The API key of a backend that manages agents.
pub const BACKEND: &str = "key-of-the-backend";

fn env(host: &str, livekit: &LiveKitServer, provider: &FakeOpenAi, data: &Path) -> Env {
    let hash = Sha256::digest(BACKEND);
    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    Env::from_lookup(|name| match name {
        "LIVEKIT_HOST" => Some(host.to_owned()),
        "LIVEKIT_API_KEY" => Some(livekit.api_key.clone()),
        "LIVEKIT_API_SECRET" => Some(livekit.api_secret.clone()),
        "OPENAI_API_KEY" => Some("sk-test".into()),
        "OPENAI_BASE_URL" => Some(provider.base_url()),
        "SIDETONE_API_KEYS" => Some(format!("backend:agent+history:{hash}")),
        "SIDETONE_DATA_DIR" => Some(data.display().to_string()),
        "SIDETONE_DEMO" => Some("true".into()),
        _ => None,
    })
    .unwrap()
}

impl Stage {
    pub async fn set() -> Self {
        Self::set_on(Options::default()).await
    }

    /// Uses a livekit-server with these options.
    pub async fn set_on(options: Options) -> Self {
        Self::set_with(options, "agent-config".into()).await
    }

    /// Also uses the agents of this folder.
    pub async fn set_with(options: Options, agents: PathBuf) -> Self {
        let livekit = LiveKitServer::start_with(options).await.unwrap();
        let host = livekit.url.clone();
        Self::build(livekit, host, agents).await
    }

    /// Reaches this server at `host`.
    pub async fn set_behind(livekit: LiveKitServer, host: String) -> Self {
        Self::build(livekit, host, "agent-config".into()).await
    }

    async fn build(livekit: LiveKitServer, host: String, agents: PathBuf) -> Self {
        let provider = FakeOpenAi::start(Timing::default()).await;
        let data = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let env = env(&host, &livekit, &provider, data.path());
        let stop = CancellationToken::new();
        let process = Process {
            env,
            agents,
            listener: Some(listener),
            models: None,
            worker: Some(LoadMeasure::Jobs),
        };
        let serving = tokio::spawn(serve(process, stop.clone()));
        let stage = Self {
            provider,
            address,
            stop,
            serving,
            livekit,
            data,
            host,
        };
        stage.ready().await;
        stage
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Starts a second control plane.
    pub async fn beside(&self) -> Beside {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let process = Process {
            env: env(&self.host, &self.livekit, &self.provider, self.data.path()),
            agents: "agent-config".into(),
            listener: Some(listener),
            models: None,
            worker: None,
        };
        let serving = tokio::spawn(serve(process, stop.clone()));
        Beside {
            address,
            stop,
            serving,
        }
    }

    async fn ready(&self) {
        for _ in 0..300 {
            if self
                .get("/readyz")
                .await
                .is_ok_and(|answer| answer.status().is_success())
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!(
            "not ready: {:?}",
            self.get("/readyz").await.unwrap().text().await
        );
    }

    pub async fn get(&self, path: &str) -> reqwest::Result<reqwest::Response> {
        reqwest::get(format!("http://{}{path}", self.address)).await
    }

    pub async fn call(&self, turns: &[(&str, Cue)]) -> Placed {
        let turns = turns.iter().map(|(file, cue)| ScriptTurn {
            name: (*file).to_owned(),
            says: question(file).into(),
            cue: *cue,
        });
        self.place(self.access(), turns.collect()).await
    }

    pub async fn place(&self, access: Access, turns: Vec<ScriptTurn>) -> Placed {
        let plan = CallPlan {
            access,
            turns,
            patience: Patience::default(),
            limit: Duration::from_secs(120),
            out: None::<PathBuf>,
        };
        caller::place(plan).await.unwrap()
    }

    /// What a caller needs to connect.
    pub fn access(&self) -> Access {
        Access::Server {
            server: format!("http://{}", self.address),
            api_key: None,
            request: TokenRequest {
                room_type: "support".into(),
                participant_name: "Ada".into(),
                voice: Some("echo".into()),
                ..TokenRequest::default()
            },
        }
    }

    /// The call once its ledger is closed: each utterance and each sentence has ended.
    pub async fn history(&self, placed: &Placed) -> Value {
        let id = placed.report.call_id.as_deref().unwrap();
        let mut call = Value::Null;
        for _ in 0..300 {
            call = self.call_of(id).await;
            if is_balanced(&call["ledger"]) {
                return call;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the call's books do not add up: {call:#}");
    }

    pub async fn call_of(&self, id: &str) -> Value {
        let answer = self.get(&format!("/api/voice/history/{id}")).await.unwrap();
        answer.json().await.unwrap()
    }

    pub async fn strike(self) {
        self.stop.cancel();
        self.serving.await.unwrap().unwrap();
    }
}

fn is_balanced(ledger: &Value) -> bool {
    let count = |value: &Value| value.as_u64().unwrap_or_default();
    let all = |reasons: &Value| -> u64 {
        let reasons = reasons.as_object().into_iter().flatten();
        reasons.map(|(_, n)| count(n)).sum()
    };
    let (caller, agent) = (&ledger["caller"], &ledger["agent"]);
    let closed =
        count(&caller["answered"]) + count(&caller["superseded"]) + all(&caller["dropped"]);
    let said = count(&agent["heard"]) + count(&agent["cut"]) + all(&agent["failed"]);
    caller["opened"].as_u64() == Some(closed) && agent["begun"].as_u64() == Some(said)
}

/// A recording without the "Hello!" that some begin with: the pause after it is long enough for work ahead, which
/// would use up scripted answers.
fn question(file: &str) -> Pcm<48_000> {
    let mut sound = sound(file);
    if file == "caller-opening-hours.wav" {
        sound.take_front(Pcm::<48_000>::samples_in(Duration::from_millis(500)));
    }
    sound
}

/// A recording of `fixtures/audio`.
pub fn sound(file: &str) -> Pcm<48_000> {
    let audio = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/audio");
    wav::read(&audio.join(file)).unwrap()
}
