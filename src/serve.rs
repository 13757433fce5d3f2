//! Assembles a process: control plane, agent worker and, without a provider's key, the local models.

mod local_models;
mod shared;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use sidetone_models::Loaded;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::agent::editions::Editions;
use crate::agent::end_of_turn::SmartTurn;
use crate::agent::record::counted;
use crate::agent::results::{self, Results};
use crate::agent::spool::{self, Spool};
use crate::agent::warm::HINTS;
use crate::agent::{Agents, DEFAULT_AGENT, phrases, presence};
use crate::env_files;
use crate::health;
use crate::recorder::{self, Recorder};
use crate::shop;
use crate::telemetry::otlp::Exporter;
use crate::worker::threads::{OnThreads, Threads};
use crate::worker::{self, LoadMeasure, Shutdown, WorkerSettings};
use local_models::LocalModels;
use sidetone_base::WorkerStatus;
use sidetone_base::clock;
use sidetone_base::metrics::{metrics, watch_lag};
use sidetone_base::private::{self, Holds};
use sidetone_base::supervise::{Needed, Supervisor};
use sidetone_base::trace::Tracer;
use sidetone_call::clients::Clients;
use sidetone_config::agent::Voice;
use sidetone_config::agents_from::AgentsFrom;
use sidetone_config::env::{Env, LiveKit};
use sidetone_config::folder::{AgentFolder, AgentNames};
use sidetone_config::secret::Secrets;
use sidetone_control_plane::control::egress::EgressPlan;
use sidetone_control_plane::control::{Control, ControlConfig};
use sidetone_control_plane::http::auth::Auth;
use sidetone_control_plane::http::limits::Rate;
use sidetone_control_plane::http::ui::UiSettings;
use sidetone_control_plane::http::{self, AppState, HttpConfig};
use sidetone_control_plane::server_api::ServerApi;
use sidetone_http_server::descriptors;
use sidetone_recording::Recordings;
use sidetone_store::{DispatchMetadata, Store};

/// How long a process waits for the results of its last calls; another process makes the rest.
const RESULTS: Duration = Duration::from_secs(30);

/// How long a process that is ending waits for the collector to take its last spans.
const SPANS: Duration = Duration::from_secs(3);

/// From the end of the drain time to the end of the process at the latest: the last calls are handed over, or end with a
/// sentence ([`LeaveBy::HANDED_OVER`](sidetone_base::leave::LeaveBy::HANDED_OVER)), their results are made
/// ([`RESULTS`]), everything else is closed, and the last spans are sent ([`SPANS`]).
pub const AFTER_DRAIN: Duration = Duration::from_secs(60);

/// The parts of a process.
pub struct Process {
    /// The environment.
    pub env: Env,
    /// Folder of agent configuration files.
    pub agents: PathBuf,
    /// Where the control plane listens. `None` for a worker alone.
    pub listener: Option<TcpListener>,
    /// Local models that are already loaded; otherwise they are loaded if no key is set.
    pub models: Option<Loaded>,
    /// How the worker measures its load. `None` for a control plane alone.
    pub worker: Option<LoadMeasure>,
}

