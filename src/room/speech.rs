//! What the agent's track plays: its voice, and the sound that callers wait by.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::sleep_until;

use sidetone_base::audio::Pcm;
use sidetone_base::clock;
use sidetone_call::holding::Holding;
use sidetone_call::transport::AgentState;

/// How long a frame of the voice is waited for while the sound plays. The engine holds two frames, so this is no
/// gap; and a voice that comes a little late is not torn by a frame of the sound alone.
const PATIENCE: Duration = Duration::from_millis(5);

/// The frames of a call's voice and, where its agent has one, of its holding sound.
pub(super) struct Speech {
    voice: mpsc::Receiver<Pcm<48_000>>,
    states: watch::Receiver<Option<AgentState>>,
    holding: Option<Holding>,
}

impl Speech {
    pub(super) fn new(
        voice: mpsc::Receiver<Pcm<48_000>>,
        states: watch::Receiver<Option<AgentState>>,
        holding: Option<Holding>,
    ) -> Self {
        Self {
            voice,
            states,
            holding,
        }
    }

    /// Waits for what comes next: a frame of the voice, or (`Some(None)`) 10 ms of the sound alone. `None` when the
    /// call has ended.
    pub(super) async fn next(&mut self) -> Option<Option<Pcm<48_000>>> {
        let Some(holding) = &mut self.holding else {
            return self.voice.recv().await.map(Some);
        };
        let mut tells = true;
        loop {
            let thinks = *self.states.borrow_and_update() == Some(AgentState::Thinking);
            let now = clock::now();
            holding.thinks(thinks, now);
            let due = holding.next(now).map(|due| due.max(now + PATIENCE));
            tokio::select! {
                biased;
                frame = self.voice.recv() => return frame.map(Some),
                () = sleep_until(due.unwrap_or(now).into()), if due.is_some() => return Some(None),
                changed = self.states.changed(), if tells => tells = changed.is_ok(),
            }
        }
    }

    /// The frame to play for what was [`Speech::next`].
    pub(super) fn mixed(&mut self, voice: Option<Pcm<48_000>>) -> Pcm<48_000> {
        match &mut self.holding {
            Some(holding) => holding.mix(voice, clock::now()),
            None => voice.unwrap_or_default(),
        }
    }
}
