//! Speech over the Realtime socket: a conversational model is asked to read aloud.
//!
//! Its words are compared with the script while the audio is still on its way: a refusal, an answer or a preamble is
//! requested again before it is heard if possible, and other words than the script's are reported with the audio.

pub(in crate::openai) mod asking;
mod life;
mod pool;
pub(in crate::openai) mod reading;
pub(in crate::openai) mod session;

use std::time::{Duration, Instant};

use futures::{Stream, StreamExt as _, stream};
use tokio::time::timeout;

use super::super::error::ProviderError;
use super::super::retry::with_retries;
use super::{Reworded, Speech, Spoken, Tts};
use asking::{Manner, Script};
use pool::{Access, End, Heard, Seat, Words};
use reading::{Reading, Verdict};
use sidetone_base::audio::Pcm;
use sidetone_base::clock;

pub use pool::SpeechSockets;

/// Audio that waits for the first words, if they come later than the audio: words arrive faster than they are heard.
const HELD: Duration = Duration::from_millis(500);
/// Audio that waits for all words, once the first were wrong twice.
const HELD_WHOLE: Duration = Duration::from_secs(60);
/// Most sockets that a sentence is moved to.
const MOVES: u32 = 3;
/// A socket that sends nothing of a sentence for this long may be dead without knowing it (a network that dropped its
/// state): the sentence is moved, once. Answers usually begin within a second.
const DEAF: Duration = Duration::from_secs(3);
/// A sentence that is dropped after waiting this long, with nothing of it received, makes its socket suspect: no
/// further sentence is put on it.
const SUSPECT: Duration = Duration::from_millis(1500);
/// The protocol's range.
const SPEEDS: std::ops::RangeInclusive<f32> = 0.25..=1.5;

/// Opens a socket ahead of the first sentence.
pub(super) fn warm(tts: &Tts, voice: &str, speed: Option<f32>) {
    tts.sockets.warm(&access(tts, voice, speed));
}

fn access(tts: &Tts, voice: &str, speed: Option<f32>) -> Access {
    let clamped = |speed: f32| speed.clamp(*SPEEDS.start(), *SPEEDS.end());
    Access {
        provider: tts.provider.clone(),
        manner: Manner {
            voice: voice.to_owned(),
            speed: speed.map(clamped),
        },
    }
}

/// The sentence in pieces as they arrive. Returns once the first is there.
pub(super) async fn open(
    tts: Tts,
    speech: Speech,
    deadline: Instant,
) -> Result<impl Stream<Item = Result<Spoken, ProviderError>> + Send, ProviderError> {
    let provider = &tts.provider;
    let now = clock::now();
    let (first, sentence) = with_retries(
        provider.retries,
        deadline,
        || provider.out_of_time(now, deadline),
        async || {
            let mut sentence = Sentence::new(&tts, &speech);
            let first = sentence.next().await?;
            let nothing = || ProviderError::unspoken(&provider.host, "no sound at all");
            Ok((first.ok_or_else(nothing)?, sentence))
        },
    )
    .await?;
    let rest = stream::try_unfold(sentence, async |mut sentence| {
        Ok(sentence.next().await?.map(|spoken| (spoken, sentence)))
    });
    Ok(stream::once(async { Ok(first) }).chain(rest))
}

/// How long audio is held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    /// Until the first words are known to be right.
    Beginning,
    /// Until all words are known.
    Whole,
    Free,
}

/// A sentence being read.
struct Sentence {
    tts: Tts,
    script: Script,
    access: Access,
    reading: Reading,
    /// `None` if it is still to be requested.
    seat: Option<Seat>,
    /// When it was requested, and whether anything has arrived since.
    asked_at: Instant,
    any: bool,
    moves: u32,
    hold: Hold,
    held: Pcm<24_000>,
    /// Nothing of this attempt has been passed on yet.
    begins: bool,
    /// Words still to be reported.
    said: Option<Reworded>,
    /// All words are known and judged.
    judged: bool,
    over: bool,
}

impl Sentence {
    fn new(tts: &Tts, speech: &Speech) -> Self {
        Self {
            access: access(tts, &speech.voice, speech.speed),
            tts: tts.clone(),
            reading: Reading::of(&speech.text),
            script: Script {
                text: speech.text.clone(),
                directions: speech.instructions.clone(),
                again: false,
            },
            seat: None,
            asked_at: clock::now(),
            any: false,
            moves: 0,
            hold: Hold::Beginning,
            held: Pcm::default(),
            begins: true,
            said: None,
            judged: false,
            over: false,
        }
    }

    /// Starts again: what arrived so far is void.
    fn anew(&mut self) {
        self.seat = None;
        self.hold = Hold::Beginning;
        self.held = Pcm::default();
        self.begins = true;
        self.said = None;
        self.judged = false;
    }

    /// `None` at the end.
    async fn next(&mut self) -> Result<Option<Spoken>, ProviderError> {
        while !self.over {
            match self.hear().await? {
                None => {}
                Some(heard) => self.take(heard)?,
            }
            if let Some(spoken) = self.give() {
                return Ok(Some(spoken));
            }
        }
        Ok(None)
    }

