//! Which recorded answer is whose, where the caller speaks. PURE.

use sidetone_call::{Question, Role};

/// Answers are recorded in the order of the questions, and a caller who speaks causes more of those than it has
/// turns: work ahead is thrown away when it goes on, and so is an answer that came too soon. Within a turn of the
/// scenario a question that ends with the caller's words begins the turn's answers anew.
#[derive(Debug, Default)]
pub struct Anew {
    /// Somebody says when turns begin. In writing nobody does: each question is a new one.
    is_spoken: bool,
    /// Nothing was asked in this turn yet.
    is_new: bool,
    /// The place of the turn's first answer.
    begins: usize,
}

impl Anew {
    /// A turn of the scenario begins.
    pub fn turn_begins(&mut self) {
        (self.is_spoken, self.is_new) = (true, true);
    }

    /// The place of the answer to `question`, when those before `next` were given.
    pub fn place(&mut self, question: &Question, next: usize) -> usize {
        let last = question.messages.last();
        if !self.is_spoken || last.is_none_or(|message| message.role != Role::User) {
            return next;
        }
        if std::mem::take(&mut self.is_new) {
            self.begins = next;
        }
        self.begins
    }
}

#[cfg(test)]
mod tests;
