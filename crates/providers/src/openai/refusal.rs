//! Reads what a provider says when it refuses a request, in every style of error body in use. PURE.
//!
//! OpenAI's `{"error":{"message","type","code","param"}}`; `{"error":"text"}`; FastAPI's
//! `{"detail":[{"loc":["body","field"],"msg"}]}` and `{"detail":"text"}`; `{"message":…}`; a list of such objects; HTML
//! and plain text of proxies.

use std::time::Duration;

use serde_json::Value;

/// Most bytes of an error that are looked at.
const LIMIT: usize = 8 << 10;
/// Most fields that it may point to.
const PATHS: usize = 64;

/// Codes for problems of accounts and keys: no retry helps.
const EXHAUSTED: [&str; 4] = [
    "insufficient_quota",
    "credit_balance_exhausted",
    "billing_hard_limit_reached",
    "insufficient_balance",
];
const BAD_KEY: [&str; 2] = ["invalid_api_key", "account_deactivated"];
const NO_MODEL: [&str; 3] = [
    "model_not_found",
    "deploymentnotfound",
    "model_not_available",
];
const TOO_LONG_CODES: [&str; 5] = [
    "context_length_exceeded",
    "context_window_exceeded",
    "exceed_context_size_error",
    "input_too_long",
    "prompt_too_long",
];
/// How servers without a code for it say that a conversation is too long.
const TOO_LONG: [&str; 21] = [
    "context length",
    "context_length",
    "context window",
    "context size",
    "maximum context",
    "max_model_len",
    "too many tokens",
    "prompt is too long",
    "prompt too long",
    "input is too long",
    "input too long",
    "reduce the length",
    "input token count",
    "exceeds the maximum number of tokens",
    "maximum prompt length",
    "exceed context limit",
    "max length exceeded",
    "exceeds max length",
    "model token limit",
    "`max_new_tokens` must be <=",
    "range of input length should be",
];
/// How speech servers say so of a sentence: with all the words of one of these.
const TOO_LONG_TO_SAY: [&[&str]; 7] = [
    &["too long"],
    &["exceed", "length"],
    &["character", "exceed"],
    &["character", "at most"],
    &["character", "max"],
    &["character", "limit"],
    &["character", "than"],
];
/// Names for the sentence in their requests.
const TO_SAY: [&str; 2] = ["input", "text"];
/// The model's own words were at fault, or the caller's: another answer to the same request may do.
const OF_ANSWER: [&str; 2] = ["tool_use_failed", "json_validate_failed"];
/// The provider's filter does not like what somebody said.
const FILTERED: [&str; 4] = [
    "content_filter",
    "content_policy_violation",
    "data_inspection_failed",
    "responsibleaipolicyviolation",
];

/// Why a request was refused, as far as the body says so. It may quote the caller.
#[derive(Clone, Default, PartialEq)]
pub(super) struct Refusal {
    /// A name for the reason: the body's code, or its type.
    pub code: Option<String>,
    /// Its type, where the code is another.
    pub class: Option<String>,
    /// The status that it stands for, where the body has one.
    pub status: Option<u16>,
    /// Fields that the body points to, dotted, with `*` for list elements.
    pub paths: Vec<String>,
    /// The provider's own words.
    pub message: String,
}

/// Shows the kind, never the words.
impl std::fmt::Debug for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let code = self.code.as_deref().unwrap_or("-");
        write!(f, "Refusal({code}, {} paths)", self.paths.len())
    }
}

impl Refusal {
    /// Reads the body of an unsuccessful answer.
    pub(super) fn read(body: &[u8]) -> Self {
        let body = &body[..body.len().min(LIMIT)];
        if let Ok(value) = serde_json::from_slice(body) {
            return Self::of(&value).unwrap_or_default();
        }
        Self {
            message: plain(&String::from_utf8_lossy(body)),
            ..Self::default()
        }
    }

    /// Reads a JSON body or an event of a stream. `None` if it reports no error.
    pub(super) fn of(value: &Value) -> Option<Self> {
        let value = match value {
            Value::Array(all) => all.first()?,
            one => one,
        };
        let mut refusal = Self::default();
        match &value["error"] {
            Value::String(text) => refusal.message.clone_from(text),
            Value::Object(error) if !error.is_empty() => {
                let error = Value::from(error.clone());
                refusal.take(&error);
                // OpenRouter puts the message of the upstream server here.
                refusal.add(text_of(&error["metadata"]["raw"]));
            }
            _ => refusal.take(value),
        }
        match &value["detail"] {
            Value::String(text) => refusal.add(text),
            Value::Array(all) => all.iter().for_each(|one| refusal.take(one)),
            one @ Value::Object(_) => refusal.take(one),
            _ => {}
        }
        (!refusal.message.is_empty() || refusal.code.is_some() || !refusal.paths.is_empty())
            .then_some(refusal)
    }

