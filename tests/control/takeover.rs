//! An agent that dies after the database was away.

use std::time::Duration;

use livekit::participant::ParticipantKind;
use serde_json::json;
use sidetone_testkit::{FakeOpenAi, Postgres, Timing};

use super::guard::{Deaf, ready, voices, worker_process};
use super::served;
use crate::support::api::{LOGIN_SECRET, user};

/// While the database is away nobody is taken for dead, and the caller hears its agent; afterwards a death
/// is noticed as before. (`make faults` has an outage of 40 s.)
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_dies_after_an_outage_of_the_database_is_replaced() {
    let mut postgres = Postgres::start();
    let database = ("DATABASE_URL", postgres.url());
    let login = ("SIDETONE_JWT_SECRET", LOGIN_SECRET.to_owned());
    let deaf = Deaf::start_with(vec![login, database.clone()]).await;
    // Those that are counted below are there.
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
