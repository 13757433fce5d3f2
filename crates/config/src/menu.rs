//! `[menu.*]`: what a telephone key does while the caller has not said anything yet.

use std::collections::BTreeMap;

use super::section::Section;

/// See the module's documentation. By key: `0` to `9`, `*`, `#`.
pub type Menu = BTreeMap<char, Choice>;

/// What a key does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// The agent says this, and the caller may choose again.
    Say(String),
    /// Another agent goes on.
    Agent {
        /// Its name.
        name: String,
        /// Its first words. `None` for its greeting.
        say: Option<String>,
    },
    /// A person among the targets of the tool `transfer` is called.
    Person {
        /// The target's name.
        name: String,
        /// What the caller is told first.
        say: Option<String>,
    },
    /// The model is told what the key means, and answers.
    Note(String),
    /// The call ends.
    End {
        /// The agent's last words.
        say: Option<String>,
    },
}

/// The agents to which keys lead, each with its key.
pub fn agents(menu: &Menu) -> impl Iterator<Item = (char, &str)> {
    menu.iter().filter_map(|(key, choice)| match choice {
        Choice::Agent { name, .. } => Some((*key, name.as_str())),
        _ => None,
    })
}

/// Reads the menu. `persons` are the targets of the tool `transfer`.
pub(super) fn read(top: &mut Section<'_>, persons: &[&str]) -> Menu {
    // A nameless entry tells the reference which keys exist.
    let _ = Keys::read(&mut top.any("menu"));
    let mut menu = Menu::new();
    for (name, mut section) in top.each("menu") {
        let keys = Keys::read(&mut section);
        let choice = keys.choice(&name, persons);
        let key = key(&name);
        match (key, choice) {
            (Ok(key), Ok(choice)) => {
                menu.insert(key, choice);
            }
            (key, choice) => {
                let problems = [key.err(), choice.err()];
                problems
                    .into_iter()
                    .flatten()
                    .for_each(|problem| section.complain_here(problem));
            }
        }
        section.finish();
    }
    menu
}

/// The key of an entry.
fn key(name: &str) -> Result<char, String> {
    let mut signs = name.chars();
    match (signs.next(), signs.next()) {
        (Some(sign @ ('0'..='9' | '*' | '#')), None) => Ok(sign),
        _ => Err(format!(
            "menu.{name} is not a telephone key; write one of 0 to 9, \"*\" or \"#\", such as [menu.1]"
        )),
    }
}

/// The keys of an entry's table.
struct Keys {
    say: Option<String>,
    agent: Option<String>,
    transfer: Option<String>,
    note: Option<String>,
    end: bool,
}

impl Keys {
    fn read(section: &mut Section<'_>) -> Self {
        let mut words = |key| {
            let text = section.text(key).map(|text| text.value.trim().to_owned());
            text.filter(|text| !text.is_empty())
        };
        let (say, agent) = (words("say"), words("agent"));
        let (transfer, note) = (words("transfer"), words("note"));
        Self {
            say,
            agent,
            transfer,
            note,
            end: section.flag("end", false),
        }
    }

    fn choice(self, key: &str, persons: &[&str]) -> Result<Choice, String> {
        let Self { say, .. } = self;
        match (self.agent, self.transfer, self.note, self.end) {
            (Some(name), None, None, false) => Ok(Choice::Agent { name, say }),
            (None, Some(name), None, false) if persons.contains(&name.as_str()) => {
                Ok(Choice::Person { name, say })
            }
            (None, Some(name), None, false) => Err(format!(
                "menu.{key}.transfer = {name:?} is not a target of the tool transfer; there are {}",
                match persons {
                    [] => "none: add [tools.transfer.targets.*]".to_owned(),
                    names => names.join(", "),
                }
            )),
            (None, None, Some(note), false) if say.is_none() => Ok(Choice::Note(note)),
            (None, None, Some(_), false) => Err(format!(
                "menu.{key} has say and note; keep one: the model answers a note in its own words"
            )),
            (None, None, None, true) => Ok(Choice::End { say }),
            (None, None, None, false) => say.map(Choice::Say).ok_or_else(|| {
                format!("menu.{key} does nothing; write one of say, agent, transfer, note and end")
            }),
            _ => Err(format!(
                "menu.{key} has more than one of agent, transfer, note and end; keep one"
            )),
        }
    }
}

#[cfg(test)]
mod tests;
