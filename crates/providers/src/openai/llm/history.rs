//! Arranges a conversation so that the strictest server accepts it. PURE.
//!
//! Arguments are JSON objects; each call is followed by its result, and no result stands alone; ids are present and
//! unique; no message is empty; consecutive messages of one speaker are merged. System messages occur at the beginning
//! only: later ones become user messages.

use serde_json::{Value, json};

use super::super::dialect::History;
use super::{Message, Role};

/// The user's words if a server wants the user to speak first or last.
const BEGINS: &str = "(The caller is on the line.)";
const GOES_ON: &str = "(Go on.)";
/// The assistant's words if a server wants it to speak between a tool's result and the user.
const SAID_NOTHING: &str = "(…)";
/// For a call whose result is missing.
const NO_RESULT: &str = "no result";
/// In place of a signature, for calls that Google's models have not made.
/// <https://ai.google.dev/gemini-api/docs/thought-signatures>
const UNSIGNED: &str = "skip_thought_signature_validator";
/// In place of thoughts, for calls that another provider's model has made.
/// <https://api-docs.deepseek.com/guides/thinking_mode>
const UNTHOUGHT: &str = "…";
/// Longest name of a tool.
const NAME: usize = 64;

/// Arranges the messages so that every server accepts them, as well as a server with these demands.
pub(super) fn arranged(messages: Vec<Message>, demands: History) -> Vec<Message> {
    let mut out: Vec<Message> = Vec::new();
    let mut ids = Vec::new();
    let mut messages = messages.into_iter().peekable();
    let mut has_begun = false;
    while let Some(mut message) = messages.next() {
        match message.role {
            // A result without its call is skipped; the others are taken with their calls.
            Role::Tool => continue,
            Role::System if has_begun => message.role = Role::User,
            Role::System => {}
            Role::User | Role::Assistant => has_begun = true,
        }
        if demands.is_plain {
            message.opaque.clear();
        }
        if message.calls.is_empty() {
            push(&mut out, message);
            continue;
        }
        if demands.needs_thoughts {
            let thoughts = message.opaque.entry("reasoning_content");
            thoughts.or_insert_with(|| UNTHOUGHT.into());
        }
        let mut results = Vec::new();
        while let Some(result) = messages.next_if(|next| next.role == Role::Tool) {
            results.push(result);
        }
        let mut answers = Vec::new();
        for (number, call) in message.calls.iter_mut().enumerate() {
            let found = results.iter().position(|result| result.answers == call.id);
            // Results that have lost their id are matched in order.
            let found = found.or_else(|| results.iter().position(|r| r.answers.is_empty()));
            let text = found.map(|at| results.remove(at).text);
            call.id = id(&call.id, demands, &mut ids, number);
            call.name = name(&call.name);
            call.arguments = object(&call.arguments);
            if demands.is_plain {
                call.opaque.clear();
            }
            if demands.needs_signatures {
                let signature = || json!({ "google": { "thought_signature": UNSIGNED } });
                let signed = call.opaque.entry("extra_content");
                signed.or_insert_with(signature);
            }
            let text = text.filter(|text| !text.trim().is_empty());
            answers.push(Message {
                answers: call.id.clone(),
                ..Message::new(Role::Tool, text.unwrap_or_else(|| NO_RESULT.to_owned()))
            });
        }
        push(&mut out, message);
        out.extend(answers);
    }
    // A prompt alone may be prefilled, without an answer to it.
    if out.last().is_some_and(|last| last.role == Role::Assistant) {
        push(&mut out, Message::new(Role::User, GOES_ON));
    }
    if demands.has_no_system {
        let is_system = |message: &mut Message| message.role == Role::System;
        let prompt: Vec<String> = out.extract_if(.., is_system).map(|m| m.text).collect();
        if !prompt.is_empty() {
            out.insert(0, Message::new(Role::User, prompt.join("\n\n")));
            out = merged(out);
        }
    }
    if demands.alternates {
        let first = out.iter().position(|message| message.role != Role::System);
        if let Some(at) = first.filter(|at| out[*at].role == Role::Assistant) {
            out.insert(at, Message::new(Role::User, BEGINS));
        }
        let is_broken = |pair: &[Message]| pair[0].role == Role::Tool && pair[1].role == Role::User;
        while let Some(at) = out.windows(2).position(is_broken) {
            out.insert(at + 1, Message::new(Role::Assistant, SAID_NOTHING));
        }
    }
    out
}

/// Adds a message, or appends its words to the previous one if that is by the same speaker.
fn push(out: &mut Vec<Message>, message: Message) {
    let is_empty = message.text.trim().is_empty() && message.calls.is_empty();
    if is_empty {
        return;
    }
    match out.last_mut() {
        Some(last)
            if last.role == message.role && last.calls.is_empty() && last.role != Role::Tool =>
        {
            if !last.text.is_empty() && !message.text.is_empty() {
                last.text.push_str(if last.role == Role::System {
                    "\n\n"
                } else {
                    "\n"
                });
            }
            last.text.push_str(&message.text);
            last.calls = message.calls;
            last.opaque.extend(message.opaque);
        }
        _ => out.push(message),
    }
}

fn merged(messages: Vec<Message>) -> Vec<Message> {
    let mut out = Vec::new();
    for message in messages {
        match message.role {
            Role::Tool => out.push(message),
            _ => push(&mut out, message),
        }
    }
    out
}

/// An id that no other call has. It depends only on the conversation, whose beginning the provider may have cached.
fn id(id: &str, demands: History, taken: &mut Vec<String>, number: usize) -> String {
    let mut made = match id {
        "" => format!("call{:05}", taken.len()),
        id if demands.has_short_ids => short(id),
        id => id.to_owned(),
    };
    let mut again = number + 1;
    while taken.contains(&made) {
        again += 1;
        made = match demands.has_short_ids {
            true => short(&format!("{id}{again}")),
            false => format!("{id}_{again}"),
        };
    }
    taken.push(made.clone());
    made
}

/// Nine letters and digits, derived from any id.
fn short(id: &str) -> String {
    let is_short = id.len() == 9 && id.bytes().all(|b| b.is_ascii_alphanumeric());
    if is_short {
        return id.to_owned();
    }
    // FNV-1a: the same for the same id in every process.
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{:09x}", hash >> 28)
}

/// Letters, digits, "_" and "-", 64 at most.
pub(super) fn name(name: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    let name: String = name
        .chars()
        .map(|c| if allowed(c) { c } else { '_' })
        .take(NAME)
        .collect();
    if name.is_empty() { "_".into() } else { name }
}

/// Invalid arguments become an empty object: the tool's result says that they were not JSON.
fn object(arguments: &str) -> String {
    match serde_json::from_str::<Value>(arguments) {
        Ok(Value::Object(_)) => arguments.to_owned(),
        _ => "{}".into(),
    }
}

#[cfg(test)]
mod tests;
