//! Many agents that die at the same time.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use serde_json::json;
use sidetone::worker::Job;
use sidetone_base::clock;
use sidetone_control_plane::control::ControlConfig;
use sidetone_control_plane::dispatch::guardian::GuardianConfig;
use sidetone_store::DispatchMetadata;
use sidetone_store::dispatches::DispatchState;
use sidetone_store::epochs::Agent;
use uuid::Uuid;

use super::guard::Deaf;
use super::{Worker, impatient};
use crate::support::api::{Setup, user};

/// Calls of one worker.
const CALLS: usize = 25;

/// The accepted jobs, by room.
type Jobs = BTreeMap<String, Vec<Job>>;

impl Worker {
    /// Adds the jobs accepted since the last call.
    fn tell_of(&mut self, jobs: &mut Jobs) {
        while let Ok(job) = self.jobs.try_recv() {
            jobs.entry(job.room_name.clone()).or_default().push(job);
        }
    }
}

/// What a job's agent stores about itself.
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

/// Whether every room has an agent for its latest dispatch.
async fn all_are_held(deaf: &Deaf, taken: &Jobs) -> bool {
    let mut held = 0;
    for (room, jobs) in taken {
        let row = deaf.api.store.agent_in(room).await.unwrap().unwrap();
        let newest = Some(row.epoch);
        held += usize::from(jobs.iter().any(|job| agent_of(job, None).epoch == newest));
    }
    held == CALLS
}

/// The worker that held twenty-five calls dies. Two that take some of them are left, and a third one comes later: jobs
/// that LiveKit drops in the meantime are dispatched again, and no room gets two agents of its own.
#[tokio::test(flavor = "multi_thread")]
async fn the_calls_of_a_dead_worker_are_spread_and_asked_for_until_all_are_held() {
    let control = ControlConfig {
        guardian: GuardianConfig {
            // These agents join no room, but are waited for nevertheless.
            patience_taken: Duration::from_secs(60),
            ..GuardianConfig::default()
        },
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
    // LiveKit drops some jobs while the worker counts those it has just taken, and they are dispatched again.
    let mut held = Jobs::new();
    let joined = clock::now();
    while !all_are_held(&deaf, &held).await {
        assert!(clock::now() - joined < Duration::from_secs(60), "{held:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
        first.tell_of(&mut held);
    }
    let mut next = [
        Worker::of_size(&deaf.server, 8).await,
        Worker::of_size(&deaf.server, 8).await,
    ];
    // The agents of a worker that was never heard from: it counts as dead, with all of them at once.
    let dies = Uuid::new_v4();
    for job in held.values().flatten() {
        // Of jobs from earlier dispatches, it is not the room's own.
        let agent = agent_of(job, Some(dies));
        deaf.api.store.agent_runs(&agent).await.unwrap();
    }
    drop(first);
    let began = clock::now();
    let mut taken = Jobs::new();
    let mut third: Option<Worker> = None;
    while !all_are_held(&deaf, &taken).await {
        let waited = clock::now() - began;
        assert!(waited < Duration::from_secs(60), "{taken:?}");
        if third.is_none() && waited > Duration::from_secs(3) {
            third = Some(Worker::of_size(&deaf.server, 40).await);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        for worker in next.iter_mut().chain(&mut third) {
            worker.tell_of(&mut taken);
        }
    }
    println!("all {CALLS} within {:.2?}", clock::now() - began);
    // A job that LiveKit delivered late, after a new dispatch, is not its room's own: of all jobs for a room, exactly
    // one is.
    for (room, jobs) in &taken {
        let row = deaf.api.store.agent_in(room).await.unwrap().unwrap();
        assert_ne!(row.state, DispatchState::Failed, "{room}: {:?}", row.reason);
        let mut own = 0;
        for job in jobs {
            let is_its_own = deaf.api.store.agent_runs(&agent_of(job, None)).await;
            own += usize::from(is_its_own.unwrap());
        }
        assert_eq!(own, 1, "{row:?}, {jobs:?}");
    }
    let shares: Vec<usize> = (next.iter().chain(&third))
        .map(|worker| worker.status.borrow().jobs.len())
        .collect();
    assert!(
        shares.iter().all(|jobs| *jobs > 0),
        "spread over all: {shares:?}"
    );
    join_all(callers.iter().map(|caller| caller.close())).await;
    deaf.stop().await;
}
