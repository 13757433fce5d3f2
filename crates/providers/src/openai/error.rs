//! What can go wrong with a provider, and what to do about it.

use std::time::Duration;

use super::refusal::Refusal;

/// The stage of a call that a provider serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Speech to text.
    Stt,
    /// The language model.
    Llm,
    /// Text to speech.
    Tts,
}

impl Stage {
    /// Its short name, as in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stt => "stt",
            Self::Llm => "llm",
            Self::Tts => "tts",
        }
    }
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// 401 or 403: the key is missing, wrong or lacks permission.
    Auth,
    /// 429, 529, or 503 with a time to wait: too many requests.
    RateLimited,
    /// The account's credit is used up.
    Exhausted,
    /// 5xx, or an error event within an answer.
    Server,
    /// An answer that does not follow the protocol.
    Garbage,
    /// No answer, or no next piece of it, in time.
    Timeout,
    /// The provider cannot be reached, or the connection broke.
    Connect,
    /// 404: the model or path does not exist.
    NotFound,
    /// 413, or a 4xx that says so: the conversation, or the text to be spoken, is longer than the model accepts.
    TooLong,
    /// Another 4xx: the request itself is not acceptable.
    Refused,
    /// A valid answer that does not speak the requested text: it is silent, or has other words. Another text may well
    /// work.
    Unspoken,
}

/// A provider failed, after the retries that made sense. The message says what to do next and quotes the provider; it
/// contains no key and nothing from the conversation, so it may be logged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{stage} at {host} {message}")]
pub struct ProviderError {
    /// The stage whose provider failed.
    pub stage: Stage,
    /// What went wrong.
    pub kind: ErrorKind,
    host: String,
    message: String,
    /// How long the provider asked to be left alone.
    pub retry_after: Option<Duration>,
    /// Whether the same request may succeed a moment later.
    pub(super) transient: bool,
}

impl ProviderError {
    fn new(stage: Stage, host: &str, kind: ErrorKind, message: impl Into<String>) -> Self {
        let transient = matches!(
            kind,
            ErrorKind::RateLimited | ErrorKind::Server | ErrorKind::Timeout | ErrorKind::Connect
        );
        Self {
            stage,
            kind,
            host: host.to_owned(),
            message: message.into(),
            retry_after: None,
            transient,
        }
    }

    /// Builds the error for a status other than success. `said` is the provider's own message, safe to show.
    pub(super) fn status(
        stage: Stage,
        host: &str,
        status: u16,
        retry_after: Option<Duration>,
        refusal: &Refusal,
        said: &str,
    ) -> Self {
        let kind = kind(stage, status, retry_after, refusal);
        let mut answered = format!("answered {status}");
        if let Some(code) = refusal.code.as_deref().and_then(identifier) {
            answered += &format!(" ({code})");
        }
        let advice = match kind {
            _ if (300..=399).contains(&status) => {
                "it redirects elsewhere; set base_url to the final address".to_owned()
            }
            ErrorKind::TooLong if stage == Stage::Tts => {
                "the sentence is too long for one request and is sent in parts".to_owned()
            }
            ErrorKind::Refused => {
                let path = refusal.paths.first().and_then(|path| identifier(path));
                let about = path.map_or(String::new(), |path| format!(" about `{path}`"));
                format!("it does not accept the request{about}; check `model` and the options")
            }
            kind => advice(kind).to_owned(),
        };
        let mut error = Self::new(
            stage,
            host,
            kind,
            format!("{answered}: {advice}{}", quoted(said)),
        );
        error.retry_after = retry_after;
        error
    }

    /// Builds the error that is reported within an answer.
    pub(super) fn within_answer(stage: Stage, host: &str, refusal: &Refusal, said: &str) -> Self {
        let kind = match refusal {
            refusal if refusal.is_exhausted() => ErrorKind::Exhausted,
            refusal if refusal.is_bad_key() => ErrorKind::Auth,
            refusal if refusal.is_too_long() => ErrorKind::TooLong,
            refusal if stage == Stage::Tts && refusal.is_too_long_to_say() => ErrorKind::TooLong,
            refusal if refusal.is_limited() => ErrorKind::RateLimited,
            refusal if refusal.is_of_request() => ErrorKind::Refused,
            refusal => match refusal.status() {
                Some(status) => kind(stage, status, None, refusal),
                None => ErrorKind::Server,
            },
        };
        let mut message = "reported an error within its answer".to_owned();
        if let Some(code) = refusal.code.as_deref().and_then(identifier) {
            message += &format!(" ({code})");
        }
        let message = format!("{message}: see its log or status page{}", quoted(said));
        let mut error = Self::new(stage, host, kind, message);
        error.transient |= refusal.is_of_answer();
        error
    }

