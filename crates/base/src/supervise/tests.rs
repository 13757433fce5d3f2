use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, mpsc};
use tokio::time::sleep;

use super::*;

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[test]
fn pauses_double_to_a_minute_and_begin_again_after_a_quiet_one() {
    let mut now = clock::now();
    let mut restarts = Restarts::begun(now);
    let mut pauses = Vec::new();
    for _ in 0..8 {
        let at = restarts.failed(now);
        pauses.push((at - now).as_secs());
        now = at;
        restarts.started(now);
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
    assert_eq!(restarts.failures(), 8);
    now += secs(59);
    now = restarts.failed(now);
    assert_eq!(restarts.failures(), 9);
    restarts.started(now);
    now += secs(60);
    assert_eq!(restarts.failed(now), now + secs(1));
    assert_eq!(restarts.failures(), 1);
}

#[test]
fn a_task_is_down_until_it_has_run_for_a_second() {
    let now = clock::now();
    let mut restarts = Restarts::begun(now);
    assert!(!restarts.is_down(now));
    let at = restarts.failed(now);
    assert!(restarts.is_down(now) && restarts.is_down(at + secs(100)));
    restarts.started(at);
    assert!(restarts.is_down(at + Duration::from_millis(999)));
    assert!(!restarts.is_down(at + secs(1)));
}

/// The first run panics, the second ends by itself, the third stays.
async fn clumsy(run: u32, stop: CancellationToken) {
    match run {
        1 => panic!("a task that panics on purpose"),
        2 => {}
        _ => stop.cancelled().await,
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_that_fails_is_reported_and_restarted() {
    let stop = CancellationToken::new();
    let mut supervisor = Supervisor::new(stop.clone());
    let health = supervisor.health();
    let runs = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&runs);
    supervisor.spawn("clumsy", Needed::ByCalls, move |stop| {
        clumsy(count.fetch_add(1, Ordering::Relaxed) + 1, stop)
    });
    supervisor.spawn("steady", Needed::ByCalls, |stop| async move {
        stop.cancelled().await;
    });
    let down = || health.down(clock::now());
    let told = |failures: u32| Down {
        tasks: [(
            "clumsy",
            format!("restarting; failures in a row: {failures}"),
        )]
        .into(),
        calls_wait: true,
    };
    let half = Duration::from_millis(500);
    sleep(half).await;
    assert_eq!((runs.load(Ordering::Relaxed), down()), (1, told(1)));
    sleep(secs(1)).await;
    assert_eq!((runs.load(Ordering::Relaxed), down()), (2, told(2)));
    sleep(secs(2)).await;
    assert_eq!((runs.load(Ordering::Relaxed), down()), (3, told(2)));
    sleep(secs(1)).await;
    assert_eq!(down(), Down::default());
    stop.cancel();
    supervisor.ended().await;
    assert_eq!(down(), Down::default());
    assert_eq!(runs.load(Ordering::Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn a_process_whose_upkeep_fails_stays_ready() {
    let mut supervisor = Supervisor::new(CancellationToken::new());
    supervisor.spawn("upkeep", Needed::Later, |_| async {});
    sleep(secs(10)).await;
    let down = supervisor.health().down(clock::now());
    assert!(down.tasks.contains_key("upkeep") && !down.calls_wait);
}

#[tokio::test(start_paused = true)]
async fn a_queue_outlives_the_task_that_reads_it() {
    let stop = CancellationToken::new();
    let mut supervisor = Supervisor::new(stop.clone());
    let (commands, queue) = mpsc::channel::<&str>(4);
    let (done, mut results) = mpsc::channel(4);
    let queue = Arc::new(Mutex::new(queue));
    supervisor.spawn("reader", Needed::ByCalls, move |_| {
        let (queue, done) = (Arc::clone(&queue), done.clone());
        async move {
            let mut queue = queue.lock_owned().await;
            while let Some(command) = queue.recv().await {
                assert_ne!(command, "bad", "a task that panics on purpose");
                done.send(command).await.unwrap();
            }
        }
    });
    for command in ["first", "bad", "second"] {
        commands.send(command).await.unwrap();
    }
    assert_eq!(results.recv().await, Some("first"));
    assert_eq!(results.recv().await, Some("second"));
    stop.cancel();
    drop(commands);
    supervisor.ended().await;
}

#[tokio::test(start_paused = true)]
async fn a_process_that_ends_waits_for_no_pause() {
    let stop = CancellationToken::new();
    let mut supervisor = Supervisor::new(stop.clone());
    supervisor.spawn("clumsy", Needed::Later, |_| async {
        panic!("a task that panics on purpose");
    });
    sleep(secs(100)).await;
    let before = clock::now();
    stop.cancel();
    supervisor.ended().await;
    assert_eq!(clock::now(), before);
}
