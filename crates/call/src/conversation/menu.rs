//! The menu of an agent's file: what a telephone key does while the caller has not said anything yet.

use super::Conversation;
use crate::transport::Key;
use sidetone_base::hand::Command;
use sidetone_config::menu::Choice;

impl Conversation {
    /// Whether this key chose something. A key that did not is the model's.
    pub(super) fn chooses(&mut self, key: Key) -> bool {
        // Later keys are answers, such as an order's number.
        if self.chat.has_heard_caller() {
            return false;
        }
        let Some(choice) = self.cast.agent().menu.get(&key.sign()).cloned() else {
            return false;
        };
        let command = match choice {
            Choice::Note(note) => {
                self.typed(format!("Keys pressed: {}. {note}", key.sign()));
                return true;
            }
            Choice::Say(text) => Command::Say {
                text,
                interruptible: true,
            },
            Choice::Agent { name, say } => Command::HandOver {
                text: say.or_else(|| self.greeting_of(&name)),
                agent: name,
            },
            Choice::Person { name, say } => Command::PutThrough {
                person: name,
                text: say.or_else(|| said(&self.cast.agent().filler)),
            },
            Choice::End { say } => Command::End {
                text: say.or_else(|| said(&self.cast.agent().silence.goodbye)),
            },
        };
        let id = format!("key {}", key.sign());
        tracing::info!(call = %self.id, ?command, "the caller chose from the menu");
        match self.obey(&id, command) {
            Ok(_) => true,
            Err(refused) => {
                tracing::warn!(call = %self.id, ?refused, "the menu's choice could not be carried out; the key goes to the model instead");
                false
            }
        }
    }

    fn greeting_of(&self, agent: &str) -> Option<String> {
        let mut team = self.cast.team().iter();
        let next = team.find(|next| next.agent.name == agent)?;
        said(&next.agent.greeting)
    }
}

fn said(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
