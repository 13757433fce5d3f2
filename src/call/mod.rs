//! One conversation.

pub mod event;
pub mod providers;

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use event::{AgentTurn, CallEvent, CallId, CallOutcome, EndReason, Latency, Stage};
pub use providers::{Message, ProviderError, Providers, Role};

use crate::config::agent::AgentConfig;
use crate::transport::RoomLink;

/// What makes a call this call.
#[derive(Debug, Clone)]
pub struct CallSpec {
    /// Primary key.
    pub id: CallId,
    /// How the agent behaves: prompts already filled in, overrides already applied.
    pub agent: Arc<AgentConfig>,
}

/// Holds the conversation until it ends.
///
/// `events` is never lost while its receiver lives: the call keeps what does not fit and flushes
/// it at the end within a deadline. When `drain` is cancelled the call finishes what the agent
/// is saying (within a deadline) and leaves.
pub async fn run(
    _spec: CallSpec,
    _link: RoomLink,
    _providers: Arc<dyn Providers>,
    _events: mpsc::Sender<CallEvent>,
    _drain: CancellationToken,
) -> CallOutcome {
    unreachable!("being written")
}
