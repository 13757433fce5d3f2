//! What the store does all the time while calls are open: the guard's reading, heartbeats, and what is said.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use sidetone_store::saying::Saying;
use sidetone_store::{Json, Speaker, Store, StoredTurn};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use super::process::Tree;
use super::{Column, PER_WORKER, millis, now, share};

const MINUTE: Duration = Duration::from_secs(60);
/// Time between two heartbeats of a worker.
const BEAT: Duration = Duration::from_millis(500);
/// How long turns are written.
const WRITING: Duration = Duration::from_secs(10);
/// Writers at once: the connections of one process.
const WRITERS: usize = 10;
/// From one question to the next.
const EXCHANGE: Duration = Duration::from_secs(12);
/// Writes of an exchange: a question in two pieces, the question, an answer of three sentences.
const WRITES: usize = 6;

/// The queries that watching calls consists of, one after the other.
pub async fn queries(store: &Store, calls: usize, workers: &[Uuid], figures: &mut Column) {
    for worker in workers {
        store.worker_lives(*worker).await.unwrap();
    }
    let read = mean(20, async |_| {
        assert_eq!(store.guarded_rooms().await.unwrap().len(), calls);
    });
    figures.add(
        "reading which rooms have an agent (each 5 s)",
        millis(read.await),
    );
    let round = mean(50, async |_| {
        assert_eq!(store.silent_agents(MINUTE).await.unwrap(), []);
    });
    figures.add(
        "a control plane's round: its heartbeat, and who is silent (2 a second)",
        millis(round.await),
    );
    let dead = mean(20, async |_| {
        assert_eq!(
            store.silent_agents(Duration::ZERO).await.unwrap().len(),
            500
        );
    });
    figures.add("the same when all workers are", millis(dead.await));
    let look = mean(200, async |n| {
        let room = format!("open-{}", n as usize % calls + 1);
        assert!(store.claim_look(&room, MINUTE).await.unwrap());
        store.agent_in(&room).await.unwrap().unwrap();
    });
    figures.add("looking into one room, without LiveKit", millis(look.await));
    let beat = mean(200, async |n| {
        store
            .worker_lives(workers[n as usize % workers.len()])
            .await
            .unwrap();
    });
    figures.add("a worker's heartbeat, alone", millis(beat.await));
    let compare = mean(5, async |_| {
        assert_eq!(store.open_calls().await.unwrap().len(), calls);
        assert_eq!(store.people_in_open_calls().await.unwrap().len(), calls);
    });
    figures.add(
        "reading all open calls and who is in them (once a minute)",
        millis(compare.await),
    );
    let places = mean(50, async |_| {
        let places = store
            .places("sidetone", sidetone_store::now())
            .await
            .unwrap();
        assert_eq!(places.room(), Ok(workers.len() * PER_WORKER));
    });
    figures.add(
        "whether a worker has a free place (each request)",
        millis(places.await),
    );
}

/// What is said in calls, written as fast as it can be.
pub async fn turns(store: &Store, calls: usize, database: Option<&Tree>, figures: &mut Column) {
    let (begin, cpu) = (now(), database.map(Tree::cpu));
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let store = store.clone();
        writers.spawn(async move {
            // Each writer has its own calls.
            let own = calls / WRITERS;
            let mut exchanges = 0_usize;
            while now() - begin < WRITING {
                let call = writer + WRITERS * (exchanges % own) + 1;
                exchange(&store, Uuid::from_u128(call as u128), exchanges / own).await;
                exchanges += 1;
            }
            exchanges
        });
    }
    let exchanges: usize = writers.join_all().await.into_iter().sum();
    let took = (now() - begin).as_secs_f64();
    let (wanted, held) = (
        calls as f64 / EXCHANGE.as_secs_f64(),
        exchanges as f64 / took,
    );
    figures.add(
        "turns and words that these calls write",
        format!("{:.0} writes a second", wanted * WRITES as f64),
    );
    figures.add(
        "the most that was written",
        format!("{:.0} writes a second", held * WRITES as f64),
    );
    let cpu = cpu.zip(database.map(Tree::cpu));
    let cpu = cpu.map(|(before, after)| share((after - before).as_secs_f64() / took));
    figures.add("Postgres meanwhile", cpu.unwrap_or_else(|| "–".into()));
}

/// A question and its answer, as a call's record writes them.
async fn exchange(store: &Store, call: Uuid, n: usize) {
    let at = sidetone_store::now();
    let question = "Where is my parcel? It should have come on Friday.";
    for end in [20, question.len()] {
        let saying = Saying {
            turn_id: format!("q{n}"),
            text: question[..end].to_owned(),
            name: None,
            at,
        };
        assert!(store.save_saying(call, &saying).await.unwrap());
    }
    let mut turn = StoredTurn {
        turn_id: format!("q{n}"),
        speaker: Speaker::User,
        person: None,
        name: None,
        text: question.to_owned(),
        started_at: at,
        ended_at: Some(at),
        interrupted: false,
        unfinished: false,
        unasked: false,
        latency_ms: None,
        metrics: Json(json!({})),
    };
    assert!(store.save_turn(call, &turn).await.unwrap());
    turn.turn_id = format!("a{n}");
    turn.speaker = Speaker::Agent;
    turn.latency_ms = Some(680);
    turn.text.clear();
    for sentence in [
        "Your parcel is in Kiel.",
        " It comes tomorrow.",
        " May I do anything else?",
    ] {
        turn.text.push_str(sentence);
        turn.unfinished = sentence.starts_with("Your") || sentence.starts_with(" It");
        assert!(store.save_turn(call, &turn).await.unwrap());
    }
}

/// Workers that send their heartbeats until this is dropped.
pub struct Beats {
    took: Arc<Mutex<Vec<Duration>>>,
    _tasks: JoinSet<()>,
}

impl Beats {
    pub fn start(store: &Store, workers: &[Uuid]) -> Self {
        let took = Arc::<Mutex<Vec<Duration>>>::default();
        let mut tasks = JoinSet::new();
        for (n, worker) in workers.iter().copied().enumerate() {
            let (store, took) = (store.clone(), Arc::clone(&took));
            let apart = BEAT.mul_f64(n as f64 / workers.len() as f64);
            tasks.spawn(async move {
                tokio::time::sleep(apart).await;
                let mut beats = tokio::time::interval(BEAT);
                beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
                loop {
                    beats.tick().await;
                    let begin = now();
                    // As a worker does: one that fails is followed by the next.
                    if store.worker_lives(worker).await.is_ok() {
                        took.lock().unwrap().push(now() - begin);
                    }
                }
            });
        }
        Self {
            took,
            _tasks: tasks,
        }
    }

    /// How long those since the last time took.
    pub fn take(&self) -> Vec<Duration> {
        std::mem::take(&mut self.took.lock().unwrap())
    }
}

/// The mean duration of this many runs.
async fn mean(times: u32, act: impl AsyncFn(u32)) -> Duration {
    let begin = now();
    for n in 0..times {
        act(n).await;
    }
    (now() - begin) / times
}
