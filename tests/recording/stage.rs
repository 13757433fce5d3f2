//! The environment of a recorded call, on this machine.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use livekit_api::services::room::{CreateRoomOptions, RoomClient};
use serde_json::{Value, json};
use sidetone::caller::access::{Access, TokenRequest};
use sidetone::caller::report::Report;
use sidetone::caller::script::{Cue, Patience};
use sidetone::caller::{self, CallPlan, ScriptTurn};
use sidetone::serve::{Process, serve};
use sidetone::worker::LoadMeasure;
use sidetone_base::audio::wav;
use sidetone_config::env::{Database, Env};
use sidetone_store::{Fact, Store};
use sidetone_testkit::{
    EgressWorker, FakeOpenAi, LiveKitServer, Redis, S3Server, Timing, livekit_server, s3,
};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::rooms::person;
use crate::support::signal;

pub struct Stage {
    pub s3: S3Server,
    pub data: tempfile::TempDir,
    address: String,
    variables: Vec<(&'static str, String)>,
    running: Running,
    _provider: FakeOpenAi,
    livekit: LiveKitServer,
    _egress: Option<(Redis, Option<EgressWorker>)>,
}

/// Differences from the default.
#[derive(Default)]
pub struct Scene {
    /// Whether Sidetone runs in a separate process, which can be killed and whose disk can fill up.
    pub apart: bool,
    /// The state of Egress.
    pub egress: Egress,
    /// The agents' folder, instead of ours.
    pub agents: Option<PathBuf>,
    /// Whether the control plane runs without a worker.
    pub no_worker: bool,
}

/// The state of Egress.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Egress {
    /// LiveKit has no Redis, and therefore no Egress.
    #[default]
    None,
    /// Egress is requested, but no worker takes it.
    NoWorker,
    /// Egress is requested, and works.
    Works,
}

enum Running {
    Here(CancellationToken, JoinHandle<anyhow::Result<()>>),
    Apart(tokio::process::Child),
}

