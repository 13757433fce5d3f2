//! What the caller said before the agent could hear: the greeting waits for it, and the call gets it first.

use livekit::StreamReader as _;
use tokio::sync::mpsc;

use super::super::before;
use super::Watch;
use sidetone_base::audio::Pcm;
use sidetone_base::clock;

/// Audio from before the agent could hear.
pub(super) struct SaidBefore {
    state: State,
    /// A stream was accepted: a caller has only one.
    is_taken: bool,
    reads: mpsc::Sender<Option<Pcm<16_000>>>,
    /// The accepted stream once it is read. `None` if there is no sound in it.
    pub(super) read: mpsc::Receiver<Option<Pcm<16_000>>>,
}

enum State {
    None,
    /// The greeting waits for it.
    Awaited,
    Here(Pcm<16_000>),
}

impl Default for SaidBefore {
    fn default() -> Self {
        let (reads, read) = mpsc::channel(1);
        Self {
            state: State::None,
            is_taken: false,
            reads,
            read,
        }
    }
}

impl SaidBefore {
    /// Audio that was heard while another agent held the call.
    pub(super) fn of(sound: Pcm<16_000>) -> Self {
        Self {
            state: State::Here(sound),
            ..Self::default()
        }
    }

    /// The audio, returned once.
    pub(super) fn take(&mut self) -> Option<Pcm<16_000>> {
        match std::mem::replace(&mut self.state, State::None) {
            State::Here(sound) => Some(sound),
            State::None | State::Awaited => None,
        }
    }
}

impl Watch<'_> {
    /// The caller can hear us: greets it, unless it has announced earlier audio.
    pub(super) async fn caller_hears(&mut self) {
        let caller = self.caller.as_ref();
        let awaits = matches!(self.before.state, State::None)
            && self.greet_by.is_some()
            && caller.is_some_and(before::is_announced);
        if awaits {
            self.before.state = State::Awaited;
            self.greet_by = Some(clock::now() + before::PATIENCE);
        } else if !matches!(self.before.state, State::Awaited) {
            self.greet().await;
        }
    }

    /// Accepts the caller's earlier audio, if it may send it.
    pub(super) fn take_before(&mut self, reader: livekit::ByteStreamReader) {
        let attributes = reader.info().attributes();
        let is_announced = self
            .caller
            .as_ref()
            .is_some_and(|caller| before::is_of_announced(caller, &attributes));
        if self.before.is_taken
            || self.greet_by.is_none()
            || !is_announced
            || self.secrecy.mismatch.is_some()
        {
            reader.closer().close();
            return tracing::info!(
                "what the caller said before is not heard: it came twice, late, or unannounced"
            );
        }
        self.before.is_taken = true;
        let reads = self.before.reads.clone();
        self.tasks.spawn(async move {
            let read = before::read(reader).await;
            let sound = read.inspect_err(|error| {
                tracing::warn!(%error, "what the caller said before is not heard");
            });
            // Fails if the caller is gone or the call is ending.
            reads.send(sound.ok()).await.ok();
        });
    }

    pub(super) async fn before_is_read(&mut self, sound: Option<Pcm<16_000>>) {
        let is_awaited = matches!(self.before.state, State::Awaited);
        // Too late if the call has greeted already.
        let sound = sound.filter(|_| self.greet_by.is_some());
        self.before.state = sound.map_or(State::None, State::Here);
        if is_awaited {
            self.greet().await;
        }
    }
}