/// Runs the process until `shutdown`; then the worker drains first and the control plane ends last, so that the ends of
/// calls are still stored. It has ended [`AFTER_DRAIN`] after the drain time at the latest, and a worker without calls
/// at once.
///
/// # Errors
/// If something cannot be set up; the message says what to do. Failures while running are handled where they occur.
pub async fn serve(process: Process, shutdown: impl Into<Shutdown>) -> anyhow::Result<()> {
    let shutdown = shutdown.into();
    let Process {
        env,
        agents,
        listener,
        models,
        worker,
    } = process;
    warn(&env);
    // For what outlives the drain.
    let closing = CancellationToken::new();
    let _closed = closing.clone().drop_guard();
    let mut tasks = Supervisor::new(closing.clone());
    tasks.spawn("loop lag", Needed::Later, watch_lag);
    let local_models = worker.is_some() && env.uses_local_models();
    let agents = Arc::new(AgentFolder::open_on(agents, Secrets::read(), local_models));
    let (status, watched) = watch::channel(WorkerStatus::default());
    let threads = worker.is_some().then(Threads::start).transpose();
    let threads = threads.context("starting the threads of calls")?;
    // They outlive the worker: what a job leaves to be done after it goes on there.
    let threads = threads.map(Arc::new);
    if let Some(threads) = &threads {
        threads.on_each(|| watch_lag(closing.clone()));
    }
    if let (None, Some(address)) = (&listener, env.health_address) {
        let beats = threads.as_ref().map(|threads| threads.beats(health::BEAT));
        let livekit = env.livekit.as_ref().err().map(ToString::to_string);
        health::start(
            address,
            livekit,
            &agents,
            watched.clone(),
            beats.unwrap_or_default(),
            &mut tasks,
            &closing,
        )?;
    }
    let store = Store::open(&env.database)
        .await
        .context("opening the database")?;
    tasks.spawn("file descriptors", Needed::Later, descriptors::watch);
    let folder = Arc::clone(&agents);
    tasks.spawn("agent files", Needed::Later, move |stop| {
        let folder = Arc::clone(&folder);
        async move { folder.watch(stop).await }
    });
    let editions = shared::share(&env, &agents, &store, listener.is_some(), &mut tasks).await;
    let recordings = Recordings::new(store.clone(), &env.data_dir, &env.recording)?;
    let kept = recordings.clone();
    tasks.spawn("recordings", Needed::Later, move |stop| {
        sidetone_recording::upkeep::run(kept.clone(), stop)
    });
    let spool = Spool::new(&env.data_dir);
    let (left, into) = (spool.clone(), store.clone());
    tasks.spawn("spool", Needed::Later, move |stop| {
        spool::upkeep::run(left.clone(), into.clone(), stop)
    });
    let (tracer, exporter) = Exporter::new(env.traces.as_ref())?;
    if let Some(exporter) = exporter.clone() {
        tasks.spawn("spans", Needed::Later, move |stop| {
            exporter.clone().run(stop)
        });
    }
    let (hints, awaited) = mpsc::channel(HINTS);
    let serving = match listener {
        Some(listener) => {
            let watched = worker.is_some().then_some((watched, hints));
            let (watched, awaited) = watched.unzip();
            let http = HttpConfig {
                recordings: Some(recordings.clone()),
                awaited,
                closing: closing.clone(),
                tracer: tracer.clone(),
                ..HttpConfig::default()
            };
            let state = control_plane(&env, &agents, &store, http, &mut tasks, watched)?;
            let router = http::prefix::also_under(env.path_prefix(), http::router(state));
            tracing::info!(address = %listener.local_addr()?, "the control plane is up");
            let server = http::server(env.trusted_proxies.clone());
            Some(tokio::spawn(server.serve(
                listener,
                router,
                closing.clone(),
            )))
        }
        None => None,
    };
    let worked = match worker.zip(threads.clone()) {
        Some((load, threads)) => {
            let worker = Worker {
                env: &env,
                threads,
                agents,
                editions,
                store: store.clone(),
                spool,
                recordings,
                models,
                load,
                status,
                awaited,
                tracer,
            };
            let worked = worker.run(&shutdown, &closing, &mut tasks).await;
            // A worker that was drained by request ends as if by a signal; a control plane stays.
            if serving.is_some() && worked.is_ok() {
                shutdown.drain.cancelled().await;
            }
            worked
        }
        None => {
            shutdown.drain.cancelled().await;
            Ok(())
        }
    };
    closing.cancel();
    let served = ended(serving).await;
    tasks.ended().await;
    if let Some(exporter) = exporter {
        exporter.end(clock::now() + SPANS).await;
    }
    store.close().await;
    worked.and(served)
}