    fn take(&mut self, one: &Value) {
        let named = ["code", "type"].map(|key| text_of(&one[key]).to_owned());
        let number = ["code", "status", "status_code"].iter().find_map(|key| {
            let number = one[*key].as_u64();
            number.or_else(|| one[*key].as_str()?.parse().ok())
        });
        let number = number.and_then(|number| u16::try_from(number).ok());
        let [_, class] = named.clone();
        let named = named.into_iter().find(|text| !text.is_empty());
        let named = named.or(number.map(|number| number.to_string()));
        // The entries of a list have types ("extra_forbidden"), which say less than a code.
        if self.code.is_none() {
            self.code = named;
            self.class = Some(class).filter(|class| !class.is_empty());
        }
        self.status = self
            .status
            .or(number.filter(|number| (400..600).contains(number)));
        if self.paths.len() < PATHS {
            self.paths.extend(path(&one["param"]));
            self.paths.extend(path(&one["loc"]));
        }
        for key in ["message", "msg", "error_description"] {
            self.add(text_of(&one[key]));
        }
        // Mistral nests its list: {"message":{"detail":[…]}}.
        for one in one["message"]["detail"].as_array().into_iter().flatten() {
            self.take(one);
        }
    }

    fn add(&mut self, text: &str) {
        // Only a few lines are shown.
        if text.is_empty() || self.message.len() >= LIMIT || self.message.contains(text) {
            return;
        }
        if !self.message.is_empty() {
            self.message.push_str("; ");
        }
        self.message.push_str(text);
    }

    fn has_code(&self, codes: &[&str]) -> bool {
        let code = self.code.as_deref().unwrap_or_default().to_lowercase();
        codes.contains(&code.as_str())
    }

    /// The account has no credit left.
    pub(super) fn is_exhausted(&self) -> bool {
        self.has_code(&EXHAUSTED)
    }

    /// The key, or its account, is not accepted.
    pub(super) fn is_bad_key(&self) -> bool {
        self.has_code(&BAD_KEY)
    }

    /// The model does not exist.
    pub(super) fn is_no_model(&self) -> bool {
        self.has_code(&NO_MODEL)
    }

    /// Too many requests in too short a time.
    pub(super) fn is_limited(&self) -> bool {
        let code = self.code.as_deref().unwrap_or_default().to_lowercase();
        code.starts_with("rate_limit") || code == "overloaded_error" || code == "too_many_requests"
    }

    /// The request itself is not acceptable.
    pub(super) fn is_of_request(&self) -> bool {
        let names = [&self.code, &self.class].into_iter().flatten();
        let mut names = names.map(|name| name.to_lowercase());
        self.is_of_answer()
            || self.is_filtered()
            || names.any(|name| name.starts_with("invalid") || name == "unknown_parameter")
    }

    /// What the model wrote was of no use to its server, which may be otherwise the next time.
    pub(super) fn is_of_answer(&self) -> bool {
        self.has_code(&OF_ANSWER)
    }

    /// What was said, or answered, is not let through.
    pub(super) fn is_filtered(&self) -> bool {
        let message = self.message.to_lowercase();
        let says = |words: &str| message.contains(words);
        self.has_code(&FILTERED)
            || says("content policy")
            || says("moderation")
            || (says("flagged") && says("input"))
    }

    /// Servers that return 200 for errors put the intended status in the body, some in the place of OpenAI's code.
    pub(super) fn status(&self) -> Option<u16> {
        self.status
    }

    /// The conversation is longer than the model accepts.
    pub(super) fn is_too_long(&self) -> bool {
        if self.has_code(&TOO_LONG_CODES) {
            return true;
        }
        let message = self.message.to_lowercase();
        // If the limit of the answer's length is too large, that field is left out instead.
        let is_of_answer = message.contains("max_tokens") || message.contains("max_completion");
        !(is_of_answer && message.contains("too large"))
            && TOO_LONG.iter().any(|words| message.contains(words))
    }

    /// A sentence is longer than the server speaks at once.
    pub(super) fn is_too_long_to_say(&self) -> bool {
        let message = self.message.to_lowercase();
        let is_of_it = |path: &String| TO_SAY.contains(&path.as_str());
        let says = |words: &&[&str]| words.iter().all(|words| message.contains(words));
        self.paths.iter().all(is_of_it) && TOO_LONG_TO_SAY.iter().any(says)
    }
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// `messages[1].content`, or `["body", "messages", 1, "content"]`, as `messages.*.content`.
fn path(value: &Value) -> Option<String> {
    let parts: Vec<String> = match value {
        Value::String(text) => text
            .replace("[]", "\u{0}")
            .split(['.', '[', ']'])
            .filter(|part| !part.is_empty())
            .map(|part| part.replace('\u{0}', "[]"))
            .collect(),
        Value::Array(parts) => parts
            .iter()
            .map(|part| part.as_str().map_or("0".to_owned(), str::to_owned))
            .collect(),
        _ => return None,
    };
    let skipped = parts
        .iter()
        .take_while(|part| matches!(part.as_str(), "body" | "request" | "session" | "response"))
        .count();
    let parts = parts.iter().skip(skipped).map(|part| {
        if part.parse::<u32>().is_ok() {
            "*"
        } else {
            part.as_str()
        }
    });
    let path = parts.collect::<Vec<_>>().join(".");
    (!path.is_empty()).then_some(path)
}

/// A web page's title, or the text itself.
fn plain(text: &str) -> String {
    let text = text.trim();
    if !text.starts_with('<') {
        return text.to_owned();
    }
    let lower = text.to_ascii_lowercase();
    let title = lower.find("<title>").and_then(|at| {
        let begin = at + "<title>".len();
        let end = begin + lower[begin..].find('<')?;
        text.get(begin..end)
    });
    title.unwrap_or_default().trim().to_owned()
}

/// An unsuccessful answer.
pub(super) struct Refused {
    pub status: u16,
    pub retry_after: Option<Duration>,
    pub refusal: Refusal,
}

#[cfg(test)]
mod tests;
