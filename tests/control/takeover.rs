//! Agents that die after a database outage, and agents that are paused for a while.

use std::time::Duration;

use chrono::{DateTime, Utc};
use livekit::participant::ParticipantKind;
use serde_json::json;
use sidetone_control_plane::control::ControlConfig;
use sidetone_control_plane::dispatch::guardian::GuardianConfig;
use sidetone_testkit::{FakeOpenAi, Postgres, Timing};

use super::guard::{Deaf, ready, voices, worker_process};
use super::people::write;
use super::{impatient, served};
use crate::support::api::{LOGIN_SECRET, user};
use crate::support::{eventually, signal};

/// During a database outage no agent counts as dead, and the caller hears its agent; afterwards a death is noticed as
/// before. (`make faults` has an outage of 40 s.)
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_dies_after_an_outage_of_the_database_is_replaced() {
    let mut postgres = Postgres::start();
    let database = ("DATABASE_URL", postgres.url());
    let login = ("SIDETONE_JWT_SECRET", LOGIN_SECRET.to_owned());
    let deaf = Deaf::start_with(vec![login, database.clone()]).await;
    // The only workers are those that are counted below.
    deaf.api.no_worker().await;
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
    assert_eq!(agents(), std::slice::from_ref(&first), "it was not dead");
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

/// A process that is paused and resumed is neither dead nor up to date: what waited in its sockets is old, and its
/// agent says nothing more and records nothing as said.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_whose_process_was_stopped_does_not_go_on_where_another_has_taken_over() {
    let postgres = Postgres::start();
    let database = ("DATABASE_URL", postgres.url());
    let login = ("SIDETONE_JWT_SECRET", LOGIN_SECRET.to_owned());
    // LiveKit also offers the job to the paused worker, at random, and waits ten seconds for its answer.
    let control = ControlConfig {
        guardian: GuardianConfig {
            limit: 20,
            ..GuardianConfig::default()
        },
        ..impatient()
    };
    let deaf = Deaf::start_as(vec![login, database.clone()], control).await;
    deaf.api.no_worker().await;
    let provider = FakeOpenAi::start(Timing::default()).await;
    let data = tempfile::tempdir().unwrap();
    let mut variables = served::variables(&deaf.server, &provider, data.path());
    variables.push(database);
    let stops = worker_process(&variables);
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
    let path = format!("/api/voice/history/{}", token["callId"].as_str().unwrap());
    eventually("the greeting is over", 30, async || {
        let (_, call) = deaf.api.get(&path, &ann).await;
        (!call["turns"][0]["endedAt"].is_null()).then_some(())
    })
    .await;

    signal(stops.id().unwrap(), "STOP");
    let stopped_at = sidetone_store::now();
    // The paused agent reads this as soon as it is resumed.
    write(&caller, "When do you open?").await;
    let next = async {
        loop {
            let (identity, _) = voices.recv().await.unwrap();
            if identity != first {
                return;
            }
        }
    };
    let next = tokio::time::timeout(Duration::from_secs(60), next).await;
    next.expect("another agent");
    signal(stops.id().unwrap(), "CONT");
    // Enough time for it to have answered.
    tokio::time::sleep(Duration::from_secs(4)).await;
    caller.close().await.unwrap();
    let call = eventually("a call that is over", 20, async || {
        let (_, call) = deaf.api.get(&path, &ann).await;
        (call["status"] == "completed").then_some(call)
    })
    .await;
    let job = first.trim_start_matches("agent-");
    for turn in call["turns"].as_array().unwrap() {
        let began: DateTime<Utc> = turn["startedAt"].as_str().unwrap().parse().unwrap();
        let is_its_own = turn["turnId"].as_str().unwrap().starts_with(job);
        let is_said = turn["speaker"] == "agent" && is_its_own && began > stopped_at;
        assert!(!is_said, "nobody has heard it: {turn:#}");
    }
    deaf.stop().await;
}
