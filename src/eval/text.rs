//! A call in writing: a whole call runs, without hearing and voice.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _, stream};
use tokio::sync::mpsc;

use sidetone_base::audio::Pcm;
use sidetone_call::transport::{AgentState, RoomCommand, RoomDriver, RoomEvent, Speaker};
use sidetone_call::{Llm, ProviderError, Providers, Stt, Tools, Tts};
use sidetone_config::choices::Caller;

/// How long "saying" a sentence takes: almost nothing, and still heard to its end.
const SENTENCE: Duration = Duration::from_millis(10);

/// Hears nothing, and speaks in no time.
struct Silent;

impl Stt for Silent {
    fn transcribe(&self, _: Pcm<16_000>) -> BoxFuture<'static, Result<String, ProviderError>> {
        async { Ok(String::new()) }.boxed()
    }
}

impl Tts for Silent {
    fn speak(&self, _: String) -> BoxStream<'static, Result<Pcm<24_000>, ProviderError>> {
        let silence = Pcm::new(vec![0; Pcm::<24_000>::samples_in(SENTENCE)]);
        stream::iter([Ok(silence)]).boxed()
    }
}

/// Providers with a model and tools, but without hearing and voice.
pub fn in_writing(llm: Arc<dyn Llm>, tools: Arc<dyn Tools>) -> Providers {
    Providers {
        stt: Arc::new(Silent),
        llm,
        tts: Arc::new(Silent),
        tools,
    }
}

/// What a caller at a terminal sees of the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// The agent's next words.
    Words(String),
    /// The caller's own words, as they were understood.
    Heard(String),
    /// The agent's new state.
    State(AgentState),
    /// Telephone keys.
    Keys(String),
    /// The agent has left.
    Left,
    /// Why nothing more is heard or said.
    Trouble(String),
}

impl Seen {
    /// What is shown for a command; some show nothing. No command means that the call is over.
    pub fn of(command: Option<RoomCommand>) -> Option<Self> {
        match command {
            Some(RoomCommand::SetState(state)) => Some(Self::State(state)),
            Some(RoomCommand::Transcript(segment)) => match segment.who {
                Speaker::Agent => Some(Self::Words(segment.text)),
                Speaker::Caller => segment.is_final.then_some(Self::Heard(segment.text)),
            },
            Some(RoomCommand::Announce(text)) => Some(Self::Words(text)),
            Some(RoomCommand::Timing(_) | RoomCommand::Answer { .. }) => None,
            Some(RoomCommand::Dtmf(keys)) => Some(Self::Keys(keys)),
            Some(RoomCommand::Leave) | None => Some(Self::Left),
        }
    }
}

/// The caller at the terminal, who is present from the beginning.
pub fn joined(name: &str) -> RoomEvent {
    RoomEvent::CallerJoined(Caller {
        identity: name.to_lowercase(),
        name: name.to_owned(),
        ..Caller::default()
    })
}

/// Drives a room in which the caller writes: `written` goes in, what the agent does goes to `seen`. Ends with the call.
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
    // A call that takes no events is ending, and says so below.
    events.send(joined(name)).await.ok();
    loop {
        let what = tokio::select! {
            command = commands.recv() => match Seen::of(command) {
                // What was written is already on the screen.
                None | Some(Seen::Heard(_)) => continue,
                Some(what) => what,
            },
            Some(event) = written.recv() => {
                events.send(event).await.ok();
                continue;
            }
            Some(_) = speaker.recv() => continue,
        };
        let over = what == Seen::Left;
        // If nobody watches, the call goes on anyway.
        seen.send(what).await.ok();
        if over {
            return;
        }
    }
}
