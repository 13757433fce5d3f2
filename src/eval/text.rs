//! A call in writing: the whole of a call runs, only its ears and its voice are missing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _, stream};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::audio::Pcm;
use crate::call::{Piece, ProviderError, Providers, Question, Served};
use crate::config::request::HttpRequest;
use crate::config::tools::McpTool;
use crate::transport::{AgentState, RoomCommand, RoomDriver, RoomEvent, Speaker};

/// A sentence takes this long to "say": as good as nothing, and still heard to its end.
const SENTENCE: Duration = Duration::from_millis(10);

/// Another's mind and tools, with a voice that says nothing in no time.
pub struct Silent {
    mind: Arc<dyn Providers>,
    asked: Mutex<Option<Question>>,
}

impl Silent {
    /// Around `mind`.
    pub fn new(mind: Arc<dyn Providers>) -> Self {
        Self {
            mind,
            asked: Mutex::default(),
        }
    }

    /// What the model was asked last.
    pub fn asked(&self) -> Option<Question> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.clone()
    }
}

impl Providers for Silent {
    fn transcribe(&self, _: Pcm<16_000>) -> BoxFuture<'static, Result<String, ProviderError>> {
        async { Ok(String::new()) }.boxed()
    }

    fn chat(&self, question: Question) -> BoxStream<'static, Result<Piece, ProviderError>> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        *asked = Some(question.clone());
        drop(asked);
        self.mind.chat(question)
    }

    fn call_tool(
        &self,
        request: HttpRequest,
        values: Value,
        arguments: Value,
    ) -> BoxFuture<'static, Result<String, String>> {
        self.mind.call_tool(request, values, arguments)
    }

    fn served(&self) -> BoxFuture<'static, Served> {
        self.mind.served()
    }

    fn call_served(
        &self,
        tool: McpTool,
        arguments: Value,
    ) -> BoxFuture<'static, Result<String, String>> {
        self.mind.call_served(tool, arguments)
    }

    fn speak(&self, _: String) -> BoxStream<'static, Result<Pcm<24_000>, ProviderError>> {
        let silence = Pcm::new(vec![0; Pcm::<24_000>::samples_in(SENTENCE)]);
        stream::iter([Ok(silence)]).boxed()
    }
}

/// What the writing caller sees of the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// The agent's next words.
    Words(String),
    /// What the agent does from now on.
    State(AgentState),
    /// Telephone keys.
    Keys(String),
    /// The agent has left.
    Left,
}

/// Drives a room in which the caller writes: `written` goes in, what the agent does comes out of
/// `seen`. Ends with the call.
pub async fn drive(
    driver: RoomDriver,
    name: &str,
    mut written: mpsc::Receiver<RoomEvent>,
    seen: mpsc::Sender<Seen>,
) {
    // The microphone stays open, and silent.
    let RoomDriver {
        mic: _mic,
        events,
        mut speaker,
        mut commands,
    } = driver;
    let joined = RoomEvent::CallerJoined {
        identity: name.to_lowercase(),
        name: name.to_owned(),
        attributes: HashMap::new(),
    };
    // A call that takes no events is ending, and says so below.
    events.send(joined).await.ok();
    loop {
        let what = tokio::select! {
            command = commands.recv() => match command {
                Some(RoomCommand::SetState(state)) => Seen::State(state),
                Some(RoomCommand::Transcript(segment)) if segment.who == Speaker::Agent => {
                    Seen::Words(segment.text)
                }
                Some(RoomCommand::Transcript(_) | RoomCommand::Timing(_)) => continue,
                Some(RoomCommand::Dtmf(keys)) => Seen::Keys(keys),
                Some(RoomCommand::Leave) | None => {
                    seen.send(Seen::Left).await.ok();
                    return;
                }
            },
            Some(event) = written.recv() => {
                events.send(event).await.ok();
                continue;
            }
            Some(_) = speaker.recv() => continue,
        };
        // Who does not look misses it; the call goes on.
        seen.send(what).await.ok();
    }
}
