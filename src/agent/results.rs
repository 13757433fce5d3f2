//! Makes the results of finished calls outside of their jobs: by then LiveKit knows that the job has ended, and the
//! agent has left the room. A result is recorded as owed before the agent leaves, so if the process that held the
//! call dies, [`run`] makes it in another one.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::editions::Editions;
use super::record::{self, Notes};
use super::result::{self, Happened};
use super::spool::{Entry, Spool};
use sidetone_base::clock;
use sidetone_base::lanes::{Lanes, Width};
use sidetone_call::clients::Clients;
use sidetone_call::{Llm, Meter, Providers};
use sidetone_config::agent::AgentConfig;
use sidetone_store::owed::Owed;
use sidetone_store::results::CallResult;
use sidetone_store::{Store, StoreError};

/// How often to look for overdue results.
const LOOK: Duration = Duration::from_secs(15);
/// Added to the model's timeout before a result counts as overdue.
const SLACK: Duration = Duration::from_secs(15);
/// How long a process may work on an overdue result: longer than any agent's `result.timeout`.
const LEASE: TimeDelta = TimeDelta::seconds(150);
/// Overdue results made at once: one agent's slow model holds up no other agent's results.
const WIDTH: Width = Width {
    at_once: 4,
    in_all: 4,
    deadline: Duration::from_secs(LEASE.num_seconds().unsigned_abs()),
};
/// Attempts at an overdue result.
const TRIES: i32 = 3;
/// The entry in a call's figures for the cost of an overdue result.
const OVERDUE: &str = "result";

/// Makes results; cheap to clone.
#[derive(Clone)]
pub struct Results {
    store: Store,
    spool: Spool,
    /// Results in progress.
    tasks: TaskTracker,
}

impl Results {
    /// None is being made.
    pub fn new(store: Store, spool: Spool) -> Self {
        Self {
            store,
            spool,
            tasks: TaskTracker::new(),
        }
    }

    /// The record entry for the result that the agent's file asks for. `None` if it asks for none.
    pub(super) fn owed(&self, agent: &AgentConfig) -> Option<Entry> {
        agent.result.schema.as_ref()?;
        let at = sidetone_store::now();
        Some(Entry::ResultOwed {
            agent: agent.name.clone(),
            at,
            due_at: at + agent.result.timeout + SLACK,
        })
    }

    /// Makes the result of a call that has just ended, in the background.
    pub(super) fn make(
        &self,
        call_id: Uuid,
        agent: &Arc<AgentConfig>,
        model: Arc<dyn Llm>,
        meter: Meter,
        mut notes: Notes,
    ) {
        if agent.result.schema.is_none() {
            return;
        }
        let (this, agent) = (self.clone(), Arc::clone(agent));
        self.tasks.spawn(async move {
            let before = meter.taken();
            let happened = result::happened(&this.store, call_id, &notes);
            let made = result::make(&*model, &agent.result, call_id, happened).await;
            let took = notes.result_took(before, meter.taken());
            let entries = made.map(Entry::Result).into_iter().chain(took);
            record::write(&this.store, &this.spool, call_id, entries).await;
        });
    }

    /// Waits for the results in progress, up to a deadline; another process makes the rest.
    pub async fn made(&self, within: Duration) {
        self.tasks.close();
        if timeout(within, self.tasks.wait()).await.is_err() {
            let left = self.tasks.len();
            tracing::warn!(left, "results of calls are left to another process");
        }
    }
}

/// Makes overdue results until `stop`. Runs in every process that has agents.
pub async fn run(
    results: Results,
    editions: Arc<Editions>,
    clients: Clients,
    stop: CancellationToken,
) {
    let lanes = Lanes::new("results", WIDTH);
    loop {
        let look = async {
            let (now, free) = (sidetone_store::now(), lanes.free());
            for owed in results.store.take_owed(now, LEASE, free as i64).await? {
                let (results, editions, clients) =
                    (results.clone(), Arc::clone(&editions), clients.clone());
                let call_id = owed.call_id;
                let make = async move {
                    if let Err(error) = overdue(&results, &editions, &clients, &owed).await {
                        tracing::warn!(%error, %call_id, "an overdue result waits for the database");
                    }
                };
                if let Err(full) = lanes.run(&call_id.to_string(), make) {
                    tracing::debug!(%full, %call_id, "an overdue result waits");
                }
            }
            Ok::<_, StoreError>(())
        };
        match stop.run_until_cancelled(look).await {
            None => return,
            Some(Ok(())) => {}
            // Those already claimed are claimed again when their lease expires.
            Some(Err(error)) => tracing::warn!(%error, "overdue results cannot be made"),
        }
        if stop.run_until_cancelled(sleep(LOOK)).await.is_none() {
            return;
        }
    }
}

/// Makes an overdue result from what the database knows of its call.
async fn overdue(
    results: &Results,
    editions: &Editions,
    clients: &Clients,
    owed: &Owed,
) -> Result<(), StoreError> {
    let (store, call_id) = (&results.store, owed.call_id);
    let held_by = store.version_of_call(call_id).await?;
    let edition = held_by.and_then(|by| by.edition);
    let roster = editions.named(edition.as_deref()).await;
    let Ok(team) = roster.team(&owed.agent) else {
        // Another process may have the agent's file.
        return give_up(store, owed, "no process has the agent's file").await;
    };
    if owed.tries > TRIES {
        return give_up(store, owed, "each process that made it ended early").await;
    }
    tracing::info!(%call_id, agent = owed.agent, "an overdue result is made");
    let agent = clients.settle(team[0].variant_of(call_id));
    let (meter, providers) = (
        Meter::default(),
        Providers::from(Arc::new(clients.for_call(&agent))),
    );
    let a_minute = agent.limits.budget.questions_a_minute;
    let model = meter.count(providers, a_minute).llm;
    let happened: Happened = (
        store.turns(call_id).await?,
        store.tool_calls(call_id).await?,
    );
    let before = meter.taken();
    let Some(made) = result::make(&*model, &agent.result, call_id, ready(happened)).await else {
        return give_up(store, owed, "the agent's file no longer asks for a result").await;
    };
    store.save_result(call_id, &made).await?;
    let mut notes = Notes::new(OVERDUE, clock::wall());
    if let Some(took) = notes.result_took(before, meter.taken()) {
        took.store(store, call_id).await?;
    }
    Ok(())
}

/// The last attempt has failed: the result's receiver is told why there is none.
async fn give_up(store: &Store, owed: &Owed, why: &str) -> Result<(), StoreError> {
    if owed.tries < TRIES {
        return Ok(());
    }
    let call_id = owed.call_id;
    tracing::error!(%call_id, agent = owed.agent, why, "no result of the call");
    let made = CallResult {
        result: None,
        error: Some(format!("the result could not be made: {why}")),
        made_at: sidetone_store::now(),
    };
    store.save_result(call_id, &made).await.map(|_| ())
}
