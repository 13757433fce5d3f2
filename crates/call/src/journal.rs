//! Delivers a call's events to the store's writer: none is lost, and none makes the conversation wait.

use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::mpsc;
use tokio::time::timeout_at;

use super::event::CallEvent;

/// Events in order. Those that the receiver does not take at once wait here; the queue stays small, because a call
/// has a maximum duration and a few events per turn.
#[derive(Debug)]
pub struct Journal {
    events: mpsc::Sender<CallEvent>,
    waiting: VecDeque<CallEvent>,
    begun: Instant,
}

impl Journal {
    /// Starts the record of a call; `wall` is the wall-clock time of `begun`.
    pub fn new(events: mpsc::Sender<CallEvent>, begun: Instant, wall: SystemTime) -> Self {
        let waiting = VecDeque::from([CallEvent::Started { at: wall }]);
        Self {
            events,
            waiting,
            begun,
        }
    }

    /// The offset of a time from the start of the call.
    pub fn offset(&self, time: Instant) -> Duration {
        time.saturating_duration_since(self.begun)
    }

    /// Adds an event.
    pub fn push(&mut self, event: CallEvent) {
        self.waiting.push_back(event);
    }

    /// Whether events wait to be taken.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty() && !self.events.is_closed()
    }

    /// Sends one event when there is room for it, then all others that fit. Cancel safe. Pending forever if the
    /// receiver is gone.
    pub async fn deliver(&mut self) {
        let Ok(permit) = self.events.reserve().await else {
            return std::future::pending().await;
        };
        if let Some(event) = self.waiting.pop_front() {
            permit.send(event);
        }
    }

    /// Sends all events until a deadline. Returns how many were lost.
    pub async fn flush(mut self, until: Instant) -> usize {
        let deliver_all = async {
            while self.is_waiting() {
                self.deliver().await;
            }
        };
        // What counts is what is left, whether or not the deadline passed.
        timeout_at(until.into(), deliver_all).await.ok();
        self.waiting.len()
    }
}
