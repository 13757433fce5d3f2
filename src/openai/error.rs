//! What can go wrong with a provider, and what to do about it.

use std::time::Duration;

use serde::Deserialize;

/// Which provider of a call.
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
    /// Its short name, as the configuration has it.
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
    /// 401 or 403: the key is missing, wrong or not allowed this.
    Auth,
    /// 429: too many requests, or the account's credit is used up.
    RateLimited,
    /// 5xx, or an error event within an answer.
    Server,
    /// An answer that is not of the protocol.
    Garbage,
    /// No answer, or no next piece of it, in time.
    Timeout,
    /// The provider cannot be reached, or the connection broke.
    Connect,
    /// Another 4xx: the request itself is not acceptable.
    Refused,
    /// A good answer without the speech that was asked for: none, or other words. Another text
    /// may well be spoken.
    Unspoken,
}

/// A provider failed, after the retries that made sense. The message says what to do next; it
/// holds no key and nothing of the conversation, so it may be logged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{stage} at {host} {message}")]
pub struct ProviderError {
    /// Which provider.
    pub stage: Stage,
    /// What went wrong.
    pub kind: ErrorKind,
    host: String,
    message: String,
    /// How long the provider asked to be left alone.
    pub(super) retry_after: Option<Duration>,
    /// Whether the same request can succeed a moment later.
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

    /// From a status that is not a success, and the beginning of its body.
    pub(super) fn status(
        stage: Stage,
        host: &str,
        status: u16,
        retry_after: Option<Duration>,
        body: &[u8],
    ) -> Self {
        let ErrorBody {
            error:
                Details {
                    code,
                    r#type,
                    param,
                },
        } = serde_json::from_slice(body).unwrap_or_default();
        let code = code.or(r#type);
        let exhausted = code.as_deref() == Some("insufficient_quota");
        let mut answered = format!("answered {status}");
        if let Some(code) = code.as_deref().and_then(identifier) {
            answered += &format!(" ({code})");
        }
        let (kind, advice) = match status {
            401 | 403 => (
                ErrorKind::Auth,
                "the key is missing, wrong or not allowed to use this model; check \
                 OPENAI_API_KEY, or the key configured for this stage"
                    .to_owned(),
            ),
            429 if exhausted => (
                ErrorKind::RateLimited,
                "the account's credit is used up; add credit or use another key".to_owned(),
            ),
            429 => (
                ErrorKind::RateLimited,
                "too many requests for this account; raise its limit or use another key".to_owned(),
            ),
            500.. => (
                ErrorKind::Server,
                "the provider has a fault; if it stays, see its status page or its log".to_owned(),
            ),
            300..=399 => (
                ErrorKind::Refused,
                "it redirects elsewhere; set base_url to the final address".to_owned(),
            ),
            404 => (
                ErrorKind::Refused,
                "there is no such model or path; check `model`, and that base_url ends in /v1"
                    .to_owned(),
            ),
            _ => {
                let param = param.as_deref().and_then(identifier);
                let about = param.map_or(String::new(), |param| format!(" about `{param}`"));
                (
                    ErrorKind::Refused,
                    format!("it does not accept the request{about}; check `model` and the options"),
                )
            }
        };
        let mut error = Self::new(stage, host, kind, format!("{answered}: {advice}"));
        error.retry_after = retry_after;
        error.transient &= !exhausted;
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

    /// From an error object that came otherwise than with a status.
    pub(super) fn reported(stage: Stage, host: &str, error: &serde_json::Value) -> Self {
        let text = |key: &str| error[key].as_str().unwrap_or_default();
        let number = |key: &str| error[key].as_u64().filter(|n| (400..600).contains(n));
        let kind = format!("{} {}", text("type"), text("code"));
        let status = match number("code").or_else(|| number("status")) {
            Some(status) => status as u16,
            None if kind.contains("rate_limit") || kind.contains("quota") => 429,
            None if kind.contains("api_key") || kind.contains("auth") => 401,
            None if kind.contains("invalid") || kind.contains("not_found") => 400,
            None => 500,
        };
        let body = serde_json::json!({ "error": error }).to_string();
        Self::status(stage, host, status, None, body.as_bytes())
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

    pub(super) fn server(stage: Stage, host: &str) -> Self {
        let message = "reported an error within its answer: see its log or status page";
        Self::new(stage, host, ErrorKind::Server, message)
    }

    /// From a failure to send or to read; reqwest's own text would repeat the whole URL.
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

fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// The error object of the protocol. Its `message` is not read: it may repeat a part of the key
/// or of the request.
#[derive(Deserialize, Default)]
struct ErrorBody {
    error: Details,
}

#[derive(Deserialize, Default)]
struct Details {
    #[serde(default, deserialize_with = "text_or_nothing")]
    code: Option<String>,
    #[serde(default, deserialize_with = "text_or_nothing")]
    r#type: Option<String>,
    #[serde(default, deserialize_with = "text_or_nothing")]
    param: Option<String>,
}

/// Some servers put numbers where OpenAI has names.
fn text_or_nothing<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    let value = serde_json::Value::deserialize(value)?;
    Ok(value.as_str().map(str::to_owned))
}

/// Lets names through, such as `model_not_found` or `messages[0].content`, and no prose.
fn identifier(text: &str) -> Option<&str> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_-.[]".contains(c);
    (!text.is_empty() && text.len() <= 64 && text.chars().all(allowed)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_status(status: u16, body: &str) -> ProviderError {
        ProviderError::status(Stage::Llm, "api.example", status, None, body.as_bytes())
    }

    #[test]
    fn messages_say_what_to_do_and_keep_prose_of_the_provider_out() {
        let body = r#"{"error": {"message": "Incorrect API key provided: sk-abc. You said: hello",
                       "type": "invalid_request_error", "code": "invalid_api_key"}}"#;
        let error = from_status(401, body);
        assert_eq!(error.kind, ErrorKind::Auth);
        assert_eq!(
            error.to_string(),
            "llm at api.example answered 401 (invalid_api_key): the key is missing, wrong or not \
             allowed to use this model; check OPENAI_API_KEY, or the key configured for this stage"
        );
        assert!(!error.transient);
    }

    #[test]
    fn each_status_has_its_kind() {
        let cases = [
            (400, ErrorKind::Refused, false),
            (401, ErrorKind::Auth, false),
            (403, ErrorKind::Auth, false),
            (302, ErrorKind::Refused, false),
            (404, ErrorKind::Refused, false),
            (422, ErrorKind::Refused, false),
            (429, ErrorKind::RateLimited, true),
            (500, ErrorKind::Server, true),
            (503, ErrorKind::Server, true),
            (599, ErrorKind::Server, true),
        ];
        for (status, kind, transient) in cases {
            let error = from_status(status, "<html>");
            assert_eq!((error.kind, error.transient), (kind, transient), "{status}");
        }
    }

    #[test]
    fn used_up_credit_is_not_worth_a_retry() {
        let error = from_status(429, r#"{"error": {"code": "insufficient_quota"}}"#);
        assert!(!error.transient);
        assert!(error.to_string().contains("add credit"), "{error}");
    }

    #[test]
    fn names_are_shown_and_sentences_are_not() {
        let body = |param: &str| format!(r#"{{"error": {{"code": 7, "param": "{param}"}}}}"#);
        let error = from_status(400, &body("messages[0].content"));
        assert!(
            error.to_string().contains("about `messages[0].content`"),
            "{error}"
        );
        let error = from_status(400, &body("my secret words"));
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
