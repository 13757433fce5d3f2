//! What a pool with many open calls asks of its database and its control plane: 1,000 calls on SQLite and on Postgres,
//! and 10,000 on Postgres. The control plane is the real program, Postgres a real one that waits for its disk;
//! LiveKit's HTTP interface is stood in for. Prints a Markdown table for docs/scale.md.
//!
//! `make bench-scale`, or `cargo bench --profile dev --bench scale -- --calls 1000`.

#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

mod database;
mod livekit;
mod plane;
#[path = "../conversation/process.rs"]
mod process;
mod store;
mod webhooks;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use chrono::DateTime;
use sidetone_config::env::Env;
use sidetone_store::{At, Store};
use sidetone_testkit::postgres::Postgres;
use sqlx::{PgPool, SqlitePool};

use database::Sql;
use livekit::LiveKit;
use plane::Plane;
use process::Tree;
use store::Beats;
use webhooks::{EVENTS, Pace};

const KEY: &str = "APIbench";
const SECRET: &str = "a-secret-of-at-least-thirty-two-characters";
/// What LiveKit says that a room may carry.
const CODECS: [&str; 10] = [
    "audio/PCMU",
    "audio/PCMA",
    "audio/opus",
    "audio/red",
    "video/VP8",
    "video/H264",
    "video/VP9",
    "video/AV1",
    "video/H265",
    "video/rtx",
];
/// When all calls began, in ms since 1970.
pub const BEGAN: i64 = 1_795_360_142_000;
/// Calls that a worker holds: `SIDETONE_MAX_CALLS`, unless somebody sets it.
pub const PER_WORKER: usize = 25;

/// How long an average call lasts; that decides how many come and go.
const CALL: Duration = Duration::from_secs(180);
/// How long is measured what goes on all the time: a whole round of reconciliation.
const WATCHED: Duration = Duration::from_secs(60);
/// Calls whose events come as fast as they are taken.
const BURST: usize = 300;
/// How long events come at the pace of the open calls.
const STREAM: Duration = Duration::from_secs(20);
/// Longest wait until nothing waits any more.
const PATIENCE: Duration = Duration::from_secs(180);

