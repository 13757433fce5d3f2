//! The model's context within a budget: how large it is, and what is left out of one that is too
//! large. Pure.
//!
//! How many tokens a text is only its provider knows. Each answer's usage says how many the
//! question was; what came since is estimated by its length, in the measure of that answer.

use super::providers::{Message, Role, Usage};

/// From this share of the budget on, the older part is summarised.
const NEAR: f64 = 0.75;
/// What a message takes beside its words.
const OVERHEAD: usize = 4;
/// What is left of a long text where nothing else helps.
const CLIPPED: usize = 400;

/// The size of messages, by length alone: four letters of Latin script are a token, other signs are
/// one each.
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

/// How much the model takes, and how many tokens a size is with its provider.
#[derive(Debug, Clone, Copy)]
pub struct Gauge {
    limit: f64,
    tokens_a_size: f64,
}

impl Gauge {
    /// For a budget of so many tokens.
    pub fn new(limit: usize) -> Self {
        Self {
            limit: limit as f64,
            tokens_a_size: 1.0,
        }
    }

    /// A question of this size was so many tokens.
    pub fn measured(&mut self, size: usize, usage: Usage) {
        if usage.prompt_tokens > 0 && size > 0 {
            self.tokens_a_size = f64::from(usage.prompt_tokens) / size as f64;
        }
    }

    /// A question of this size was too long: the budget is smaller than was thought.
    pub fn too_long(&mut self, size: usize) {
        let tokens = size as f64 * self.tokens_a_size;
        self.limit = self.limit.min(tokens * NEAR);
    }

    /// The largest question that may be asked.
    pub fn room(&self) -> usize {
        (self.limit / self.tokens_a_size) as usize
    }

    /// Whether a context of this size will soon be too large.
    pub fn is_near(&self, size: usize) -> bool {
        size as f64 * self.tokens_a_size >= self.limit * NEAR
    }
}

/// Leaves out the oldest of what is said until the rest has room: the prompt stays, and so does
/// what is answered now. A call of a tool goes with its results.
pub fn fit(messages: &mut Vec<Message>, room: usize) {
    let mut total = size(messages);
    while total > room {
        let Some(gone) = oldest(messages) else { return };
        total -= size(&messages[gone.clone()]);
        messages.drain(gone);
    }
}

/// The messages that go first: a whole turn of the caller with all that followed, but of the last
/// turn only a round of tools, never the last one.
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

/// Makes messages that a model refused as too long about half as long: first the oldest go, then
/// the middle of long texts. False when there is nothing more to be had.
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

/// As much of a text's begin and end as has room.
pub fn within(text: &str, room: usize) -> String {
    let size = size_of_text(text);
    if size <= room {
        return text.to_owned();
    }
    clipped(text, text.chars().count() * room / size)
}

/// The begin and the end of a text that has more than `most` characters.
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