/// Logs what an operator should know about the setup.
fn warn(env: &Env) {
    let livekit = env.livekit.as_ref().ok();
    let open = env.private_paths().into_iter();
    let open = open.filter_map(|path| private::too_open(&path, Holds::Calls));
    let open = open.chain(env_files::too_open());
    let open = open.map(|open| format!("{open}; {}", open.fix()));
    let warnings = [
        livekit.and_then(LiveKit::in_the_clear),
        livekit.and_then(LiveKit::weak_secret),
        env.user_login.too_trusting(),
    ];
    for warning in warnings.into_iter().flatten().chain(open) {
        tracing::warn!("{warning}");
    }
}

/// Builds the control plane's state and starts its background work. `http` contains what the rest of the process
/// provides.
fn control_plane(
    env: &Env,
    agents: &Arc<AgentFolder>,
    store: &Store,
    http: HttpConfig,
    tasks: &mut Supervisor,
    worker: Option<watch::Receiver<WorkerStatus>>,
) -> anyhow::Result<AppState> {
    let config = ControlConfig {
        retention_days: env.retention_days,
        webhook_secret: env.call_webhook.secret.clone(),
        calls_of_user: http::allowance(&env.user_limits).at_once,
        names_editions: env.agents == AgentsFrom::Store,
        egress: EgressPlan {
            bucket: env.recording.bucket.clone(),
            default_mode: env.recording.default_mode,
            agents: Some(Arc::clone(agents)),
        },
        ..ControlConfig::new(&env.agent_name)
    };
    let voice = env.livekit.clone().map(|livekit| {
        let control = Control::start(store.clone(), &livekit, config, tasks);
        http::LiveKitSide { livekit, control }
    });
    if let Err(missing) = &voice {
        tracing::warn!("{missing}");
    }
    let http = HttpConfig {
        cors_origins: env.cors_origins.clone(),
        agents: AgentNames::In(Arc::clone(agents)),
        pages: Some(pages(env, agents)),
        trusted_proxies: env.trusted_proxies.clone(),
        tasks: tasks.health(),
        write_rate: Rate::a_minute(env.user_limits.requests_a_minute),
        allowance: http::allowance(&env.user_limits),
        ..http
    };
    Ok(AppState::new(
        store.clone(),
        voice,
        Auth::new(env)?,
        http,
        worker,
    ))
}

/// What the web pages are told: they may connect to LiveKit's address.
fn pages(env: &Env, agents: &AgentFolder) -> UiSettings {
    let is_shop = env.demo && agents.names().contains(shop::AGENT);
    let (agent, questions) = match is_shop {
        true => (shop::AGENT, shop::questions(env)),
        false => (DEFAULT_AGENT, &[][..]),
    };
    UiSettings {
        default_agent: Some(agent.to_owned()),
        questions,
        voices: Voice::KNOWN.map(str::to_owned).to_vec(),
        default_voice: Voice::default().to_string(),
        livekit_url: env
            .livekit
            .as_ref()
            .ok()
            .map(|livekit| livekit.for_callers().to_owned()),
        bucket_url: env.recording.bucket.as_ref().map(|bucket| bucket.url("")),
    }
}

/// The agent worker and what it needs.
struct Worker<'a> {
    env: &'a Env,
    /// Where its calls run.
    threads: Arc<Threads>,
    agents: Arc<AgentFolder>,
    editions: Arc<Editions>,
    store: Store,
    spool: Spool,
    recordings: Recordings,
    models: Option<Loaded>,
    load: LoadMeasure,
    status: watch::Sender<WorkerStatus>,
    /// Agents that tokens wait for.
    awaited: mpsc::Receiver<DispatchMetadata>,
    tracer: Tracer,
}

