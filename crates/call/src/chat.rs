//! The conversation as the model sees it: only words that were actually said and heard.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::earlier::{Earlier, Happened};
use super::providers::{Message, Opaque, Role, ToolCall};
use super::toolbox::{Round, ToolRun, note, shown};
use sidetone_turn::{ReplyId, TurnId};

/// The messages of a call.
pub struct Chat {
    system: String,
    /// Remembered facts, as they appear at the end of the prompt.
    notes: String,
    /// A summary of what came before the items.
    summary: String,
    /// The backend's instructions, as they appear at the end of the prompt.
    instructions: String,
    items: Vec<ChatItem>,
    /// Whose turns they are, where several people are heard.
    said_by: BTreeMap<TurnId, String>,
    /// More than one person has spoken: what people say begins with their names.
    are_several: bool,
    /// Opaque provider data that is sent back with a reply's words, unread.
    opaque: BTreeMap<ReplyId, Opaque>,
}

enum ChatItem {
    User {
        turn: TurnId,
        text: String,
    },
    Agent {
        reply: ReplyId,
        heard: String,
    },
    /// Tools called for a reply, with what the model wrote before them, and their results once known.
    Tools {
        reply: ReplyId,
        round: Round,
        results: Vec<Option<String>>,
    },
}

impl Chat {
    /// An empty conversation.
    pub fn new(system: String) -> Self {
        Self {
            system,
            notes: String::new(),
            summary: String::new(),
            instructions: String::new(),
            items: Vec::new(),
            said_by: BTreeMap::new(),
            are_several: false,
            opaque: BTreeMap::new(),
        }
    }

    /// A conversation that another agent has held so far.
    pub fn after(system: String, earlier: &Earlier) -> Self {
        let mut chat = Self::new(system);
        for (key, value) in earlier.remembered() {
            chat.remember(key, value);
        }
        for text in earlier.instructions() {
            chat.instruct(text);
        }
        let (mut turn, mut reply) = (TurnId(0), ReplyId(0));
        for event in earlier.happened() {
            match event {
                Happened::Asked { text, by } => {
                    turn.0 += 1;
                    if let Some(by) = by {
                        chat.speaks(turn, by.clone());
                    }
                    chat.user(turn, text);
                }
                Happened::Said { heard, .. } => {
                    reply.0 += 1;
                    chat.agent(reply, heard);
                }
                Happened::Told(_) => {}
                Happened::Did {
                    name,
                    arguments,
                    result,
                } => {
                    reply.0 += 1;
                    let call = ToolCall {
                        id: format!("earlier_{}", reply.0),
                        name: name.clone(),
                        arguments: arguments.to_string(),
                        ..ToolCall::default()
                    };
                    let result = result.as_ref().map_or_else(|| UNKNOWN.to_owned(), shown);
                    chat.items.push(ChatItem::Tools {
                        reply,
                        round: Round {
                            calls: vec![call],
                            ..Round::default()
                        },
                        results: vec![Some(result)],
                    });
                }
            }
        }
        chat
    }

    /// This person says the turn, where several people are heard.
    pub fn speaks(&mut self, turn: TurnId, name: String) {
        self.said_by.insert(turn, name);
    }

    /// Whether the caller has said anything.
    pub fn has_heard_caller(&self) -> bool {
        // A summary has at least one of the caller's turns in it.
        let mut items = self.items.iter();
        !self.summary.is_empty() || items.any(|item| matches!(item, ChatItem::User { .. }))
    }

    /// The caller's words of a turn. They replace earlier words of the same turn: the caller went on before hearing
    /// an answer.
    pub fn user(&mut self, turn: TurnId, text: &str) {
        self.are_several |= self.is_another(turn);
        let known = self.items.iter_mut().find_map(|item| match item {
            ChatItem::User { turn: known, text } if *known == turn => Some(text),
            _ => None,
        });
        match known {
            Some(known) => text.clone_into(known),
            None => self.items.push(ChatItem::User {
                turn,
                text: text.to_owned(),
            }),
        }
    }

    /// Whether somebody else than in this turn has spoken before.
    fn is_another(&self, turn: TurnId) -> bool {
        let by = self.said_by.get(&turn);
        by.is_some()
            && self.items.iter().any(|item| match item {
                ChatItem::User { turn, .. } => {
                    let known = self.said_by.get(turn);
                    known.is_some() && known != by
                }
                ChatItem::Agent { .. } | ChatItem::Tools { .. } => false,
            })
    }

    /// What the caller has heard of a reply so far. An interrupted reply gets no mark: it simply ends in
    /// mid-sentence. Small models imitate a mark: with a trailing "…" Qwen2.5 0.5B answered 8 of 18 questions wrongly
    /// or broke off itself; without it, none.
    pub fn agent(&mut self, reply: ReplyId, heard: &str) {
        if heard.is_empty() {
            return;
        }
        let item = ChatItem::Agent {
            reply,
            heard: heard.to_owned(),
        };
        let known =
            self.items.iter_mut().rev().find(
                |item| matches!(item, ChatItem::Agent { reply: known, .. } if *known == reply),
            );
        match known {
            Some(known) => *known = item,
            None => self.items.push(item),
        }
    }

