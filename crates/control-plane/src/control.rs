//! What the control plane does between requests: works through LiveKit's events, guards
//! dispatches, compares with LiveKit what it believes, deletes what is past its time.

mod arrivals;
pub mod editions;
pub mod egress;
mod elsewhere;
pub mod guard;
pub mod inbox;
mod leave;
mod left_alone;
pub(crate) mod news;
pub mod orders;
pub mod outbound;
mod outbox;
pub mod participant;
pub mod reconcile;
pub mod retention;
pub mod rooms;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, Notify};
use tokio::time::sleep;

use crate::dispatch::Dispatcher;
use crate::dispatch::guardian::GuardianConfig;
use crate::server_api::ServerApi;
use sidetone_base::lanes::{Lanes, Width};
use sidetone_base::supervise::{Needed, Supervisor};
use sidetone_config::env::LiveKit;
use sidetone_config::secret::Secret;
use sidetone_store::dispatches::DispatchState;
use sidetone_store::{Call, DispatchMetadata, Fact, Store, StoreError};

use arrivals::Arrivals;
use egress::{EgressPlan, Egresses};
use guard::Guard;
use outbound::TELEPHONES;
use rooms::{Alone, Notice};

/// Messages to rooms; LiveKit may take its ten seconds for each.
const MESSAGES: Width = Width {
    at_once: 16,
    in_all: 256,
    deadline: Duration::from_secs(15),
};

/// A message that nobody repeats is sent so long after the one before: whoever is told may just be joining.
const SAID_AFTER: [Duration; 3] = [
    Duration::ZERO,
    Duration::from_secs(1),
    Duration::from_secs(3),
];

/// How the background work is done.
#[derive(Clone, Debug)]
pub struct ControlConfig {
    /// Name that dispatches ask for.
    pub agent_name: String,
    /// Patience with agents.
    pub guardian: GuardianConfig,
    /// Time between comparisons with LiveKit.
    pub reconcile_every: Duration,
    /// A room that is gone is looked for once more after this: a server that is started again has no
    /// rooms until everybody is back.
    pub look_twice: Duration,
    /// Age at which a call's personal data is deleted; none: kept. LiveKit's events go after 30 days,
    /// or after so many.
    pub retention_days: Option<u32>,
    /// Signs what is told of calls that are over; none: nothing is told.
    pub webhook_secret: Option<Secret>,
    /// Which calls LiveKit's Egress records.
    pub egress: EgressPlan,
    /// Most agents that one user's calls may have at once.
    pub calls_of_user: i64,
    /// Jobs name the edition of the agents' files that their call is held with.
    pub names_editions: bool,
}

impl ControlConfig {
    /// Defaults: reconcile every minute, keep what is stored.
    pub fn new(agent_name: impl Into<String>) -> Self {
        Self {
            agent_name: agent_name.into(),
            guardian: GuardianConfig::default(),
            reconcile_every: Duration::from_secs(60),
            look_twice: Duration::from_secs(20),
            retention_days: None,
            webhook_secret: None,
            egress: EgressPlan::default(),
            calls_of_user: i64::MAX,
            names_editions: false,
        }
    }
}

/// A handle on the background work; cheap to clone.
#[derive(Clone, Debug)]
pub struct Control {
    /// Where everything is kept.
    pub store: Store,
    /// Asks for agents and sees to it that they come.
    pub guard: Guard,
    /// LiveKit's server.
    pub livekit: ServerApi,
    /// Recordings by LiveKit's Egress.
    pub egresses: Egresses,
    events: Arc<Notify>,
    arrivals: Arrivals,
    /// Messages to rooms on their way, of each room in order.
    messages: Lanes,
    /// Telephones that ring, by call.
    telephones: Lanes,
    look_twice: Duration,
    calls_of_user: i64,
}

