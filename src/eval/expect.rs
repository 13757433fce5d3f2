//! Whether the expectations of an answer are met.

use serde_json::Value;

use super::recorded::Judgement;
use super::scenario::{Expect, pattern_of};
use super::simulated::ask;
use super::told::Told;
use sidetone_call::{EndReason, Llm, Message, Question, Role, ToolCalled};

fn called<'t>(told: &'t Told, name: &'t str) -> impl Iterator<Item = &'t ToolCalled> {
    told.tools.iter().filter(move |tool| tool.name == name)
}

/// Why an expectation is not met.
pub fn failure(expect: &Expect, told: &Told, ended: EndReason) -> Option<String> {
    let said = &told.said;
    let is_match = |pattern: &str| pattern_of(pattern).is_ok_and(|p| p.is_match(said));
    let (holds, what) = match expect {
        Expect::Contains(words) => (
            said.to_lowercase().contains(&words.to_lowercase()),
            format!("does not contain {words:?}"),
        ),
        Expect::Matches(pattern) => (is_match(pattern), format!("does not match {pattern:?}")),
        Expect::Never(pattern) => (!is_match(pattern), format!("matches {pattern:?}")),
        Expect::Tool { name, with, ok } => {
            let fits = |tool: &ToolCalled| {
                let given: Value = serde_json::from_str(&tool.arguments).unwrap_or_default();
                with.iter()
                    .all(|(key, value)| given.get(key) == Some(value))
                    && ok.is_none_or(|ok| ok == tool.result.is_ok())
            };
            let did: Vec<String> = told
                .tools
                .iter()
                .map(|tool| format!("{}{} -> {:?}", tool.name, tool.arguments, tool.result))
                .collect();
            let what = format!(
                "did not call {name} with {with:?}, but [{}]",
                did.join(", ")
            );
            (called(told, name).any(fits), what)
        }
        Expect::NoTool(name) => (
            called(told, name).next().is_none(),
            format!("called {name}"),
        ),
        Expect::Handoff(agent) => {
            let is_to = |tool: &ToolCalled| {
                let given: Value = serde_json::from_str(&tool.arguments).unwrap_or_default();
                tool.result.is_ok() && given["agent"] == agent.as_str()
            };
            (
                called(told, "handoff").any(is_to),
                format!("did not hand over to {agent}"),
            )
        }
        Expect::Ended(wanted) => {
            let has = told
                .tools
                .iter()
                .any(|t| t.name == "end_call" && t.result.is_ok())
                && ended == EndReason::AgentHungUp;
            (has == *wanted, format!("hung up: {has}, expected {wanted}"))
        }
        Expect::WithinMs(limit) => {
            let took = told.first_words.map(|took| took.as_millis());
            let holds = took.is_some_and(|took| took <= u128::from(*limit));
            (
                holds,
                format!("first words after {took:?} ms, expected {limit}"),
            )
        }
        Expect::CutOff(wanted) => {
            let left = told.heard.and_then(|heard| heard.cut_off);
            let what = match left {
                Some(left) => format!(
                    "cut off: the agent began {} ms before the caller had finished",
                    left.as_millis()
                ),
                None => "not cut off: the agent let the caller finish".to_owned(),
            };
            (left.is_some() == *wanted, what)
        }
        Expect::Interrupted(wanted) => {
            let stopped = told.heard.and_then(|heard| heard.stopped_after);
            let is_over_agent = told.heard.is_some_and(|heard| heard.is_over_agent);
            let what = match stopped {
                Some(after) => format!(
                    "interrupted: the agent fell silent after {} ms",
                    after.as_millis()
                ),
                None if is_over_agent => "not interrupted: the agent spoke on".to_owned(),
                None => "not interrupted: the agent was silent when the caller began".to_owned(),
            };
            (stopped.is_some() == *wanted, what)
        }
        Expect::StopsWithinMs(limit) => {
            let stopped = told.heard.and_then(|heard| heard.stopped_after);
            let after = stopped.map(|after| after.as_millis());
            (
                after.is_some_and(|after| after <= u128::from(*limit)),
                format!("fell silent after {after:?} ms, expected {limit}"),
            )
        }
        Expect::Judge(_) => return None,
    };
    (!holds).then(|| format!("{what}; said: {said:?}"))
}

/// Asks a model whether `rubric` is true of an answer.
pub async fn judge(mind: &dyn Llm, rubric: &str, asked: &str, said: &str) -> Option<Judgement> {
    const PROMPT: &str = "You judge answers of a voice agent. Say YES or NO on the first line: \
                          whether the statement is true of the answer. Then say why, in one \
                          sentence.";
    let question = Question {
        messages: vec![
            Message::new(Role::System, PROMPT),
            Message::new(
                Role::User,
                format!("Caller: {asked}\nAnswer: {said}\nStatement: {rubric}"),
            ),
        ],
        ..Question::default()
    };
    let text = ask(mind, question).await?;
    let (verdict, why) = text.split_once('\n').unwrap_or((&text, ""));
    Some(Judgement {
        holds: verdict.trim().to_uppercase().starts_with("YES"),
        why: why.trim().to_owned(),
    })
}
