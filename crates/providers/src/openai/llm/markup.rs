//! Removes from an answer's text what is not for the caller: thoughts, tool calls that leaked into the text, and a
//! model's special tokens. PURE, and independent of how the text is split.
//!
//! Ordinary text passes at once; what may yet become a tag ("<", "[TOO") is held until it is certain. A thought without
//! its opening tag (some servers' templates write that into the prompt) is removed if the provider is known for it, or
//! if the answer begins as thoughts do; otherwise, the first time it occurs, only the tag is removed. JSON that begins
//! as a call does is held to the answer's end, and released if it is none.

mod bare;
mod leaked;
mod tags;

use super::super::dialect::{Beginning, Opening};
use super::calls::Piece;
use super::{Tool, history};
use tags::{Marker, Seen, seen};

/// Bytes of a block that are kept until its end.
const BLOCK: usize = 256 << 10;
/// Bytes that are held if an answer may begin with a thought.
const OPENING: usize = 64 << 10;
/// Bytes of a role's name after the token that begins a turn.
const ROLE: usize = 24;
/// How models begin their thoughts, in lower case. Such text is held back only at providers that have not given a whole
/// answer yet, and released at the answer's end.
const THOUGHTS: [&str; 18] = [
    "okay, so",
    "okay, the",
    "ok, so",
    "ok, the",
    "alright, so",
    "alright, the",
    "hmm",
    "the user",
    "the caller",
    "so the user",
    "so the caller",
    "we need to",
    "we are asked",
    "i need to",
    "i should",
    "first, i",
    "let me think",
    "they ask",
];

/// See the module's documentation.
pub(super) struct Markup {
    tools: Vec<Tool>,
    state: State,
    held: String,
    /// Bytes at its front that are finished: removed once per push, not once per marker.
    gone: usize,
    /// Something was released.
    said: bool,
    /// Something was removed: white space after it is not the answer's beginning.
    cut: bool,
    /// Calls that leaked.
    pub(super) calls: Vec<Piece>,
    /// A thought ended that never began, and before its end was text.
    ended_unopened: bool,
}

enum State {
    /// Nothing has arrived yet.
    Begin(Opening),
    /// Held until a thought, or the answer, ends.
    Opening,
    Plain,
    Thought,
    Block(Block),
    /// The name of the next speaker.
    Role,
    /// Somebody else's turn, which the model made up.
    Over,
}

/// A leaked call being read.
struct Block {
    /// The tag that began it.
    tag: String,
    closers: Vec<String>,
    /// It is released after all if it contains no call.
    is_text: bool,
    scanned: usize,
}

impl Markup {
    /// For an answer that may call `tools`.
    pub(super) fn new(tools: Vec<Tool>, opening: Opening) -> Self {
        Self {
            tools,
            state: State::Begin(opening),
            held: String::new(),
            gone: 0,
            said: false,
            cut: false,
            calls: Vec::new(),
            ended_unopened: false,
        }
    }

    /// Takes more of the answer. Returns what of it is for the caller.
    pub(super) fn push(&mut self, text: &str) -> String {
        self.held.push_str(text);
        let mut out = String::new();
        while self.step(&mut out) {}
        self.held.drain(..self.gone);
        self.gone = 0;
        out
    }

    /// Whether this tool can be called without arguments, as far as is known.
    pub(super) fn takes_none(&self, name: &str) -> bool {
        let is_it = |tool: &&Tool| tool.name == name || history::name(&tool.name) == name;
        let properties = |tool: &Tool| tool.parameters["properties"].as_object().cloned();
        let tool = self.tools.iter().find(is_it);
        tool.and_then(properties)
            .is_none_or(|known| known.is_empty())
    }

    /// How the whole answer began, as far as it tells; `cut` if it was truncated.
    pub(super) fn began(&self, cut: bool) -> Option<Beginning> {
        match self.ended_unopened {
            true => Some(Beginning::InThought),
            false => (self.said && !cut).then_some(Beginning::Plain),
        }
    }

    /// What is held and not finished.
    fn left(&self) -> &str {
        &self.held[self.gone..]
    }

    /// The answer is over; `cut` if it was truncated.
    pub(super) fn finish(&mut self, cut: bool) -> String {
        let mut out = String::new();
        let held = self.left().to_owned();
        (self.held, self.gone) = (String::new(), 0);
        match std::mem::replace(&mut self.state, State::Over) {
            State::Thought | State::Over | State::Role => {}
            // A truncated thought never came to its end.
            State::Opening if cut => {}
            State::Opening => {
                self.held = held;
                self.state = State::Plain;
                while self.step(&mut out) {}
                out += &self.finish(cut);
            }
            State::Begin(_) => self.say(&held, &mut out),
            // The beginning of a tag that never came is dropped; a lone "<" or "[" is text.
            State::Plain if held.chars().count() > 2 && !held.starts_with('`') => {}
            State::Plain => self.say(&held, &mut out),
            State::Block(block) => self.end_block(&block, &held, &mut out),
        }
        out
    }

