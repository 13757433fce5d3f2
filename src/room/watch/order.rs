//! The server's order to leave: given to the call only when the room has had its say.

use std::time::{Duration, Instant};

use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;

use sidetone_base::clock;

/// LiveKit ends the job of an agent that is gone from the room, too, and may say so before the room
/// does: for this long the room is waited for.
const ROOM_FIRST: Duration = Duration::from_millis(500);

/// The server's order to leave, on its way to the call.
pub(super) enum Order {
    Awaited(CancellationToken),
    /// The room may be about to say more.
    Heard {
        until: Instant,
    },
    Done,
}

impl Order {
    /// Waits for the next step, and goes it.
    pub(super) async fn step(&mut self) {
        *self = match self {
            Self::Awaited(ordered) => {
                ordered.cancelled().await;
                let until = clock::now() + ROOM_FIRST;
                Self::Heard { until }
            }
            Self::Heard { until } => {
                sleep_until((*until).into()).await;
                Self::Done
            }
            Self::Done => std::future::pending().await,
        };
    }
}
