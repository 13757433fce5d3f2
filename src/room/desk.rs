//! Takes the backend's orders in a room, and replies to them when the call has.
//! Each arrives as an RPC from LiveKit's server, signed by the control plane for this room and call. The server may
//! lose a reply that comes at once, so the control plane may send an order several times: the call carries it out
//! once, and replies each time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use livekit::prelude::{Room, RpcError, RpcInvocationData};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use sidetone_base::clock;
use sidetone_base::hand::{METHOD, Order, Outcome, Refused};
use sidetone_base::signed::{self, Inbox};
use sidetone_call::transport::RoomEvent;
use sidetone_intake::budget::{Bucket, Budget};

/// Like HTTP's 400, 403 and 504; codes below 1000 belong to the application (LiveKit's RPC documentation).
const RPC_UNREADABLE: u32 = 400;
const RPC_FORBIDDEN: u32 = 403;
const RPC_LATE: u32 = 504;
/// The call's loop replies at once; one that does not is stuck.
const DEADLINE: Duration = Duration::from_secs(5);
/// Limits log lines about orders that are not the control plane's: anybody in the room can send some.
pub(super) const NOTES: Budget = Budget::every(3, Duration::from_secs(20));

/// Senders that wait for the call's reply to an order, by the order's id.
#[derive(Clone, Default)]
pub(super) struct Desk(Arc<Mutex<HashMap<String, Vec<oneshot::Sender<Outcome>>>>>);

impl Desk {
    /// Takes orders in `room` from now on; `inbox` verifies that they are for this call.
    pub(super) fn open(&self, room: &Room, inbox: Inbox, to_call: &mpsc::Sender<RoomEvent>) {
        let mail = Arc::new(Mutex::new(Mail::new(inbox)));
        let (desk, to_call) = (self.clone(), to_call.clone());
        let answer =
            move |asked: RpcInvocationData| -> BoxFuture<'static, Result<String, RpcError>> {
                let (desk, to_call) = (desk.clone(), to_call.clone());
                let order = locked(&mail).read(clock::now(), &asked);
                async move {
                    let outcome = match order? {
                        Ok(order) => desk.take(order, &to_call).await?,
                        Err(refused) => Outcome::Refused(refused),
                    };
                    Ok(serde_json::to_string(&outcome).unwrap_or_default())
                }
                .boxed()
            };
        let participant = room.local_participant();
        participant.register_rpc_method(METHOD.to_owned(), answer);
    }

    async fn take(
        &self,
        order: Order,
        to_call: &mpsc::Sender<RoomEvent>,
    ) -> Result<Outcome, RpcError> {
        let (answer, answered) = oneshot::channel();
        self.waiting()
            .entry(order.id.clone())
            .or_default()
            .push(answer);
        let asked = async {
            // A call that takes no more events has ended.
            if to_call.send(RoomEvent::Commanded(order)).await.is_err() {
                return Outcome::Refused(Refused::Ending);
            }
            answered.await.unwrap_or(Outcome::Refused(Refused::Ending))
        };
        timeout(DEADLINE, asked).await.map_err(|_| {
            let message = format!("the call did not answer within {DEADLINE:?}");
            RpcError::new(RPC_LATE, message, None)
        })
    }

    /// The call has replied to the order with this id.
    pub(super) fn answered(&self, id: &str, outcome: &Outcome) {
        for asked in self.waiting().remove(id).into_iter().flatten() {
            // Fails if nobody waits any more.
            asked.send(outcome.clone()).ok();
        }
    }

    /// The call is over: no more replies.
    pub(super) fn close(&self) {
        self.waiting().clear();
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<String, Vec<oneshot::Sender<Outcome>>>> {
        locked(&self.0)
    }
}

/// Tells the control plane's requests from others'.
struct Mail {
    inbox: Inbox,
    notes: Bucket,
}

impl Mail {
    fn new(inbox: Inbox) -> Self {
        let notes = Bucket::full(NOTES);
        Self { inbox, notes }
    }

    /// The order in a request, if it comes from the control plane. LiveKit's server uses the name given in the
    /// request, but replaces it by the true sender for anything a participant sends.
    fn read(
        &mut self,
        now: Instant,
        asked: &RpcInvocationData,
    ) -> Result<Result<Order, Refused>, RpcError> {
        let refused = |code, message: String| RpcError::new(code, message, None);
        if asked.caller_identity.as_str() != asked.request_id {
            let message = format!("{METHOD} is for the control plane alone");
            return Err(refused(RPC_FORBIDDEN, message));
        }
        let payload = asked.payload.as_bytes();
        let body = match self.inbox.take(METHOD, clock::wall(), payload) {
            Ok(body) => body,
            Err(signed::Refused::TooMany) => return Ok(Err(Refused::TooMany)),
            Err(why) => {
                if self.notes.take(now, 1) {
                    tracing::warn!("an order was not taken for the control plane's: {why}");
                }
                return Err(refused(RPC_FORBIDDEN, why.to_string()));
            }
        };
        serde_json::from_str(&body).map(Ok).map_err(|error| {
            let message = format!("this agent's version does not know the order: {error}");
            refused(RPC_UNREADABLE, message)
        })
    }
}

/// A panic while the lock was held leaves consistent data.
fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
