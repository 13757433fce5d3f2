use super::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[test]
fn idle_time_is_read() {
    let stat = "cpu  100 5 30 800 50 0 10 5 0 0\ncpu0 50 2 15 400 25 0 5 2 0 0\n";
    assert_eq!(idle_and_total(stat), Some((850, 1000)));
    assert_eq!(idle_and_total("intr 5"), None);
    let threads = default_threads().get();
    assert!((1..=MAX_DEFAULT).contains(&threads));
}

#[test]
fn turns_never_overlap_and_a_panic_ends_one() {
    let compute = Arc::new(Compute::default());
    let inside = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = (0..4)
        .map(|n| {
            let (compute, inside) = (compute.clone(), inside.clone());
            std::thread::spawn(move || {
                for _ in 0..200 {
                    let _turn = compute.turn();
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    inside.fetch_sub(1, Ordering::SeqCst);
                }
                let _turn = compute.turn();
                assert!(n > 0, "the first thread panics in its turn");
            })
        })
        .collect();
    let panics = threads
        .into_iter()
        .map(|t| t.join())
        .filter(Result::is_err)
        .count();
    assert_eq!(panics, 1);
    drop(compute.turn());
}
