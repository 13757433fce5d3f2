use std::future::pending;
use std::thread::ThreadId;

use futures::FutureExt as _;
use tokio::sync::oneshot;

use super::*;

fn here() -> ThreadId {
    thread::current().id()
}

#[tokio::test]
async fn a_jobs_tasks_share_its_thread_and_jobs_share_the_threads() {
    let threads = Threads::of(2).unwrap();
    let (began, first_began) = oneshot::channel();
    let (end, ended) = oneshot::channel();
    let first = threads.run(async move {
        began.send(here()).unwrap();
        ended.await.unwrap();
        (here(), tokio::spawn(async { here() }).await.unwrap())
    });
    let meanwhile = async {
        let first = first_began.await.unwrap();
        for _ in 0..3 {
            assert_ne!(threads.run(async { here() }).await, first);
        }
        end.send(()).unwrap();
        first
    };
    let ((job, task), first) = tokio::join!(first, meanwhile);
    assert_eq!((job, task), (first, first));
    assert_ne!(first, here());
}

#[tokio::test]
async fn a_job_that_panics_leaves_its_thread_to_others() {
    let threads = Threads::of(1).unwrap();
    let panics = threads.run(async { panic!("no such agent") });
    let panic = std::panic::AssertUnwindSafe(panics).catch_unwind().await;
    assert_eq!(
        panic.unwrap_err().downcast_ref::<&str>(),
        Some(&"no such agent")
    );
    assert_eq!(threads.run(async { 7 }).await, 7);
}

#[tokio::test]
async fn a_job_that_is_aborted_ends_on_its_thread() {
    let threads = Arc::new(Threads::of(1).unwrap());
    let (held, dropped) = oneshot::channel::<()>();
    let (began, has_begun) = oneshot::channel();
    let running = Arc::clone(&threads);
    let job = tokio::spawn(async move {
        let job = async move {
            let _held = held;
            began.send(()).unwrap();
            pending::<()>().await;
        };
        running.run(job).await;
    });
    has_begun.await.unwrap();
    job.abort();
    assert!(dropped.await.is_err());
}

#[tokio::test]
async fn a_job_that_must_block_stops_no_other() {
    let threads = Threads::of(1).unwrap();
    let (unblock, blocked) = std::sync::mpsc::sync_channel(1);
    let blocks =
        threads.run(async move { tokio::task::block_in_place(|| blocked.recv().unwrap()) });
    let other = async {
        let seven = threads.run(async { 7 }).await;
        unblock.send(seven).unwrap();
    };
    let (seven, ()) = tokio::join!(blocks, other);
    assert_eq!(seven, 7);
}