    fn say(&mut self, text: &str, out: &mut String) {
        let is_beginning = self.cut && !self.said;
        let text = if is_beginning {
            text.trim_start()
        } else {
            text
        };
        self.said |= !text.is_empty();
        out.push_str(text);
    }

    /// Removes the first `length` bytes of what is held.
    fn off(&mut self, length: usize) -> String {
        let from = self.gone;
        self.gone += length;
        self.held[from..self.gone].to_owned()
    }

    /// Returns whether there is more to do with what is held.
    fn step(&mut self, out: &mut String) -> bool {
        if self.left().is_empty() {
            return false;
        }
        match &mut self.state {
            State::Begin(opening) => {
                let opening = *opening;
                self.begin(opening)
            }
            State::Opening => self.opening(),
            State::Plain => self.plain(out),
            State::Thought => self.thought(),
            State::Block(_) => self.block(out),
            State::Role => self.role(),
            State::Over => {
                self.gone = self.held.len();
                false
            }
        }
    }

    fn begin(&mut self, opening: Opening) -> bool {
        let trimmed = self.held[self.gone..].trim_start();
        let Some(first) = trimmed.chars().next() else {
            return false;
        };
        let lower = trimmed.to_lowercase();
        let may_think = opening == Opening::Unknown;
        let thinks = may_think && THOUGHTS.iter().any(|thought| lower.starts_with(thought));
        if thinks || opening == Opening::Thought {
            self.state = State::Opening;
        } else if may_think && THOUGHTS.iter().any(|thought| thought.starts_with(&lower)) {
            return false;
        } else if !self.tools.is_empty() && first == '{' {
            // A call without any markup: no sentence begins like this.
            self.state = State::Block(Block::new("", &[], true));
        } else if !self.tools.is_empty() && first == '[' {
            let rest = trimmed[1..].trim_start();
            let is_call = rest.starts_with('{')
                || self
                    .tools
                    .iter()
                    .any(|tool| rest.starts_with(&format!("{}(", tool.name)));
            let may_be = rest.is_empty()
                || self
                    .tools
                    .iter()
                    .any(|tool| format!("{}(", tool.name).starts_with(rest));
            if may_be && !is_call {
                return false;
            }
            self.state = match is_call {
                true => State::Block(Block::new("", &[], true)),
                false => State::Plain,
            };
        } else {
            self.state = State::Plain;
        }
        true
    }

    fn opening(&mut self) -> bool {
        let mut from = 0;
        loop {
            match find(&self.left()[from..]) {
                Found::Marker(at, end, Marker::ThoughtEnd) => {
                    self.ended_unopened |= !self.left()[..from + at].trim().is_empty();
                    self.gone += from + end;
                    self.cut = true;
                    self.state = State::Plain;
                    return true;
                }
                // The answer marks its thoughts itself.
                Found::Marker(_, _, Marker::Thought) => break,
                // A tag that the thought mentions.
                Found::Marker(_, end, _) => from += end,
                Found::Nothing | Found::Maybe(_) if self.left().len() <= OPENING => return false,
                Found::Nothing | Found::Maybe(_) => break,
            }
        }
        self.state = State::Plain;
        true
    }

    fn plain(&mut self, out: &mut String) -> bool {
        let found = match self.tools.is_empty() {
            true => find(self.left()),
            false => find(self.left()).or_earlier(bare::find(self.left())),
        };
        let (at, end, marker) = match found {
            Found::Nothing => {
                let text = self.off(self.left().len());
                self.say(&text, out);
                return false;
            }
            Found::Maybe(at) => {
                let text = self.off(at);
                self.say(&text, out);
                return false;
            }
            Found::Marker(at, end, marker) => (at, end, marker),
        };
        let text = self.off(at);
        self.say(&text, out);
        let tag = self.off(end - at);
        self.cut |= !matches!(marker, Marker::Fence | Marker::Json);
        self.state = match marker {
            Marker::Json => State::Block(Block::new("", &[], true)),
            Marker::Thought => State::Thought,
            Marker::ThoughtEnd => {
                self.ended_unopened |= self.said;
                State::Plain
            }
            Marker::Token => State::Plain,
            Marker::Role => State::Role,
            Marker::Tool(closers) => State::Block(Block::new(&tag, &closers, false)),
            Marker::Fence if self.tools.is_empty() => {
                self.say(&tag, out);
                State::Plain
            }
            Marker::Fence => State::Block(Block::new(&tag, &["```"], true)),
        };
        true
    }

