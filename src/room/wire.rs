//! LiveKit's signalling socket with two additions: before we leave a room, its client is told that everybody else has
//! left; and a lost network does not use up the client's reconnection attempts.
//!
//! livekit 0.10 gives up a connection after ten attempts. If each fails at once, as without a network, they are used
//! up after 22 s on average and 8 s at worst. So a reconnection is retried here for as long as one attempt may last.
//!
//! livekit 0.10 keeps a reference cycle for each participant who has published and is in the room when it is closed,
//! and each holds the whole connection (rust-sdks #1435). It does release participants who leave. Its transport can
//! be replaced (`livekit_net::set_ws_client`), so this one forwards to one of our sockets and adds the missing
//! messages.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, Once, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use livekit::prelude::{ConnectionState, Room};
use livekit_api::access_token::Claims;
use livekit_net::{Header, TransportError, WsClient, WsConnectResult, WsConnection};
use livekit_protocol as proto;
use prost::Message as _;
use proto::signal_response::Message;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::socket::Socket;
use sidetone_base::clock;

/// Longest wait for the client to process that the others have left: it does so at once.
const PATIENCE: Duration = Duration::from_millis(250);
/// Longest wait for the server to close its side of the socket, which it does at once.
const LINGER: Duration = Duration::from_millis(500);
/// Time between retries within one of the client's attempts.
const AGAIN: Duration = Duration::from_millis(500);
/// How often to check whether it has.
const LOOK: Duration = Duration::from_millis(2);

/// A room, and who is in it by this connection.
type Session = (String, String);

/// The open sockets.
static WIRES: LazyLock<Mutex<HashMap<Session, Weak<Wire>>>> = LazyLock::new(Mutex::default);

/// Replaces the client's transport by this one, once.
pub(super) fn lay() {
    static LAID: Once = Once::new();
    LAID.call_once(|| livekit_net::set_ws_client(Arc::new(Wires)));
}

/// Makes the client of `room`, which we are about to leave, release everybody else in it.
pub(super) async fn others_leave(room: &Room) {
    let others = room.remote_participants();
    let session = (room.name(), room.local_participant().identity().to_string());
    let wire = locked(&WIRES).get(&session).and_then(Weak::upgrade);
    let Some(wire) = wire.filter(|_| room.connection_state() == ConnectionState::Connected) else {
        return;
    };
    let others = others
        .into_values()
        .map(|other| (other.sid().to_string(), other.identity().to_string()));
    wire.tell(left(others, proto::DisconnectReason::ClientInitiated));
    let gone = async {
        while !room.remote_participants().is_empty() {
            sleep(LOOK).await;
        }
    };
    if timeout(PATIENCE, gone).await.is_err() {
        tracing::debug!("LiveKit's client keeps participants of a room that is left");
    }
}

/// Opens the sockets.
struct Wires;

#[async_trait]
impl WsClient for Wires {
    async fn connect(
        &self,
        url: String,
        headers: Vec<Header>,
        timeout_ms: u64,
    ) -> Result<WsConnectResult, TransportError> {
        let session = headers.iter().find_map(session);
        let within = Duration::from_millis(timeout_ms);
        let open = |within| Socket::open(&url, &headers, within);
        let was_in = |session| locked(&WIRES).contains_key(session);
        let own = match session.as_ref().is_some_and(was_in) {
            true => again(within, open).await?,
            false => open(within).await?,
        };
        let wire = Arc::new(Wire {
            own,
            identity: session.as_ref().map(|(_, identity)| identity.clone()),
            others: Mutex::default(),
            told: Mutex::default(),
            wake: Notify::new(),
        });
        if let Some(session) = session {
            let mut wires = locked(&WIRES);
            wires.retain(|_, wire| wire.strong_count() > 0);
            wires.insert(session, Arc::downgrade(&wire));
        }
        Ok(WsConnectResult { connection: wire })
    }
}

/// Retries a connection, because a lost network may be back before the attempt is over. A rejection by the server is
/// final.
async fn again<T, C>(within: Duration, connect: impl Fn(Duration) -> C) -> Result<T, TransportError>
where
    C: Future<Output = Result<T, TransportError>>,
{
    let by = clock::now() + within;
    loop {
        let tried = connect(by.saturating_duration_since(clock::now())).await;
        let is_away = matches!(tried, Err(TransportError::Connection(_)));
        if !is_away || clock::now() + AGAIN >= by {
            return tried;
        }
        sleep(AGAIN).await;
    }
}

