//! A reply's sentences in their order, as sound, by one speaker.
//!
//! Two sentences are in the making at a time: the one whose audio is taken, and the next, so that
//! no gap opens between them. Who speaks the first one speaks the others, unless that provider
//! fails; and nobody takes over in the middle of a sentence: one that broke off is said anew, once,
//! and of what went out only that is heard which was played before the new sound came. A sentence
//! that cannot be spoken, tried twice, is skipped; the others are spoken. One that is too long for
//! its provider is spoken in parts.

mod halves;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use super::part::Part;
use super::providers::{Fault, ProviderError, Reworded, SpeakerId, Tts};
use super::reply_item::{ReplyItem, ReplyOut};
use super::requests;
use super::speech_text::{Pronunciations, SpeechText};
use super::toolbox::Persona;
use halves::halves;
use sidetone_base::audio::{Pcm, Resampler};
use sidetone_base::clock;

/// Sentences whose speech is asked for at a time.
const AHEAD: usize = 2;
/// Something for the meantime comes soon or not at all.
const FILLER_DEADLINE: Duration = Duration::from_secs(3);
/// Pieces of audio of one sentence that wait; then the provider waits.
const PIECES: usize = 32;

/// A reply whose first sentences, so many, cannot be spoken is given up: it is not their fault.
const SILENT: usize = 2;

/// What is to be heard next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Say {
    /// A sentence of the reply.
    Sentence(String),
    /// The next sentence, most likely: its speech is asked for, and heard if it comes true.
    Likely(String),
    /// Something for the meantime, which is no part of the reply. It is dropped when a sentence
    /// comes before its sound.
    Filler(String),
}

/// What turns a reply's sentences into sound.
pub struct Synthesizer {
    tts: Arc<dyn Tts>,
    speech_text: SpeechText,
    deadline: Duration,
    /// Whom the listener has heard in this reply.
    known: Option<SpeakerId>,
}

impl Synthesizer {
    /// Each piece of audio must come within `deadline`.
    pub fn new(tts: Arc<dyn Tts>, speech_text: SpeechText, deadline: Duration) -> Self {
        Self {
            tts,
            speech_text,
            deadline,
            known: None,
        }
    }

    /// An agent's.
    pub fn of(persona: &Persona) -> Self {
        let agent = &persona.agent;
        let pronunciations = Pronunciations::new(&agent.pronunciations);
        let speech_text = SpeechText::new(agent.language.as_deref(), pronunciations);
        Self::new(
            Arc::clone(&persona.providers.tts),
            speech_text,
            agent.limits.tts,
        )
    }

    /// Begins to make a sentence; none when there is nothing to hear in it, such as in code or a
    /// lone emoji.
    fn begin(&mut self, text: String) -> Option<PendingSentence> {
        let spoken = self.speech_text.speak(&text)?;
        Some(self.sentence(text, spoken))
    }

    /// Begins to make both halves of a sentence that was too long; none if it is short.
    fn halves(&self, text: &str) -> Option<[PendingSentence; 2]> {
        let (first, rest) = halves(text)?;
        // What other sentences have opened, such as a block of code, is not these words' concern.
        let half = |text: &str| {
            let spoken = self.speech_text.anew().speak(text)?;
            Some(self.sentence(text.to_owned(), spoken))
        };
        Some([half(first)?, half(rest)?])
    }

    /// Begins to make what fills the time.
    fn fill(&self, text: String) -> PendingSentence {
        let (sender, pieces) = mpsc::channel(1);
        let audio = phrase(text, Arc::clone(&self.tts), FILLER_DEADLINE);
        let by = self.known.unwrap_or(SpeakerId(0));
        let filling = async move {
            if let Some(audio) = audio.await {
                let piece = SoundPiece {
                    audio,
                    said: None,
                    by,
                    is_first: true,
                    since_request: Duration::ZERO,
                };
                sender.send(Ok(piece)).await.ok();
            }
        };
        PendingSentence {
            text: String::new(),
            spoken: String::new(),
            is_filler: true,
            asked_of: None,
            pieces,
            went_out: false,
            is_anew: false,
            broke_off: false,
            _task: begin(filling),
        }
    }

    fn sentence(&self, text: String, spoken: String) -> PendingSentence {
        let (sender, pieces) = mpsc::channel(PIECES);
        let (tts, known) = (Arc::clone(&self.tts), self.known);
        let audio = sentence_audio(spoken.clone(), known, tts, self.deadline, sender);
        PendingSentence {
            text,
            spoken,
            is_filler: false,
            asked_of: known,
            pieces,
            went_out: false,
            is_anew: false,
            broke_off: false,
            _task: begin(audio),
        }
    }
}

/// Does it in a task of its own, for the same reply.
fn begin(work: impl Future<Output = ()> + Send + 'static) -> AbortOnDropHandle<()> {
    let work = requests::carried(requests::reply(), work);
    AbortOnDropHandle::new(tokio::spawn(work.in_current_span()))
}

