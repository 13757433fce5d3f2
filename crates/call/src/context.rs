//! The model's context within a token budget: its size, and what to drop when it is too large. PURE.
//! Only the provider knows how many tokens a text has. Each answer's usage reports the size of its request; what was
//! added since is estimated by length, at the ratio of that answer.

use super::providers::{Message, Role, Usage};

/// From this share of the budget on, the older part is summarised.
const NEAR: f64 = 0.75;
/// Tokens of a message besides its words.
const OVERHEAD: usize = 4;
/// Characters kept of a long text as the last resort.
const CLIPPED: usize = 400;

/// The size of messages, by length alone: four Latin letters are a token, any other character is one.
pub fn size(messages: &[Message]) -> usize {
    messages.iter().map(size_of).sum()
}

fn size_of(message: &Message) -> usize {
    let calls = message.calls.iter();
    let calls =
        calls.map(|call| OVERHEAD + size_of_text(&call.name) + size_of_text(&call.arguments));
    OVERHEAD + size_of_text(&message.text) + calls.sum::<usize>()
}

/// The size of a text: see [`size`].
pub fn size_of_text(text: &str) -> usize {
    let ascii = text.bytes().filter(u8::is_ascii).count();
    ascii.div_ceil(4) + text.chars().filter(|c| !c.is_ascii()).count()
}

/// The token budget of a model, and how many tokens a unit of size is with its provider.
#[derive(Debug, Clone, Copy)]
pub struct Gauge {
    limit: f64,
    tokens_a_size: f64,
}

impl Gauge {
    /// Starts with this budget, in tokens.
    pub fn new(limit: usize) -> Self {
        Self {
            limit: limit as f64,
            tokens_a_size: 1.0,
        }
    }

    /// Calibrates: a request of this size was so many tokens.
    pub fn measured(&mut self, size: usize, usage: Usage) {
        if usage.prompt_tokens > 0 && size > 0 {
            self.tokens_a_size = f64::from(usage.prompt_tokens) / size as f64;
        }
    }

    /// A request of this size was too long: the budget is smaller than assumed.
    pub fn too_long(&mut self, size: usize) {
        let tokens = size as f64 * self.tokens_a_size;
        self.limit = self.limit.min(tokens * NEAR);
    }

    /// The size of the largest request allowed.
    pub fn room(&self) -> usize {
        (self.limit / self.tokens_a_size) as usize
    }

    /// Whether a context of this size will soon be too large.
    pub fn is_near(&self, size: usize) -> bool {
        size as f64 * self.tokens_a_size >= self.limit * NEAR
    }
}

/// Drops the oldest messages until the rest fits: the prompt and the turn being answered stay. A tool call is dropped
/// together with its results.
pub fn fit(messages: &mut Vec<Message>, room: usize) {
    let mut total = size(messages);
    while total > room {
        let Some(gone) = oldest(messages) else { return };
        total -= size(&messages[gone.clone()]);
        messages.drain(gone);
    }
}

/// The messages to drop first: a whole turn of the caller with everything that followed; within the last turn only a
/// round of tools, never the last round.
fn oldest(messages: &[Message]) -> Option<std::ops::Range<usize>> {
    let begin = messages
        .iter()
        .take_while(|m| m.role == Role::System)
        .count();
    let is_user = |message: &Message| message.role == Role::User;
    let last_turn = messages.iter().rposition(is_user)?;
    if begin < last_turn {
        let after = &messages[begin + 1..=last_turn];
        let next = after.iter().position(is_user)?;
        return Some(begin..begin + 1 + next);
    }
    let rounds: Vec<usize> = (last_turn + 1..messages.len())
        .filter(|at| messages[*at].role == Role::Assistant)
        .collect();
    match rounds.as_slice() {
        [first, next, ..] => Some(*first..*next),
        _ => None,
    }
}

/// Roughly halves messages that a model rejected as too long: first the oldest are dropped, then the middle of long
/// texts. `false` if nothing more can be cut.
pub fn cut(messages: &mut Vec<Message>) -> bool {
    let before = size(messages);
    fit(messages, before / 2);
    if size(messages) > before / 2 {
        let spoken = messages.iter_mut().filter(|m| m.role != Role::System);
        for message in spoken {
            message.text = clipped(&message.text, CLIPPED);
        }
    }
    size(messages) < before
}

/// As much of a text's beginning and end as fits.
pub fn within(text: &str, room: usize) -> String {
    let size = size_of_text(text);
    if size <= room {
        return text.to_owned();
    }
    clipped(text, text.chars().count() * room / size)
}

/// The beginning and end of a text longer than `most` characters.
pub fn clipped(text: &str, most: usize) -> String {
    let count = text.chars().count();
    if count <= most {
        return text.to_owned();
    }
    let half = most / 2;
    let begin: String = text.chars().take(half).collect();
    let end: String = text.chars().skip(count - half).collect();
    format!("{} … {}", begin.trim_end(), end.trim_start())
}

#[cfg(test)]
mod tests;
