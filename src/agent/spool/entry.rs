//! PURE but for [`Entry::store`]. What is written of a call, and how it lies in a file: a line of JSON each.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use sidetone_call::voicemail::Sign;
use sidetone_config::webhook::WebhookEvent;
use sidetone_store::errors::StageError;
use sidetone_store::figures::Figures;
use sidetone_store::media::Media;
use sidetone_store::results::CallResult;
use sidetone_store::saying::Saying;
use sidetone_store::tools::{HeldBy, ToolCall};
use sidetone_store::{
    At, Fact, NewCall, Outcome, ParticipantKind, Stay, Store, StoreError, StoredTurn,
};

/// One thing to write of a call. Writing it again changes nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// A turn, in the place of an earlier one of its id.
    Turn(StoredTurn),
    /// What the caller is saying, in the place of what was said before.
    Saying(Saying),
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
    /// What the call's sound went through, in the place of what an earlier agent measured.
    Media(Media),
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
        /// What else of the call is.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        events: Vec<WebhookEvent>,
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
    /// A stay in the room, as the agent saw it.
    Seen {
        /// LiveKit's id of the room.
        room_sid: Option<String>,
        /// When LiveKit opened it.
        opened_at: Option<At>,
        /// Who.
        stay: SeenStay,
    },
    /// A call that was found in a room which Sidetone has not made; before all others of the call.
    Found(Box<NewCall>),
    /// Who the caller of such a call is.
    Caller {
        /// The participant's identity, or a telephone's number.
        caller_id: String,
    },
    /// The telephone that the agent calls was answered.
    Answered {
        /// When.
        at: At,
    },
    /// A machine has answered.
    Machine {
        /// When it was known.
        at: At,
        /// By what.
        sign: Sign,
    },
    /// The call is over: its agent has seen its end, or made it.
    Over {
        /// When.
        at: At,
        /// Somebody hung up.
        hung_up: bool,
        /// What the agent has come for: the word of one that another was sent for ends nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        asking: Option<Asking>,
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

/// An asking for a room's agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asking {
    /// The room.
    pub room: String,
    /// Its number.
    pub epoch: i64,
}

/// A stay of the agent or of a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeenStay {
    /// LiveKit's id of it.
    pub sid: String,
    /// Who it is.
    pub identity: String,
    /// The name shown to others.
    pub name: String,
    /// The agent itself; else a person.
    pub is_agent: bool,
    /// When it came, if known.
    pub joined_at: Option<At>,
    /// When it went, if it has.
    pub left_at: Option<At>,
}

impl From<&SeenStay> for Stay {
    fn from(seen: &SeenStay) -> Self {
        Self {
            sid: seen.sid.clone(),
            user_id: seen.identity.clone(),
            name: seen.name.clone(),
            kind: match seen.is_agent {
                true => ParticipantKind::Agent,
                false => ParticipantKind::User,
            },
            joined_at: seen.joined_at,
            left_at: seen.left_at,
            muted: None,
        }
    }
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
            Self::Saying(_) => "saying",
            Self::Tool { .. } => "tool",
            Self::Error { .. } => "error",
            Self::Figures { .. } => "figures",
            Self::Media(_) => "media",
            Self::Muted { .. } => "muted",
            Self::HeldBy(_) => "held_by",
            Self::Webhook { .. } => "webhook",
            Self::ResultOwed { .. } => "result_owed",
            Self::Seen { .. } => "seen",
            Self::Found(_) => "found",
            Self::Caller { .. } => "caller",
            Self::Answered { .. } => "answered",
            Self::Machine { .. } => "machine",
            Self::Over { .. } => "over",
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
            Self::Saying(saying) => store.save_saying(call_id, saying).await?,
            Self::ResultOwed { agent, at, due_at } => {
                store.owe_result(call_id, agent, *at, *due_at).await?
            }
            Self::Result(made) => store.save_result(call_id, made).await?,
            Self::Figures { job, n, figures } => {
                store.save_figures(call_id, job, *n, figures).await?
            }
            Self::Media(media) => store.save_media(call_id, media).await?,
            Self::Found(call) => store.found_call(call).await?,
            Self::Caller { caller_id } => {
                store.caller_is(call_id, caller_id).await?;
                true
            }
            Self::HeldBy(by) => {
                store.agent_of_call(call_id, by).await?;
                true
            }
            Self::Webhook { url, events, at } => {
                store.will_tell(call_id, url, events, *at).await?;
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
            Self::Seen {
                room_sid,
                opened_at,
                stay,
            } => {
                let opened = opened_at.map(Fact::RoomStarted);
                let seen = Fact::Seen(stay.into());
                let facts: Vec<Fact> = opened.into_iter().chain([seen]).collect();
                let observed = store.observe(call_id, room_sid.as_deref(), &facts);
                observed.await?.is_some()
            }
            // False also of a call that somebody has made to us.
            Self::Answered { at } => {
                (store.dialled(call_id, Outcome::Answered, None, *at)).await?;
                true
            }
            Self::Machine { at, sign } => {
                let by = format!("known by its {}", sign.as_str());
                let dialled = store.dialled(call_id, Outcome::Voicemail, Some(&by), *at);
                dialled.await?;
                true
            }
            Self::Over {
                at,
                hung_up,
                asking,
            } => {
                let (at, hung_up) = (*at, *hung_up);
                if let Some(Asking { room, epoch }) = asking
                    && store.is_taken_over(call_id, room, *epoch).await?
                {
                    return Ok(());
                }
                let over = [Fact::Over { at, hung_up }];
                store.observe(call_id, None, &over).await?.is_some()
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
