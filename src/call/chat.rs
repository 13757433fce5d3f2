//! The conversation as the model sees it: only words that were said and heard.

use super::providers::{Message, Role, ToolCall};
use super::toolbox::{ToolRun, note, shown};
use crate::turn::{ReplyId, TurnId};

/// The messages of a call.
pub struct Chat {
    system: String,
    /// What was remembered, as it stands at the end of the prompt.
    notes: String,
    items: Vec<Item>,
}

enum Item {
    User {
        turn: TurnId,
        text: String,
    },
    Agent {
        reply: ReplyId,
        heard: String,
    },
    /// Tools called on the way to a reply, and what came of them, once something did.
    Tools {
        reply: ReplyId,
        calls: Vec<(ToolCall, Option<String>)>,
    },
}

impl Chat {
    /// A conversation in which nothing was said.
    pub fn new(system: String) -> Self {
        Self {
            system,
            notes: String::new(),
            items: Vec::new(),
        }
    }

    /// The caller's words of a turn. A turn said before is replaced: the caller went on before
    /// hearing an answer.
    pub fn user(&mut self, turn: TurnId, text: &str) {
        let known = self.items.iter_mut().find_map(|item| match item {
            Item::User { turn: known, text } if *known == turn => Some(text),
            _ => None,
        });
        match known {
            Some(known) => text.clone_into(known),
            None => self.items.push(Item::User {
                turn,
                text: text.to_owned(),
            }),
        }
    }

    /// What the caller has heard of a reply up to now. One that was interrupted has no mark: it
    /// ends in mid-sentence. Small models go on in the manner of a mark: after "…" Qwen2.5 0.5B
    /// answered 8 of 18 questions wrongly or broke off itself, without it none of the same.
    pub fn agent(&mut self, reply: ReplyId, heard: &str) {
        if heard.is_empty() {
            return;
        }
        let item = Item::Agent {
            reply,
            heard: heard.to_owned(),
        };
        let known = self
            .items
            .iter_mut()
            .rev()
            .find(|item| matches!(item, Item::Agent { reply: known, .. } if *known == reply));
        match known {
            Some(known) => *known = item,
            None => self.items.push(item),
        }
    }

    /// Another prompt, for another agent or a caller who is known better.
    pub fn set_system(&mut self, system: String) {
        self.system = system;
    }

    /// Keeps a fact: it stands in the prompt from now on, whoever answers.
    pub fn remember(&mut self, key: &str, value: &str) {
        if self.notes.is_empty() {
            self.notes += "\n\nWhat you have noted in this call:";
        }
        self.notes += &note(key, value);
    }

    /// See [`Chat::remember`].
    pub fn notes(&self) -> &str {
        &self.notes
    }

    /// Tools were called for a reply. They stand before all that was heard of it.
    pub fn tools_started(&mut self, reply: ReplyId, calls: Vec<ToolCall>) {
        let heard =
            |item: &Item| matches!(item, Item::Agent { reply: known, .. } if *known == reply);
        let at = self.items.iter().position(heard);
        let calls = calls.into_iter().map(|call| (call, None)).collect();
        let item = Item::Tools { reply, calls };
        self.items.insert(at.unwrap_or(self.items.len()), item);
    }

    /// What came of them.
    pub fn tools_finished(&mut self, reply: ReplyId, runs: &[ToolRun]) {
        for item in &mut self.items {
            let Item::Tools {
                reply: known,
                calls,
            } = item
            else {
                continue;
            };
            for (call, result) in calls.iter_mut().filter(|_| *known == reply) {
                if let Some(run) = runs.iter().find(|run| run.call == *call) {
                    *result = Some(shown(&run.result));
                }
            }
        }
    }

    /// The model's context for answering `text`, the words of `turn` so far.
    pub fn messages(&self, turn: Option<TurnId>, text: &str) -> Vec<Message> {
        let system = format!("{}{}", self.system, self.notes);
        let mut messages = vec![Message::new(Role::System, system)];
        for item in &self.items {
            match item {
                // Replaced by `text`.
                Item::User { turn: known, .. } if Some(*known) == turn => {}
                Item::User { text, .. } => messages.push(Message::new(Role::User, text)),
                Item::Agent { heard, .. } => messages.push(Message::new(Role::Assistant, heard)),
                Item::Tools { calls, .. } => {
                    let (asked, results): (Vec<_>, Vec<_>) = calls.iter().cloned().unzip();
                    messages.push(Message::calls("", asked));
                    messages.extend(calls.iter().zip(results).map(|((call, _), result)| {
                        Message::result(&call.id, result.unwrap_or_else(|| RUNNING.to_owned()))
                    }));
                }
            }
        }
        messages.push(Message::new(Role::User, text));
        messages
    }
}

/// For a tool whose result has not come.
const RUNNING: &str = "still running: do not call it again now";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_stand_before_what_was_heard_of_their_reply() {
        let mut chat = Chat::new("Be kind.".into());
        let call = ToolCall {
            id: "1".into(),
            name: "tables".into(),
            arguments: "{}".into(),
            ..ToolCall::default()
        };
        chat.user(TurnId(1), "A table?");
        chat.agent(ReplyId(1), "One moment.");
        chat.tools_started(ReplyId(1), vec![call.clone()]);
        let show = |chat: &Chat| -> Vec<String> {
            let messages = chat.messages(None, "Well?").into_iter();
            messages
                .map(|m| format!("{:?} {}{}", m.role, m.text, m.calls.len()))
                .collect()
        };
        let expected = |result: &str, system: &str| {
            [
                format!("System Be kind.{system}0"),
                "User A table?0".into(),
                "Assistant 1".into(),
                format!("Tool {result}0"),
                "Assistant One moment.0".into(),
                "User Well?0".into(),
            ]
        };
        assert_eq!(show(&chat), expected(RUNNING, ""));
        chat.tools_finished(
            ReplyId(1),
            &[ToolRun {
                call,
                agent: String::new(),
                result: Err("full".into()),
                started_at: crate::clock::now(),
                took: std::time::Duration::ZERO,
            }],
        );
        chat.remember("name", "Ada");
        let noted = "\n\nWhat you have noted in this call:\n- name: Ada";
        assert_eq!(show(&chat), expected("error: full", noted));
    }

    #[test]
    fn holds_what_was_said_and_heard() {
        let mut chat = Chat::new("Be kind.".into());
        chat.agent(ReplyId(1), "Hello,");
        chat.agent(ReplyId(1), "Hello, how");
        chat.agent(ReplyId(2), "");
        chat.user(TurnId(1), "I want");
        let texts = |chat: &Chat, turn, text| -> Vec<String> {
            chat.messages(Some(turn), text)
                .into_iter()
                .map(|message| message.text)
                .collect()
        };
        assert_eq!(
            texts(&chat, TurnId(1), "I want tea"),
            ["Be kind.", "Hello, how", "I want tea"]
        );
        chat.user(TurnId(1), "I want tea please");
        assert_eq!(
            texts(&chat, TurnId(2), "now"),
            ["Be kind.", "Hello, how", "I want tea please", "now"]
        );
    }
}