/// A sentence in the making.
struct PendingSentence {
    /// As it was written.
    text: String,
    /// As it is said.
    spoken: String,
    /// No words of the reply.
    is_filler: bool,
    asked_of: Option<SpeakerId>,
    pieces: mpsc::Receiver<Result<SoundPiece, ProviderError>>,
    /// Some of it has left for playout.
    went_out: bool,
    /// It is asked for a second time, or was begun anew.
    is_anew: bool,
    /// Some of an attempt before has left for playout.
    broke_off: bool,
    _task: AbortOnDropHandle<()>,
}

impl PendingSentence {
    /// What went out of it is to be replaced.
    fn begins_anew(&mut self, known: Option<SpeakerId>) {
        self.asked_of = known;
        (self.is_anew, self.broke_off, self.went_out) = (true, true, false);
    }

    /// What is there of it: `first` and what waits behind. Where it begins anew, what came before is
    /// void.
    fn gather(
        &mut self,
        first: Result<SoundPiece, ProviderError>,
    ) -> (Vec<SoundPiece>, Result<(), ProviderError>) {
        let mut there = Vec::new();
        let mut next = Some(first);
        while let Some(piece) = next {
            match piece {
                Ok(piece) => {
                    if piece.is_first {
                        there.clear();
                    }
                    there.push(piece);
                }
                Err(error) => return (there, Err(error)),
            }
            next = self.pieces.try_recv().ok();
        }
        (there, Ok(()))
    }
}

