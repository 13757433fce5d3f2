//! Handing a call over when the worker's drain time is over: another agent comes into the room, hears the caller, and
//! goes on when this one leaves at a pause. Where nobody comes in time, the call ends as it did without a handover.

use std::convert::Infallible;
use std::time::Duration;

use livekit::prelude::{Room, RoomEvent as LkEvent};
use tokio::sync::mpsc::{UnboundedReceiver, WeakSender};
use tokio::time::sleep_until;

use super::standing::Place;
use crate::room::overheard::Overheard;
use crate::worker::JobHandle;
use sidetone_base::clock;
use sidetone_base::leave::{LeaveBy, LeaveOrder};
use sidetone_call::transport::RoomEvent;

/// Longest wait of a successor for the caller's sound.
const HEARS: Duration = Duration::from_secs(2);
/// Longest wait of a successor for its predecessor to leave. Then that one is removed.
const LEAVES: Duration = Duration::from_secs(24);

/// The agent's side that leaves: tells the call, when the worker is drained, to leave at a pause, because its successor is
/// there; or that it `drain`s, because there is none.
pub(super) async fn hand_over(
    place: &Place,
    handle: &JobHandle,
    drain: &LeaveOrder,
    call: WeakSender<RoomEvent>,
) -> Infallible {
    let (drained, ends) = (handle.drained(), handle.ends());
    let by = tokio::select! {
        by = ends.given() => {
            drain.give(by);
            return std::future::pending().await;
        }
        by = drained.given() => by,
    };
    if !place.yields().await {
        drain.give(LeaveBy::within(clock::now(), LeaveBy::ASKED));
        return std::future::pending().await;
    }
    tracing::info!("the call is to be handed over");
    let (by, is_followed) = tokio::select! {
        () = place.is_followed() => (by, true),
        () = sleep_until((by.end() - LeaveBy::ASKED).into()) => (by, !place.yields_no_more().await),
        by = ends.given() => (by, !place.yields_no_more().await),
    };
    if is_followed {
        if let Some(call) = call.upgrade() {
            call.send(RoomEvent::Succeeded(by)).await.ok();
        }
    } else {
        tracing::warn!("nobody takes the call over: it ends");
        drain.give(LeaveBy::within(clock::now(), LeaveBy::ASKED).nearer(by));
    }
    std::future::pending().await
}

/// The agent's side that comes: waits in the room, hearing the caller, until the other one has left.
pub(super) async fn await_place(
    place: &Place,
    heard: &mut Overheard,
    room: &Room,
    events: &mut UnboundedReceiver<LkEvent>,
) {
    let at_most = clock::now() + HEARS;
    if !(heard.listen(room, events, at_most, Overheard::is_complete)).await {
        tracing::warn!(
            "the caller's sound does not arrive: what is said during the handover may be lost"
        );
    }
    if !place.announce(room).await {
        return;
    }
    let at_most = clock::now() + LEAVES;
    if !(heard.listen(room, events, at_most, |_| place.is_alone(room))).await {
        tracing::warn!("the agent that hands over does not leave");
    }
}
