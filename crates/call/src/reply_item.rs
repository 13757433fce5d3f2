//! What the stages send to playout for a reply.

use std::time::Duration;

use sidetone_base::audio::Pcm;
use sidetone_turn::ReplyId;
use tokio::sync::mpsc;

use super::providers::{Opaque, ProviderError, Reworded};
use super::toolbox::TransferOrder;

/// A piece of a reply, on its way to playout with its [`ReplyId`].
#[derive(Debug, PartialEq)]
pub enum ReplyItem {
    /// Opaque provider data that goes back to the model with this reply, unread.
    Opaque(Opaque),
    /// The model began to write, this long after the request.
    FirstToken(Duration),
    /// The first audio arrived, this long after the request.
    FirstAudio(Duration),
    /// The text of the audio that follows.
    Sentence(String),
    /// The sentence broke off, and is spoken once more.
    Anew,
    /// The actual text of the sentence begun last.
    Said(Reworded),
    /// A sentence that cannot be spoken is skipped, and the reply goes on.
    Unspoken {
        /// The written text.
        text: String,
        /// The provider's error.
        why: ProviderError,
    },
    /// Audio of the sentence.
    Audio(Pcm<48_000>),
    /// All audio of the sentence was sent.
    SentenceEnd,
    /// Words to be shown, because they cannot be spoken.
    Notice(String),
    /// The call ends after this reply.
    HangUp,
    /// The caller is transferred after this reply.
    Transfer(TransferOrder),
    /// All of the reply was sent.
    Finished,
    /// The reply cannot go on.
    Failed(ProviderError),
}

/// Where a reply's items go.
#[derive(Clone)]
pub struct ReplyOut {
    /// Whose items they are.
    pub id: ReplyId,
    /// To the call's loop; waits when full, so that a provider runs no further ahead than
    /// playout wants.
    pub items: mpsc::Sender<(ReplyId, ReplyItem)>,
}

impl ReplyOut {
    /// Sends an item.
    pub async fn send(&self, item: ReplyItem) {
        // Fails only when the call is over, and then this task is aborted.
        self.items.send((self.id, item)).await.ok();
    }
}
