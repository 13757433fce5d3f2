use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

/// Rejects `times` attempts with this error. Returns the client's outcome, the number of attempts, and the duration.
async fn refused(times: u32, error: TransportError) -> (bool, u32, Duration) {
    let (begin, tried) = (clock::now(), AtomicU32::new(0));
    let connect = |_| {
        let is_refused = tried.fetch_add(1, Ordering::Relaxed) < times;
        let told = if is_refused {
            Err(error.clone())
        } else {
            Ok(())
        };
        std::future::ready(told)
    };
    let connected = again(Duration::from_secs(5), connect).await.is_ok();
    (connected, tried.into_inner(), clock::now() - begin)
}

fn unreachable() -> TransportError {
    TransportError::Connection("network is unreachable".into())
}

#[tokio::test(start_paused = true)]
async fn one_attempt_to_come_back_lasts_while_the_network_is_away() {
    assert_eq!(refused(8, unreachable()).await, (true, 9, 8 * AGAIN));
    // An attempt whose time is over gives way to the client's next.
    let (connected, _, lasted) = refused(u32::MAX, unreachable()).await;
    assert!(!connected);
    assert!(lasted >= Duration::from_millis(4_500) && lasted <= Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_at_once() {
    let busy = TransportError::Http { status: 503 };
    assert_eq!(refused(9, busy).await, (false, 1, Duration::ZERO));
}
