//! From samples to words: windows of speech, decoded until they end or repeat themselves.

use std::sync::Arc;

use candle_core::{D, Tensor};

use super::model::Whisper;
use super::vocabulary::Vocabulary;
use super::{INPUT_RATE, Segment, Transcript};
use crate::compute::Compute;
use crate::mel::{HOP, Mel};

/// Encoder frames per second.
const FRAMES: f32 = 50.0;
/// A window this short (in encoder frames) is still understood; with shorter ones Whisper begins to loop.
const MIN_CONTEXT: usize = 384;
/// Frames of silence after the speech, from which the model knows that it has ended.
const TAIL: usize = 128;
/// Longest stretch transcribed at once, in seconds: Whisper's window minus a tail of silence.
const LONGEST: f32 = 28.0;
/// Audio that is quieter than this everywhere (RMS of 20 ms, about -62 dBFS) is silence and needs no model.
const QUIET: f32 = 8e-4;

/// One utterance.
pub(super) struct Request {
    pub(super) samples: Vec<f32>,
    /// ISO 639-1; `None` detects the language.
    pub(super) language: Option<String>,
}

/// A language other than English must have more than this probability among the languages: short words sound like
/// several of them, and English is what the other local models speak.
const CERTAIN: f32 = 0.5;

/// Checked at every point where the work can be stopped.
pub(super) type Stop<'a> = &'a dyn Fn() -> bool;

/// Whisper, and everything it needs.
pub(super) struct Recogniser {
    whisper: Whisper,
    mel: Mel,
    vocabulary: Arc<Vocabulary>,
    compute: Arc<Compute>,
}

/// The decoding of a window.
struct Decoding {
    language: String,
    tokens: Vec<u32>,
    avg_logprob: f32,
    no_speech_prob: f32,
    /// Whether it began to repeat itself.
    looped: bool,
}

impl Recogniser {
    pub(super) fn new(
        whisper: Whisper,
        vocabulary: Arc<Vocabulary>,
        compute: Arc<Compute>,
    ) -> Self {
        Self {
            whisper,
            mel: Mel::new(),
            vocabulary,
            compute,
        }
    }

    /// The first use packs the weights.
    pub(super) fn warm_up(&self) -> Result<(), String> {
        let request = Request {
            samples: noise(),
            // Detection is warmed up too.
            language: None,
        };
        self.transcribe(&request, &|| false)?;
        self.whisper.release();
        Ok(())
    }

    /// The words of an utterance, or those so far if `stop` returns true.
    pub(super) fn transcribe(&self, request: &Request, stop: Stop) -> Result<Transcript, String> {
        let samples = &request.samples;
        let seconds = |samples: usize| samples as f32 / INPUT_RATE as f32;
        let mut transcript = Transcript {
            duration: seconds(samples.len()),
            language: request.language.clone().unwrap_or_else(|| "en".into()),
            ..Transcript::default()
        };
        // From the first stretch with speech: people do not change languages within an utterance.
        let mut language = request.language.clone();
        for window in windows(samples) {
            let heard = &samples[window.clone()];
            if stop() || is_quiet(heard) {
                continue;
            }
            let Some(decoding) = self.window(heard, language.as_deref(), stop)? else {
                continue;
            };
            let text = self.vocabulary.text(&decoding.tokens);
            if !is_speech(&decoding) || !text.contains(char::is_alphanumeric) {
                continue;
            }
            transcript.language.clone_from(&decoding.language);
            language = Some(decoding.language);
            if !transcript.text.is_empty() {
                transcript.text.push(' ');
            }
            transcript.text.push_str(&text);
            transcript.segments.push(Segment {
                start: seconds(window.start),
                end: seconds(window.end),
                text,
                tokens: decoding.tokens,
                avg_logprob: decoding.avg_logprob,
                no_speech_prob: decoding.no_speech_prob,
            });
        }
        Ok(transcript)
    }

    /// Transcribes up to 30 seconds. A short audio context makes it fast; if that makes it repeat itself, it listens
    /// again with a longer one.
    fn window(
        &self,
        samples: &[f32],
        language: Option<&str>,
        stop: Stop,
    ) -> Result<Option<Decoding>, String> {
        let full = self.whisper.max_context();
        let seconds = samples.len() as f32 / INPUT_RATE as f32;
        let short = ((seconds * FRAMES) as usize + TAIL)
            .max(MIN_CONTEXT)
            .min(full);
        let mut best = None;
        for context in [short, (2 * short).min(full), full] {
            match self
                .decode(samples, context, language, stop)
                .map_err(|e| e.to_string())?
            {
                Some(decoding) if decoding.looped && context < full => best = Some(decoding),
                done => return Ok(done),
            }
        }
        Ok(best)
    }

