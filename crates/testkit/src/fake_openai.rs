//! A provider that speaks the OpenAI protocol on loopback, with configured delays, scripted answers and scripted
//! failures; it remembers requests and which clients disconnected.

mod answer;
mod audio;
mod audio_dialects;
mod chat;
mod dialect;
mod failure;
mod models;
mod realtime;
mod realtime_speech;
mod responses;
mod strict;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::AbortHandle;

pub use answer::{Answer, ToolCall};
pub use audio::{Transcript, tone_hz};
pub use audio_dialects::SpeechDialect;
pub use dialect::{Dialect, THOUGHT};
pub use failure::Failure;
use failure::whole_failure;
pub use models::ModelList;
pub use realtime_speech::Reads;
pub use strict::{Strict, Style};

/// The endpoints of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// `POST /v1/audio/transcriptions`
    Transcriptions,
    /// `POST /v1/chat/completions`
    Chat,
    /// `POST /v1/responses`
    Responses,
    /// `POST /v1/audio/speech`
    Speech,
    /// `/v1/realtime`, a WebSocket: its request's body is the list of the events received
    Realtime,
    /// `/v1/realtime` with a model that speaks: likewise
    RealtimeSpeech,
}

/// The provider's delays. The defaults are those of the published side-by-side measurements of voice agents: STT 150
/// ms, first token 200 ms, 20 ms per token, first audio 100 ms.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// From the end of the upload to the transcript.
    pub transcription: Duration,
    /// To the first token of an answer.
    pub first_token: Duration,
    /// From one token to the next.
    pub token: Duration,
    /// To the first byte of speech.
    pub first_audio: Duration,
    /// From one 20 ms chunk of speech to the next; zero sends as fast as the client reads.
    pub audio_chunk: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            transcription: Duration::from_millis(150),
            first_token: Duration::from_millis(200),
            token: Duration::from_millis(20),
            first_audio: Duration::from_millis(100),
            audio_chunk: Duration::ZERO,
        }
    }
}

impl Timing {
    /// No delays, for tests that are not about time.
    pub const INSTANT: Self = Self {
        transcription: Duration::ZERO,
        first_token: Duration::ZERO,
        token: Duration::ZERO,
        first_audio: Duration::ZERO,
        audio_chunk: Duration::ZERO,
    };
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is being answered.
    Running,
    /// The whole answer, or the scripted failure, was sent.
    Finished,
    /// The client disconnected first.
    Cancelled,
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Request {
    /// The endpoint it was sent to.
    pub endpoint: Endpoint,
    /// The `Authorization` header.
    pub authorization: Option<String>,
    /// The address's query, without the "?".
    pub query: String,
    /// All headers whose values are text.
    pub headers: Vec<(String, String)>,
    /// The JSON body; for an upload, its text fields.
    pub body: Value,
    /// The uploaded file of a transcription.
    pub file: Bytes,
    /// How it ended.
    pub outcome: Outcome,
}

struct Scripted<T> {
    next: VecDeque<T>,
    default: T,
}

impl<T: Clone> Scripted<T> {
    fn take(&mut self) -> T {
        self.next
            .pop_front()
            .unwrap_or_else(|| self.default.clone())
    }
}

/// Transcribes audio at 16 kHz.
type Ear = Box<dyn Fn(&[i16]) -> Transcript + Send>;
/// Answers by request.
type Mind = Box<dyn Fn(&Value) -> Option<Answer> + Send>;
/// Chooses the tone of a sentence by its text.
type Throat = Box<dyn Fn(&str) -> f64 + Send>;

struct State {
    timing: Timing,
    transcripts: Scripted<Transcript>,
    ear: Option<Ear>,
    mind: Option<Mind>,
    throat: Option<Throat>,
    answers: Scripted<Answer>,
    answers_to: Vec<(String, Answer)>,
    failures: Vec<(Endpoint, VecDeque<Failure>)>,
    dialect: Dialect,
    rules: Vec<(Endpoint, Strict, Style)>,
    troubles: Vec<Value>,
    speech: Scripted<SpeechDialect>,
    reads: Scripted<Reads>,
    /// A field that Realtime sessions refuse.
    realtime_refuses: Option<&'static str>,
    requests: Vec<Request>,
    models: ModelList,
}

/// What the handlers share with the test.
#[derive(Clone)]
struct Shared {
    state: Arc<Mutex<State>>,
    changed: watch::Sender<()>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a request and says what breaks its answer. A failure that is a whole response is returned as the error.
    async fn begin(
        &self,
        endpoint: Endpoint,
        headers: &HeaderMap,
        body: Value,
        file: Bytes,
    ) -> Result<(Running, Option<Failure>), Response> {
        let refusal = {
            let state = self.state();
            let mut rules = state.rules.iter().filter(|(at, ..)| *at == endpoint);
            rules.find_map(|(_, rule, style)| rule.refuses(*style, &body))
        };
        let (mut running, failure) = self.noted(Request {
            endpoint,
            authorization: authorization(headers),
            query: headers
                .get(QUERY)
                .and_then(|query| query.to_str().ok())
                .unwrap_or_default()
                .to_owned(),
            headers: texts(headers),
            body,
            file,
            outcome: Outcome::Running,
        });
        if let Some(failure) = failure
            && let Some(response) = whole_failure(failure).await
        {
            running.finish();
            return Err(response);
        }
        if let Some(response) = refusal {
            running.finish();
            return Err(response);
        }
        Ok((running, failure))
    }

