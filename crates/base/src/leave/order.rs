//! An order to leave, on its way from whoever gives it to the call.

use tokio::sync::watch;

use super::LeaveBy;

/// An order to leave: given once, and seen by all clones. Waiting for one that is never given never ends.
#[derive(Clone, Debug, Default)]
pub struct LeaveOrder(watch::Sender<Option<LeaveBy>>);

impl LeaveOrder {
    /// Gives the order; the first one counts.
    pub fn give(&self, by: LeaveBy) {
        self.0.send_if_modified(|given| {
            let is_first = given.is_none();
            given.get_or_insert(by);
            is_first
        });
    }

    /// Whether it has been given.
    pub fn is_given(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// Waits until it is given.
    pub async fn given(&self) -> LeaveBy {
        let mut orders = self.0.subscribe();
        // The sender is `self`: it outlives this.
        let given = orders.wait_for(Option::is_some).await;
        match given.ok().and_then(|given| *given) {
            Some(by) => by,
            None => std::future::pending().await,
        }
    }
}