    fn take(&mut self, heard: Heard) -> Result<(), ProviderError> {
        match heard {
            Heard::Audio(audio) => {
                self.held.append(&audio);
                let longest = match self.hold {
                    Hold::Beginning => HELD,
                    Hold::Whole => HELD_WHOLE,
                    Hold::Free => Duration::ZERO,
                };
                if self.held.duration() >= longest {
                    self.hold = Hold::Free;
                }
            }
            Heard::End(End::Whole) => {
                if self.begins && self.held.is_empty() {
                    let host = &self.tts.provider.host;
                    return Err(ProviderError::unspoken(host, "no sound at all"));
                }
                self.look()?;
                if self.seat.take().is_some() {
                    self.hold = Hold::Free;
                    self.over = true;
                }
            }
            Heard::End(End::Moved) => self.move_on()?,
            Heard::End(End::Failed(error)) => return Err(error),
        }
        Ok(())
    }

    fn give(&mut self) -> Option<Spoken> {
        let has_news = !self.held.is_empty() || self.said.is_some();
        // Words follow the audio that they belong to.
        let is_first_without_sound = self.begins && self.held.is_empty();
        if self.hold != Hold::Free || !has_news || is_first_without_sound {
            return None;
        }
        Some(Spoken {
            begins: std::mem::take(&mut self.begins),
            audio: std::mem::take(&mut self.held),
            said: self.said.take(),
        })
    }

    /// The next part, after a look at the words so far. `None` if the caller should look again.
    async fn hear(&mut self) -> Result<Option<Heard>, ProviderError> {
        let Some(seat) = &mut self.seat else {
            let said = self.tts.sockets.say(&self.access, self.script.clone());
            (self.asked_at, self.any) = (clock::now(), false);
            match said {
                Some(seat) => self.seat = Some(seat),
                None => self.move_on()?,
            }
            return Ok(None);
        };
        let provider = &self.tts.provider;
        let event = async {
            tokio::select! {
                biased;
                Ok(()) = seat.words.changed() => None,
                heard = seat.parts.recv() => Some(heard.unwrap_or(Heard::End(End::Moved))),
            }
        };
        let may_move = !self.any && self.moves == 0;
        let patience = if may_move {
            DEAF.min(provider.timeout)
        } else {
            provider.timeout
        };
        let Ok(event) = timeout(patience, event).await else {
            seat.distrust();
            if may_move {
                self.move_on()?;
                return Ok(None);
            }
            return Err(provider.timed_out("no next piece of a sentence"));
        };
        self.any = true;
        if event.is_none() {
            self.look()?;
        }
        Ok(event)
    }

    fn move_on(&mut self) -> Result<(), ProviderError> {
        self.moves += 1;
        if self.moves > MOVES {
            let provider = &self.tts.provider;
            return Err(ProviderError::broken_off(provider.stage, &provider.host));
        }
        self.anew();
        Ok(())
    }

    /// Checks the words so far; the sentence may be requested again.
    fn look(&mut self) -> Result<(), ProviderError> {
        let Some(seat) = self.seat.as_mut().filter(|_| !self.judged) else {
            return Ok(());
        };
        let Words { text, all } = seat.words.borrow_and_update().clone();
        if all {
            self.judged = true;
            // Without transcripts there is nothing to compare.
            return match text.trim() {
                "" => Ok(()),
                words => self.judge(words),
            };
        }
        if self.reading.goes_astray(&text) {
            if !self.script.again {
                self.again("other words");
            } else if self.hold == Hold::Beginning {
                self.hold = Hold::Whole;
            }
        } else if self.hold == Hold::Beginning && self.reading.is_confirmed(&text) {
            self.hold = Hold::Free;
        }
        Ok(())
    }

    /// All words are known.
    fn judge(&mut self, words: &str) -> Result<(), ProviderError> {
        match self.reading.verdict(words) {
            Verdict::Verbatim => {}
            Verdict::Astray if !self.script.again => self.again("something else"),
            Verdict::Astray if self.begins => {
                let host = &self.tts.provider.host;
                return Err(ProviderError::unspoken(host, "other words twice"));
            }
            // The audio was heard, so the words that were spoken are recorded.
            Verdict::Astray | Verdict::Reworded => self.said = Some(Reworded(words.to_owned())),
        }
        Ok(())
    }

    fn again(&mut self, what: &str) {
        let host = &self.tts.provider.host;
        tracing::warn!(%host, "TTS said {what} than its text; it is asked again");
        self.script.again = true;
        self.anew();
    }
}

impl Drop for Sentence {
    fn drop(&mut self) {
        let waited = clock::now().saturating_duration_since(self.asked_at);
        if let Some(seat) = self
            .seat
            .as_ref()
            .filter(|_| !self.any && waited >= SUSPECT)
        {
            seat.distrust();
        }
    }
}
