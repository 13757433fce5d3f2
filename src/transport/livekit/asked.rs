//! What a client asks of the agent beside its voice: by RPC and in writing.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use livekit::StreamReader;
use livekit::prelude::{ParticipantIdentity, Room, RpcError, RpcInvocationData};
use tokio::sync::mpsc;

use crate::transport::{Floor, RoomEvent};

/// As HTTP's 403; codes below 1000 are the application's (LiveKit's RPC documentation).
const RPC_FORBIDDEN: u32 = 403;
/// Longest chat message that is read; a person does not type more.
const CHAT_LIMIT: usize = 16 * 1024;
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

/// Reads a chat message, and tells the call of it.
pub(super) async fn read_chat(reader: livekit::TextStreamReader, to_call: mpsc::Sender<RoomEvent>) {
    match tokio::time::timeout(CHAT_DEADLINE, reader.read_all()).await {
        Ok(Ok(text)) if text.len() <= CHAT_LIMIT && !text.trim().is_empty() => {
            let _ = to_call.send(RoomEvent::Chat { text }).await;
        }
        Ok(Ok(text)) => {
            tracing::warn!(
                bytes = text.len(),
                "a chat message was empty or too long: not answered"
            );
        }
        Ok(Err(error)) => tracing::warn!(%error, "a chat message broke off: not answered"),
        Err(_) => tracing::warn!("a chat message did not arrive within {CHAT_DEADLINE:?}"),
    }
}
