//! A client's requests to the agent besides its voice: by RPC and in writing.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _};
use livekit::TextStreamReader;
use livekit::prelude::{LocalParticipant, ParticipantIdentity, Room, RpcError, RpcInvocationData};
use tokio::sync::{Semaphore, mpsc};

use super::publish::{Callers, note};
use sidetone_base::clock;
use sidetone_call::transport::{Floor, Person, RoomEvent};
use sidetone_intake::doors::{ChatDoor, Dropped, LONGEST_CHAT, RpcDoor};

/// Like HTTP's 403; codes below 1000 belong to the application (LiveKit's RPC documentation).
const RPC_FORBIDDEN: u32 = 403;
/// Like HTTP's 429.
const RPC_TOO_MANY: u32 = 429;
/// Messages that may be arriving at the same time; a person types one at a time.
const CHATS_AT_ONCE: usize = 4;
/// A chat message that takes longer to arrive was cut off.
const CHAT_DEADLINE: Duration = Duration::from_secs(15);
/// Shown to the sender of dropped messages.
const CHAT_NOTE: &str = "Your last message was not read: it was too long, or too many came at once. Please wait a \
                         moment, and send a shorter one.";

/// Answers a client's RPCs: push-to-talk, by the methods of LiveKit's own agent examples, and requests not to be
/// heard.
pub(super) fn answer_rpc(room: &Room, callers: &Callers, to_call: &mpsc::Sender<RoomEvent>) {
    type Asks = fn() -> RoomEvent;
    let methods: [(&str, Asks); 5] = [
        ("start_turn", || RoomEvent::Floor(Floor::Taken)),
        ("end_turn", || RoomEvent::Floor(Floor::Given)),
        ("cancel_turn", || RoomEvent::Floor(Floor::Dropped)),
        ("mute", || RoomEvent::Unheard(true)),
        ("unmute", || RoomEvent::Unheard(false)),
    ];
    let door = Arc::new(Mutex::new(RpcDoor::default()));
    for (method, event) in methods {
        let (door, callers, to_call) = (Arc::clone(&door), callers.clone(), to_call.clone());
        let answer =
            move |asked: RpcInvocationData| -> BoxFuture<'static, Result<String, RpcError>> {
                let (door, callers, to_call) =
                    (Arc::clone(&door), callers.clone(), to_call.clone());
                async move {
                    if !callers.is(&asked.caller_identity).await {
                        let message = format!("{method} is for the caller of this agent alone");
                        return Err(RpcError::new(RPC_FORBIDDEN, message, None));
                    }
                    let is_open = with(&door, |door| door.request(clock::now()));
                    if !is_open {
                        let message = "too many requests: wait a second".to_owned();
                        return Err(RpcError::new(RPC_TOO_MANY, message, None));
                    }
                    // A call that takes no more events is ending.
                    to_call.send(event()).await.ok();
                    Ok(String::new())
                }
                .boxed()
            };
        let participant = room.local_participant();
        participant.register_rpc_method(method.to_owned(), answer);
    }
}

/// Incoming chat messages.
#[derive(Clone)]
pub(super) struct Chats {
    places: Arc<Semaphore>,
    door: Arc<Mutex<ChatDoor>>,
    participant: LocalParticipant,
    to_call: mpsc::Sender<RoomEvent>,
}

impl Chats {
    /// For one call; `participant` is the agent's own, which tells the caller about dropped messages.
    pub(super) fn new(participant: LocalParticipant, to_call: mpsc::Sender<RoomEvent>) -> Self {
        Self {
            places: Arc::new(Semaphore::new(CHATS_AT_ONCE)),
            door: Arc::default(),
            participant,
            to_call,
        }
    }

    /// Reads a message of the caller, or of this one of several people, and passes it to the call.
    pub(super) fn read(
        &self,
        writer: ParticipantIdentity,
        by: Option<Arc<Person>>,
        reader: TextStreamReader,
    ) -> impl Future<Output = ()> + use<> {
        let chats = self.clone();
        let place = Arc::clone(&self.places).try_acquire_owned();
        async move {
            let read = match &place {
                Ok(_) => read_chat(reader).await,
                Err(_) => {
                    reader.closer().close();
                    Err(format!("is one of more than {CHATS_AT_ONCE} at once"))
                }
            };
            match read {
                Ok(text) => chats.whole(writer, by, text).await,
                Err(what) => {
                    let dropped = with(&chats.door, |door| door.dropped(clock::now()));
                    chats.tell_dropped(writer, dropped, &what).await;
                }
            }
        }
    }

    /// Passes on a message that arrived whole.
    pub(super) async fn whole(
        &self,
        writer: ParticipantIdentity,
        by: Option<Arc<Person>>,
        text: String,
    ) {
        let let_in = with(&self.door, |door| door.message(clock::now(), text.len()));
        if let Err(dropped) = let_in {
            return self
                .tell_dropped(writer, dropped, "is too long, or one too many")
                .await;
        }
        if !text.trim().is_empty() {
            // A call that takes no more events is ending.
            self.to_call.send(RoomEvent::Chat { text, by }).await.ok();
        }
    }

    /// Tells the sender and the log about a dropped message, once per flood.
    async fn tell_dropped(&self, caller: ParticipantIdentity, dropped: Dropped, what: &str) {
        if dropped.tell {
            tracing::warn!("a chat message {what}: not answered, and its sender is told");
            note(&self.participant, caller, CHAT_NOTE).await;
        }
    }
}

/// Reads a message. `Err` says what is wrong with it.
async fn read_chat(mut reader: TextStreamReader) -> Result<String, String> {
    let read = async {
        let mut text = String::new();
        while let Some(piece) = reader.next().await {
            let piece = piece.map_err(|error| format!("broke off ({error})"))?;
            if text.len() + piece.len() > LONGEST_CHAT {
                return Err(format!("is longer than {LONGEST_CHAT} bytes"));
            }
            text.push_str(&piece);
        }
        Ok(text)
    };
    let read = tokio::time::timeout(CHAT_DEADLINE, read).await;
    // The rest of it is not accepted.
    reader.closer().close();
    read.unwrap_or_else(|_| Err(format!("did not arrive within {CHAT_DEADLINE:?}")))
}

/// Uses a door without holding its lock across an await.
fn with<Door, T>(door: &Mutex<Door>, look: impl FnOnce(&mut Door) -> T) -> T {
    look(&mut door.lock().unwrap_or_else(PoisonError::into_inner))
}
