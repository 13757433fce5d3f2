//! A caller played by a model.

use std::time::Duration;

use futures::StreamExt as _;

use super::scenario::Simulated;
use sidetone_call::{Llm, Message, Piece, Question, Role};

/// A model that takes longer says nothing.
const DEADLINE: Duration = Duration::from_secs(60);
/// What the model writes in place of words when the conversation is over.
const END: &str = "END";

/// In place of an agent's words if there are none.
const SILENCE: &str = "(silence)";

/// One line of a conversation, from the caller's side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// What the caller has said.
    Mine(String),
    /// What the agent has answered.
    Theirs(String),
}

/// What the caller says next. `None` to hang up.
pub async fn next(mind: &dyn Llm, caller: &Simulated, so_far: &[Line]) -> Option<String> {
    let Simulated { persona, goal, .. } = caller;
    // The conversation is one text to continue: given as separate messages, a model forgets sooner which of the two it
    // is.
    let system = format!(
        "You write what a caller says on the telephone to a company's agent. Who the caller is: \
         {persona}\nWhat the caller wants: {goal}\nWrite one or two short spoken sentences of the \
         caller's, never the agent's. When the caller has what it wants, or cannot get it, write only \
         {END}."
    );
    let mut conversation = String::from("The conversation so far:\n");
    for line in so_far {
        let (who, text) = match line {
            Line::Mine(text) => ("Caller", text.as_str()),
            Line::Theirs(text) if text.trim().is_empty() => ("Agent", SILENCE),
            Line::Theirs(text) => ("Agent", text.as_str()),
        };
        conversation.push_str(&format!("{who}: {text}\n"));
    }
    conversation.push_str(&format!(
        "\nWrite the caller's next line. The caller wants: {goal}\nCaller:"
    ));
    let messages = vec![
        Message::new(Role::System, system),
        Message::new(Role::User, conversation),
    ];
    let question = Question {
        messages,
        ..Question::default()
    };
    let said = ask(mind, question).await?;
    let said = said.trim();
    let said = said.strip_prefix("Caller:").unwrap_or(said);
    let said = said.trim().trim_matches('"').trim();
    (!said.is_empty() && !said.contains(END)).then(|| said.to_owned())
}

/// A model's whole answer. `None` if it fails or is too slow.
pub async fn ask(mind: &dyn Llm, question: Question) -> Option<String> {
    let pieces = tokio::time::timeout(DEADLINE, mind.chat(question).collect::<Vec<_>>()).await;
    let pieces: Result<Vec<_>, _> = pieces.ok()?.into_iter().collect();
    let text = |piece| match piece {
        Piece::Text(text) => Some(text),
        Piece::Calling | Piece::Call(_) | Piece::Opaque(_) | Piece::Usage(_) => None,
    };
    Some(pieces.ok()?.into_iter().filter_map(text).collect())
}