impl Control {
    /// Starts the background tasks under `supervisor`.
    pub fn start(
        store: Store,
        livekit: &LiveKit,
        config: ControlConfig,
        supervisor: &mut Supervisor,
    ) -> Self {
        let livekit = ServerApi::new(livekit);
        let dispatcher = Arc::new(Dispatcher::new(livekit.clone(), config.agent_name));
        let (guard, guard_driver) = guard::driver(
            config.guardian,
            store.clone(),
            dispatcher,
            livekit.clone(),
            config.names_editions,
        );
        let egresses = Egresses::new(livekit.clone(), store.clone(), config.egress);
        let (arrivals, rooms) = Arrivals::new();
        let control = Self {
            egresses,
            store,
            guard,
            livekit,
            events: Arc::new(Notify::new()),
            arrivals,
            messages: Lanes::new("messages", MESSAGES),
            telephones: Lanes::new("telephones", TELEPHONES),
            look_twice: config.look_twice,
            calls_of_user: config.calls_of_user,
        };
        let work = control.egresses.clone();
        supervisor.spawn("egress", Needed::Later, move |stop| {
            egress::run(work.clone(), stop)
        });
        supervisor.spawn("guard", Needed::ByCalls, move |stop| {
            guard_driver.clone().run(stop)
        });
        let work = control.clone();
        supervisor.spawn("inbox", Needed::ByCalls, move |stop| {
            inbox::run(work.clone(), stop)
        });
        let (work, rooms) = (control.clone(), Arc::new(Mutex::new(rooms)));
        supervisor.spawn("arrivals", Needed::ByCalls, move |stop| {
            arrivals::run(work.clone(), Arc::clone(&rooms), stop)
        });
        let (work, every) = (control.clone(), config.reconcile_every);
        supervisor.spawn("reconciliation", Needed::Later, move |stop| {
            reconcile::run(work.clone(), every, stop)
        });
        let (work, days) = (control.store.clone(), config.retention_days);
        supervisor.spawn("retention", Needed::Later, move |stop| {
            retention::run(work.clone(), days, stop)
        });
        if let Some(secret) = config.webhook_secret {
            let work = control.store.clone();
            supervisor.spawn("webhooks", Needed::Later, move |stop| {
                outbox::run(work.clone(), secret.clone(), stop)
            });
        }
        control
    }

    /// Says that an event was written down.
    pub fn event_kept(&self) {
        self.events.notify_one();
    }

    /// Asks for the agent of a call that somebody has joined, without waiting for LiveKit; unless its user
    /// has as many as may be: then the call fails, and says so.
    ///
    /// # Errors
    /// The database did not answer.
    async fn ask_for(&self, call: &Call, metadata: &DispatchMetadata) -> Result<(), StoreError> {
        let (room, user) = (&call.room_name, &call.caller_id);
        if self.store.agents_of_user(user, room).await? < self.calls_of_user {
            return self.guard.ask_for(room, metadata).await;
        }
        tracing::warn!(call_id = %call.id, "a user has too many calls at once");
        let reason = "the user has too many calls at once (SIDETONE_USER_CALLS)";
        let failed = [Fact::Failed(sidetone_store::now(), reason.to_owned())];
        self.store.observe(call.id, None, &failed).await?;
        let told = Notice::Failed(Alone::TooManyCalls);
        let (livekit, to, call_id) = (self.livekit.clone(), room.clone(), call.id);
        let tell = async move {
            // A client takes no data yet when its joining is told, and nobody else will tell it.
            for pause in SAID_AFTER {
                sleep(pause).await;
                if let Err(error) = rooms::tell(&livekit, &to, told).await {
                    tracing::debug!(%call_id, %error, "the caller could not be told");
                }
            }
            if let Err(error) = rooms::hang_up(&livekit, &to).await {
                tracing::warn!(%call_id, %error, "the telephone could not be hung up: its line may stay open without an agent");
            }
        };
        // Not waited for: this is asked by loops that serve all calls.
        if let Err(full) = self.messages.run(room, tell) {
            tracing::debug!(%call_id, %full, "the caller could not be told");
        }
        Ok(())
    }

    /// Says that a room's agent has ended on purpose, or its room: it is not replaced. One that failed stays
    /// so.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn agent_ended(&self, room: &str) -> Result<(), StoreError> {
        let agent = self.store.agent_in(room).await?;
        if let Some(agent) = agent.filter(|agent| agent.state != DispatchState::Failed) {
            let (ended, now) = (DispatchState::Ended, sidetone_store::now());
            let noted = self.store.agent_is(room, agent.epoch, ended, now, None);
            noted.await?;
        }
        self.guard.over(room).await;
        Ok(())
    }
}