/// The room and identity of a socket, from its token.
fn session(header: &Header) -> Option<Session> {
    let token = header.value.strip_prefix("Bearer ")?;
    let claims = Claims::from_unverified(token).ok()?;
    Some((claims.video.room, claims.sub))
}

/// One socket.
struct Wire {
    own: Socket,
    /// Our own identity.
    identity: Option<String>,
    /// Who else is in the room, as reported by the server: identities by id.
    others: Mutex<BTreeMap<String, String>>,
    /// Frames for the client to read next.
    told: Mutex<VecDeque<Vec<u8>>>,
    wake: Notify,
}

#[async_trait]
impl WsConnection for Wire {
    async fn send(&self, frame: Vec<u8>) -> Result<(), TransportError> {
        self.own.send(frame).await
    }

    async fn recv(&self) -> Result<Option<Vec<u8>>, TransportError> {
        loop {
            if let Some(frame) = locked(&self.told).pop_front() {
                return Ok(Some(frame));
            }
            tokio::select! {
                () = self.wake.notified() => {}
                frame = self.own.recv() => match frame? {
                    Some(frame) => self.read(frame),
                    None => return Ok(None),
                },
            }
        }
    }

    /// Closing a socket with unread data resets it, and the server loses what it has not read yet: the message that
    /// we leave. So the rest is read until the server closes its side.
    async fn close(&self) {
        self.own.close().await;
        let rest = async { while let Ok(Some(_)) = self.own.recv().await {} };
        let _ = timeout(LINGER, rest).await;
    }
}

impl Wire {
    fn tell(&self, message: Message) {
        let message = Some(message);
        let frame = proto::SignalResponse { message }.encode_to_vec();
        locked(&self.told).push_back(frame);
        self.wake.notify_one();
    }

    /// Passes on a frame from the server.
    fn read(&self, frame: Vec<u8>) {
        let message = proto::SignalResponse::decode(frame.as_slice());
        match message.ok().and_then(|response| response.message) {
            Some(Message::Join(join)) => self.saw(join.other_participants),
            Some(Message::Update(update)) => self.saw(update.participants),
            // The server has ended our session: the client closes the room when it reads this.
            Some(Message::Leave(leave)) if is_last(&leave) => {
                let others = std::mem::take(&mut *locked(&self.others));
                self.tell(left(others, reason(&leave)));
            }
            _ => {}
        }
        locked(&self.told).push_back(frame);
    }

    fn saw(&self, people: Vec<proto::ParticipantInfo>) {
        let mut others = locked(&self.others);
        for person in people {
            if person.state() == proto::participant_info::State::Disconnected {
                others.remove(&person.sid);
            } else if self.identity.as_ref() != Some(&person.identity) {
                others.insert(person.sid, person.identity);
            }
        }
    }
}

/// Whether the client must not come back.
fn is_last(leave: &proto::LeaveRequest) -> bool {
    leave.action() == proto::leave_request::Action::Disconnect && !leave.can_reconnect
}

/// Why the others have left: with the room, or for an unknown reason.
fn reason(leave: &proto::LeaveRequest) -> proto::DisconnectReason {
    match leave.reason() {
        closed @ (proto::DisconnectReason::RoomDeleted | proto::DisconnectReason::RoomClosed) => {
            closed
        }
        _ => proto::DisconnectReason::SignalClose,
    }
}

/// The message that these have left.
fn left(
    others: impl IntoIterator<Item = (String, String)>,
    reason: proto::DisconnectReason,
) -> Message {
    let others = others
        .into_iter()
        .map(|(sid, identity)| proto::ParticipantInfo {
            sid,
            identity,
            state: proto::participant_info::State::Disconnected as i32,
            disconnect_reason: reason as i32,
            ..Default::default()
        });
    Message::Update(proto::ParticipantUpdate {
        participants: others.collect(),
    })
}

/// Nothing panics while holding one of these locks.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
