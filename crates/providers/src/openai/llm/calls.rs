//! Assembles a model's tool calls from their pieces, in every shape that servers send. PURE.
//!
//! A new id, or a name after complete arguments, begins a call; otherwise the index says which call a piece belongs to;
//! without one it belongs to the last call. Id and name are set once. It makes no difference where indexes start, and
//! whether indexes, ids and names are missing, late, repeated or new in each piece. `{}` before other arguments stands
//! for arguments that have not begun. Arguments, or their end, that a server sends once more at the end count once.

use serde_json::Value;

use super::wire::OPAQUE_LIMIT;
use super::{Opaque, ToolCall, history};

/// Calls of one answer; a model that makes more is out of control.
const MOST: usize = 64;
/// Bytes of a call's arguments.
const LONGEST: usize = 256 << 10;

/// One piece of a call.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Piece {
    /// The call's number, as the server counts.
    pub index: Option<i64>,
    /// The call's id.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// More of the arguments: text, or all of them as an object.
    pub arguments: Value,
    /// Fields that only the provider understands.
    pub opaque: Opaque,
}

/// The calls of an answer so far.
#[derive(Default)]
pub(super) struct Calls {
    calls: Vec<Call>,
}

#[derive(Default)]
struct Call {
    index: Option<i64>,
    id: String,
    name: String,
    /// The number of pieces that named the tool.
    named: usize,
    arguments: String,
    extent: Extent,
    opaque: Opaque,
    opaque_bytes: usize,
}

impl Call {
    /// Whether no more arguments can follow.
    fn is_complete(&self) -> bool {
        self.extent.is_whole && !self.is_placeholder()
    }

    /// Whether the arguments are those that gateways send ahead of the model's own.
    fn is_placeholder(&self) -> bool {
        self.arguments.trim() == "{}"
    }

    /// Whether a piece with this name and these arguments can only be more of this call's.
    fn is_continued_by(&self, name: &str, arguments: &str) -> bool {
        let is_open = !self.is_complete() && !arguments.trim().is_empty();
        let begins = arguments.trim_start().starts_with('{');
        match name.is_empty() {
            true => is_open && !self.name.is_empty(),
            false => is_open && name == self.name && self.extent.depth > 0 && !begins,
        }
    }

    /// Whether `more` can only be all of the arguments once more: after a value no object follows.
    fn is_begun_again(&self, more: &str) -> bool {
        let so_far = self.arguments.trim_end();
        let is_open = self.extent.depth > 0 && !self.extent.in_text;
        is_open && !so_far.ends_with([':', ',', '[']) && is_object(more)
    }

    /// Answers whether they are kept.
    fn add_arguments(&mut self, more: &str) -> bool {
        if self.is_placeholder() && !more.trim().is_empty() {
            self.arguments.clear();
            self.extent = Extent::default();
        }
        let is_end_again = self.is_complete() && self.arguments.trim_end().ends_with(more.trim());
        if is_end_again {
            return false;
        }
        if self.is_begun_again(more) {
            self.arguments.clear();
            self.extent = Extent::default();
        }
        if self.arguments.len() + more.len() > LONGEST {
            return false;
        }
        self.arguments.push_str(more);
        if self.extent.closes(more) {
            self.extent.is_whole = is_object(&self.arguments);
        }
        !more.is_empty()
    }

    fn add_opaque(&mut self, more: Opaque) {
        self.opaque_bytes += more
            .iter()
            .map(|(_, value)| value.to_string().len())
            .sum::<usize>();
        if self.opaque_bytes <= OPAQUE_LIMIT {
            self.opaque.extend(more);
        }
    }
}

/// How far the braces of a text are closed. The text is parsed only when they are, not for each piece of it.
#[derive(Default)]
struct Extent {
    depth: usize,
    in_text: bool,
    is_escaped: bool,
    /// The outermost brace is closed.
    is_closed: bool,
    /// The text is a valid object, and nothing but white space follows it.
    is_whole: bool,
}