impl Worker<'_> {
    async fn run(
        self,
        shutdown: &Shutdown,
        closing: &CancellationToken,
        tasks: &mut Supervisor,
    ) -> anyhow::Result<()> {
        let Self {
            env,
            threads,
            agents,
            editions,
            store,
            spool,
            recordings,
            models,
            load,
            status,
            awaited,
            tracer,
        } = self;
        // A mistake in the default agent is found at start, not by the first caller.
        let agent = agents.team(DEFAULT_AGENT)?.swap_remove(0);
        let livekit = match &env.livekit {
            Ok(livekit) => livekit.clone(),
            Err(missing) => {
                // The control plane reports this to whoever asks; there is nothing to work for.
                tracing::error!("this process runs no agents: {missing}");
                shutdown.drain.cancelled().await;
                return Ok(());
            }
        };
        let local = LocalModels::start_if_needed(env, models, &agent, closing).await?;
        let clients = Clients::new(env, local.as_ref().map(|local| local.address))?;
        clients.prewarm().await;
        phrases::speak_ahead(&agents, &clients).await;
        let settings = WorkerSettings {
            max_jobs: env.max_calls,
            load,
            drain_timeout: env.drain_time,
            ..WorkerSettings::new(livekit.clone(), &env.agent_name)
        };
        let end_of_turn = env.end_of_turn.then(SmartTurn::default);
        let _loading = end_of_turn
            .clone()
            .map(|model| AbortOnDropHandle::new(tokio::spawn(model.load())));
        let results = Results::new(store.clone(), spool.clone());
        let (left, files, asked) = (results.clone(), Arc::clone(&editions), clients.clone());
        tasks.spawn("results", Needed::Later, move |stop| {
            results::run(left.clone(), Arc::clone(&files), asked.clone(), stop)
        });
        counted::expect(agents.names());
        metrics().workers.slots.set(settings.max_jobs as i64);
        let me = presence::introduce(&env.agent_name, env.max_calls);
        let recorder = Arc::new(Recorder {
            livekit: livekit.clone(),
            api: ServerApi::new(&livekit),
            store: store.clone(),
            recordings: recordings.clone(),
            holder: me.id,
        });
        tasks.spawn("recorder", Needed::Later, move |stop| {
            recorder::run(Arc::clone(&recorder), stop)
        });
        let files = Arc::clone(&agents);
        let runner = Arc::new(Agents {
            agents,
            editions,
            worker: me.id,
            store: store.clone(),
            spool,
            results: results.clone(),
            clients,
            end_of_turn,
            recordings,
            livekit: ServerApi::new(&livekit),
            call_webhook: env.call_webhook.clone(),
            unknown: env.unknown_agent,
            tracer,
        });
        let (warming, ends) = (Arc::clone(&runner), closing.clone());
        let _warming = AbortOnDropHandle::new(tokio::spawn(async move {
            warming.warm(awaited, ends).await;
        }));
        // Drained by a signal to the process, or by a request in the store.
        let shutdown = Shutdown {
            drain: shutdown.drain.child_token(),
            end_calls: shutdown.end_calls.clone(),
        };
        let (seen, own, beats) = (status.subscribe(), me.id, store.clone());
        tasks.spawn("heartbeat", Needed::Later, move |stop| {
            presence::beat(beats.clone(), own, seen.clone(), stop)
        });
        let (seen, drained) = (status.subscribe(), shutdown.drain.clone());
        let drain_time = env.drain_time;
        tasks.spawn("presence", Needed::Later, move |stop| {
            presence::run(
                store.clone(),
                Arc::clone(&files),
                me.clone(),
                seen.clone(),
                drained.clone(),
                drain_time,
                stop,
            )
        });
        let jobs = Arc::new(OnThreads { runner, threads });
        let worked = worker::run(settings, jobs, shutdown, status).await;
        results.made(RESULTS).await;
        if let Some(local) = local {
            local.end().await;
        }
        Ok(worked?)
    }
}

/// Waits for a server's task.
async fn ended(task: Option<JoinHandle<std::io::Result<()>>>) -> anyhow::Result<()> {
    match task {
        Some(task) => Ok(task.await??),
        None => Ok(()),
    }
}
