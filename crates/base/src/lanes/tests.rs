use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc;
use tokio::time::sleep;

use super::*;
use crate::clock;

const S: Duration = Duration::from_secs(1);

fn lanes(at_once: usize, in_all: usize) -> Lanes {
    let deadline = 60 * S;
    Lanes::new(
        "test",
        Width {
            at_once,
            in_all,
            deadline,
        },
    )
}

#[tokio::test(start_paused = true)]
async fn one_key_keeps_its_order_and_holds_up_no_other() {
    let lanes = lanes(4, 100);
    let (done, mut said) = mpsc::channel(10);
    let began = clock::now();
    for (key, takes, name) in [
        ("a", 30, "a1"),
        ("a", 0, "a2"),
        ("b", 1, "b1"),
        ("b", 0, "b2"),
    ] {
        let done = done.clone();
        let job = async move {
            sleep(takes * S).await;
            done.send((name, clock::now() - began)).await.unwrap();
        };
        lanes.run(key, job).unwrap();
    }
    assert!(lanes.has("a") && lanes.has_waiting("a") && !lanes.has("c"));
    let mut told = Vec::new();
    for _ in 0..4 {
        told.push(said.recv().await.unwrap());
    }
    assert_eq!(told, [("b1", S), ("b2", S), ("a1", 30 * S), ("a2", 30 * S)]);
    sleep(S).await;
    assert!(!lanes.has("a"));
    assert_eq!(lanes.free(), 100);
}

#[tokio::test(start_paused = true)]
async fn no_more_than_a_number_run_and_no_more_than_another_wait() {
    let lanes = lanes(2, 5);
    let running = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    for n in 0..5 {
        let (running, most) = (Arc::clone(&running), Arc::clone(&most));
        let job = async move {
            most.fetch_max(
                running.fetch_add(1, Ordering::Relaxed) + 1,
                Ordering::Relaxed,
            );
            sleep(S).await;
            running.fetch_sub(1, Ordering::Relaxed);
        };
        lanes.run(&n.to_string(), job).unwrap();
    }
    assert_eq!(lanes.run("9", async {}), Err(Full(5)));
    sleep(Duration::from_millis(2_500)).await;
    assert_eq!(lanes.free(), 4, "the last of five runs");
    sleep(S).await;
    assert_eq!((most.load(Ordering::Relaxed), lanes.free()), (2, 5));
}

#[tokio::test(start_paused = true)]
async fn a_job_that_hangs_or_panics_gives_its_place_back() {
    let lanes = lanes(1, 10);
    let (done, mut said) = mpsc::channel(10);
    lanes.run("a", std::future::pending()).unwrap();
    lanes.run("b", async { panic!("on purpose") }).unwrap();
    lanes
        .run("a", async move { done.send(()).await.unwrap() })
        .unwrap();
    let began = clock::now();
    said.recv().await.unwrap();
    assert_eq!(clock::now() - began, 60 * S);
    sleep(S).await;
    assert_eq!(lanes.free(), 10);
}