pub async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut check: impl FnMut() -> F,
) -> T {
    for _ in 0..600 {
        if let Some(value) = check().await {
            return value;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("not within a minute: {what}");
}

impl Stage {
    pub async fn set(scene: Scene) -> Self {
        let Scene {
            apart,
            egress,
            agents,
            no_worker,
        } = scene;
        let s3 = S3Server::start();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut options = livekit_server::Options::default();
        let redis = (egress != Egress::None).then(Redis::start);
        if let Some(redis) = &redis {
            options.redis = Some(redis.address());
            options.webhook_urls = vec![format!("http://{address}/api/voice/webhook")];
            options.departure_timeout = Some(Duration::from_secs(1));
        }
        let livekit = LiveKitServer::start_with(options).await.unwrap();
        let worker = (redis.as_ref()).filter(|_| egress == Egress::Works);
        let worker = worker.map(EgressWorker::start);
        let provider = FakeOpenAi::start(Timing::default()).await;
        provider.default_transcript("What are your opening hours on Saturday?");
        provider.default_answer(
            "On Saturday we are open from nine in the morning until half past four.",
        );
        let data = tempfile::tempdir().unwrap();
        let mut variables = vec![
            ("LIVEKIT_HOST", livekit.url.clone()),
            ("LIVEKIT_API_KEY", livekit.api_key.clone()),
            ("LIVEKIT_API_SECRET", livekit.api_secret.clone()),
            ("OPENAI_API_KEY", "sk-test".into()),
            ("OPENAI_BASE_URL", provider.base_url()),
            ("SIDETONE_DATA_DIR", data.path().display().to_string()),
            ("SIDETONE_DEMO", "true".into()),
            ("SIDETONE_BIND", address.clone()),
            ("LIVEKIT_RECORDING_BUCKET", s3::BUCKET.into()),
            ("LIVEKIT_RECORDING_REGION", "us-east-1".into()),
            ("LIVEKIT_RECORDING_ENDPOINT", s3.endpoint()),
            ("AWS_ACCESS_KEY_ID", s3::ACCESS_KEY.into()),
            ("AWS_SECRET_ACCESS_KEY", s3::SECRET_KEY.into()),
        ];
        if egress != Egress::None {
            variables.push(("LIVEKIT_RECORDING_MODE", "egress".into()));
        }
        let running = if apart {
            drop(listener);
            Running::Apart(spawn(&variables))
        } else {
            let find = |name: &str| variables.iter().find(|(key, _)| *key == name);
            let process = Process {
                env: Env::from_lookup(|name| find(name).map(|(_, value)| value.clone())).unwrap(),
                agents: agents.unwrap_or_else(|| "agent-config".into()),
                listener: Some(listener),
                models: None,
                worker: (!no_worker).then_some(LoadMeasure::Jobs),
            };
            let stop = CancellationToken::new();
            Running::Here(stop.clone(), tokio::spawn(serve(process, stop)))
        };
        let stage = Self {
            s3,
            data,
            address,
            variables,
            running,
            _provider: provider,
            livekit,
            _egress: redis.map(|redis| (redis, worker)),
        };
        stage.ready().await;
        stage
    }

    async fn ready(&self) {
        eventually("ready", || async {
            let answer = reqwest::get(format!("http://{}/readyz", self.address)).await;
            answer.ok().filter(|a| a.status().is_success()).map(|_| ())
        })
        .await;
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/api/voice/history{path}", self.address)
    }

    /// Places a call of one turn; returns its id.
    pub async fn call(&self, out: Option<&Path>) -> String {
        self.report(out).await.call_id.unwrap()
    }

    /// Places a call in which the caller asks one question; returns the caller's report.
    pub async fn report(&self, out: Option<&Path>) -> Report {
        let audio = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/audio");
        let file = "caller-opening-hours.wav";
        let plan = CallPlan {
            access: Access::Server {
                server: format!("http://{}", self.address),
                api_key: None,
                request: TokenRequest {
                    room_type: "support".into(),
                    participant_name: "Ada".into(),
                    ..TokenRequest::default()
                },
            },
            turns: vec![ScriptTurn {
                name: file.into(),
                says: wav::read(&audio.join(file)).unwrap().into(),
                cue: Cue::AgentDone,
            }],
            patience: Patience::default(),
            limit: Duration::from_secs(60),
            out: out.map(Path::to_path_buf),
        };
        caller::place(plan).await.unwrap().report
    }

    async fn json(&self, path: &str) -> Option<Value> {
        reqwest::get(self.url(path)).await.ok()?.json().await.ok()
    }

    /// The call in progress.
    pub async fn open_call(&self) -> String {
        eventually("a call", || async {
            let page = self.json("?allUsers=true").await?;
            Some(page["calls"][0]["id"].as_str()?.to_owned())
        })
        .await
    }

    /// The call's recording once it has this state.
    pub async fn recording_in(&self, call: &str, state: &str) -> Value {
        eventually(state, || async {
            let mut all = self.recordings(call).await?.into_iter();
            all.find(|recording| recording["state"] == state)
        })
        .await
    }

    /// All of a call's recordings.
    pub async fn recordings(&self, call: &str) -> Option<Vec<Value>> {
        let mut detail = self.json(&format!("/{call}")).await?;
        Some(detail["recordings"].as_array_mut()?.drain(..).collect())
    }

    /// A token response for this request.
    pub async fn token(&self, wanted: Value) -> Value {
        let url = format!("http://{}/api/voice/token", self.address);
        let answer = reqwest::Client::new().post(url).json(&wanted).send();
        let answer = answer.await.unwrap().error_for_status().unwrap();
        answer.json().await.unwrap()
    }

    /// The token response for another participant of a room.
    pub fn token_in(&self, room: &str, identity: &str) -> Value {
        let token = person::token(&self.livekit, room, identity);
        json!({"livekitHost": self.livekit.url, "token": token})
    }

    /// LiveKit's rooms.
    pub fn rooms(&self) -> RoomClient {
        let LiveKitServer {
            url,
            api_key,
            api_secret,
            ..
        } = &self.livekit;
        RoomClient::with_api_key(url, api_key, api_secret)
    }

    /// Whether no file waits in the data folder.
    pub fn spool_is_empty(&self) -> bool {
        let files = std::fs::read_dir(self.data.path().join("recordings"));
        files.map_or(true, |mut files| files.next().is_none())
    }

    /// A call between people, in a room that nobody has joined yet; returns its id, a room client and the room.
    pub async fn room_for_people(&self) -> (String, RoomClient, String) {
        let wanted = json!({"roomType": "conference", "participantName": "Ada"});
        let token = self.token(wanted).await;
        let room = token["roomName"].as_str().unwrap().to_owned();
        let rooms = self.rooms();
        rooms
            .create_room(&room, CreateRoomOptions::default())
            .await
            .unwrap();
        (self.open_call().await, rooms, room)
    }

    /// The recording, wherever it is stored.
    pub async fn fetch(&self, call: &str, range: Option<&str>) -> (u16, Vec<u8>) {
        let mut request = reqwest::Client::new().get(self.url(&format!("/{call}/recording")));
        if let Some(range) = range {
            request = request.header("range", range);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        if answer.status().is_success() {
            let name = answer.headers()["content-disposition"].to_str().unwrap();
            assert!(name.starts_with("inline; filename=\"call-20"), "{name}");
            assert_eq!(answer.headers()["content-type"], "audio/ogg");
        }
        (status, answer.bytes().await.unwrap().to_vec())
    }

    pub async fn post(&self, path: &str) -> u16 {
        let request = reqwest::Client::new().post(self.url(&format!("/{path}")));
        request.send().await.unwrap().status().as_u16()
    }

    /// Deletes a call that is over.
    pub async fn delete(&self, call: &str) {
        // No webhook reports the room's end here, and reconciliation with LiveKit's rooms takes a minute.
        let database = Database::Sqlite(self.data.path().join("sidetone.db"));
        let store = Store::connect(&database).await.unwrap();
        let finished = [Fact::RoomFinished(sidetone_store::now())];
        let id = call.parse().unwrap();
        store.observe(id, None, &finished).await.unwrap();
        store.close().await;
        let request = reqwest::Client::new().delete(self.url(&format!("/{call}")));
        assert_eq!(request.send().await.unwrap().status(), 204);
    }

    fn pid(&self) -> String {
        let Running::Apart(process) = &self.running else {
            panic!("it runs in this process");
        };
        process.id().unwrap().to_string()
    }

    /// From now on no file of the process can grow beyond this many bytes, as on a full disk.
    pub fn limit_files(&self, bytes: &str) {
        let limited = std::process::Command::new("prlimit")
            .args(["--pid", &self.pid(), &format!("--fsize={bytes}:")])
            .status();
        assert!(limited.unwrap().success());
    }

    /// kill -9.
    pub async fn kill(&self) {
        signal(self.pid().parse().unwrap(), "KILL");
    }

    /// Starts the killed process again.
    pub async fn restart(&mut self) {
        if let Running::Apart(process) = &mut self.running {
            process.wait().await.unwrap();
            *process = spawn(&self.variables);
        }
        self.ready().await;
    }

    pub async fn strike(self) {
        match self.running {
            Running::Here(stop, serving) => {
                stop.cancel();
                serving.await.unwrap().unwrap();
            }
            Running::Apart(mut process) => process.kill().await.unwrap(),
        }
    }
}

fn spawn(variables: &[(&str, String)]) -> tokio::process::Child {
    // A write beyond the file limit fails instead of ending the process.
    tokio::process::Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" serve"])
        .arg(env!("CARGO_BIN_EXE_sidetone"))
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}