    fn thought(&mut self) -> bool {
        match find(self.left()) {
            Found::Nothing => {
                self.gone = self.held.len();
                false
            }
            Found::Maybe(at) => {
                self.gone += at;
                false
            }
            Found::Marker(_, end, marker) => {
                self.gone += end;
                if marker == Marker::ThoughtEnd {
                    self.state = State::Plain;
                }
                true
            }
        }
    }

    fn block(&mut self, out: &mut String) -> bool {
        let State::Block(block) = &mut self.state else {
            return false;
        };
        let left = &self.held[self.gone..];
        let from = (0..=block.scanned)
            .rev()
            .find(|at| left.is_char_boundary(*at))
            .unwrap_or(0);
        // Lower case keeps the text's length, so positions in both are the same.
        let lower = left[from..].to_ascii_lowercase();
        let ends = block.closers.iter().filter_map(|closer| {
            let at = lower.find(closer.as_str())? + from;
            Some((at, at + closer.len()))
        });
        let Some((at, end)) = ends.min() else {
            let longest = block.closers.iter().map(String::len).max().unwrap_or(0);
            block.scanned = left.len().saturating_sub(longest);
            if left.len() > BLOCK {
                self.state = State::Over;
            }
            return false;
        };
        let body = self.off(at);
        self.gone += end - at;
        if let State::Block(block) = std::mem::replace(&mut self.state, State::Plain) {
            self.end_block(&block, &body, out);
        }
        true
    }

    fn end_block(&mut self, block: &Block, body: &str, out: &mut String) {
        let (calls, rest) = leaked::calls(&block.tag, body, &self.tools);
        self.cut |= !calls.is_empty();
        if calls.is_empty() && block.is_text {
            let end = if block.tag.starts_with("```") {
                "```"
            } else {
                ""
            };
            self.say(&format!("{}{body}{end}", block.tag), out);
        } else if !calls.is_empty() && block.is_open() {
            // Words after a call that has no end marker; a turn's end may be among them.
            let mut after = Self::new(Vec::new(), Opening::Plain);
            let rest = after.push(rest) + &after.finish(false);
            self.say(&rest, out);
        }
        self.calls.extend(calls);
    }

    fn role(&mut self) -> bool {
        let end = self.left().find(['\n', '<']);
        if end.is_none() && self.left().len() <= ROLE {
            return false;
        }
        let role = self.left()[..end.unwrap_or(0)].trim().to_lowercase();
        self.state = State::Plain;
        match role.as_str() {
            "user" | "system" | "tool" | "ipython" | "human" => self.state = State::Over,
            "assistant" | "model" | "bot" => self.gone += end.unwrap_or(0),
            _ => {}
        }
        true
    }
}

impl Block {
    fn new(tag: &str, closers: &[&str], is_text: bool) -> Self {
        Self {
            tag: tag.to_owned(),
            closers: closers.iter().map(|closer| (*closer).to_owned()).collect(),
            is_text,
            scanned: 0,
        }
    }

    /// Whether nothing marks its end.
    fn is_open(&self) -> bool {
        !self.tag.starts_with("```") && !self.closers.iter().any(|closer| closer.starts_with("</"))
    }
}

enum Found {
    Nothing,
    /// What begins here may become a marker.
    Maybe(usize),
    /// A marker from the first position to the second.
    Marker(usize, usize, Marker),
}

impl Found {
    /// Whichever begins first.
    fn or_earlier(self, other: Self) -> Self {
        let at = |found: &Self| match found {
            Self::Nothing => usize::MAX,
            Self::Maybe(at) | Self::Marker(at, ..) => *at,
        };
        match at(&other) < at(&self) {
            true => other,
            false => self,
        }
    }
}

/// The first marker.
fn find(text: &str) -> Found {
    let mut from = 0;
    while let Some(at) = text[from..].find(['<', '[', '`', tags::TRIANGLE]) {
        let at = from + at;
        match seen(&text[at..]) {
            Seen::Nothing => from = text.ceil_char_boundary(at + 1),
            Seen::Maybe => return Found::Maybe(at),
            Seen::Marker(length, marker) => return Found::Marker(at, at + length, marker),
        }
    }
    Found::Nothing
}

#[cfg(test)]
mod tests;
