//! Providers inside the process, with fixed delays on the simulated clock.
//!
//! The simulated caller's n-th utterance is a tone of amplitude 1000 + n: STT finds the words of audio by its
//! amplitudes, so that its answer depends on what it was sent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use serde_json::Value;
use sidetone_base::audio::Pcm;
use sidetone_call::providers::{Fault, Opaque, Reworded, SpeakerId, Spoken, Usage};
use sidetone_call::{
    Briefing, EndOfTurn, Llm, Part, Piece, ProviderError, Question, Role, Stt, ToolCall, Tools, Tts,
};
use sidetone_config::request::HttpRequest;
use sidetone_config::transfer::{Target, To};
use tokio::time::sleep;

use super::trace::Trace;

const STT: Duration = Duration::from_millis(150);
const END_OF_TURN: Duration = Duration::from_millis(60);
const FIRST_TOKEN: Duration = Duration::from_millis(200);
const SLOW: Duration = Duration::from_secs(3);
const LATE: Duration = Duration::from_millis(8300);
const TOKEN: Duration = Duration::from_millis(20);
const FIRST_AUDIO: Duration = Duration::from_millis(100);
/// Audio arrives in pieces of this length, five times faster than real time.
const PIECE: Duration = Duration::from_millis(100);
/// Speech rate: the duration of a character of text.
const CHARACTER: Duration = Duration::from_millis(50);
/// Amplitude of utterance 0.
pub const AMPLITUDE: i16 = 1000;
/// The voice that takes over if TTS breaks.
const STAND_IN: SpeakerId = SpeakerId(1);

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mode {
    Works,
    Fails,
    Hangs,
    /// Works until the second piece of the stream.
    Breaks,
    /// Like `Breaks`, but nothing more arrives, not even an error.
    Stalls,
    /// Takes three seconds longer to begin.
    Slow,
    /// Takes 8.3 seconds longer to begin.
    Late,
}

/// All three providers.
pub struct Fakes {
    trace: Trace,
    /// Marks the requests of another agent's STT.
    whose: &'static str,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    modes: HashMap<Part, Mode>,
    /// Words by utterance.
    words: Vec<String>,
    /// Answers by what the caller said.
    answers: HashMap<String, String>,
    /// TTS breaks in sentences that contain this word.
    unspeakable: Option<String>,
    /// TTS returns no audio for sentences that contain this word.
    soundless: Option<String>,
    /// The maximum number of characters that TTS accepts.
    short: Option<usize>,
    /// Words that are spoken instead of other sentences.
    said: HashMap<String, String>,
    /// Whether another speaker takes over if TTS breaks.
    stand_in: bool,
    /// Whether the same speaker starts the sentence again if TTS breaks.
    goes_on: bool,
    /// What the end-of-turn model returns; nothing at first.
    end_of_turn: Option<f32>,
    /// Whether the model reports how many tokens a question had: a quarter of its characters.
    tells_usage: bool,
    /// The maximum number of characters that the model accepts.
    takes: Option<usize>,
}

impl Fakes {
    pub fn new(trace: Trace) -> Self {
        Self {
            trace,
            whose: "",
            state: Arc::default(),
        }
    }

    /// The same providers, as used by another agent.
    pub fn of_other(&self) -> Self {
        Self {
            trace: self.trace.clone(),
            whose: "by other ",
            state: Arc::clone(&self.state),
        }
    }

    pub fn tell_usage(&self) {
        self.state.lock().unwrap().tells_usage = true;
    }

    pub fn take(&self, characters: usize) {
        self.state.lock().unwrap().takes = Some(characters);
    }

    pub fn set(&self, stage: Part, mode: Mode) {
        self.state.lock().unwrap().modes.insert(stage, mode);
    }

    pub fn answer(&self, to: &str, answer: &str) {
        self.state
            .lock()
            .unwrap()
            .answers
            .insert(to.to_owned(), answer.to_owned());
    }

    pub fn unspeakable(&self, word: &str) {
        self.state.lock().unwrap().unspeakable = Some(word.to_owned());
    }

    pub fn soundless(&self, word: &str) {
        self.state.lock().unwrap().soundless = Some(word.to_owned());
    }

    pub fn short(&self, characters: usize) {
        self.state.lock().unwrap().short = Some(characters);
    }

    pub fn says(&self, sentence: &str, words: &str) {
        let mut state = self.state.lock().unwrap();
        state.said.insert(sentence.to_owned(), words.to_owned());
    }

    pub fn goes_on(&self) {
        self.state.lock().unwrap().goes_on = true;
    }

