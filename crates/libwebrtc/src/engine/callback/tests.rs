use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

#[test]
fn a_callback_may_replace_itself() {
    let slot: Arc<Callback<dyn FnMut(u32) + Send + Sync>> = Arc::default();
    let sum = Arc::new(AtomicU32::new(0));
    let (inner, total) = (slot.clone(), sum.clone());
    slot.set(Some(Box::new(move |n| {
        total.fetch_add(n, Ordering::Relaxed);
        let total = total.clone();
        inner.set(Some(Box::new(move |n| {
            total.fetch_add(n * 10, Ordering::Relaxed);
        })));
    })));
    for _ in 0..3 {
        slot.with(|call| call(1));
    }
    assert_eq!(sum.load(Ordering::Relaxed), 21);
    slot.set(None);
    slot.with(|call| call(1));
    assert_eq!(sum.load(Ordering::Relaxed), 21);
}