/// Speaks sentences in their order, each asked for while the one before is still taken.
///
/// Answers whether there was anything to hear.
///
/// # Errors
/// TTS failed.
pub async fn speak(
    mut sentences: mpsc::Receiver<Say>,
    mut voice: Synthesizer,
    out: &ReplyOut,
) -> Result<bool, ProviderError> {
    let mut ahead: VecDeque<PendingSentence> = VecDeque::new();
    let mut likely: Option<PendingSentence> = None;
    let (mut all_written, mut any_audio) = (false, false);
    let mut unspoken = 0;
    loop {
        let has_room = ahead.len() < AHEAD;
        let next_piece = async {
            match ahead.front_mut() {
                Some(sentence) => sentence.pieces.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            text = sentences.recv(), if !all_written && has_room => match text {
                Some(Say::Sentence(text)) => {
                    ahead.retain(|sentence| !sentence.is_filler || sentence.went_out);
                    let foreseen = likely.take().filter(|sentence| sentence.text == text);
                    ahead.extend(foreseen.or_else(|| voice.begin(text)));
                }
                Some(Say::Likely(text)) => likely = voice.begin(text),
                Some(Say::Filler(text)) if ahead.is_empty() => ahead.push_back(voice.fill(text)),
                Some(Say::Filler(_)) => {}
                None => all_written = true,
            },
            piece = next_piece => match (piece, ahead.front_mut()) {
                (Some(piece), Some(sentence)) => {
                    if sentence.went_out && matches!(&piece, Ok(piece) if piece.is_first) {
                        if sentence.is_anew {
                            return Err(broken_off());
                        }
                        sentence.begins_anew(voice.known);
                    }
                    let (pieces, end) = if sentence.went_out {
                        match piece {
                            Ok(piece) => (vec![piece], Ok(())),
                            Err(error) => (Vec::new(), Err(error)),
                        }
                    } else {
                        sentence.gather(piece)
                    };
                    if sentence.is_filler {
                        sentence.went_out = true;
                        out.send(ReplyItem::Sentence(String::new())).await;
                    } else if let Some(first) = pieces.first().filter(|_| !sentence.went_out) {
                        // It was asked for before the one in front of it changed speakers.
                        if voice.known.is_some_and(|known| known != first.by)
                            && sentence.asked_of != voice.known
                        {
                            let (text, spoken) = (sentence.text.clone(), sentence.spoken.clone());
                            *sentence = voice.sentence(text, spoken);
                            continue;
                        }
                        voice.known = Some(first.by);
                        sentence.went_out = true;
                        if std::mem::take(&mut sentence.broke_off) {
                            out.send(ReplyItem::Anew).await;
                        }
                        if !std::mem::replace(&mut any_audio, true) {
                            out.send(ReplyItem::FirstAudio(first.since_request)).await;
                        }
                        out.send(ReplyItem::Sentence(sentence.text.clone())).await;
                    }
                    for SoundPiece { audio, said, .. } in pieces {
                        if let Some(said) = said {
                            out.send(ReplyItem::Said(said)).await;
                        }
                        if !audio.is_empty() {
                            out.send(ReplyItem::Audio(audio)).await;
                        }
                    }
                    if let Err(error) = end {
                        let (text, spoken) = (sentence.text.clone(), sentence.spoken.clone());
                        let (went_out, is_anew) = (sentence.went_out, sentence.is_anew);
                        let is_too_long = error.fault == Fault::TooLong && !went_out;
                        let halves = is_too_long.then(|| voice.halves(&text)).flatten();
                        if let Some([mut first, rest]) = halves {
                            first.broke_off = sentence.broke_off;
                            ahead.pop_front();
                            ahead.push_front(rest);
                            ahead.push_front(first);
                            continue;
                        }
                        match error.fault {
                            _ if sentence.is_filler => return Err(error),
                            _ if went_out && !is_anew => {
                                *sentence = voice.sentence(text, spoken);
                                sentence.begins_anew(voice.known);
                            }
                            Fault::Refused | Fault::TooLong if !went_out && !is_anew => {
                                *sentence = voice.sentence(text, spoken);
                                sentence.is_anew = true;
                            }
                            // It is the sentence's fault: the others may well be spoken.
                            Fault::Refused | Fault::TooLong if !went_out => {
                                if sentence.broke_off {
                                    out.send(ReplyItem::Anew).await;
                                }
                                ahead.pop_front();
                                unspoken += 1;
                                out.send(ReplyItem::Unspoken { text, why: error }).await;
                            }
                            _ => return Err(error),
                        }
                    }
                }
                _ => {
                    if ahead.pop_front().is_some_and(|sentence| sentence.went_out) {
                        out.send(ReplyItem::SentenceEnd).await;
                    }
                }
            },
            else => {}
        }
        if all_written && ahead.is_empty() {
            return if unspoken > 0 && !any_audio {
                Err(nothing_spoken())
            } else {
                Ok(any_audio)
            };
        }
        if !any_audio && unspoken >= SILENT {
            return Err(nothing_spoken());
        }
    }
}

fn broken_off() -> ProviderError {
    ProviderError::new(Part::Tts, "broke off in the middle of a sentence")
}

/// The reasons were reported with its sentences.
fn nothing_spoken() -> ProviderError {
    ProviderError::new(Part::Tts, "no sentence of a reply could be spoken")
}

struct SoundPiece {
    audio: Pcm<48_000>,
    /// What the sentence says in fact.
    said: Option<Reworded>,
    by: SpeakerId,
    /// The sentence begins, or begins anew.
    is_first: bool,
    since_request: Duration,
}

/// The audio of one sentence at the room's rate, in pieces as they come, or the failure.
async fn sentence_audio(
    text: String,
    known: Option<SpeakerId>,
    tts: Arc<dyn Tts>,
    deadline: Duration,
    pieces: mpsc::Sender<Result<SoundPiece, ProviderError>>,
) {
    let begun = clock::now();
    let mut speech = tts.speak_as(text, known);
    let mut resampler = Resampler::<24_000, 48_000>::new();
    let mut speaker = None;
    let mut is_first = true;
    let mut ended = false;
    while !ended {
        let piece = match timeout(deadline, speech.next()).await {
            Ok(Some(Ok(spoken))) => {
                is_first |= spoken.begins;
                if spoken.audio.is_empty() && (is_first || spoken.said.is_none()) {
                    continue;
                }
                if is_first {
                    resampler = Resampler::new();
                }
                speaker = Some(spoken.by);
                let audio = resampler.push(&spoken.audio);
                let is_first = std::mem::take(&mut is_first);
                Ok((spoken.by, is_first, audio, spoken.said))
            }
            Ok(Some(Err(error))) => Err(error),
            Ok(None) => match speaker.filter(|_| !is_first) {
                None => {
                    let message = "no audio arrived for a sentence";
                    Err(ProviderError::refused(Part::Tts, message))
                }
                Some(by) => {
                    ended = true;
                    Ok((by, false, resampler.flush(), None))
                }
            },
            Err(_) => {
                let message = format!("no audio within {deadline:?} (limits.tts)");
                Err(ProviderError::new(Part::Tts, message))
            }
        };
        ended |= piece.is_err();
        let since_request = clock::now().saturating_duration_since(begun);
        let piece = piece.map(|(by, is_first, audio, said)| SoundPiece {
            audio,
            said,
            by,
            is_first,
            since_request,
        });
        // Fails only when nobody wants the sentence any more.
        ended |= pieces.send(piece).await.is_err();
    }
}

/// A set phrase's audio at the room's rate; none when it cannot be had by the deadline.
pub async fn phrase(text: String, tts: Arc<dyn Tts>, deadline: Duration) -> Option<Pcm<48_000>> {
    let audio = timeout(deadline, tts.phrase(text)).await.ok()?.ok()?;
    let mut resampler = Resampler::<24_000, 48_000>::new();
    let mut whole = resampler.push(&audio);
    whole.append(&resampler.flush());
    (!audio.is_empty()).then_some(whole)
}