    pub fn stand_in(&self) {
        self.state.lock().unwrap().stand_in = true;
    }

    pub fn end_of_turn(&self, probability: f32) {
        self.state.lock().unwrap().end_of_turn = Some(probability);
    }

    /// The amplitude that stands for `words`.
    pub fn utterance(&self, words: &str) -> i16 {
        let mut state = self.state.lock().unwrap();
        state.words.push(words.to_owned());
        AMPLITUDE + state.words.len() as i16 - 1
    }

    fn mode(&self, stage: Part) -> Mode {
        *self
            .state
            .lock()
            .unwrap()
            .modes
            .get(&stage)
            .unwrap_or(&Mode::Works)
    }

    fn words_in(&self, audio: &Pcm<16_000>) -> String {
        let mut found: Vec<i16> = audio
            .samples()
            .iter()
            .map(|s| s.abs() - AMPLITUDE)
            .collect();
        found.retain(|utterance| *utterance >= 0);
        found.dedup();
        let state = self.state.lock().unwrap();
        let words = found
            .iter()
            .map(|utterance| state.words[*utterance as usize].as_str());
        words
            .filter(|words| !words.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn request(&self, stage: Part, what: &str) -> Request {
        Request::new(&self.trace, stage, what)
    }
}

/// Notes if a request is cancelled.
struct Request {
    trace: Trace,
    stage: Part,
    what: String,
    done: bool,
}

impl Request {
    fn new(trace: &Trace, stage: Part, what: &str) -> Self {
        trace.note(&format!("? {} {what}", stage.as_str()));
        Self {
            trace: trace.clone(),
            stage,
            what: what.to_owned(),
            done: false,
        }
    }

    fn done(mut self) {
        self.done = true;
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        if !self.done {
            self.trace.note(&format!(
                "? {} cancelled: {}",
                self.stage.as_str(),
                self.what
            ));
        }
    }
}

fn broken(stage: Part) -> ProviderError {
    ProviderError::new(stage, "500 from the provider")
}

/// The refusal of a request with this many characters.
fn too_many<T: Send + 'static>(
    stage: Part,
    characters: usize,
) -> BoxStream<'static, Result<T, ProviderError>> {
    let error = ProviderError {
        fault: Fault::TooLong,
        ..ProviderError::new(stage, format!("{characters} characters are too many"))
    };
    futures::stream::iter([Err(error)]).boxed()
}

/// Items with delays before them, as streamed by a provider in this mode.
fn stream<T: Send + 'static>(
    stage: Part,
    mode: Mode,
    request: Request,
    items: Vec<(Duration, T)>,
) -> BoxStream<'static, Result<T, ProviderError>> {
    Box::pin(async_stream(move |sender| async move {
        for (count, (delay, item)) in items.into_iter().enumerate() {
            sleep(delay).await;
            match mode {
                Mode::Hangs => std::future::pending().await,
                Mode::Stalls if count > 0 => std::future::pending().await,
                Mode::Slow if count == 0 => sleep(SLOW).await,
                Mode::Late if count == 0 => sleep(LATE).await,
                Mode::Works | Mode::Stalls | Mode::Slow | Mode::Late => {}
                Mode::Breaks if count == 0 => {}
                Mode::Fails | Mode::Breaks => {
                    request.done();
                    sender.send(Err(broken(stage))).await.ok();
                    return;
                }
            }
            if sender.send(Ok(item)).await.is_err() {
                return;
            }
        }
        request.done();
    }))
}

/// A stream written as a loop that sends; the loop is dropped with the stream.
fn async_stream<T, F, Fut>(make: F) -> impl futures::Stream<Item = T>
where
    F: FnOnce(tokio::sync::mpsc::Sender<T>) -> Fut,
    Fut: Future<Output = ()>,
{
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let work = futures::stream::once(make(sender)).filter_map(async |()| None);
    let items = futures::stream::unfold(receiver, async |mut receiver| {
        receiver.recv().await.map(|item| (item, receiver))
    });
    futures::stream::select(items, work)
}

impl EndOfTurn for Fakes {
    fn window(&self) -> usize {
        128_000
    }

    fn probability(&self, audio: Pcm<16_000>) -> BoxFuture<'static, Option<f32>> {
        assert!(audio.len() <= self.window());
        let probability = self.state.lock().unwrap().end_of_turn;
        Box::pin(async move {
            sleep(END_OF_TURN).await;
            probability
        })
    }
}