impl Extent {
    /// Continues with more of the text. Returns whether this closes it.
    fn closes(&mut self, more: &str) -> bool {
        let was_closed = self.is_closed;
        for byte in more.bytes() {
            if self.is_closed {
                // Anything after the object makes the text invalid.
                self.is_whole &= byte.is_ascii_whitespace();
                continue;
            }
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' if self.in_text => self.is_escaped = true,
                b'"' => self.in_text = !self.in_text,
                _ if self.in_text => {}
                b'{' => self.depth += 1,
                b'}' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.is_closed = self.depth == 0;
                }
                _ => {}
            }
        }
        self.is_closed && !was_closed
    }
}

fn is_object(text: &str) -> bool {
    serde_json::from_str::<Value>(text).is_ok_and(|value| value.is_object())
}

impl Piece {
    /// Reads an element of `tool_calls`, or the older `function_call`.
    pub(super) fn read(value: &Value) -> Option<Self> {
        let call = value.as_object()?;
        // Some servers leave out the object around name and arguments.
        let nested = call.get("function").and_then(Value::as_object);
        let function = nested.unwrap_or(call);
        let text = |value: Option<&Value>| {
            let text = value.and_then(Value::as_str).unwrap_or_default();
            text.trim().to_owned()
        };
        let index = call.get("index").and_then(|index| {
            let text = index.as_str().and_then(|text| text.parse().ok());
            index.as_i64().or(text)
        });
        let known = ["index", "id", "type", "function", "name", "arguments"];
        let others = |all: &Opaque, known: &[&str]| -> Opaque {
            let all = all
                .iter()
                .filter(|(name, value)| !known.contains(&name.as_str()) && !value.is_null());
            all.map(|(name, value)| (name.clone(), value.clone()))
                .collect()
        };
        let mut opaque = others(call, &known);
        let inside = nested.map(|inside| others(inside, &["name", "arguments"]));
        if let Some(inside) = inside.filter(|inside| !inside.is_empty()) {
            opaque.insert("function".into(), inside.into());
        }
        Some(Self {
            index,
            id: match call.get("id") {
                Some(Value::Number(number)) => number.to_string(),
                id => text(id),
            },
            name: text(function.get("name")),
            arguments: function.get("arguments").cloned().unwrap_or_default(),
            opaque,
        })
    }
}

impl Calls {
    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Adds a piece. Answers whether it is more of a call.
    pub(super) fn push(&mut self, piece: Piece) -> bool {
        let arguments = match piece.arguments {
            Value::Null => String::new(),
            Value::String(text) => text,
            whole => whole.to_string(),
        };
        let known = self.known(piece.index, &piece.id, &piece.name, &arguments);
        let call = match known {
            Some(place) => &mut self.calls[place],
            None if self.calls.len() >= MOST => return false,
            None => {
                self.calls.push(Call {
                    index: piece.index,
                    ..Call::default()
                });
                let last = self.calls.len() - 1;
                &mut self.calls[last]
            }
        };
        if call.id.is_empty() {
            call.id = piece.id;
        }
        if !piece.name.is_empty() {
            call.named += 1;
            if call.name.is_empty() {
                call.name = piece.name;
            }
        }
        // The arguments are repeated as a whole at their end.
        let is_again = call.is_complete() && same(&call.arguments, &arguments);
        let is_more = !is_again && call.add_arguments(&arguments);
        call.add_opaque(piece.opaque);
        is_more || known.is_none()
    }

    /// The call that a piece belongs to. `None` if the piece begins one.
    fn known(&self, index: Option<i64>, id: &str, name: &str, arguments: &str) -> Option<usize> {
        let last = self.calls.len().checked_sub(1)?;
        let newest = |matches: &dyn Fn(&Call) -> bool| self.calls.iter().rposition(matches);
        let by_index = index.and_then(|index| newest(&|call| call.index == Some(index)));
        let is_same_place = index.is_none() || by_index.is_some();
        // If a piece with another index has a name or is complete, it is another call.
        let place = match (index, by_index) {
            (_, Some(place)) => place,
            (Some(_), None) if !id.is_empty() || !name.is_empty() => {
                let same_id = newest(&|call| call.id == id && call.index.is_none());
                return same_id.filter(|_| !id.is_empty());
            }
            _ => last,
        };
        if !id.is_empty() {
            let place = match newest(&|call| call.id == id) {
                Some(same) => same,
                // Its id comes late, unless this is another call.
                None if self.calls[place].id.is_empty() => place,
                // Some gateways make up an id for each piece.
                None if is_same_place && self.calls[place].is_continued_by(name, arguments) => {
                    return Some(place);
                }
                None => return None,
            };
            let call = &self.calls[place];
            let is_late = call.id.is_empty();
            let is_again = name.is_empty() || same(&call.arguments, arguments);
            // Some servers give all calls of an answer the same id.
            let is_other = call.is_complete() && !arguments.is_empty() && !is_again
                || is_late && !name.is_empty() && self.begins(place, name, arguments);
            return (!is_other).then_some(place);
        }
        let begins = !name.is_empty() && self.begins(place, name, arguments);
        (!begins).then_some(place)
    }

