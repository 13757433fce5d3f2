//! PURE but for [`Entry::store`]. What is written of a call, and how it lies in a file: a line of JSON each.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use sidetone_store::errors::StageError;
use sidetone_store::figures::Figures;
use sidetone_store::results::CallResult;
use sidetone_store::tools::{HeldBy, ToolCall};
use sidetone_store::{At, Store, StoreError, StoredTurn};

/// One thing to write of a call. Writing it again changes nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// A turn, in the place of an earlier one of its id.
    Turn(StoredTurn),
    /// A tool's run.
    Tool {
        /// Of the run, within the call.
        id: String,
        /// What it did.
        run: ToolCall,
    },
    /// A stage that failed.
    Error {
        /// Of the failure, within the call.
        id: String,
        /// What failed.
        failed: StageError,
    },
    /// Usage and ledger of one agent's part of the call, in the place of those with a smaller `n`.
    Figures {
        /// The agent's job.
        job: String,
        /// Rises with each.
        n: i64,
        /// Both.
        figures: Figures,
    },
    /// Somebody muted or unmuted.
    Muted {
        /// Who.
        identity: String,
        /// When.
        at: At,
        /// Muted now.
        muted: bool,
    },
    /// Who begins the call.
    HeldBy(HeldBy),
    /// Where the call's end is posted to.
    Webhook {
        /// The address.
        url: String,
        /// When it was settled.
        at: At,
    },
    /// A result of the call is to be made, by this agent's `[result]`.
    ResultOwed {
        /// The agent's name.
        agent: String,
        /// Since when.
        at: At,
        /// Who makes it has until then.
        due_at: At,
    },
    /// What came of the call.
    Result(CallResult),
    /// The call's agent has left, as it should.
    AgentEnded {
        /// The room.
        room: String,
        /// Of the asking that the agent came for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        epoch: Option<i64>,
        /// The agent's identity there: another one may have come since.
        identity: String,
        /// When.
        at: At,
    },
}

/// What a file holds.
#[derive(Debug, Default, PartialEq)]
pub struct Contents {
    /// What can be read, in order.
    pub entries: Vec<Entry>,
    /// Lines that are no entries: the last one of a killed writer may be cut short.
    pub skipped: usize,
}

impl Entry {
    /// What kind it is, for the log.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Turn(_) => "turn",
            Self::Tool { .. } => "tool",
            Self::Error { .. } => "error",
            Self::Figures { .. } => "figures",
            Self::Muted { .. } => "muted",
            Self::HeldBy(_) => "held_by",
            Self::Webhook { .. } => "webhook",
            Self::ResultOwed { .. } => "result_owed",
            Self::Result(_) => "result",
            Self::AgentEnded { .. } => "agent_ended",
        }
    }

    /// Writes it to the database. An entry of a call that has no row is dropped.
    ///
    /// # Errors
    /// The database did not answer, or refused it.
    pub async fn store(&self, store: &Store, call_id: Uuid) -> Result<(), StoreError> {
        // False when there is no such call.
        let known = match self {
            Self::Turn(turn) => store.save_turn(call_id, turn).await?,
            Self::ResultOwed { agent, at, due_at } => {
                store.owe_result(call_id, agent, *at, *due_at).await?
            }
            Self::Result(made) => store.save_result(call_id, made).await?,
            Self::Figures { job, n, figures } => {
                store.save_figures(call_id, job, *n, figures).await?
            }
            Self::HeldBy(by) => {
                store.agent_of_call(call_id, by).await?;
                true
            }
            Self::Webhook { url, at } => {
                store.will_tell(call_id, url, *at).await?;
                true
            }
            // False also when it is stored already.
            Self::Tool { id, run } => {
                store.save_tool_call(call_id, id, run).await?;
                true
            }
            Self::Error { id, failed } => {
                store.save_error(call_id, id, failed).await?;
                true
            }
            // False also when that stay is not known yet: comparing with LiveKit makes it good.
            Self::Muted {
                identity,
                at,
                muted,
            } => {
                store.note_muted(call_id, identity, *at, *muted).await?;
                true
            }
            Self::AgentEnded {
                room,
                epoch,
                identity,
                at,
            } => {
                store.agent_has_ended(room, *epoch, identity, *at).await?;
                true
            }
        };
        if !known {
            tracing::debug!(%call_id, what = self.kind(), "the call has no row: not stored");
        }
        Ok(())
    }

    /// Its line, with the line's end.
    ///
    /// # Errors
    /// It cannot be JSON.
    pub fn line(&self) -> serde_json::Result<Vec<u8>> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        Ok(line)
    }
}

impl Contents {
    /// Reads a file. A line that is cut short or no entry is skipped and counted.
    pub fn read(bytes: &[u8]) -> Self {
        let mut contents = Self::default();
        for line in bytes.split(|byte| *byte == b'\n') {
            if line.is_empty() {
                continue;
            }
            match serde_json::from_slice(line) {
                Ok(entry) => contents.entries.push(entry),
                Err(_) => contents.skipped += 1,
            }
        }
        contents
    }
}

#[cfg(test)]
mod tests;
