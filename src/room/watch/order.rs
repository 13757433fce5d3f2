//! LiveKit's order to leave, passed to the call only after the room had time to report.

use std::time::{Duration, Instant};

use tokio::time::sleep_until;

use sidetone_base::clock;
use sidetone_base::leave::{LeaveBy, LeaveOrder};

/// LiveKit also ends the job of an agent that has left the room, and may report that first: the room's own report is
/// awaited this long.
const ROOM_FIRST: Duration = Duration::from_millis(500);

/// LiveKit's order to leave, on its way to the call.
pub(super) enum Order {
    Awaited(LeaveOrder),
    /// The room may be about to report the cause.
    Heard {
        by: LeaveBy,
        until: Instant,
    },
    /// It must be passed to the call now.
    Due(LeaveBy),
    Done,
}

impl Order {
    /// Waits for the next step, and takes it.
    pub(super) async fn step(&mut self) {
        *self = match self {
            Self::Awaited(ordered) => {
                let by = ordered.given().await;
                let until = clock::now() + ROOM_FIRST;
                Self::Heard { by, until }
            }
            Self::Heard { by, until } => {
                let by = *by;
                sleep_until((*until).into()).await;
                Self::Due(by)
            }
            Self::Due(_) | Self::Done => std::future::pending().await,
        };
    }
}
