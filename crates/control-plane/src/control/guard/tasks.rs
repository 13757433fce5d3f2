//! What the guard does beside its loop.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt as _;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::Done;

/// Acts for rooms that run at once; the others wait their turn. When all workers of a large pool die together, each
/// of their rooms wants to be looked at in the same moment, and the database has a few connections.
const AT_ONCE: usize = 64;

/// The acts under way. A room has a few at most, so there are no more than its rooms have.
#[derive(Debug)]
pub(super) struct Tasks {
    running: JoinSet<Done>,
    places: Arc<Semaphore>,
}

impl Tasks {
    pub(super) fn new() -> Self {
        Self {
            running: JoinSet::new(),
            places: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// An act for one room.
    pub(super) fn of_room(
        &mut self,
        act: impl Future<Output = Done> + Send + 'static,
        panicked: Done,
    ) {
        let places = Arc::clone(&self.places);
        let in_turn = async move {
            // Never closed.
            let _place = places.acquire_owned().await;
            act.await
        };
        self.of_all(in_turn, panicked);
    }

    /// An act for all rooms, which waits for none of theirs.
    pub(super) fn of_all(
        &mut self,
        act: impl Future<Output = Done> + Send + 'static,
        panicked: Done,
    ) {
        self.running.spawn(caught(act, panicked));
    }

    /// What came of one of them; None: nothing is under way.
    pub(super) async fn next(&mut self) -> Option<Done> {
        loop {
            if let Ok(done) = self.running.join_next().await? {
                return Some(done);
            }
        }
    }
}

/// What an act comes to. One that panics fails for its room alone: the guardian would wait for it for ever.
async fn caught(act: impl Future<Output = Done>, panicked: Done) -> Done {
    let done = AssertUnwindSafe(act).catch_unwind().await;
    done.unwrap_or_else(|_| {
        tracing::error!(?panicked, "an act of the guard panicked");
        panicked
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Barrier;

    use super::super::Input;
    use super::*;

    #[tokio::test]
    async fn a_pool_that_dies_at_once_is_looked_at_in_turn() {
        let mut tasks = Tasks::new();
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        for _ in 0..1_000 {
            let (running, most) = (Arc::clone(&running), Arc::clone(&most));
            let act = async move {
                most.fetch_max(
                    running.fetch_add(1, Ordering::Relaxed) + 1,
                    Ordering::Relaxed,
                );
                tokio::task::yield_now().await;
                running.fetch_sub(1, Ordering::Relaxed);
                Done::Nothing
            };
            tasks.of_room(act, Done::Nothing);
        }
        for _ in 0..1_000 {
            assert_eq!(tasks.next().await, Some(Done::Nothing));
        }
        assert_eq!(tasks.next().await, None);
        assert_eq!(most.load(Ordering::Relaxed), AT_ONCE);
    }

    #[tokio::test]
    async fn an_act_about_all_rooms_waits_for_no_single_room() {
        let mut tasks = Tasks::new();
        let all = Arc::new(Barrier::new(AT_ONCE + 1));
        for _ in 0..AT_ONCE {
            let all = Arc::clone(&all);
            let act = async move {
                all.wait().await;
                Done::Nothing
            };
            tasks.of_room(act, Done::Nothing);
        }
        let act = async move {
            all.wait().await;
            Done::Read(Vec::new())
        };
        tasks.of_all(act, Done::Nothing);
        for _ in 0..=AT_ONCE {
            assert!(tasks.next().await.is_some());
        }
    }

    #[tokio::test]
    async fn an_act_that_panics_fails_for_its_room_and_gives_its_place_back() {
        let mut tasks = Tasks::new();
        for _ in 0..2 * AT_ONCE {
            let panicked = Done::Input(Input::Over("r".into()));
            tasks.of_room(async { panic!("this act") }, panicked);
        }
        for _ in 0..2 * AT_ONCE {
            assert_eq!(
                tasks.next().await,
                Some(Done::Input(Input::Over("r".into())))
            );
        }
    }
}
