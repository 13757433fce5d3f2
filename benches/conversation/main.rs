//! Whole calls against an agent process on a real livekit-server: what callers hear, and what it costs. The provider is
//! a fake one with the delays of the published comparisons of voice agents; callers, provider and server are the same
//! for each agent, so runs are comparable.
//!
//! `make bench-calls`, or
//! `cargo bench --profile dev --bench conversation -- --callers 1,4 --peer livekit-agents,pipecat`;
//! with `--tts realtime` Sidetone's speech comes over the Realtime socket.

#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

mod agents;
mod figures;
mod process;

use std::path::Path;
use std::time::Duration;

use livekit_api::access_token::{AccessToken, VideoGrants};
use livekit_protocol::{RoomAgentDispatch, RoomConfiguration};
use sidetone::caller::access::Access;
use sidetone::caller::script::{Cue, Patience};
use sidetone::caller::{self, CallPlan, Placed, ScriptTurn};
use sidetone_base::audio::wav;
use sidetone_testkit::{FakeOpenAi, LiveKitServer, Timing};

use agents::{AGENT_NAME, Agent, Running};
use figures::Figures;
use process::Tree;

/// Questions of a call, each waiting for the whole previous answer; then one that interrupts.
const QUESTIONS: usize = 4;
/// Every answer: the first sentence of 7 tokens is spoken early, the rest can be interrupted.
const ANSWER: &str = "Yes we are open until five today. On Saturday we close at noon, and on \
                      Sunday we are closed the whole day, as we are on all public holidays.";

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().collect();
    let value = |name: &str| {
        let at = args.iter().position(|arg| arg == name)?;
        args.get(at + 1).cloned()
    };
    let callers = value("--callers").unwrap_or_else(|| "1,4".into());
    let peers = value("--peer").unwrap_or_default();
    let peers = peers.split(',').filter(|name| !name.is_empty());
    let ours = !args.iter().any(|arg| arg == "--peer-only");
    let realtime = value("--tts").is_some_and(|tts| tts == "realtime");
    let sidetone = if realtime {
        Agent::SidetoneRealtime
    } else {
        Agent::Sidetone
    };
    let agents = ours
        .then_some(sidetone)
        .into_iter()
        .chain(peers.map(Agent::peer));
    println!("{}", Figures::HEAD);
    let callers: Vec<usize> = callers.split(',').map(|n| n.parse().unwrap()).collect();
    let mut all: Vec<Vec<Figures>> = Vec::new();
    for agent in agents {
        let mut rows = Vec::new();
        for &callers in &callers {
            rows.push(run(agent, callers).await);
        }
        all.push(rows);
    }
    if let (true, Some((ours, peers))) = (ours, all.split_first()) {
        for (peer, ours) in peers.iter().flat_map(|rows| rows.iter().zip(ours)) {
            println!("{}", peer.against(ours));
        }
    }
}

async fn run(agent: Agent, callers: usize) -> Figures {
    let livekit = LiveKitServer::start().await.unwrap();
    let provider = FakeOpenAi::start(Timing::default()).await;
    provider.default_transcript("What are your opening hours on Saturday?");
    provider.default_answer(ANSWER);
    let running = agent.start(&livekit, &provider.base_url());
    let tree = Tree::of(running.pid());
    running.ready().await;
    // The first call loads whatever loads lazily; it is not counted.
    call(&livekit, &running).await;
    tokio::time::sleep(Duration::from_secs(2)).await;

    let idle = tree.memory();
    let cpu = tree.cpu();
    let calls = async {
        let calls = (0..callers).map(|_| call(&livekit, &running));
        futures::future::join_all(calls).await
    };
    let busy = async {
        tokio::time::sleep(Duration::from_secs(15)).await;
        tree.memory()
    };
    let (placed, busy) = tokio::join!(calls, busy);
    let cpu = tree.cpu() - cpu;
    let figures = Figures::of(agent.name(), &placed, cpu, idle, busy);
    println!("{}", figures.row());
    if figures.unanswered > 0 {
        eprintln!("the log of {}:\n{}", agent.name(), running.log());
    }
    figures
}

async fn call(livekit: &LiveKitServer, running: &Running) -> Placed {
    let room = format!("bench-{}", uuid::Uuid::new_v4());
    let grants = VideoGrants {
        room_join: true,
        room: room.clone(),
        ..VideoGrants::default()
    };
    let dispatch = RoomAgentDispatch {
        agent_name: AGENT_NAME.into(),
        ..RoomAgentDispatch::default()
    };
    let token = AccessToken::with_api_key(&livekit.api_key, &livekit.api_secret)
        .with_identity("caller")
        .with_grants(grants)
        .with_room_config(RoomConfiguration {
            agents: vec![dispatch],
            ..RoomConfiguration::default()
        })
        .to_jwt()
        .unwrap();
    let audio = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/audio");
    let turn = |file: &str, cue| ScriptTurn {
        name: file.to_owned(),
        says: wav::read(&audio.join(file)).unwrap().into(),
        cue,
    };
    let question = |_| turn("caller-opening-hours.wav", Cue::AgentDone);
    let barge_in = Cue::AgentSpeakingFor(Duration::from_millis(1500));
    let turns = (0..QUESTIONS)
        .map(question)
        .chain([turn("caller-interrupts.wav", barge_in)]);
    let plan = CallPlan {
        access: Access::Token {
            url: livekit.url.clone(),
            token,
        },
        turns: turns.collect(),
        patience: Patience::default(),
        limit: Duration::from_secs(180),
        out: None,
    };
    running.invite(&room);
    caller::place(plan).await.unwrap()
}