impl Stt for Fakes {
    fn transcribe(&self, audio: Pcm<16_000>) -> BoxFuture<'static, Result<String, ProviderError>> {
        let words = self.words_in(&audio);
        let mode = self.mode(Part::Stt);
        let ms = audio.duration().as_millis();
        let what = format!("{}{ms} ms {words:?}", self.whose);
        let request = self.request(Part::Stt, &what);
        Box::pin(async move {
            sleep(STT).await;
            match mode {
                Mode::Hangs => std::future::pending().await,
                Mode::Works => {}
                Mode::Fails | Mode::Breaks | Mode::Stalls | Mode::Slow | Mode::Late => {
                    request.done();
                    return Err(broken(Part::Stt));
                }
            }
            request.done();
            Ok(words)
        })
    }
}

impl Llm for Fakes {
    fn chat(&self, question: Question) -> BoxStream<'static, Result<Piece, ProviderError>> {
        let messages = question.messages;
        let said = messages
            .last()
            .map(|message| message.text.clone())
            .unwrap_or_default();
        let prompt = messages.first().map_or("", |first| first.text.as_str());
        let is_summary = prompt.starts_with("You keep the notes");
        let said = if is_summary { "summary".into() } else { said };
        let known = self.state.lock().unwrap().answers.get(&said).cloned();
        let answer = known.unwrap_or_else(|| format!("You said {said}."));
        let summary = prompt.split_once("said in this call before:\n");
        let summary = summary.map(|(_, summary)| format!("S {summary:?}"));
        let history = messages
            .iter()
            .filter(|message| message.role != Role::System)
            .map(|message| match message.role {
                Role::Assistant if !message.calls.is_empty() => {
                    let calls = message.calls.iter();
                    let calls: Vec<_> = calls
                        .map(|c| format!("{}{}{}", c.name, c.arguments, mark(&c.opaque)))
                        .collect();
                    let text = Some(&message.text).filter(|text| !text.is_empty());
                    let text = text.map_or(String::new(), |text| format!("{text:?} "));
                    format!("C {text}{}{}", calls.join(" "), mark(&message.opaque))
                }
                Role::Assistant => format!("A {:?}{}", message.text, mark(&message.opaque)),
                Role::Tool => format!("T {:?}", message.text),
                _ => format!("U {:?}", message.text),
            });
        let history: Vec<String> = summary.into_iter().chain(history).collect();
        let request = self.request(Part::Llm, &history.join(", "));
        let characters: usize = messages.iter().map(|m| m.text.chars().count()).sum();
        let (tells_usage, takes) = {
            let state = self.state.lock().unwrap();
            (state.tells_usage, state.takes)
        };
        if takes.is_some_and(|most| characters > most) {
            request.done();
            return too_many(Part::Llm, characters);
        }
        let mut tokens = Vec::new();
        // Each token includes the space before it, as models write.
        for (count, token) in answer.split(' ').enumerate() {
            let delay = if count == 0 { FIRST_TOKEN } else { TOKEN };
            // `call:name{'a':'b_c'}` is a call.
            let piece = match token.strip_prefix("call:") {
                Some(call) if question.may_call => {
                    let (call, signature) = call.split_once('~').unwrap_or((call, ""));
                    let at = call.find('{').unwrap_or(call.len());
                    Piece::Call(ToolCall {
                        id: format!("{count}"),
                        name: call[..at].to_owned(),
                        arguments: call[at..].replace('_', " ").replace('\'', "\""),
                        opaque: signed(signature),
                    })
                }
                Some(_) => continue,
                None if token.starts_with('~') => Piece::Opaque(signed(&token[1..])),
                None if count == 0 => Piece::Text(token.to_owned()),
                None => Piece::Text(format!(" {token}")),
            };
            tokens.push((delay, piece));
        }
        if tells_usage {
            let usage = Usage {
                prompt_tokens: (characters / 4) as u32,
                cached_tokens: 0,
                completion_tokens: tokens.len() as u32,
            };
            tokens.push((Duration::ZERO, Piece::Usage(usage)));
        }
        stream(Part::Llm, self.mode(Part::Llm), request, tokens)
    }
}

/// `~signature` in an answer marks an opaque value that is sent back with the message, or after a call with the call.
fn signed(signature: &str) -> Opaque {
    let field = |text: &str| ("signature".to_owned(), Value::from(text));
    let field = Some(signature).filter(|text| !text.is_empty()).map(field);
    field.into_iter().collect()
}

fn mark(opaque: &Opaque) -> String {
    let signature = opaque.get("signature").and_then(Value::as_str);
    signature.map_or(String::new(), |text| format!("~{text}"))
}

