//! LiveKit's order to leave: given to the call only when the room has had its say.

use std::time::{Duration, Instant};

use tokio::time::sleep_until;

use sidetone_base::clock;
use sidetone_base::leave::{LeaveBy, LeaveOrder};

/// LiveKit ends the job of an agent that is gone from the room, too, and may say so before the room
/// does: for this long the room is waited for.
const ROOM_FIRST: Duration = Duration::from_millis(500);

/// LiveKit's order to leave, on its way to the call.
pub(super) enum Order {
    Awaited(LeaveOrder),
    /// The room may be about to say more.
    Heard {
        by: LeaveBy,
        until: Instant,
    },
    /// It is for the call now.
    Due(LeaveBy),
    Done,
}

impl Order {
    /// Waits for the next step, and goes it.
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
