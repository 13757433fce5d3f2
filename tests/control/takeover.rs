//! Many agents that die at once, and one that dies after the database was away.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use livekit::participant::ParticipantKind;
use serde_json::json;
use sidetone::worker::Job;
use sidetone_base::clock;
use sidetone_control_plane::control::ControlConfig;
use sidetone_control_plane::dispatch::guardian::GuardianConfig;
use sidetone_store::DispatchMetadata;
use sidetone_store::dispatches::DispatchState;
use sidetone_store::epochs::Agent;
use sidetone_testkit::{FakeOpenAi, Postgres, Timing};
use uuid::Uuid;

use super::guard::{Deaf, ready, voices, worker_process};
use super::{Worker, impatient, served};
use crate::support::api::{LOGIN_SECRET, Setup, user};

/// Calls of one worker.
const CALLS: usize = 25;

/// What a job's agent stores of itself.
fn agent_of(job: &Job, worker: Option<Uuid>) -> Agent {
    let metadata: DispatchMetadata = serde_json::from_str(&job.metadata).unwrap();
    Agent {
        room: job.room_name.clone(),
        epoch: metadata.epoch,
        identity: job.identity.clone(),
        worker_id: job.worker_id.clone(),
        worker,
    }
}

/// The worker that held twenty-five calls dies. Two that take some are left, and a third one comes
/// later: what LiveKit drops meanwhile is asked for again, and no room gets two.
#[tokio::test(flavor = "multi_thread")]
async fn the_calls_of_a_dead_worker_are_spread_and_asked_for_until_all_are_held() {
    let control = ControlConfig {
        guardian: GuardianConfig::default(),
        ..impatient()
    };
    let deaf = Deaf::start_as(Setup::default().variables, control).await;
    let mut first = Worker::of_size(&deaf.server, 100).await;
    let mut callers = Vec::new();
    for n in 0..CALLS {
        let (_, token) = deaf
            .api
            .post(
                "/api/voice/token",
                &user(&format!("ann-{n}"), false),
                json!({}),
            )
            .await;
        let (host, jwt) = (&token["livekitHost"], &token["token"]);
        let (host, jwt) = (host.as_str().unwrap(), jwt.as_str().unwrap());
        callers.push(sidetone::room::join(host, jwt, false).await.unwrap().0);
    }
    // The last asking of each: LiveKit drops some while the worker counts what it has just taken.
    let mut held: BTreeMap<String, Job> = BTreeMap::new();
    loop {
        let job = first.job().await;
        held.insert(job.room_name.clone(), job);
        if held.len() == CALLS && first.jobs.is_empty() {
            break;
        }
    }
    let mut next = [
        Worker::of_size(&deaf.server, 8).await,
        Worker::of_size(&deaf.server, 8).await,
    ];
    // Of a worker that has never been heard of: as dead as can be, all at once.
    let dies = Uuid::new_v4();
    for job in held.values() {
        let agent = agent_of(job, Some(dies));
        let is_its_own = deaf.api.store.agent_runs(&agent).await.unwrap();
        let row = deaf.api.store.agent_in(&job.room_name).await.unwrap();
        assert!(is_its_own, "{agent:?}, {row:?}");
    }
    let began = clock::now();
    // Epochs by room of the jobs that were taken.
    let mut taken: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    let mut third: Option<Worker> = None;
    while taken.len() < CALLS {
        assert!(
            clock::now() - began < Duration::from_secs(60),
            "{} of {CALLS} are taken over",
            taken.len()
        );
        if third.is_none() && clock::now() - began > Duration::from_secs(3) {
            third = Some(Worker::of_size(&deaf.server, 40).await);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        for worker in next.iter_mut().chain(&mut third) {
            while let Ok(job) = worker.jobs.try_recv() {
                let agent = agent_of(&job, None);
                assert!(deaf.api.store.agent_runs(&agent).await.unwrap());
                let epochs = taken.entry(job.room_name).or_default();
                epochs.push(agent.epoch.unwrap());
            }
        }
    }
    println!("all {CALLS} within {:.2?}", clock::now() - began);
    for (room, epochs) in &taken {
        assert_eq!(epochs.len(), 1, "{room} was taken over as {epochs:?}");
        let row = deaf.api.store.agent_in(room).await.unwrap().unwrap();
        assert_eq!(row.epoch, epochs[0], "{room}");
        assert_ne!(row.state, DispatchState::Failed, "{room}: {:?}", row.reason);
    }
    let shares: Vec<usize> = (next.iter().chain(&third))
        .map(|worker| worker.status.borrow().jobs.len())
        .collect();
    assert!(
        shares.iter().all(|jobs| *jobs > 0),
        "spread over all: {shares:?}"
    );
    assert!(first.jobs.try_recv().is_err(), "it holds the dead ones");
    join_all(callers.iter().map(|caller| caller.close())).await;
    deaf.stop().await;
}

/// While the database is away nobody is taken for dead, and the caller hears its agent; afterwards a death
/// is noticed as before. (`make faults` has an outage of 40 s.)
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_dies_after_an_outage_of_the_database_is_replaced() {
    let mut postgres = Postgres::start();
    let database = ("DATABASE_URL", postgres.url());
    let login = ("SIDETONE_JWT_SECRET", LOGIN_SECRET.to_owned());
    let deaf = Deaf::start_with(vec![login, database.clone()]).await;
    let provider = FakeOpenAi::start(Timing::default()).await;
    let data = tempfile::tempdir().unwrap();
    let mut variables = served::variables(&deaf.server, &provider, data.path());
    variables.push(database);
    let mut holds = worker_process(&variables);
    ready(&deaf, 1).await;
    let ann = user("ann", false);
    let (_, token) = deaf.api.post("/api/voice/token", &ann, json!({})).await;
    let (host, jwt) = (&token["livekitHost"], &token["token"]);
    let joined = sidetone::room::join(host.as_str().unwrap(), jwt.as_str().unwrap(), true).await;
    let (caller, events) = joined.unwrap();
    let mut voices = voices(events);
    let (first, _) = voices.recv().await.unwrap();
    let _takes_over = worker_process(&variables);
    ready(&deaf, 2).await;
    let agents = || {
        let agents = caller.remote_participants().into_values();
        let agents = agents.filter(|one| one.kind() == ParticipantKind::Agent);
        agents
            .map(|one| one.identity().to_string())
            .collect::<Vec<_>>()
    };

    postgres.stop();
    tokio::time::sleep(Duration::from_secs(8)).await;
    postgres.start_again();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(agents(), [first.clone()], "it was not dead");
    while voices.try_recv().is_ok() {}
    holds.kill().await.unwrap();
    let next = async {
        loop {
            let (identity, _) = voices.recv().await.unwrap();
            if identity != first {
                return identity;
            }
        }
    };
    let next = tokio::time::timeout(Duration::from_secs(40), next).await;
    let next = next.expect("another agent");
    assert_eq!(agents(), [next]);
    caller.close().await.unwrap();
    deaf.stop().await;
}
