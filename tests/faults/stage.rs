//! The whole system on this machine: livekit-server, Postgres, two control planes, workers, a fake provider; and the
//! actions that affect it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use sidetone_control_plane::http::auth::{Scope, api_key_entry};
use sidetone_testkit::fake_openai::Transcript;
use sidetone_testkit::livekit_server::Options;
use sidetone_testkit::{
    Answer, FakeOpenAi, Gate, LiveKitServer, Postgres, RoughPath, Roughness, Timing,
};

use super::fault::{Fault, Part, Step};
use super::process::Process;
use super::tones::{self, GREETING, Sound};
use super::webhooks::Webhooks;
use crate::support::{KEY, SECRET};

/// Used by callers and for inspection.
pub const API_KEY: &str = "the key of the faults";
/// How long livekit-server is down.
const LIVEKIT_DOWN: Duration = Duration::from_secs(2);

/// The system; dropping it stops it.
pub struct Stage {
    planes: Vec<Process>,
    workers: Vec<Process>,
    /// The worker that the faults affect, once there was a fault.
    victim: Option<usize>,
    relays: Vec<RoughPath>,
    _webhooks: Webhooks,
    gate: Gate,
    postgres: Postgres,
    livekit: LiveKitServer,
    _provider: FakeOpenAi,
    _folder: tempfile::TempDir,
}

impl Stage {
    /// Starts everything. Logs go to `logs`.
    pub async fn set(fault: Fault, workers: usize, logs: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let agents = agents(folder.path());
        let provider = provider().await;
        let mut webhooks = Webhooks::reserve().await;
        let livekit = LiveKitServer::start_with(Options {
            webhook_urls: vec![webhooks.url.clone()],
            ice_lite: fault.cuts_the_network(),
            key: Some((KEY.into(), SECRET.into())),
            ..Options::default()
        })
        .await
        .unwrap();
        let postgres = Postgres::start();
        let database = postgres.url();
        let (server, _) = database.split_once('@').unwrap().1.split_once('/').unwrap();
        let gate = Gate::before(server).await.unwrap();
        let database = database.replace(server, &gate.address.to_string());
        let variables = |name: &str, host: &str| {
            vec![
                ("LIVEKIT_HOST", host.to_owned()),
                ("LIVEKIT_API_KEY", livekit.api_key.clone()),
                ("LIVEKIT_API_SECRET", livekit.api_secret.clone()),
                ("OPENAI_API_KEY", "sk-test".into()),
                ("OPENAI_BASE_URL", provider.base_url()),
                ("DATABASE_URL", database.clone()),
                // A separate data folder each, as on separate machines: no other worker can read what a killed one
                // left.
                (
                    "SIDETONE_DATA_DIR",
                    folder.path().join(name).display().to_string(),
                ),
                (
                    "SIDETONE_API_KEYS",
                    api_key_entry("faults", &[Scope::Admin], API_KEY),
                ),
                ("SIDETONE_END_OF_TURN", "off".into()),
                ("SIDETONE_DRAIN_SECONDS", fault.drain_seconds().to_string()),
            ]
        };
        let agents = agents.to_str().unwrap();
        let mut planes = Vec::new();
        for n in 0..2 {
            let name = format!("plane-{n}");
            let args = ["serve", "--no-worker", "--agents", agents];
            let log = logs.join(format!("{name}.log"));
            planes.push(Process::start(&args, "--bind", variables(&name, &livekit.url), log).await);
        }
        let addresses = planes.iter().map(|plane| plane.address).collect();
        webhooks.deliver(addresses, fault.webhooks());
        let (mut pool, mut relays) = (Vec::new(), Vec::new());
        // One after the other, so that the oldest is the first in the list of workers.
        for n in 0..workers {
            let name = format!("worker-{n}");
            let mut host = livekit.url.clone();
            if fault.cuts_the_network() {
                let relay = RoughPath::before(&livekit, Roughness::default())
                    .await
                    .unwrap();
                host.clone_from(&relay.url);
                relays.push(relay);
            }
            let args = ["worker", "--count-jobs", "--agents", agents];
            let log = logs.join(format!("{name}.log"));
            pool.push(Process::start(&args, "--health", variables(&name, &host), log).await);
        }
        Self {
            planes,
            workers: pool,
            victim: None,
            relays,
            _webhooks: webhooks,
            gate,
            postgres,
            livekit,
            _provider: provider,
            _folder: folder,
        }
    }

