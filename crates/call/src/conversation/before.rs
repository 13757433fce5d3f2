//! What the caller said before the agent could hear is processed as if it had been heard live.

use std::time::{Duration, Instant};

use super::Conversation;
use sidetone_base::audio::Pcm;
use sidetone_base::clock;
use sidetone_turn::{Input, Owed};

/// Microphone audio kept while the caller is not known to be there.
const KEEP: Duration = Duration::from_secs(10);

/// Sound from before the conversation began.
#[derive(Debug, Default)]
pub(super) struct Before {
    /// Recorded by the caller's client.
    recorded: Option<Pcm<16_000>>,
    /// Received since.
    heard: Pcm<16_000>,
    /// Set if another agent held the call: what it still owes the caller.
    resumes: Option<Option<Owed>>,
    /// That agent has handed the call over: nothing was lost, and the caller is to notice nothing.
    is_handed_over: bool,
    /// The agent's opening, deferred because the caller spoke first; used if that turns out to be noise.
    opening: Option<Input>,
}

impl Before {
    pub(super) fn after(resumes: Option<Option<Owed>>, is_handed_over: bool) -> Self {
        Self {
            resumes,
            is_handed_over,
            ..Self::default()
        }
    }

    pub(super) fn recorded(&mut self, sound: Pcm<16_000>) {
        self.recorded = Some(sound);
    }

    pub(super) fn heard(&mut self, frame: &Pcm<16_000>) {
        self.heard.extend(frame.samples().iter().copied());
        let excess = self.heard.len();
        self.heard
            .take_front(excess.saturating_sub(Pcm::<16_000>::samples_in(KEEP)));
    }

    /// All of the audio, if there is a recording: what was received since is its end.
    fn take_sound(&mut self) -> Option<Pcm<16_000>> {
        let heard = std::mem::take(&mut self.heard);
        let mut sound = self.recorded.take()?;
        sound.extend(heard.samples().iter().copied());
        Some(sound)
    }

    /// The caller's turn turned out to be noise: takes the deferred opening.
    pub(super) fn take_opening(&mut self) -> Option<Input> {
        self.opening.take()
    }

    /// The caller's turn has words: the opening is not needed.
    pub(super) fn is_answered(&mut self) {
        self.opening = None;
    }
}

impl Conversation {
    /// Greets the caller or resumes the conversation, unless the caller spoke first.
    pub(super) fn greet(&mut self) {
        self.catch_up();
        let opening = self.opening();
        if self.turn.open_turn().is_some() {
            self.caller.before().opening = opening;
        } else if let Some(opening) = opening {
            return self.input(opening);
        }
        self.replies.apology.prepare(&self.cast.providers().tts);
        self.show_state();
        self.watch_silence(clock::now());
    }

    /// The agent's opening. `None` if it waits to be spoken to.
    fn opening(&mut self) -> Option<Input> {
        let agent = self.cast.agent();
        let before = self.caller.before();
        if let Some(owed) = before.resumes.take() {
            let text = match (before.is_handed_over, &owed) {
                (true, None) => return None,
                (true, Some(_)) => String::new(),
                (false, _) => agent.takes_over_with(owed.is_some()),
            };
            return Some(Input::Resume { text, owed });
        }
        let text = agent.greeting.clone();
        let says = |text| Input::Say {
            text,
            interruptible: true,
        };
        Some(text).filter(|text| !text.is_empty()).map(says)
    }

    /// Processes what was said before.
    fn catch_up(&mut self) {
        let sound = self.caller.before().take_sound();
        let Some(sound) = sound.filter(|_| !self.hand.is_muted()) else {
            return;
        };
        for (then, frame) in frames_until(clock::now(), &sound) {
            if let Some(input) = self.listen.push(then, &frame, self.turn.open_turn()) {
                self.input(input);
                self.words_ahead();
            }
        }
    }
}

/// The frames of sound that ends now, with the times at which they ended.
pub(super) fn frames_until(
    now: Instant,
    sound: &Pcm<16_000>,
) -> impl Iterator<Item = (Instant, Pcm<16_000>)> {
    let frames = sound.samples().chunks_exact(Pcm::<16_000>::FRAME);
    let mut ago = sound.duration();
    frames.map(move |frame| {
        let frame = Pcm::new(frame.to_vec());
        ago = ago.saturating_sub(frame.duration());
        (now.checked_sub(ago).unwrap_or(now), frame)
    })
}
