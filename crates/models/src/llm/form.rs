//! What an answer may consist of, token by token: text, tool calls, JSON. PURE.

use std::sync::Arc;

use serde_json::Value;

use super::json::{Schema, Writing};
use super::template::CALL_OPENING;

/// What an answer may consist of; by default, text. A tool call ends the answer: models of this size, if allowed to
/// continue, call every tool there is, and another call can follow the result of the first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Form {
    /// The calls that may be made; `None` if no tool may be called.
    pub calls: Option<Calls>,
    /// Whether the model has read about tools: if it may not call any, it must not write a call as text either.
    pub knows_tools: bool,
    /// The schema of the answer's text; `None` for free text.
    pub json: Option<Arc<Schema>>,
}

impl Form {
    /// Whether an answer is words for the caller: no JSON, and no call that must be made.
    pub(super) fn is_talk(&self) -> bool {
        self.json.is_none() && !self.calls.as_ref().is_some_and(|calls| calls.needed)
    }
}

/// The calls that an answer may make.
#[derive(Debug, Clone, PartialEq)]
pub struct Calls {
    /// A schema made by [`Schema::call`].
    pub schema: Arc<Schema>,
    /// Whether the answer must be a call.
    pub needed: bool,
}

/// A tool call.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Call {
    /// The tool's name.
    pub name: String,
    /// Its arguments, a JSON object.
    pub arguments: Value,
}

/// What a token stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'t> {
    /// These bytes of text.
    Text(&'t [u8]),
    /// The end of the answer.
    End,
    /// The beginning of a call.
    Call,
    /// Anything that may not be in an answer.
    Other,
}

/// How a token changes the answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Taken {
    /// Its bytes are text of the answer.
    Said,
    /// It is part of a call.
    Kept,
    /// A call begins, and the model must read the call's opening instead of the token.
    Opened,
    /// A call is complete, and the answer is over.
    Called(Call),
    /// The answer is over; the token may still contribute text.
    End,
}

/// An answer in progress.
pub(super) struct Answer {
    form: Form,
    at: At,
}

enum At {
    Words,
    Json(Writing),
    Call(Writing, Vec<u8>),
}

impl Answer {
    pub(super) fn new(form: Form) -> Self {
        let at = match &form.json {
            Some(schema) => At::Json(Writing::new(Arc::clone(schema))),
            None => At::Words,
        };
        Self { form, at }
    }

    /// Whether the text so far is free, so that repetition penalties apply to what comes next.
    pub(super) fn is_free(&self) -> bool {
        matches!(self.at, At::Words)
    }

    /// Whether text may continue with each byte: most of a vocabulary is excluded by the first byte.
    pub(super) fn by_first_byte(&self) -> [bool; 256] {
        let writing = match &self.at {
            At::Words => return [true; 256],
            At::Json(writing) | At::Call(writing, _) => writing,
        };
        std::array::from_fn(|byte| writing.with(&[byte as u8]).is_some())
    }

    /// Whether this token may come next.
    pub(super) fn allows(&self, token: Token<'_>) -> bool {
        let calls = self.form.calls.as_ref();
        let must_call = calls.is_some_and(|calls| calls.needed);
        match (&self.at, token) {
            (_, Token::Other) => false,
            (At::Call(writing, _), Token::Text(bytes)) => writing.with(bytes).is_some(),
            (At::Call(..), _) => false,
            (_, Token::Call) => calls.is_some(),
            (_, _) if must_call => calls.is_some() && self.opens(token),
            (At::Words, Token::Text(bytes)) => {
                calls.is_some() || !self.form.knows_tools || !is_code(bytes)
            }
            (At::Words, Token::End) => true,
            (At::Json(writing), Token::Text(bytes)) => writing.with(bytes).is_some(),
            (At::Json(writing), Token::End) => writing.is_complete(),
        }
    }

    /// Takes a token that [`Answer::allows`].
    pub(super) fn take(&mut self, token: Token<'_>) -> Taken {
        if self.opens(token)
            && let Some(calls) = &self.form.calls
        {
            let begun = Writing::new(Arc::clone(&calls.schema));
            let opening = CALL_OPENING.trim_start().as_bytes();
            let Some(writing) = begun.with(opening) else {
                return Taken::End; // there are no tools
            };
            self.at = At::Call(writing, opening.to_vec());
            return Taken::Opened;
        }
        let Token::Text(bytes) = token else {
            return Taken::End;
        };
        match &mut self.at {
            At::Words => Taken::Said,
            At::Json(writing) => {
                let Some(more) = writing.with(bytes) else {
                    return Taken::End;
                };
                let is_over = more.is_over();
                *writing = more;
                if is_over { Taken::End } else { Taken::Said }
            }
            At::Call(writing, written) => {
                let Some(more) = writing.with(bytes) else {
                    return Taken::End;
                };
                let is_over = more.is_over();
                *writing = more;
                written.extend_from_slice(bytes);
                if !is_over {
                    return Taken::Kept;
                }
                let Ok(call) = serde_json::from_slice::<Call>(written) else {
                    return Taken::End;
                };
                Taken::Called(call)
            }
        }
    }

    /// Whether this token begins a call.
    fn opens(&self, token: Token<'_>) -> bool {
        if self.form.calls.is_none() || matches!(self.at, At::Call(..)) {
            return false;
        }
        match (&self.at, token) {
            (_, Token::Call) => true,
            (At::Words, Token::Text(bytes)) => is_code(bytes),
            _ => false,
        }
    }
}

/// Models that were trained on code write a call as a code block, or bare, as often as after its own token: nothing
/// that is spoken begins like that.
fn is_code(bytes: &[u8]) -> bool {
    let bytes = bytes.trim_ascii_start();
    let mut signs = [&b"{"[..], b"```", b"<tool"].into_iter();
    signs.any(|sign| bytes.starts_with(sign))
}

#[cfg(test)]
mod tests;
