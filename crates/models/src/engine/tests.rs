use super::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[tokio::test]
async fn a_panic_or_error_fails_one_request_only() {
    let engine = Engine::start("test", 4, |n: u32, _| match n {
        0 => panic!("zero"),
        1 => Err("one"),
        n => Ok(n * 2),
    })
    .unwrap();
    assert!(matches!(engine.ask(0).await, Err(Failure::Broken { cause, .. }) if cause == "zero"));
    assert!(matches!(engine.ask(1).await, Err(Failure::Broken { cause, .. }) if cause == "one"));
    assert_eq!(engine.ask(2).await, Ok(4));
}

#[tokio::test]
async fn a_client_that_goes_away_frees_the_engine() {
    let saw_it = Arc::new(AtomicBool::new(false));
    let saw = saw_it.clone();
    let engine = Engine::start("test", 4, move |forever: bool, client| {
        while forever && !client.is_gone() {
            std::thread::yield_now();
        }
        saw.fetch_or(forever, Ordering::SeqCst);
        Ok::<_, String>(())
    })
    .unwrap();
    let stuck = engine.ask(true);
    assert!(
        tokio::time::timeout(Duration::from_millis(20), stuck)
            .await
            .is_err()
    );
    assert_eq!(engine.ask(false).await, Ok(()));
    assert!(saw_it.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_full_queue_refuses() {
    let (release, gate) = std::sync::mpsc::sync_channel::<()>(0);
    let engine = Engine::start("test", 1, move |(), _| {
        let _ = gate.recv(); // until the test lets it go on
        Ok::<_, String>(())
    })
    .unwrap();
    // one may be running and one waiting, so at least the third is refused
    let mut waiting = Vec::new();
    let mut refused = 0;
    for _ in 0..3 {
        let mut ask = Box::pin(engine.ask(()));
        match futures::poll!(ask.as_mut()) {
            std::task::Poll::Ready(answer) => {
                assert_eq!(answer, Err(Failure::Busy("test")));
                refused += 1;
            }
            std::task::Poll::Pending => waiting.push(ask),
        }
    }
    assert!(refused >= 1);
    drop(release);
    for ask in waiting {
        assert_eq!(ask.await, Ok(()));
    }
}