    /// Corrects what the caller has heard of a reply: less than was assumed, or nothing.
    pub fn heard_less(&mut self, reply: ReplyId, heard: &str) {
        if heard.is_empty() {
            let is_it = |item: &ChatItem| matches!(item, ChatItem::Agent { reply: known, .. } if *known == reply);
            self.items.retain(|item| !is_it(item));
        } else {
            self.agent(reply, heard);
        }
    }

    /// Replaces the prompt, after a handover or when more is known about the caller.
    pub fn set_system(&mut self, system: String) {
        self.system = system;
    }

    /// Stores a fact, which is in the prompt from now on, whichever agent answers.
    pub fn remember(&mut self, key: &str, value: &str) {
        if self.notes.is_empty() {
            self.notes += "\n\nWhat you have noted in this call:";
        }
        self.notes += &note(key, value);
    }

    /// Stores an instruction from the backend, which the model gets from its next answer on, whichever agent answers.
    /// It goes into the one system message, because many servers reject one in mid-conversation. `false` if there is
    /// no room for it.
    pub fn instruct(&mut self, text: &str) -> bool {
        if self.instructions.len() + text.len() > INSTRUCTIONS {
            return false;
        }
        if self.instructions.is_empty() {
            self.instructions += "\n\nYou were told this in the call, by those you work for. It counts from now on; the \
                                  later counts more:";
        }
        let _ = write!(self.instructions, "\n- {text}");
        true
    }

    /// The end of the prompt: facts, summary and instructions.
    pub fn notes(&self) -> String {
        let mut notes = self.notes.clone();
        if !self.summary.is_empty() {
            notes += "\n\nWhat was said in this call before:\n";
            notes += &self.summary;
        }
        notes + &self.instructions
    }

    /// Opaque provider data of a reply, sent back to the model with its words.
    pub fn opaque(&mut self, reply: ReplyId, opaque: Opaque) {
        self.opaque.entry(reply).or_default().extend(opaque);
    }

    /// Drops all opaque data: another provider answers from now on and would not understand it.
    pub fn forget_opaque(&mut self) {
        self.opaque.clear();
        for item in &mut self.items {
            if let ChatItem::Tools { round, .. } = item {
                round.opaque.clear();
                round.calls.iter_mut().for_each(|call| call.opaque.clear());
            }
        }
    }

    /// Tools were called for a reply. They come before everything that is heard of it.
    pub fn tools_started(&mut self, reply: ReplyId, round: Round) {
        let heard = |item: &ChatItem| matches!(item, ChatItem::Agent { reply: known, .. } if *known == reply);
        let at = self.items.iter().position(heard);
        let item = ChatItem::Tools {
            reply,
            results: vec![None; round.calls.len()],
            round,
        };
        self.items.insert(at.unwrap_or(self.items.len()), item);
    }

    /// The results of the tools.
    pub fn tools_finished(&mut self, reply: ReplyId, runs: &[ToolRun]) {
        for item in &mut self.items {
            let ChatItem::Tools {
                reply: known,
                round,
                results,
            } = item
            else {
                continue;
            };
            let calls = round.calls.iter().zip(results);
            for (call, result) in calls.filter(|_| *known == reply) {
                if let Some(run) = runs.iter().find(|run| run.call == *call) {
                    *result = Some(shown(&run.result));
                }
            }
        }
    }

    /// The model's context for answering `text`, the words of `turn` so far.
    pub fn messages(&self, turn: Option<TurnId>, text: &str) -> Vec<Message> {
        let several = self.are_several || turn.is_some_and(|turn| self.is_another(turn));
        let people = if several { SEVERAL } else { "" };
        let named = |turn: Option<&TurnId>, text: &str| {
            let by = turn.and_then(|turn| self.said_by.get(turn));
            match by.filter(|_| several) {
                Some(by) => format!("{by}: {text}"),
                None => text.to_owned(),
            }
        };
        let system = format!("{}{people}{}", self.system, self.notes());
        let mut messages = vec![Message::new(Role::System, system)];
        // Bytes of each reply's heard words that are already included with its tools.
        let mut told: BTreeMap<ReplyId, usize> = BTreeMap::new();
        for item in &self.items {
            match item {
                // Replaced by `text`.
                ChatItem::User { turn: known, .. } if Some(*known) == turn => {}
                ChatItem::User { turn, text } => {
                    messages.push(Message::new(Role::User, named(Some(turn), text)));
                }
                ChatItem::Agent { reply, heard } => {
                    let from = told.get(reply).copied().unwrap_or_default();
                    let rest = heard[from..].trim_start();
                    if !rest.is_empty() {
                        messages.push(Message {
                            opaque: self.opaque.get(reply).cloned().unwrap_or_default(),
                            ..Message::new(Role::Assistant, rest)
                        });
                    }
                }
                ChatItem::Tools {
                    reply,
                    round,
                    results,
                } => {
                    let from = told.entry(*reply).or_default();
                    let heard = &self.heard(*reply)[*from..];
                    let (before, rest) = heard.split_at(begin_of(&round.text, heard));
                    *from += heard.len() - rest.len();
                    messages.push(Message::from(Round {
                        text: before.trim().to_owned(),
                        ..round.clone()
                    }));
                    messages.extend(round.calls.iter().zip(results).map(|(call, result)| {
                        Message::result(&call.id, result.as_deref().unwrap_or(RUNNING))
                    }));
                }
            }
        }
        messages.push(Message::new(Role::User, named(turn.as_ref(), text)));
        messages
    }