/// One column of the table.
type Figures = Vec<(&'static str, String)>;

#[tokio::main]
async fn main() {
    let mut args = std::env::args().skip_while(|arg| arg != "--calls").skip(1);
    let calls = args.next().unwrap_or_else(|| "1000,10000".into());
    let calls: Vec<usize> = calls.split(',').map(|n| n.parse().unwrap()).collect();
    let mut columns = Vec::new();
    if calls.contains(&1_000) {
        columns.push(("SQLite, 1,000".to_owned(), measure(None, 1_000).await));
    }
    for calls in calls {
        let cluster = Postgres::start_durable();
        let name = format!("Postgres, {calls}");
        columns.push((name, measure(Some(&cluster), calls).await));
    }
    let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    println!(
        "\n| | {} |\n|---|{}",
        names.join(" | "),
        "---|".repeat(names.len())
    );
    let rows = columns.iter().map(|(_, figures)| figures.len()).max();
    for row in 0..rows.unwrap_or_default() {
        let cells = columns.iter().map(|(_, figures)| figures[row].1.as_str());
        let cells: Vec<&str> = cells.collect();
        println!("| {} | {} |", columns[0].1[row].0, cells.join(" | "));
    }
}

async fn measure(cluster: Option<&Postgres>, calls: usize) -> Figures {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let url = cluster.map(Postgres::url);
    let env = Env::from_lookup(|name| match name {
        "SIDETONE_DATA_DIR" => Some(data.clone()),
        "DATABASE_URL" => url.clone(),
        _ => None,
    });
    let store = Store::open(&env.unwrap().database).await.unwrap();
    let sql = match &url {
        Some(url) => Sql::Postgres(PgPool::connect(url).await.unwrap()),
        None => {
            let file = format!("sqlite:{data}/sidetone.db");
            Sql::Sqlite(SqlitePool::connect(&file).await.unwrap())
        }
    };
    let mut figures = Column {
        name: format!("{} with {calls} open calls", store.kind()),
        figures: Vec::new(),
    };
    let workers = sql.fill(&store, calls).await;
    store::queries(&store, calls, &workers, &mut figures).await;
    let database = cluster.map(|cluster| Tree::of(cluster.pid()));
    store::turns(&store, calls, database.as_ref(), &mut figures).await;

    let livekit = LiveKit::default();
    for n in 1..=calls {
        let name = format!("open-{n}");
        livekit.room(&name, |room| {
            room.sid = format!("RM_{name}");
            room.caller = true;
            room.agent = true;
        });
    }
    let beats = Beats::start(&store, &workers);
    let host = livekit.start().await;
    let plane = Plane::start(Path::new(&data), url.as_deref(), &host).await;
    let took = settled(&livekit, calls).await;
    figures.add(
        "a control plane that starts has looked into all rooms after",
        seconds(took),
    );
    watch(&plane, database.as_ref(), &livekit, &mut figures).await;
    beats.take();
    burst(&store, &plane, &livekit, &mut figures).await;
    come_and_go(&store, &sql, &plane, &livekit, calls, &mut figures).await;
    figures.add(
        "a worker's heartbeat meanwhile, p50 / p95",
        percentiles(beats.take()),
    );
    drop((beats, plane));
    sql.close().await;
    store.close().await;
    figures.figures
}

/// Waits until the control plane has looked into all rooms: then it asks for a room once a minute.
async fn settled(livekit: &LiveKit, calls: usize) -> Duration {
    const LOOK: Duration = Duration::from_secs(2);
    let begin = now();
    livekit.asked();
    let (mut quiet, mut busy) = (0, Duration::ZERO);
    while quiet < 3 && now() - begin < PATIENCE {
        tokio::time::sleep(LOOK).await;
        let asked = livekit.asked();
        let looks = asked.get("ListParticipants").copied().unwrap_or_default();
        match looks as usize > calls * 2 / 30 {
            true => (quiet, busy) = (0, now() - begin),
            false => quiet += 1,
        }
    }
    busy
}

/// What the open calls cost while nothing happens in them.
async fn watch(plane: &Plane, database: Option<&Tree>, livekit: &LiveKit, figures: &mut Column) {
    let (tree, none) = (plane.tree(), Duration::ZERO);
    let of_database = || database.map_or(none, Tree::cpu);
    livekit.asked();
    let before = (tree.cpu(), of_database());
    tokio::time::sleep(WATCHED).await;
    let after = (tree.cpu(), of_database());
    let asked: BTreeMap<_, _> = livekit.asked();
    let cores = |before: Duration, after: Duration| {
        share((after - before).as_secs_f64() / WATCHED.as_secs_f64())
    };
    figures.add("the control plane, watching", cores(before.0, after.0));
    figures.add(
        "Postgres, with the workers' heartbeats",
        match database {
            Some(_) => cores(before.1, after.1),
            None => "–".into(),
        },
    );
    let asked = asked
        .iter()
        .map(|(method, times)| format!("{method} {:.1}", *times as f64 / WATCHED.as_secs_f64()));
    let asked: Vec<String> = asked.collect();
    figures.add("requests to LiveKit a second", asked.join(", "));
    figures.add(
        "memory of the control plane",
        format!("{:.0} MiB", tree.memory()),
    );
}

/// Events as fast as they are taken.
async fn burst(store: &Store, plane: &Plane, livekit: &LiveKit, figures: &mut Column) {
    let events = webhooks::prepare(store, "burst", BURST).await;
    let begin = now();
    let posted = webhooks::post(plane, livekit, events, Pace::Full).await;
    let taken = posted.taken.len() as f64;
    figures.add(
        "events taken a second, at most",
        format!("{:.0}", taken / posted.took.as_secs_f64()),
    );
    let done = match drained(store).await {
        true => format!("{:.0}", taken / (now() - begin).as_secs_f64()),
        false => "not within three minutes".into(),
    };
    figures.add("events acted on a second, at most", done);
    figures.add("events that were refused", posted.refused.to_string());
}

/// Events as they come while so many calls are open, each of three minutes.
async fn come_and_go(
    store: &Store,
    sql: &Sql,
    plane: &Plane,
    livekit: &LiveKit,
    calls: usize,
    figures: &mut Column,
) {
    let rate = (calls * EVENTS) as f64 / CALL.as_secs_f64();
    let coming = calls as f64 * STREAM.as_secs_f64() / CALL.as_secs_f64();
    let events = webhooks::prepare(store, "flow", coming.ceil() as usize).await;
    let cpu = plane.tree().cpu();
    let posted = webhooks::post(plane, livekit, events, Pace::EachSecond(rate)).await;
    let cpu = (plane.tree().cpu() - cpu).as_secs_f64() / posted.took.as_secs_f64();
    let came = posted.taken.len() as f64 / posted.took.as_secs_f64();
    figures.add(
        "events as calls of three minutes bring them",
        format!("{rate:.0} a second"),
    );
    figures.add(
        "of these taken",
        format!("{came:.0} a second, {} refused", posted.refused),
    );
    figures.add(
        "an event is taken within, p50 / p95",
        percentiles(posted.taken),
    );
    let within = drained(store).await;
    let mut lags = percentiles(sql.lags("EV_flow-").await);
    if !within {
        lags += ", some not within three minutes";
    }
    figures.add("and acted on within, p50 / p95", lags);
    figures.add("the control plane meanwhile", share(cpu));
}

/// Waits until no event waits; false if that takes too long.
async fn drained(store: &Store) -> bool {
    let begin = now();
    while now() - begin < PATIENCE {
        if store.inbox_health().await.unwrap().waiting == 0 {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

/// A column that is being measured.
pub struct Column {
    name: String,
    figures: Figures,
}

impl Column {
    /// Adds a row, and prints it: a run takes minutes.
    pub fn add(&mut self, what: &'static str, figure: String) {
        println!("{}: {what}: {figure}", self.name);
        self.figures.push((what, figure));
    }
}

/// The middle one, and the one that nineteen of twenty do not exceed.
pub fn percentiles(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |share: f64| {
        let last = times.len().saturating_sub(1);
        times
            .get((last as f64 * share).round() as usize)
            .copied()
            .unwrap_or_default()
    };
    format!("{} / {}", millis(at(0.5)), millis(at(0.95)))
}

fn millis(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1e3;
    match ms {
        0.0..10.0 => format!("{ms:.1} ms"),
        _ => format!("{ms:.0} ms"),
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.0} s", time.as_secs_f64())
}

/// A share of one core.
pub fn share(cores: f64) -> String {
    format!("{:.0} % of a core", cores * 100.0)
}

/// When all calls began.
pub fn began() -> At {
    DateTime::from_timestamp_millis(BEGAN).unwrap()
}

#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark reads the real clock"
)]
fn now() -> Instant {
    Instant::now()
}