    fn decode(
        &self,
        samples: &[f32],
        context: usize,
        language: Option<&str>,
        stop: Stop,
    ) -> candle_core::Result<Option<Decoding>> {
        let mel = self.mel.spectrogram(samples, context * 2);
        let turn = self.compute.turn();
        let Some(mut listener) = self.whisper.listen(mel, context, stop)? else {
            return Ok(None);
        };
        drop(turn);

        let seconds = samples.len() as f32 / INPUT_RATE as f32;
        // nobody speaks ten tokens a second for long
        let most = 16 + (seconds * 10.0) as usize;
        let (language, mut feed, heard_nothing) = match language {
            Some(language) => (language, self.vocabulary.prompt(language), None),
            None => {
                let turn = self.compute.turn();
                let logits = self
                    .whisper
                    .decode(&mut listener, &[self.vocabulary.start])?;
                drop(turn);
                let first = row(&logits, 0)?;
                let language = self.likeliest(&first);
                let mut prompt = self.vocabulary.prompt(language);
                // The model has already had its first token.
                prompt.remove(0);
                (language, prompt, Some(self.no_speech(&first)))
            }
        };
        let mut decoding = Decoding {
            language: language.to_owned(),
            tokens: Vec::new(),
            avg_logprob: 0.0,
            no_speech_prob: 0.0,
            looped: false,
        };
        let mut sum = 0.0;
        loop {
            if stop() {
                return Ok(None);
            }
            let turn = self.compute.turn();
            let logits = self.whisper.decode(&mut listener, &feed)?;
            drop(turn);
            let at_start = decoding.tokens.is_empty();
            if at_start {
                decoding.no_speech_prob = match heard_nothing {
                    Some(probability) => probability,
                    None => self.no_speech(&row(&logits, 0)?),
                };
            }
            let mut last = row(&logits, feed.len() - 1)?;
            last.truncate(self.vocabulary.len());
            self.vocabulary.suppress(&mut last, at_start);
            let next = argmax(&last);
            sum += log_softmax(&last, next);
            decoding.avg_logprob = sum / (decoding.tokens.len() + 1) as f32;
            if next as u32 == self.vocabulary.end {
                return Ok(Some(decoding));
            }
            decoding.tokens.push(next as u32);
            if let Some(kept) = before_loop(&decoding.tokens) {
                decoding.tokens.truncate(kept);
                decoding.looped = true;
                return Ok(Some(decoding));
            }
            if decoding.tokens.len() >= most {
                decoding.looped = true;
                return Ok(Some(decoding));
            }
            feed = vec![next as u32];
        }
    }
}

impl Recogniser {
    /// The language of the audio, from the logits after the first token.
    fn likeliest(&self, first: &[f32]) -> &str {
        let languages = self.vocabulary.languages();
        let heard: Vec<(&str, f32)> = languages
            .map(|(name, id)| (name, first[id as usize]))
            .collect();
        likeliest(&heard)
    }

    /// The probability that there is no speech, from the logits after the first token.
    fn no_speech(&self, first: &[f32]) -> f32 {
        log_softmax(first, self.vocabulary.no_speech as usize).exp()
    }
}

/// The language with the greatest logit, if it is more probable than all others together; otherwise English.
fn likeliest<'l>(heard: &[(&'l str, f32)]) -> &'l str {
    let best = heard.iter().max_by(|a, b| a.1.total_cmp(&b.1));
    let Some((name, logit)) = best else {
        return "en";
    };
    let share = 1.0
        / heard
            .iter()
            .map(|(_, other)| (other - logit).exp())
            .sum::<f32>();
    if share > CERTAIN { name } else { "en" }
}

/// Whisper's own rule: probably no speech, and low confidence in the text. The second rule catches noise that it takes
/// for speech without any confidence.
fn is_speech(decoding: &Decoding) -> bool {
    let Decoding {
        avg_logprob,
        no_speech_prob,
        ..
    } = *decoding;
    !(no_speech_prob > 0.6 && avg_logprob < -1.0 || avg_logprob < -1.6)
}

/// Half a second of noise that passes every silence gate.
fn noise() -> Vec<f32> {
    let mut state = 1u32;
    std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as f32 / 65_536.0 * 0.1 - 0.05
    })
    .take(INPUT_RATE / 2)
    .collect()
}

fn row(logits: &Tensor, row: usize) -> candle_core::Result<Vec<f32>> {
    debug_assert!(row < logits.dim(D::Minus2)?);
    logits.get(row)?.to_vec1()
}

fn argmax(values: &[f32]) -> usize {
    let best = values.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
    best.map_or(0, |(at, _)| at)
}

fn log_softmax(values: &[f32], at: usize) -> f32 {
    let max = values.iter().copied().fold(f32::MIN, f32::max);
    let sum: f32 = values.iter().map(|value| (value - max).exp()).sum();
    values[at] - max - sum.ln()
}

/// If the tokens end in a loop, the number of tokens to keep: up to and including the loop's first round.
fn before_loop(tokens: &[u32]) -> Option<usize> {
    (1..=12).find_map(|period| {
        let rounds = tokens
            .rchunks_exact(period)
            .take_while(|chunk| *chunk == &tokens[tokens.len() - period..])
            .count();
        // people do say "no no no no", but not six times
        let looped = rounds >= 3 && rounds * period >= if period <= 2 { 6 } else { 12 };
        looped.then(|| tokens.len() - (rounds - 1) * period)
    })
}

fn is_quiet(samples: &[f32]) -> bool {
    let rms =
        |chunk: &[f32]| (chunk.iter().map(|s| s * s).sum::<f32>() / chunk.len() as f32).sqrt();
    samples.chunks(HOP * 2).all(|chunk| rms(chunk) < QUIET)
}

/// Splits long audio where it is quietest between 20 and 28 seconds.
fn windows(samples: &[f32]) -> Vec<std::ops::Range<usize>> {
    let longest = (LONGEST * INPUT_RATE as f32) as usize;
    let step = INPUT_RATE / 10;
    let mut windows = Vec::new();
    let mut start = 0;
    while samples.len() - start > longest {
        let energy = |at: usize| samples[at..at + step].iter().map(|s| s * s).sum::<f32>();
        let cut = (start + longest * 5 / 7..start + longest - step)
            .step_by(step)
            .min_by(|a, b| energy(*a).total_cmp(&energy(*b)))
            .map_or(start + longest, |at| at + step / 2);
        windows.push(start..cut);
        start = cut;
    }
    if start < samples.len() {
        windows.push(start..samples.len());
    }
    windows
}

#[cfg(test)]
mod tests;
