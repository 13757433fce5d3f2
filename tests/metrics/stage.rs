//! livekit-server, a control plane and workers as separate processes, with JSON logs.

use std::path::PathBuf;
use std::time::Duration;

use livekit::prelude::Room;
use serde_json::{Value, json};
use sidetone::caller::access::Access;
use sidetone::caller::script::Patience;
use sidetone::caller::{self, CallPlan, Placed, ScriptTurn};
use sidetone_control_plane::http::auth::{Scope, api_key_entry};
use sidetone_testkit::{FakeOpenAi, LiveKitServer, Timing};

use super::scrape::Scrape;
use crate::faults::process::Process;
use crate::faults::webhooks::{Delivery, Webhooks};
use crate::support::livekit;

/// Keys, named after their purpose.
pub const ADMIN: &str = "the key of an admin of the metrics";
pub const SCRAPER: &str = "the key of a scraper of metrics";
pub const TOKENS: &str = "the key of a backend for tokens";

/// A caller.
pub struct Caller {
    pub user: &'static str,
    pub name: &'static str,
}

/// The system; dropping it stops it.
pub struct Stage {
    pub provider: FakeOpenAi,
    plane: Process,
    workers: Vec<Process>,
    logs: Vec<(String, PathBuf)>,
    client: reqwest::Client,
    /// The `traceparent` of a backend's requests.
    pub traceparent: Option<&'static str>,
    _webhooks: Webhooks,
    _livekit: LiveKitServer,
    folder: tempfile::TempDir,
}

impl Stage {
    pub async fn set(workers: usize) -> Self {
        Self::set_with(workers, |_| Vec::new()).await
    }