    fn heard(&self, reply: ReplyId) -> &str {
        let heard = self.items.iter().find_map(|item| match item {
            ChatItem::Agent {
                reply: known,
                heard,
            } if *known == reply => Some(heard.as_str()),
            _ => None,
        });
        heard.unwrap_or_default()
    }

    /// The part of the conversation that can be summarised, as a transcript, and its number of items: everything but
    /// the caller's last `keep` turns and anything still in progress.
    pub fn oldest(&self, keep: usize) -> Option<(usize, String)> {
        let turns = self.items.iter().enumerate().rev();
        let mut turns = turns.filter(|(_, item)| matches!(item, ChatItem::User { .. }));
        let (mut until, _) = turns.nth(keep.checked_sub(1)?)?;
        let goes_on = |item: &ChatItem| matches!(item, ChatItem::Tools { results, .. } if results.iter().any(Option::is_none));
        until = self
            .items
            .iter()
            .position(goes_on)
            .map_or(until, |at| at.min(until));
        (until > 0).then(|| (until, self.written(until)))
    }

    /// The whole conversation as a transcript, with the facts that were remembered.
    pub fn transcript(&self) -> String {
        format!("{}{}", self.written(self.items.len()), self.notes)
    }

    /// The first items, so many, as a transcript.
    fn written(&self, until: usize) -> String {
        let mut text = String::new();
        if !self.summary.is_empty() {
            let _ = writeln!(text, "before: {}", self.summary);
        }
        for item in &self.items[..until] {
            // Writing to a String cannot fail.
            let _ = match item {
                ChatItem::User { turn, text: said } => {
                    let by = self.said_by.get(turn).filter(|_| self.are_several);
                    writeln!(text, "{}: {said}", by.map_or("caller", String::as_str))
                }
                ChatItem::Agent { heard, .. } => writeln!(text, "agent: {heard}"),
                ChatItem::Tools { round, results, .. } => {
                    for (call, result) in round.calls.iter().zip(results) {
                        let (name, arguments) = (&call.name, &call.arguments);
                        let result = result.as_deref().unwrap_or_default();
                        let _ = writeln!(text, "tool {name} {arguments}: {result}");
                    }
                    Ok(())
                }
            };
        }
        text
    }

    /// Replaces the first items by a summary: see [`Chat::oldest`].
    pub fn summarised(&mut self, items: usize, summary: String) {
        self.items.drain(..items.min(self.items.len()));
        self.summary = summary;
        let (items, opaque) = (&self.items, &mut self.opaque);
        opaque.retain(|reply, _| {
            let is_of =
                |item: &ChatItem| matches!(item, ChatItem::Agent { reply: known, .. } if known == reply);
            items.iter().any(is_of)
        });
    }
}

/// How many bytes of `heard` match the beginning of `written`, up to a word boundary. Spaces are ignored, because
/// sentences are joined anew.
fn begin_of(written: &str, heard: &str) -> usize {
    let mut written = written.chars().filter(|c| !c.is_whitespace());
    let mut end = 0;
    for (at, c) in heard.char_indices() {
        if c.is_whitespace() {
            end = at;
        } else if written.next() != Some(c) {
            return end;
        }
    }
    heard.len()
}

/// The result of a tool whose agent was lost before the result arrived.
const UNKNOWN: &str = "it is not known whether this was done, for the line broke off: find out or ask \
                       the caller, and do not simply do it again";
/// Part of the prompt once more than one person has spoken.
const SEVERAL: &str = "\n\nSeveral people are in this call. What each of them says begins with their name and a \
                       colon; your own answers do not begin with a name.";
/// Asks the model to continue an answer.
pub const REST: &str = "(The line broke off before your answer was finished, and is back. Go on with it where \
                        it stopped, in the same language; do not repeat what you have said, and do not \
                        speak of the line.)";
/// Asks the model to speak without being asked by the caller.
pub const UNASKED: &str = "(The caller has said nothing new. Say now what you were told last to say or do, in the \
                           language of the call and in few words; do not speak of having been told.)";
/// Limit for all instructions, in bytes: they are part of every request of the call.
const INSTRUCTIONS: usize = 8_000;
/// The result of a tool that is still running.
const RUNNING: &str = "still running: do not call it again now";

#[cfg(test)]
mod tests;
