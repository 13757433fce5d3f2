//! What a reply is on its way from the stages to playout.

use std::time::Duration;

use sidetone_base::audio::Pcm;
use sidetone_turn::ReplyId;
use tokio::sync::mpsc;

use super::providers::{Opaque, ProviderError, Reworded};
use super::toolbox::TransferOrder;

/// A piece of a reply, on its way to playout with its [`ReplyId`].
#[derive(Debug, PartialEq)]
pub enum ReplyItem {
    /// What goes back to the model with this reply, unread.
    Opaque(Opaque),
    /// The model began to write, this long after it was asked.
    FirstToken(Duration),
    /// The first audio came, this long after it was asked for.
    FirstAudio(Duration),
    /// The audio that follows says this.
    Sentence(String),
    /// The sentence broke off; it follows once more.
    Anew,
    /// The sentence begun last says this in fact.
    Said(Reworded),
    /// A sentence that cannot be spoken is skipped; the reply goes on.
    Unspoken {
        /// As it was written.
        text: String,
        /// What came in the place of its sound.
        why: ProviderError,
    },
    /// Audio of the sentence.
    Audio(Pcm<48_000>),
    /// All audio of the sentence was sent.
    SentenceEnd,
    /// Words to be read, for they cannot be spoken.
    Notice(String),
    /// The call ends when this reply was heard.
    HangUp,
    /// A person is called when this reply was heard.
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
    /// Passes an item on.
    pub async fn send(&self, item: ReplyItem) {
        // Fails only when the call is over, and then this task is aborted.
        self.items.send((self.id, item)).await.ok();
    }
}
