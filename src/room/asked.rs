//! What a client asks of the agent beside its voice: by RPC and in writing.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _};
use livekit::TextStreamReader;
use livekit::prelude::{ParticipantIdentity, Room, RpcError, RpcInvocationData};
use tokio::sync::{Semaphore, mpsc};

use sidetone_call::transport::{Floor, RoomEvent};

/// As HTTP's 403; codes below 1000 are the application's (LiveKit's RPC documentation).
const RPC_FORBIDDEN: u32 = 403;
/// Longest chat message that is read; a person does not type more.
const CHAT_LIMIT: usize = 16 * 1024;
/// Messages that may be arriving at once; a person types one at a time.
const CHATS_AT_ONCE: usize = 4;
/// A chat message that takes longer to arrive was cut.
const CHAT_DEADLINE: Duration = Duration::from_secs(15);

/// What a client may ask for: push-to-talk by the methods that LiveKit's own agents' examples have,
/// and not to be heard.
pub(super) fn answer_rpc(
    room: &Room,
    is_caller: Arc<impl Fn(&ParticipantIdentity) -> bool + Send + Sync + 'static>,
    to_call: &mpsc::Sender<RoomEvent>,
) {
    type Asks = fn() -> RoomEvent;
    let methods: [(&str, Asks); 5] = [
        ("start_turn", || RoomEvent::Floor(Floor::Taken)),
        ("end_turn", || RoomEvent::Floor(Floor::Given)),
        ("cancel_turn", || RoomEvent::Floor(Floor::Dropped)),
        ("mute", || RoomEvent::Unheard(true)),
        ("unmute", || RoomEvent::Unheard(false)),
    ];
    for (method, event) in methods {
        let (is_caller, to_call) = (Arc::clone(&is_caller), to_call.clone());
        let answer =
            move |asked: RpcInvocationData| -> BoxFuture<'static, Result<String, RpcError>> {
                let allowed = is_caller(&asked.caller_identity);
                let to_call = to_call.clone();
                async move {
                    if !allowed {
                        let message = format!("{method} is for the caller of this agent alone");
                        return Err(RpcError::new(RPC_FORBIDDEN, message, None));
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

/// Chat messages on their way in.
pub(super) struct Chats {
    places: Arc<Semaphore>,
    to_call: mpsc::Sender<RoomEvent>,
}

impl Chats {
    pub(super) fn new(to_call: mpsc::Sender<RoomEvent>) -> Self {
        Self {
            places: Arc::new(Semaphore::new(CHATS_AT_ONCE)),
            to_call,
        }
    }

    /// Reads a chat message, and tells the call of it; none when too many arrive at once.
    pub(super) fn read(
        &self,
        reader: TextStreamReader,
    ) -> Option<impl Future<Output = ()> + use<>> {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            tracing::warn!("more than {CHATS_AT_ONCE} chat messages at once: one is not answered");
            reader.closer().close();
            return None;
        };
        let to_call = self.to_call.clone();
        Some(async move {
            read_chat(reader, to_call).await;
            drop(place);
        })
    }

    /// Tells the call of a message that came as a whole.
    pub(super) async fn whole(&self, text: String) {
        if text.len() > CHAT_LIMIT {
            return tracing::warn!(
                "a chat message is longer than {CHAT_LIMIT} bytes: not answered"
            );
        }
        tell(text, &self.to_call).await;
    }
}

async fn read_chat(mut reader: TextStreamReader, to_call: mpsc::Sender<RoomEvent>) {
    let read = async {
        let mut text = String::new();
        while let Some(piece) = reader.next().await {
            let piece = piece.map_err(|error| format!("broke off ({error})"))?;
            if text.len() + piece.len() > CHAT_LIMIT {
                return Err(format!("is longer than {CHAT_LIMIT} bytes"));
            }
            text.push_str(&piece);
        }
        Ok(text)
    };
    let read = tokio::time::timeout(CHAT_DEADLINE, read).await;
    // Whatever else is sent of it is not taken.
    reader.closer().close();
    match read {
        Ok(Ok(text)) => tell(text, &to_call).await,
        Ok(Err(what)) => tracing::warn!("a chat message {what}: not answered"),
        Err(_) => tracing::warn!("a chat message did not arrive within {CHAT_DEADLINE:?}"),
    }
}

/// A call that takes no more events is ending.
async fn tell(text: String, to_call: &mpsc::Sender<RoomEvent>) {
    if !text.trim().is_empty() {
        to_call.send(RoomEvent::Chat { text }).await.ok();
    }
}
