//! The conversation as the model sees it: only words that were said and heard.

use super::providers::{Message, Role};
use crate::turn::{ReplyId, TurnId};

/// The messages of a call.
#[derive(Debug)]
pub struct Chat {
    system: String,
    items: Vec<Item>,
}

#[derive(Debug)]
enum Item {
    User {
        turn: TurnId,
        text: String,
    },
    Agent {
        reply: ReplyId,
        heard: String,
        interrupted: bool,
    },
}

impl Chat {
    /// A conversation in which nothing was said.
    pub fn new(system: String) -> Self {
        Self {
            system,
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

    /// What the caller has heard of a reply up to now.
    pub fn agent(&mut self, reply: ReplyId, heard: &str, interrupted: bool) {
        if heard.is_empty() {
            return;
        }
        let item = Item::Agent {
            reply,
            heard: heard.to_owned(),
            interrupted,
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

    /// The model's context for answering `text`, the words of `turn` so far.
    pub fn messages(&self, turn: Option<TurnId>, text: &str) -> Vec<Message> {
        let message = |role, text: String| Message { role, text };
        let said = self.items.iter().filter_map(|item| match item {
            // Replaced by `text`.
            Item::User { turn: known, .. } if Some(*known) == turn => None,
            Item::User { text, .. } => Some(message(Role::User, text.clone())),
            // The ellipsis tells the model that it did not get to say the rest.
            Item::Agent {
                heard,
                interrupted: true,
                ..
            } => Some(message(Role::Assistant, format!("{heard}…"))),
            Item::Agent { heard, .. } => Some(message(Role::Assistant, heard.clone())),
        });
        std::iter::once(message(Role::System, self.system.clone()))
            .chain(said)
            .chain([message(Role::User, text.to_owned())])
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_was_said_and_heard() {
        let mut chat = Chat::new("Be kind.".into());
        chat.agent(ReplyId(1), "Hello,", false);
        chat.agent(ReplyId(1), "Hello, how", true);
        chat.agent(ReplyId(2), "", true);
        chat.user(TurnId(1), "I want");
        let texts = |chat: &Chat, turn, text| -> Vec<String> {
            chat.messages(Some(turn), text)
                .into_iter()
                .map(|message| message.text)
                .collect()
        };
        assert_eq!(
            texts(&chat, TurnId(1), "I want tea"),
            ["Be kind.", "Hello, how…", "I want tea"]
        );
        chat.user(TurnId(1), "I want tea please");
        assert_eq!(
            texts(&chat, TurnId(2), "now"),
            ["Be kind.", "Hello, how…", "I want tea please", "now"]
        );
    }
}