    /// Starts it with additional variables for each process, by the process's name.
    pub async fn set_with(
        workers: usize,
        more: impl Fn(&str) -> Vec<(&'static str, String)>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut webhooks = Webhooks::reserve().await;
        let server = livekit(Some(webhooks.url.clone())).await;
        let provider = FakeOpenAi::start(Timing::default()).await;
        let agents = folder.path().join("agents");
        std::fs::create_dir(&agents).unwrap();
        let agent = "prompt = \"prompt.md\"\ngreeting = \"Good morning.\"\nlanguage = \"en\"\n[tools.remember]\n";
        std::fs::write(agents.join("default.toml"), agent).unwrap();
        std::fs::write(agents.join("prompt.md"), "Answer.").unwrap();
        let prices = folder.path().join("prices.toml");
        std::fs::write(&prices, prices_of(&provider)).unwrap();
        let keys = [
            api_key_entry("admin", &[Scope::Admin], ADMIN),
            api_key_entry("prometheus", &[Scope::Metrics], SCRAPER),
            api_key_entry("shop", &[Scope::Token], TOKENS),
        ];
        let variables = |name: &str| {
            let mut variables = vec![
                ("LIVEKIT_HOST", server.url.clone()),
                ("LIVEKIT_API_KEY", server.api_key.clone()),
                ("LIVEKIT_API_SECRET", server.api_secret.clone()),
                ("OPENAI_API_KEY", "sk-test".into()),
                ("OPENAI_BASE_URL", provider.base_url()),
                ("SIDETONE_STT_MODEL", "hears".into()),
                ("SIDETONE_LLM_MODEL", "thinks".into()),
                ("SIDETONE_TTS_MODEL", "speaks".into()),
                ("SIDETONE_PRICES", prices.display().to_string()),
                (
                    "DATABASE_URL",
                    format!("sqlite:{}", folder.path().join("calls.db").display()),
                ),
                // A separate data folder each, as on separate machines.
                (
                    "SIDETONE_DATA_DIR",
                    folder.path().join(name).display().to_string(),
                ),
                ("SIDETONE_API_KEYS", keys.join(",")),
                ("SIDETONE_END_OF_TURN", "off".into()),
                ("SIDETONE_LOG_FORMAT", "json".into()),
            ];
            variables.extend(more(name));
            variables
        };
        let agents = agents.to_str().unwrap();
        let mut logs = Vec::new();
        let mut log = |name: &str| {
            let path = folder.path().join(format!("{name}.log"));
            logs.push((name.to_owned(), path.clone()));
            path
        };
        let args = ["serve", "--no-worker", "--agents", agents];
        let plane = Process::start(&args, "--bind", variables("plane"), log("plane")).await;
        webhooks.deliver(vec![plane.address], Delivery::Prompt);
        let mut pool = Vec::new();
        for n in 0..workers {
            let name = format!("worker-{n}");
            let args = ["worker", "--count-jobs", "--agents", agents];
            let log = log(&name);
            pool.push(Process::start(&args, "--health", variables(&name), log).await);
        }
        let stage = Self {
            provider,
            plane,
            workers: pool,
            logs,
            client: reqwest::Client::new(),
            traceparent: None,
            _webhooks: webhooks,
            _livekit: server,
            folder,
        };
        crate::support::eventually("the control plane knows its workers", 60, async || {
            let ready = stage.plane().await;
            let ready = ready.value("sidetone_pool_workers", &[("state", "ready")]);
            (ready == workers as f64).then_some(())
        })
        .await;
        stage
    }

    /// A scrape of the control plane, like Prometheus does it.
    pub async fn plane(&self) -> Scrape {
        let url = format!("http://{}/metrics", self.plane.address);
        Scrape::of(self.client.get(url).bearer_auth(SCRAPER)).await
    }

    /// A scrape of a worker.
    pub async fn worker(&self, n: usize) -> Scrape {
        let url = format!("http://{}/metrics", self.workers[n].address);
        Scrape::of(self.client.get(url)).await
    }

    /// The status of a GET of the control plane.
    pub async fn status(&self, path: &str, key: Option<&str>) -> u16 {
        let mut request = self
            .client
            .get(format!("http://{}{path}", self.plane.address));
        if let Some(key) = key {
            request = request.bearer_auth(key);
        }
        request.send().await.unwrap().status().as_u16()
    }

    /// The body of a GET by an admin.
    pub async fn get(&self, path: &str) -> Value {
        let url = format!("http://{}{path}", self.plane.address);
        let answer = self.client.get(url).bearer_auth(ADMIN).send().await;
        answer.unwrap().json().await.unwrap()
    }

    /// The response to a POST without a body.
    pub async fn post(&self, path: &str, key: &str) -> (u16, Value) {
        let url = format!("http://{}{path}", self.plane.address);
        let answer = self.client.post(url).bearer_auth(key).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn token(&self, caller: &Caller) -> Value {
        let body = json!({
            "roomType": "support", "userId": caller.user, "participantName": caller.name,
        });
        let url = format!("http://{}/api/voice/token", self.plane.address);
        let mut request = self.client.post(url).bearer_auth(ADMIN).json(&body);
        if let Some(traceparent) = self.traceparent {
            request = request.header("traceparent", traceparent);
        }
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
        answer.json().await.unwrap()
    }

    /// A whole call.
    pub async fn call(&self, caller: &Caller, turns: Vec<ScriptTurn>) -> Placed {
        let token = self.token(caller).await;
        let text = |key: &str| token[key].as_str().unwrap().to_owned();
        let plan = CallPlan {
            access: Access::Token {
                url: text("livekitHost"),
                token: text("token"),
            },
            turns,
            patience: Patience::default(),
            limit: Duration::from_secs(120),
            out: None::<PathBuf>,
        };
        let mut placed = caller::place(plan).await.unwrap();
        placed.report.call_id = Some(text("callId"));
        placed
    }

    /// Joins a participant who is present and says nothing.
    pub async fn join(&self, caller: &Caller) -> Room {
        let token = self.token(caller).await;
        let text = |key: &str| token[key].as_str().unwrap();
        let joined = sidetone::room::join(text("livekitHost"), text("token"), true).await;
        joined.unwrap().0
    }

    /// kill -9
    pub fn kill(&mut self, worker: usize) {
        self.workers[worker].kill();
    }

    /// Lets the processes end on their own, workers first; returns the logs by process.
    pub async fn end_gracefully(mut self) -> Vec<(String, String)> {
        for process in self.workers.iter_mut().chain([&mut self.plane]) {
            process.signal("TERM");
            process.ended().await;
        }
        self.end().await
    }

    /// Stops everything; returns the logs by process.
    pub async fn end(self) -> Vec<(String, String)> {
        drop((self.workers, self.plane));
        let read = |(name, path): (String, PathBuf)| {
            let log = std::fs::read(path).unwrap_or_default();
            (name, String::from_utf8_lossy(&log).into_owned())
        };
        let logs = self.logs.into_iter().map(read).collect();
        drop(self.folder);
        logs
    }
}

/// A price file for two of three models at the fake provider.
fn prices_of(provider: &FakeOpenAi) -> String {
    let url = provider.base_url();
    let server = url.split('/').nth(2).unwrap();
    let price = |model: &str, rates: &str| {
        format!(
            "[[price]]\nserver = \"{server}\"\nmodel = \"{model}\"\ndate = 2026-11-28\n\
             source = \"made up\"\n{rates}\n"
        )
    };
    price("hears", "heard_minute = 0.6") + &price("thinks", "input = 100.0\noutput = 200.0")
}
