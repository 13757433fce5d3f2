//! Speech recognition that knows the words beforehand: what it is given, it finds in what was sent.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::caller::Turn;
use sidetone_base::audio::Pcm;
use sidetone_call::{ProviderError, Stt};
use sidetone_turn::words;

/// All that the microphone has sent, and whose words it is. PURE.
#[derive(Debug, Default)]
pub struct Sent {
    samples: Vec<i16>,
    said: Vec<Said>,
}

/// Words, and where they are spoken, in samples of all that was sent.
#[derive(Debug)]
struct Said {
    words: String,
    voiced: Vec<Range<usize>>,
}

impl Sent {
    /// The next frame begins `turn`.
    pub fn begins(&mut self, turn: &Turn) {
        let from = self.samples.len();
        let at = |time: Duration| from + Pcm::<16_000>::samples_in(time);
        self.said.extend(turn.pieces.iter().map(|piece| {
            let voiced = piece.voiced.iter();
            Said {
                words: piece.words.clone(),
                voiced: voiced.map(|span| at(span.start)..at(span.end)).collect(),
            }
        }));
    }

    /// The next frame.
    pub fn push(&mut self, frame: &Pcm<16_000>) {
        self.samples.extend(frame.samples());
    }

    /// The words in `audio`, which is a part of what was sent; the latest such part.
    pub fn words_in(&self, audio: &[i16]) -> String {
        let all = &self.samples;
        let end = (audio.len()..=all.len())
            .rev()
            .find(|end| all[end - audio.len()..*end] == *audio)
            .unwrap_or(all.len());
        let heard = end.saturating_sub(audio.len())..end;
        let mut text = String::new();
        for part in self.said.iter().map(|said| said.part(&heard)) {
            if !text.is_empty() && !part.is_empty() {
                text += words::between(&text, part);
            }
            text += part;
        }
        text
    }
}

impl Said {
    /// The words of it that were spoken in `heard`: as many of them as of its voiced time.
    fn part(&self, heard: &Range<usize>) -> &str {
        let voiced_to = |to: usize| -> usize {
            let spans = self.voiced.iter();
            spans.map(|s| to.clamp(s.start, s.end) - s.start).sum()
        };
        let all = voiced_to(usize::MAX).max(1);
        let ends = words::ends(&self.words);
        let at = |sample| match (ends.len() * voiced_to(sample) + all / 2) / all {
            0 => 0,
            words => ends[words - 1],
        };
        self.words[at(heard.start)..at(heard.end)].trim()
    }
}

/// Hears what was sent, and takes so long for it.
pub struct Ears {
    sent: Arc<Mutex<Sent>>,
    takes: Duration,
}

impl Ears {
    /// Of the caller whose sound goes into `sent`.
    pub fn new(sent: Arc<Mutex<Sent>>, takes: Duration) -> Self {
        Self { sent, takes }
    }
}

impl Stt for Ears {
    fn transcribe(&self, audio: Pcm<16_000>) -> BoxFuture<'static, Result<String, ProviderError>> {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let words = sent.words_in(audio.samples());
        let answer = tokio::time::sleep(self.takes);
        async move {
            answer.await;
            Ok(words)
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests;
