//! Who says what, where several people are heard: a turn is one person's, as a rule.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Conversation;
use super::before::frames_until;
use crate::transport::{Person, TurnTo};
use sidetone_base::clock;
use sidetone_turn::{Input, TurnId};

/// A longer name is cut: it stands before each of the person's turns.
const LONGEST_NAME: usize = 40;
/// Turns whose speakers are remembered: those that may still be recorded again, and some to spare.
const TURNS: usize = 16;

/// See the module's documentation. Empty where only the caller is heard.
#[derive(Debug, Default)]
pub(super) struct Who {
    /// Who is listened to.
    speaks: Option<Arc<Person>>,
    /// Who wrote the next typed turn.
    writes: Option<Arc<Person>>,
    /// Who has spoken in a turn, in order.
    turns: BTreeMap<TurnId, Vec<Arc<Person>>>,
    /// Names by identity, each of one person alone.
    names: BTreeMap<String, String>,
}

impl Who {
    /// The next typed turn is this person's.
    pub(super) fn writes(&mut self, by: Option<Arc<Person>>) {
        self.writes = by;
    }

    /// Whose turn it is. Of several people: the first, under all their names.
    pub(super) fn of(&self, turn: TurnId) -> Option<Person> {
        let people = self.turns.get(&turn)?;
        let names = people.iter().map(|person| self.name(person));
        Some(Person {
            identity: people.first()?.identity.clone(),
            name: names.collect::<Vec<_>>().join(", "),
        })
    }

    /// As whose words the turn is shown.
    pub(super) fn identity(&self, turn: TurnId) -> Option<&str> {
        let people = self.turns.get(&turn)?;
        people.first().map(|person| person.identity.as_str())
    }

    fn is_last_in(&self, turn: TurnId, person: &Person) -> bool {
        let people = self.turns.get(&turn).and_then(|people| people.last());
        people.is_some_and(|last| last.identity == person.identity)
    }

    /// Nothing more is added to a turn; it may be recorded once more.
    pub(super) fn closed(&mut self) {
        while self.turns.len() > TURNS {
            self.turns.pop_first();
        }
    }

    fn name<'a>(&'a self, person: &'a Person) -> &'a str {
        let name = self.names.get(&person.identity);
        name.map_or(person.identity.as_str(), String::as_str)
    }

    fn adds(&mut self, turn: TurnId, person: Arc<Person>) {
        if !self.names.contains_key(&person.identity) {
            let name = self.new_name(&person);
            self.names.insert(person.identity.clone(), name);
        }
        let people = self.turns.entry(turn).or_default();
        if !people.contains(&person) {
            people.push(person);
        }
    }

    /// A name on one line that nobody else has.
    fn new_name(&self, person: &Person) -> String {
        let plain = |text: &str| -> String {
            let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let shown = words
                .chars()
                .filter(|letter| !letter.is_control() && *letter != ':');
            shown.take(LONGEST_NAME).collect()
        };
        let name = match plain(&person.name) {
            name if name.is_empty() => plain(&person.identity),
            name => name,
        };
        let is_free = |name: &String| !self.names.values().any(|known| known == name);
        let numbered = (2..).map(|number| format!("{name} {number}"));
        let mut names = std::iter::once(name.clone()).chain(numbered);
        names.find(is_free).unwrap_or(name)
    }
}

impl Conversation {
    /// Another person is listened to.
    pub(super) fn turns_to(&mut self, turn_to: TurnTo) {
        let TurnTo {
            who,
            earlier,
            replaces,
        } = turn_to;
        let open = self.turn.open_turn();
        let is_another = open.is_some_and(|turn| !self.who.is_last_in(turn, &who));
        let is_first = self.who.speaks.replace(who).is_none();
        if replaces && self.listen.is_speaking() {
            self.listen.replace(&earlier);
            if let Some(turn) = self.turn.open_turn() {
                self.who.turns.entry(turn).or_default().pop();
                self.speaks(turn);
            }
            return;
        }
        if is_first && earlier.is_empty() {
            return;
        }
        self.mic_paused();
        if is_another && !earlier.is_empty() {
            self.input(Input::AnotherSpeaks);
        }
        self.listen
            .turn_to(earlier.duration(), self.turn.open_turn());
        for (then, frame) in frames_until(clock::now(), &earlier) {
            self.hear(then, &frame);
        }
    }

    /// Whoever is listened to speaks in this turn.
    pub(super) fn speaks(&mut self, turn: TurnId) {
        if let Some(person) = self.who.speaks.clone() {
            self.is_by(turn, person);
        }
    }

    /// A typed turn has its writer.
    pub(super) fn has_written(&mut self, turn: TurnId) {
        if let Some(person) = self.who.writes.take() {
            self.is_by(turn, person);
        }
    }

    fn is_by(&mut self, turn: TurnId, person: Arc<Person>) {
        self.who.adds(turn, person);
        if let Some(by) = self.who.of(turn) {
            self.chat.speaks(turn, by.name);
        }
    }
}

#[cfg(test)]
mod tests;
