//! A caller whom a model plays.

use std::time::Duration;

use futures::StreamExt as _;

use super::scenario::Simulated;
use crate::call::{Message, Piece, Providers, Question, Role};

/// A model that takes longer says nothing.
const DEADLINE: Duration = Duration::from_secs(60);
/// What the caller writes in place of words when the conversation is over.
const END: &str = "END";

/// One line of a conversation, from the caller's side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// What the caller has said.
    Mine(String),
    /// What the agent has answered.
    Theirs(String),
}

/// What the caller says next; none when it hangs up.
pub async fn next(mind: &dyn Providers, caller: &Simulated, so_far: &[Line]) -> Option<String> {
    let Simulated { persona, goal, .. } = caller;
    let prompt = format!(
        "You play a person who is on the telephone with a company's agent. You are the caller, \
         never the agent. Who you are: {persona}\nWhat you want: {goal}\nWrite only what you say \
         next, in one or two short spoken sentences. When you have what you want, or see that you \
         cannot get it, write only {END}."
    );
    let mut messages = vec![Message::new(Role::System, prompt)];
    messages.extend(so_far.iter().map(|line| match line {
        Line::Mine(text) => Message::new(Role::Assistant, text.clone()),
        Line::Theirs(text) => Message::new(Role::User, text.clone()),
    }));
    if !matches!(messages.last(), Some(last) if last.role == Role::User) {
        messages.push(Message::new(Role::User, "(silence)"));
    }
    let question = Question {
        messages,
        ..Question::default()
    };
    let said = ask(mind, question).await?;
    let said = said.trim().trim_matches('"').trim();
    (!said.is_empty() && !said.contains(END)).then(|| said.to_owned())
}

/// A model's whole answer; none when it fails or is too slow.
pub async fn ask(mind: &dyn Providers, question: Question) -> Option<String> {
    let pieces = tokio::time::timeout(DEADLINE, mind.chat(question).collect::<Vec<_>>()).await;
    let pieces: Result<Vec<_>, _> = pieces.ok()?.into_iter().collect();
    let text = |piece| match piece {
        Piece::Text(text) => Some(text),
        Piece::Call(_) => None,
    };
    Some(pieces.ok()?.into_iter().filter_map(text).collect())
}
