//! What a caller noticed of each turn that it spoke. PURE: events and stretches of voice in.

use std::time::Duration;

use crate::caller::heard::{Activity, Span};
use crate::eval::told::{Heard, Told};
use sidetone_call::CallEvent;

/// A reply of the agent, from its first sound to its last.
#[derive(Debug, Clone, Copy)]
struct Reply {
    span: Span,
    interrupted: bool,
}

/// What was noticed of the turn `said`, when the next one begins at `next`.
fn heard(said: Span, next: Option<Duration>, replies: &[Reply], agent: &Activity) -> Heard {
    let is_under = |span: &Span| span.start < said.start && span.end > said.start;
    let was_under = replies.iter().find(|reply| is_under(&reply.span));
    let stopped = was_under.filter(|reply| reply.interrupted).map(|reply| {
        // What was heard of it: a word held back is silent before it is given up.
        let heard = agent.spans().iter().rfind(|span| is_under(span));
        heard.map_or(reply.span.end, |span| span.end.min(reply.span.end)) - said.start
    });
    let begun = |from: Duration, to: Option<Duration>| {
        let mut all = replies.iter().map(|reply| reply.span.start);
        all.find(|start| *start >= from && to.is_none_or(|to| *start < to))
    };
    let answered = begun(said.end, next).map(|start| {
        let audible = agent.audible_after(start);
        audible.map_or(start, |span| span.start.max(start))
    });
    Heard {
        waited: answered.map(|at| at - said.end),
        cut_off: begun(said.start, Some(said.end)).map(|at| said.end - at),
        is_over_agent: was_under.is_some(),
        stopped_after: stopped,
    }
}

/// A call's events, by the turn in which they began, and what was heard; the first is the greeting.
pub fn by_turn(events: Vec<CallEvent>, said: &[Option<Span>], agent: &Activity) -> Vec<Told> {
    // Turns are said in order: those that never were are the last.
    let begins: Vec<Duration> = said.iter().map_while(|s| Some((*s)?.start)).collect();
    let turn_at = |at: Duration| begins.iter().take_while(|begin| **begin <= at).count();
    let mut turns = vec![Told::default(); said.len() + 1];
    let mut replies = Vec::new();
    for event in events {
        match event {
            CallEvent::AgentTurn(turn) if turn.is_final => {
                turns[turn_at(turn.started_at)].say(&turn.text_heard);
                let (start, end) = (turn.started_at, turn.ended_at);
                replies.push(Reply {
                    span: Span { start, end },
                    interrupted: turn.interrupted,
                });
            }
            CallEvent::ToolCall(called) => turns[turn_at(called.started_at)].tools.push(called),
            CallEvent::Error { at, stage, message } => {
                let error = format!("{}: {message}", stage.as_str());
                turns[turn_at(at)].errors.push(error);
            }
            _ => {}
        }
    }
    replies.sort_by_key(|reply| reply.span.start);
    for (number, span) in said.iter().enumerate() {
        let told = &mut turns[number + 1];
        match span {
            Some(span) => {
                let next = begins.get(number + 1).copied();
                let heard = heard(*span, next, &replies, agent);
                told.first_words = heard.waited;
                told.heard = Some(heard);
            }
            None => told.errors.push(NEVER_SAID.to_owned()),
        }
    }
    turns
}

const NEVER_SAID: &str =
    "was never said: the agent had left, or did not speak as long as `talks_over_ms` says";

#[cfg(test)]
mod tests;
