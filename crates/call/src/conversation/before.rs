//! What the caller said before the agent could hear is listened to as if it had been heard.

use std::time::Duration;

use super::Conversation;
use sidetone_base::audio::Pcm;
use sidetone_base::clock;
use sidetone_turn::Input;

/// Kept of the microphone while the caller is not known to be there.
const KEEP: Duration = Duration::from_secs(10);

/// Sound from before the conversation began.
#[derive(Debug, Default)]
pub(super) struct Before {
    /// Recorded by the caller's client.
    recorded: Option<Pcm<16_000>>,
    /// Heard since.
    heard: Pcm<16_000>,
    /// The greeting, where words came first: it is said if they turn out to be none.
    greeting: Option<String>,
}

impl Before {
    pub(super) fn recorded(&mut self, sound: Pcm<16_000>) {
        self.recorded = Some(sound);
    }

    pub(super) fn heard(&mut self, frame: &Pcm<16_000>) {
        self.heard.extend(frame.samples().iter().copied());
        let excess = self.heard.len();
        self.heard
            .take_front(excess.saturating_sub(Pcm::<16_000>::samples_in(KEEP)));
    }

    /// All of it, if there is a recording: what was heard since is the end of it.
    fn take_sound(&mut self) -> Option<Pcm<16_000>> {
        let heard = std::mem::take(&mut self.heard);
        let mut sound = self.recorded.take()?;
        sound.extend(heard.samples().iter().copied());
        Some(sound)
    }

    /// The caller's turn came to nothing: a noise.
    pub(super) fn take_greeting(&mut self) -> Option<String> {
        self.greeting.take()
    }

    /// The caller's turn has words.
    pub(super) fn is_answered(&mut self) {
        self.greeting = None;
    }
}

impl Conversation {
    /// Greets the caller, unless the caller was first.
    pub(super) fn greet(&mut self) {
        self.catch_up();
        let text = self.cast.agent().greeting.clone();
        if self.turn.open_turn().is_some() {
            self.caller.before().greeting = Some(text).filter(|text| !text.is_empty());
        } else if !text.is_empty() {
            return self.input(Input::Say {
                text,
                interruptible: true,
            });
        }
        self.replies.apology.prepare(&self.cast.providers().tts);
        self.show_state();
        self.watch_silence(clock::now());
    }

    /// Listens to what was said before, in the time it was said.
    fn catch_up(&mut self) {
        let Some(sound) = self.caller.before().take_sound() else {
            return;
        };
        let now = clock::now();
        let mut ago = sound.duration();
        for frame in sound.samples().chunks_exact(Pcm::<16_000>::FRAME) {
            let frame = Pcm::new(frame.to_vec());
            ago = ago.saturating_sub(frame.duration());
            let then = now.checked_sub(ago).unwrap_or(now);
            if let Some(input) = self.listen.push(then, &frame, self.turn.open_turn()) {
                self.input(input);
                self.words_ahead();
            }
        }
    }
}