impl Tools for Fakes {
    /// The last part of the address says how long it takes; `mode` says whether it works.
    fn call_tool(
        &self,
        request: HttpRequest,
        _values: Value,
        arguments: Value,
    ) -> BoxFuture<'static, Result<String, String>> {
        let took = request.url.rsplit('/').next().unwrap().parse().unwrap();
        let mode = self.mode(Part::Tool);
        let request = self.request(Part::Tool, &arguments.to_string());
        Box::pin(async move {
            sleep(Duration::from_millis(took)).await;
            request.done();
            match mode {
                Mode::Works => Ok(format!("{took} ms")),
                _ => Err("the server answered 500".into()),
            }
        })
    }

    /// A person comes after two seconds if tools work, otherwise nobody.
    fn put_through(
        &self,
        to: Target,
        _ring: Duration,
        _briefing: Briefing,
    ) -> BoxFuture<'static, Result<String, String>> {
        let mode = self.mode(Part::Tool);
        let request = self.request(Part::Tool, &format!("calls {}", to.name));
        Box::pin(async move {
            let seconds = if matches!(to.to, To::Warm { .. }) {
                45
            } else {
                2
            };
            sleep(Duration::from_secs(seconds)).await;
            request.done();
            match mode {
                Mode::Works => Ok(format!("{} has taken the call", to.name)),
                _ => Err("nobody came".into()),
            }
        })
    }
}

impl Tts for Fakes {
    fn speak(&self, text: String) -> BoxStream<'static, Result<Pcm<24_000>, ProviderError>> {
        let request = self.request(Part::Tts, &format!("{text:?}"));
        let (unspeakable, soundless, short) = {
            let state = self.state.lock().unwrap();
            (
                state.unspeakable.clone(),
                state.soundless.clone(),
                state.short,
            )
        };
        if short.is_some_and(|most| text.chars().count() > most) {
            request.done();
            return too_many(Part::Tts, text.chars().count());
        }
        let has = |word: Option<String>| word.is_some_and(|word| text.contains(&word));
        let mode = if has(unspeakable) {
            Mode::Breaks
        } else {
            self.mode(Part::Tts)
        };
        let sound = if has(soundless) {
            Vec::new()
        } else {
            sound(&text)
        };
        stream(Part::Tts, mode, request, sound)
    }

    fn speak_as(
        &self,
        text: String,
        known: Option<SpeakerId>,
    ) -> BoxStream<'static, Result<Spoken, ProviderError>> {
        let (stands_in, goes_on, said) = {
            let state = self.state.lock().unwrap();
            (
                state.stand_in,
                state.goes_on,
                state.said.get(&text).cloned(),
            )
        };
        let first = (known != Some(STAND_IN)).then(|| self.speak(text.clone()));
        let trace = self.trace.clone();
        Box::pin(async_stream(move |sender| async move {
            let give = async |by, begins, piece: Result<_, _>, said: Option<String>| {
                let spoken = piece.map(|audio| Spoken {
                    by,
                    begins,
                    audio,
                    said: said.map(Reworded),
                });
                sender.send(spoken).await.ok();
            };
            let mut by = SpeakerId(0);
            if let Some(mut pieces) = first {
                let mut begins = true;
                loop {
                    match pieces.next().await {
                        None => return,
                        Some(Err(_)) if stands_in => {
                            by = STAND_IN;
                            break;
                        }
                        Some(Err(_)) if goes_on => break,
                        Some(piece) => {
                            // A transcript arrives with the audio.
                            let said = said.clone().filter(|_| begins);
                            give(by, std::mem::take(&mut begins), piece, said).await;
                        }
                    }
                }
            } else {
                by = STAND_IN;
            }
            let who = if by == STAND_IN {
                "by the stand-in"
            } else {
                "again"
            };
            let request = Request::new(&trace, Part::Tts, &format!("{who} {text:?}"));
            let mut pieces = stream(Part::Tts, Mode::Works, request, sound(&text));
            let mut begins = true;
            while let Some(piece) = pieces.next().await {
                give(by, std::mem::take(&mut begins), piece, None).await;
            }
        }))
    }
}

/// A voice that says `text`, as pieces with the delays before them.
fn sound(text: &str) -> Vec<(Duration, Pcm<24_000>)> {
    let mut left = CHARACTER * text.chars().count() as u32;
    let mut pieces = Vec::new();
    while !left.is_zero() {
        let length = left.min(PIECE);
        left -= length;
        let delay = if pieces.is_empty() {
            FIRST_AUDIO
        } else {
            length / 5
        };
        let samples = vec![8000; Pcm::<24_000>::samples_in(length)];
        pieces.push((delay, Pcm::new(samples)));
    }
    pieces
}
