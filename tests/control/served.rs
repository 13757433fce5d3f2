//! All of `sidetone serve` on a data folder, with a fake provider behind it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use sidetone::caller::access::{Access, TokenRequest};
use sidetone::caller::script::{Cue, Patience};
use sidetone::caller::{CallPlan, ScriptTurn};
use sidetone::serve::{Process, serve};
use sidetone::worker::LoadMeasure;
use sidetone_base::audio::wav;
use sidetone_config::env::Env;
use sidetone_testkit::{FakeOpenAi, LiveKitServer};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::support::eventually;

/// The environment variables of a demo with these servers.
pub fn variables(
    livekit: &LiveKitServer,
    provider: &FakeOpenAi,
    data: &Path,
) -> Vec<(&'static str, String)> {
    vec![
        ("LIVEKIT_HOST", livekit.url.clone()),
        ("LIVEKIT_API_KEY", livekit.api_key.clone()),
        ("LIVEKIT_API_SECRET", livekit.api_secret.clone()),
        ("OPENAI_API_KEY", "sk-test".into()),
        ("OPENAI_BASE_URL", provider.base_url()),
        ("SIDETONE_DATA_DIR", data.display().to_string()),
        ("SIDETONE_DEMO", "true".into()),
    ]
}

/// The agents of the repository.
pub const AGENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/agent-config");

/// Serves until `stop`, with the agents of a folder; load is counted in jobs, because this machine is also busy with
/// other work.
pub async fn run(
    env: Env,
    agents: PathBuf,
    listener: TcpListener,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let process = Process {
        env,
        agents,
        listener: Some(listener),
        models: None,
        worker: Some(LoadMeasure::Jobs),
    };
    serve(process, stop).await
}

/// A GET request to a demo.
pub async fn get(address: SocketAddr, path: &str) -> reqwest::Result<Value> {
    let response = reqwest::get(format!("http://{address}{path}")).await?;
    response.error_for_status()?.json().await
}

/// A caller's token for a new call in a demo, with the default agent.
pub async fn token(address: SocketAddr, name: &str) -> Value {
    let request = reqwest::Client::new().post(format!("http://{address}/api/voice/token"));
    let body = json!({"roomType": "support", "participantName": name});
    let answer = request.json(&body).send().await.unwrap();
    answer.json().await.unwrap()
}

/// Waits until calls can be placed.
pub async fn ready(address: SocketAddr) {
    eventually("ready", 60, || async {
        tokio::time::timeout(Duration::from_secs(5), get(address, "/readyz"))
            .await
            .ok()?
            .ok()
    })
    .await;
}

/// A call of Ada, who asks for the opening hours this many times.
pub fn call(address: SocketAddr, agent: Option<&str>, turns: usize) -> CallPlan {
    let hours = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/fixtures/audio/caller-opening-hours.wav"
    );
    let sound = wav::read(Path::new(hours)).unwrap();
    let turn = |n: usize| ScriptTurn {
        name: format!("turn {n}"),
        says: sound.clone().into(),
        cue: Cue::AgentDone,
    };
    CallPlan {
        access: Access::Server {
            server: format!("http://{address}"),
            api_key: None,
            request: TokenRequest {
                room_type: "support".into(),
                participant_name: "Ada".into(),
                agent: agent.map(str::to_owned),
                ..TokenRequest::default()
            },
        },
        turns: (0..turns).map(turn).collect(),
        patience: Patience::default(),
        limit: Duration::from_secs(150),
        out: None,
    }
}
