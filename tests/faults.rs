//! What callers hear, and what is recorded, while parts of the system are killed, cut off and restarted. Callers judge
//! by sound; records are compared with what callers know (`docs/faults.md`).

pub mod caller;
pub mod ears;
mod fault;
mod judge;
pub mod process;
pub mod record;
pub mod script;
pub mod stage;
mod table;
pub mod tones;
pub mod webhooks;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join_all;
use serde_json::Value;
use sidetone_base::clock;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::support::eventually;
use caller::{Line, Placed, Start};
use fault::Fault;
use judge::Found;
use record::Row;
use stage::Stage;
use table::Outcome;

/// The size of the system, and how quickly its operators react.
#[derive(Clone, Copy)]
struct Scale {
    callers: usize,
    workers: usize,
    /// Answers that each caller has heard before the fault.
    before: usize,
    /// Time until a killed process is restarted.
    again: Duration,
}

const WHOLE: Scale = Scale {
    callers: 10,
    workers: 3,
    before: 2,
    again: Duration::from_secs(15),
};
/// What fits into a minute.
const SMALL: Scale = Scale {
    callers: 3,
    workers: 2,
    before: 1,
    again: Duration::from_secs(8),
};
/// What fits into half of that.
const ONE: Scale = Scale {
    callers: 1,
    workers: 2,
    before: 1,
    again: Duration::from_secs(8),
};
/// Time from the last step to the question whose answer shows that everything works again.
const AFTER: Duration = Duration::from_secs(5);
/// A record that is not correct after this time counts as false.
const TRUE_WITHIN: Duration = Duration::from_secs(45);

/// Runs calls through a fault, and returns the outcome.
async fn through(fault: Fault, scale: Scale) -> Outcome {
    let logs = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("faults")
        .join(fault.name());
    let _ = std::fs::remove_dir_all(&logs);
    std::fs::create_dir_all(&logs).unwrap();
    let mut stage = Stage::set(fault, scale.workers, &logs).await;
    let (finish, finished) = watch::channel(false);
    let line = Line {
        start: Start::now(),
        planes: stage.addresses(),
        questions: caller::questions(),
        logs: logs.into(),
        finish: finished,
    };
    let answered: Vec<Arc<AtomicUsize>> = (0..scale.callers).map(|_| Arc::default()).collect();
    let mut calls: Vec<JoinHandle<Found>> = Vec::new();
    for (number, answered) in answered.iter().enumerate() {
        let (line, answered) = (line.clone(), Arc::clone(answered));
        calls.push(tokio::spawn(async move {
            let placed = caller::call(line.clone(), number, answered).await;
            judged(&line, &placed).await
        }));
        // So that they are at different points of their conversations.
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
    eventually("all are in conversation", 90, async || {
        let heard = |count: &Arc<AtomicUsize>| count.load(Ordering::Relaxed) >= scale.before;
        answered.iter().all(heard).then_some(())
    })
    .await;
    let began = clock::now();
    for (at, step) in fault.steps(scale.again) {
        tokio::time::sleep((began + at).saturating_duration_since(clock::now())).await;
        eprintln!("{:6.1} s: {step:?}", line.start.elapsed().as_secs_f64());
        stage.take(step).await;
    }
    tokio::time::sleep(AFTER).await;
    finish.send_replace(true);
    let found = join_all(calls).await.into_iter().map(Result::unwrap);
    let found = found.collect();
    let mut beside = Vec::new();
    let history = stage::get(&line.planes, "/api/voice/history?limit=100").await;
    let total = history.and_then(|page| page["total"].as_u64());
    if total != Some(scale.callers as u64) {
        let callers = scale.callers;
        beside.push(format!(
            "{callers} callers, and the history has {total:?} calls"
        ));
    }
    Outcome {
        fault,
        callers: found,
        beside,
    }
}

/// What a caller found; its record is requested until it is correct, or for the maximum time.
async fn judged(line: &Line, placed: &Placed) -> Found {
    let caller = &placed.memory;
    let mut found = Found::by(caller);
    if let Some(reason) = &placed.thrown_out {
        found.alone = true;
        eprintln!("{} was thrown out: {reason}", caller.identity);
    }
    let path = format!("/api/voice/history/{}", placed.call);
    loop {
        match stage::get(&line.planes, &path)
            .await
            .map(serde_json::from_value::<Row>)
        {
            Some(Ok(row)) => {
                found.lost = record::lost(&row, caller);
                found.untrue = record::untrue(&row, caller);
            }
            Some(Err(error)) => found.untrue = vec![format!("unreadable: {error}")],
            None => found.untrue = vec!["not to be had".into()],
        }
        let since = line.start.elapsed().saturating_sub(caller.stay.end);
        if found.lost.is_empty() && found.untrue.is_empty() {
            found.settled = Some(since);
            return found;
        }
        if since > TRUE_WITHIN {
            let row = stage::get(&line.planes, &path).await.unwrap_or(Value::Null);
            let heard: Vec<String> = (caller.ears.pieces().into_iter())
                .map(|(voice, piece)| format!("{} {piece:?}\n", voice.identity))
                .collect();
            let file = line.logs.join(format!("{}.heard", caller.identity));
            std::fs::write(file, heard.concat()).unwrap();
            let file = line.logs.join(format!("{}.json", caller.identity));
            std::fs::write(file, format!("{row:#}")).unwrap();
            return found;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// A fault that fits into a minute.
#[tokio::test(flavor = "multi_thread")]
async fn a_control_plane_and_a_worker_die_and_no_caller_is_left_alone() {
    let outcome = through(Fault::ControlPlaneKilled, SMALL).await;
    println!("{}\n{}", table::HEAD, outcome.row());
    assert!(outcome.broken().is_empty(), "{}", outcome.told());
}

/// A deployment: the worker is told to end, and its drain time is over before its call is. Another one goes on with it, and
/// the caller notices nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_drained_workers_call_is_handed_over_unnoticed() {
    let outcome = through(Fault::WorkerDrained, ONE).await;
    println!("{}\n{}", table::HEAD, outcome.row());
    assert!(outcome.broken().is_empty(), "{}", outcome.told());
    assert_eq!(outcome.callers[0].agents, 2, "one after the other");
}

/// `make faults`: every fault, or those named by `FAULTS`, with ten callers and three workers.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a quarter of an hour: make faults"]
async fn every_fault() {
    let wanted = std::env::var("FAULTS").unwrap_or_default();
    let wanted: Vec<&str> = wanted.split(',').filter(|name| !name.is_empty()).collect();
    for name in &wanted {
        let known = Fault::ALL.map(Fault::name);
        assert!(
            known.contains(name),
            "FAULTS={name} is none of {}",
            known.join(", ")
        );
    }
    let mut outcomes = Vec::new();
    for fault in Fault::ALL {
        if wanted.is_empty() || wanted.contains(&fault.name()) {
            eprintln!("{}", fault.title());
            let outcome = through(fault, WHOLE).await;
            eprintln!("{}", outcome.row());
            outcomes.push(outcome);
        }
    }
    println!("{}", table::HEAD);
    for outcome in &outcomes {
        println!("{}", outcome.row());
    }
    let told: String = outcomes.iter().map(Outcome::told).collect();
    assert!(told.is_empty(), "not as promised:\n{told}");
}
