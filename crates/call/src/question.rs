//! A question that telephone keys answer, PURE: which key means what, how long one is awaited, and how often the
//! question is asked.

use std::time::{Duration, Instant};

use crate::transport::Key;

/// A question in progress. It begins while the question is being said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question<T> {
    choices: Vec<(char, T)>,
    wait: Duration,
    /// How often the question is still asked.
    left: u32,
    /// Until when a key is awaited, once the question was heard.
    until: Option<Instant>,
}

/// What is to be done now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<T> {
    /// A key with this meaning was pressed.
    Chosen(T),
    /// The question is to be asked again.
    Ask,
    /// It was asked often enough.
    GivenUp,
}

impl<T: Clone> Question<T> {
    /// After each of at most `times` askings a key is awaited for `wait`.
    pub fn new(choices: Vec<(char, T)>, wait: Duration, times: u32) -> Self {
        Self {
            choices,
            wait,
            left: times.saturating_sub(1),
            until: None,
        }
    }

    /// The question was said to its end.
    pub fn asked(&mut self, now: Instant) {
        self.until = Some(now + self.wait);
    }

    /// A key was pressed; it counts while the question is still being said, too. One that means nothing has the
    /// question asked again.
    pub fn press(&mut self, key: Key) -> Step<T> {
        let chosen = self.choices.iter().find(|(sign, _)| *sign == key.sign());
        match chosen {
            Some((_, choice)) => Step::Chosen(choice.clone()),
            None => self.again(),
        }
    }

    /// When [`Question::due`] has something to say, unless a key comes before.
    pub fn next(&self) -> Option<Instant> {
        self.until
    }

    /// What is to be done if no key came in time.
    pub fn due(&mut self, now: Instant) -> Option<Step<T>> {
        let is_due = self.until.is_some_and(|at| at <= now);
        is_due.then(|| self.again())
    }

    fn again(&mut self) -> Step<T> {
        self.until = None;
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                Step::Ask
            }
            None => Step::GivenUp,
        }
    }
}

#[cfg(test)]
mod tests;