    fn noted(&self, request: Request) -> (Running, Option<Failure>) {
        let endpoint = request.endpoint;
        let mut state = self.state();
        let index = state.requests.len();
        state.requests.push(request);
        let planned = state.failures.iter_mut().find(|(at, _)| *at == endpoint);
        let failure = planned.and_then(|(_, queue)| queue.pop_front());
        drop(state);
        self.changed.send_replace(());
        (
            Running {
                shared: self.clone(),
                index,
                finished: false,
            },
            failure,
        )
    }
}

/// A request being answered. The server drops it when the client disconnects.
struct Running {
    shared: Shared,
    index: usize,
    finished: bool,
}

impl Running {
    /// Adds an event to the list that is the request's body.
    fn note(&self, event: Value) {
        if let Some(events) = self.shared.state().requests[self.index].body.as_array_mut() {
            events.push(event);
        }
        self.shared.changed.send_replace(());
    }

    fn finish(&mut self) {
        self.finished = true;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let outcome = if self.finished {
            Outcome::Finished
        } else {
            Outcome::Cancelled
        };
        self.shared.state().requests[self.index].outcome = outcome;
        self.shared.changed.send_replace(());
    }
}

/// The server. Dropping it stops it.
pub struct FakeOpenAi {
    address: SocketAddr,
    shared: Shared,
    task: AbortHandle,
}

impl FakeOpenAi {
    /// Starts with these delays, on a free port.
    ///
    /// # Panics
    /// If loopback has no free port.
    pub async fn start(timing: Timing) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a free port on loopback");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let shared = Shared {
            state: Arc::new(Mutex::new(State {
                timing,
                transcripts: Scripted {
                    next: VecDeque::new(),
                    default: Transcript::new("What time is it?"),
                },
                ear: None,
                mind: None,
                throat: None,
                answers: Scripted {
                    next: VecDeque::new(),
                    default: Answer::text("It is noon. Can I help you with something else?"),
                },
                answers_to: Vec::new(),
                failures: Vec::new(),
                dialect: Dialect::default(),
                rules: Vec::new(),
                troubles: Vec::new(),
                speech: Scripted {
                    next: VecDeque::new(),
                    default: SpeechDialect::Pcm,
                },
                reads: Scripted {
                    next: VecDeque::new(),
                    default: Reads::Well,
                },
                realtime_refuses: None,
                requests: Vec::new(),
                models: ModelList::default(),
            })),
            changed: watch::Sender::new(()),
        };
        let router = Router::new()
            .route("/v1/models", get(models::all))
            .route("/v1/models/{*id}", get(models::one))
            .route("/v1/audio/transcriptions", post(audio::transcriptions))
            .route("/v1/audio/speech", post(audio::speech))
            .route("/v1/chat/completions", post(chat::completions))
            .route("/v1/responses", post(responses::responses))
            .route("/v1/realtime", get(realtime::realtime))
            .layer(axum::middleware::map_request(with_query))
            .layer(axum::extract::DefaultBodyLimit::max(32 << 20))
            .with_state(shared.clone());
        let server = axum::serve(listener, router).into_future();
        let task = tokio::spawn(async move { server.await.map_or((), |()| ()) }).abort_handle();
        Self {
            address,
            shared,
            task,
        }
    }

    /// For clients: `http://127.0.0.1:<port>/v1`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Changes the delays of later requests.
    pub fn set_timing(&self, timing: Timing) {
        self.shared.state().timing = timing;
    }

    /// Adds a transcript to the script: each is used once, in order.
    pub fn script_transcript(&self, transcript: impl Into<Transcript>) {
        self.shared
            .state()
            .transcripts
            .next
            .push_back(transcript.into());
    }

    /// Adds an answer to the script: each is used once, in order.
    pub fn script_answer(&self, answer: impl Into<Answer>) {
        self.shared.state().answers.next.push_back(answer.into());
    }

    /// Answers every request whose system prompt contains `words`, regardless of the script.
    pub fn answer_to(&self, words: &str, answer: impl Into<Answer>) {
        let mut state = self.shared.state();
        state.answers_to.push((words.to_owned(), answer.into()));
    }

    /// The transcript when the script is empty.
    pub fn default_transcript(&self, transcript: impl Into<Transcript>) {
        self.shared.state().transcripts.default = transcript.into();
    }

    /// Transcribes when the script is empty, by how much of the audio is loud (10 ms pieces above -35 dBFS): like a
    /// real model, it gives the same transcript for the same audio, however often it is asked.
    pub fn transcribe_by(&self, ear: impl Fn(Duration) -> Transcript + Send + 'static) {
        self.transcribe_sound(move |samples| ear(audio::loud(samples)));
    }

    /// Like [`Self::transcribe_by`], by the audio itself at 16 kHz.
    pub fn transcribe_sound(&self, ear: impl Fn(&[i16]) -> Transcript + Send + 'static) {
        self.shared.state().ear = Some(Box::new(ear));
    }

    /// Answers chat completions by request, before anything scripted. `None` falls back to the script.
    pub fn answer_by(&self, mind: impl Fn(&Value) -> Option<Answer> + Send + 'static) {
        self.shared.state().mind = Some(Box::new(mind));
    }

    /// Sets the frequency of a sentence's tone by its text, if the voice does not set it.
    pub fn speak_by(&self, throat: impl Fn(&str) -> f64 + Send + 'static) {
        self.shared.state().throat = Some(Box::new(throat));
    }

    /// The answer when the script is empty; `{system prompt}` in it is replaced by the request's system prompt.
    pub fn default_answer(&self, answer: impl Into<Answer>) {
        self.shared.state().answers.default = answer.into();
    }

    /// Sets the list of models from now on; requests for it are not among [`Self::requests`].
    pub fn list_models(&self, models: ModelList) {
        self.shared.state().models = models;
    }

    /// Adds to the script how requests for speech are answered.
    pub fn script_speech(&self, dialects: &[SpeechDialect]) {
        self.shared.state().speech.next.extend(dialects);
    }

    /// How requests for speech are answered when the script is empty.
    pub fn default_speech(&self, dialect: SpeechDialect) {
        self.shared.state().speech.default = dialect;
    }

    /// Adds to the script how sentences over Realtime sockets are read.
    pub fn script_reads(&self, reads: &[Reads]) {
        let mut state = self.shared.state();
        state.reads.next.extend(reads.iter().cloned());
    }

    /// How sentences over Realtime sockets are read when the script is empty.
    pub fn default_reads(&self, reads: Reads) {
        self.shared.state().reads.default = reads;
    }

    /// Sessions that speak refuse this field from now on.
    pub fn realtime_refuses(&self, field: &'static str) {
        self.shared.state().realtime_refuses = Some(field);
    }

    /// What goes wrong with the next requests to an endpoint, one each. Later ones succeed.
    pub fn script_failures(&self, endpoint: Endpoint, failures: &[Failure]) {
        let mut state = self.shared.state();
        if let Some((_, queue)) = state.failures.iter_mut().find(|(at, _)| *at == endpoint) {
            queue.extend(failures);
        } else {
            state
                .failures
                .push((endpoint, failures.iter().copied().collect()));
        }
    }

    /// How chat completions are streamed from now on.
    pub fn speak(&self, dialect: Dialect) {
        self.shared.state().dialect = dialect;
    }

    /// Refuses what breaks the rule, in this style.
    pub fn refuse(&self, endpoint: Endpoint, rule: Strict, style: Style) {
        self.shared.state().rules.push((endpoint, rule, style));
    }

    /// An error that a socket reports before it transcribes the next stretch anyway.
    pub fn trouble(&self, error: Value) {
        self.shared.state().troubles.push(error);
    }

    /// All requests so far, in order of arrival.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.state().requests.clone()
    }

    /// The requests to one endpoint so far.
    pub fn requests_to(&self, endpoint: Endpoint) -> Vec<Request> {
        let mut requests = self.requests();
        requests.retain(|request| request.endpoint == endpoint);
        requests
    }

    /// Waits until the requests satisfy `condition`.
    ///
    /// # Panics
    /// After 10 s, with the requests as they are.
    pub async fn until(&self, condition: impl Fn(&[Request]) -> bool) {
        let mut changed = self.shared.changed.subscribe();
        let wait = async {
            while !condition(&self.requests()) {
                changed.changed().await.expect("the sender lives in self");
            }
        };
        if tokio::time::timeout(Duration::from_secs(10), wait)
            .await
            .is_err()
        {
            panic!("after 10 s the requests are still {:#?}", self.requests());
        }
    }
}

impl Drop for FakeOpenAi {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn authorization(headers: &HeaderMap) -> Option<String> {
    headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()
        .map(str::to_owned)
}

/// The header in which handlers find the address's query.
const QUERY: &str = "x-fake-query";

/// Handlers see headers and bodies only, so the query is copied into a header.
async fn with_query(mut request: axum::extract::Request) -> axum::extract::Request {
    let query = request.uri().query().unwrap_or_default();
    if let Ok(query) = header::HeaderValue::from_str(query) {
        request.headers_mut().insert(QUERY, query);
    }
    request
}

fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &header::HeaderValue| value.to_str().ok().map(str::to_owned);
    let headers = headers.iter();
    headers
        .filter_map(|(name, value)| Some((name.to_string(), text(value)?)))
        .collect()
}

#[cfg(test)]
mod tests;