    /// `what` completes "sent ...".
    pub(super) fn garbage(stage: Stage, host: &str, what: &str) -> Self {
        let message = format!(
            "sent {what}: this is not the OpenAI protocol; check that base_url leads to it \
             (it usually ends in /v1) and that no proxy answers in between"
        );
        Self::new(stage, host, ErrorKind::Garbage, message)
    }

    /// `what` completes "sent ...".
    pub(super) fn not_speech(host: &str, what: &str) -> Self {
        let message = format!(
            "sent {what}, which cannot be played: raw 16-bit samples and WAV files can; set \
             response_format to \"pcm\" or \"wav\", whichever this server has (and sample_rate, \
             if it labels raw samples wrongly)"
        );
        Self::new(Stage::Tts, host, ErrorKind::Garbage, message)
    }

    /// `what` completes "sent ...".
    pub(super) fn unspoken(host: &str, what: &str) -> Self {
        let message = format!("sent {what} for a sentence");
        Self::new(Stage::Tts, host, ErrorKind::Unspoken, message)
    }

    pub(super) fn timeout(stage: Stage, host: &str, what: &str, limit: Duration) -> Self {
        let message = format!(
            "sent {what} within {limit:?}: it is overloaded or out of reach; try it with \
             `sidetone check`, or raise this stage's timeout"
        );
        Self::new(stage, host, ErrorKind::Timeout, message)
    }

    pub(super) fn no_socket(stage: Stage, host: &str) -> Self {
        let message = "does not open a socket: check base_url, and that it runs and has /realtime";
        Self::new(stage, host, ErrorKind::Connect, message)
    }

    pub(super) fn broken_off(stage: Stage, host: &str) -> Self {
        let message = "broke off in the middle of its answer: see its log, and the network";
        Self::new(stage, host, ErrorKind::Connect, message)
    }

    /// Builds the error for a failure to send or read; reqwest's own text would repeat the whole URL.
    pub(super) fn transport(stage: Stage, host: &str, error: &reqwest::Error) -> Self {
        if error.is_connect() {
            let message = format!(
                "cannot be reached ({}): check base_url, and that it runs (`sidetone models \
                 serve` for local models)",
                root_cause(error)
            );
            Self::new(stage, host, ErrorKind::Connect, message)
        } else if error.is_timeout() {
            Self::new(
                stage,
                host,
                ErrorKind::Timeout,
                "took too long: it is out of reach",
            )
        } else {
            Self::broken_off(stage, host)
        }
    }
}

/// Classifies an unsuccessful answer.
fn kind(stage: Stage, status: u16, retry_after: Option<Duration>, refusal: &Refusal) -> ErrorKind {
    match status {
        _ if refusal.is_exhausted() => ErrorKind::Exhausted,
        _ if refusal.is_bad_key() => ErrorKind::Auth,
        402 => ErrorKind::Exhausted,
        400 | 403 | 422 if refusal.is_filtered() => ErrorKind::Refused,
        401 | 403 => ErrorKind::Auth,
        429 | 529 => ErrorKind::RateLimited,
        503 if retry_after.is_some() => ErrorKind::RateLimited,
        413 => ErrorKind::TooLong,
        _ if refusal.is_too_long() => ErrorKind::TooLong,
        400 | 422 if stage == Stage::Tts && refusal.is_too_long_to_say() => ErrorKind::TooLong,
        408 | 500.. => ErrorKind::Server,
        404 => ErrorKind::NotFound,
        _ if refusal.is_no_model() => ErrorKind::NotFound,
        _ => ErrorKind::Refused,
    }
}

/// What to do about it.
const fn advice(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Auth => {
            "the key is missing, wrong or not allowed to use this model; check OPENAI_API_KEY, or \
             the key configured for this stage"
        }
        ErrorKind::Exhausted => "the account's credit is used up; add credit or use another key",
        ErrorKind::RateLimited => {
            "too many requests for this account; raise its limit or use another key"
        }
        ErrorKind::TooLong => {
            "the conversation is longer than the model takes; use a model with a larger context"
        }
        ErrorKind::NotFound => {
            "there is no such model or path; check `model`, and that base_url ends in /v1"
        }
        ErrorKind::Server | ErrorKind::Garbage | ErrorKind::Timeout | ErrorKind::Connect => {
            "the provider has a fault; if it stays, see its status page or its log"
        }
        ErrorKind::Refused => "check `model` and the options",
        ErrorKind::Unspoken => "try another text, model or voice",
    }
}

fn quoted(said: &str) -> String {
    if said.is_empty() {
        return String::new();
    }
    format!("; it says: {said}")
}

fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// Lets names through, such as `model_not_found` or `messages[0].content`, but no prose.
fn identifier(text: &str) -> Option<&str> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_-.[]*".contains(c);
    (!text.is_empty() && text.len() <= 64 && text.chars().all(allowed)).then_some(text)
}

#[cfg(test)]
mod tests;