    /// Whether a piece with this name begins another call after the one at `place`.
    fn begins(&self, place: usize, name: &str, arguments: &str) -> bool {
        let call = &self.calls[place];
        if call.name.is_empty() {
            return false;
        }
        if call.name != name {
            return true;
        }
        // A server that names the tool in each piece also does so in the last, empty one.
        call.is_complete() && (!arguments.is_empty() || call.named == 1)
    }

    /// Takes all calls, each with an id, leaving out those without a name.
    pub(super) fn take(&mut self, mut new_id: impl FnMut() -> String) -> Vec<ToolCall> {
        let mut calls: Vec<ToolCall> = Vec::new();
        for call in self.calls.drain(..) {
            let last = calls.last();
            // A name that was only repeated at the end of its call.
            let is_echo = call.id.is_empty()
                && call.arguments.is_empty()
                && last.is_some_and(|last| last.name == call.name && is_object(&last.arguments));
            if call.name.is_empty() || is_echo {
                continue;
            }
            let is_taken = calls.iter().any(|known| known.id == call.id);
            let id = match call.id {
                id if id.is_empty() || is_taken => new_id(),
                id => id,
            };
            calls.push(ToolCall {
                id,
                name: call.name,
                arguments: plain(call.arguments),
                opaque: call.opaque,
            });
        }
        calls
    }

    /// Adds the calls that leaked into the answer's text. Some servers also send them as calls: then each is made once.
    pub(super) fn add_leaked(&mut self, leaked: Vec<Piece>) {
        let is_streamed = !self.is_empty();
        for call in leaked {
            if !is_streamed || !self.has(&call.name) {
                self.push(call);
            }
        }
    }

    /// Whether the tool of this name, in whichever form, is called already.
    fn has(&self, name: &str) -> bool {
        let sent = history::name(name);
        let mut calls = self.calls.iter();
        calls.any(|call| call.name == name || call.name == sent)
    }

    /// Whether all arguments are complete. Those that have not begun are if the tool `takes_none`.
    pub(super) fn are_whole(&self, takes_none: impl Fn(&str) -> bool) -> bool {
        let whole = |call: &Call| match call.arguments.trim().is_empty() {
            true => takes_none(&call.name),
            false => call.extent.is_whole,
        };
        self.calls.iter().all(whole)
    }
}

/// Whether two texts are the same JSON object.
fn same(one: &str, other: &str) -> bool {
    let read = |text| serde_json::from_str::<Value>(text).ok();
    // Parse the shorter one first, as it is mostly invalid.
    one == other || read(other).is_some_and(|other| read(one) == Some(other))
}

/// Missing arguments become an empty object, and an object in a string becomes the object.
fn plain(arguments: String) -> String {
    match serde_json::from_str::<Value>(&arguments) {
        Ok(Value::Null) => "{}".into(),
        Ok(Value::String(inner)) if inner.trim().is_empty() => "{}".into(),
        Ok(Value::String(inner)) if is_object(&inner) => inner,
        Err(_) if arguments.trim().is_empty() => "{}".into(),
        _ => arguments,
    }
}

/// A generated id: nine letters and digits, as the strictest server demands.
pub(super) fn new_id() -> String {
    (0..9).map(|_| fastrand::alphanumeric()).collect()
}

#[cfg(test)]
mod tests;