    /// The addresses of the control planes.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.planes.iter().map(|plane| plane.address).collect()
    }

    /// The worker with the most calls; later the same worker again.
    async fn victim(&mut self) -> usize {
        if let Some(victim) = self.victim {
            return victim;
        }
        let list = get(&self.addresses(), "/api/voice/workers").await.unwrap();
        let calls = |worker: &Value| worker["calls"].as_u64().unwrap();
        let calls: Vec<u64> = list["workers"]
            .as_array()
            .unwrap()
            .iter()
            .map(calls)
            .collect();
        assert_eq!(calls.len(), self.workers.len(), "{list}");
        let victim = (0..calls.len()).max_by_key(|&n| calls[n]).unwrap();
        *self.victim.insert(victim)
    }

    async fn part(&mut self, part: Part) -> &mut Process {
        match part {
            Part::Worker => {
                let victim = self.victim().await;
                &mut self.workers[victim]
            }
            Part::ControlPlane(n) => &mut self.planes[n],
        }
    }

    pub async fn take(&mut self, step: Step) {
        match step {
            Step::Kill(part) => self.part(part).await.kill(),
            Step::Terminate(part) => self.part(part).await.signal("TERM"),
            Step::Freeze(part) => self.part(part).await.signal("STOP"),
            Step::Thaw(part) => self.part(part).await.signal("CONT"),
            Step::Start(part) => self.part(part).await.start_again().await,
            Step::Cut => {
                let victim = self.victim().await;
                self.relays[victim].cut();
            }
            Step::Mend => {
                let victim = self.victim().await;
                self.relays[victim].mend();
            }
            Step::RestartLiveKit => self.livekit.restart(LIVEKIT_DOWN).await.unwrap(),
            Step::StopPostgres => self.postgres.stop(),
            Step::StartPostgres => self.postgres.start_again(),
            Step::StallPostgres => self.gate.stall(),
            Step::OpenPostgres => self.gate.open(),
        }
    }
}

/// A GET from the first control plane that answers.
pub async fn get(planes: &[SocketAddr], path: &str) -> Option<Value> {
    for plane in planes {
        let request = reqwest::Client::new()
            .get(format!("http://{plane}{path}"))
            .timeout(Duration::from_secs(5))
            .bearer_auth(API_KEY);
        if let Ok(answer) = request.send().await
            && answer.status().is_success()
            && let Ok(json) = answer.json().await
        {
            return Some(json);
        }
    }
    None
}

/// The agent of all callers.
pub fn agents(folder: &Path) -> PathBuf {
    let agents = folder.join("agents");
    std::fs::create_dir(&agents).unwrap();
    let file = format!("prompt = \"prompt.md\"\ngreeting = \"{GREETING}\"\nlanguage = \"en\"\n");
    std::fs::write(agents.join("default.toml"), file).unwrap();
    std::fs::write(agents.join("prompt.md"), "Answer what you are asked.").unwrap();
    agents
}

/// Identifies the question that was asked, answers it, and knows whether the request contained the previous question.
pub async fn provider() -> FakeOpenAi {
    let provider = FakeOpenAi::start(Timing::default()).await;
    provider.transcribe_sound(|samples| {
        Transcript::new(tones::mark_in(samples).map_or_else(String::new, tones::question))
    });
    provider.speak_by(|text| Sound::of_text(text).hz());
    provider.answer_by(|request| {
        let messages = request["messages"].as_array()?;
        let users = messages.iter().filter(|message| message["role"] == "user");
        let asked: Vec<usize> = users
            .filter_map(|message| tones::subject_of(&message["content"].to_string()))
            .collect();
        let n = *asked.last()?;
        let remembers = n == 0 || asked.contains(&(n - 1));
        Some(Answer::text(tones::answer(n, remembers)))
    });
    provider
}
