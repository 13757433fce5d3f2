//! Qwen's chat template (ChatML, with tools), as pieces of text and control tokens. PURE.
//!
//! Only the template inserts control tokens: text that contains `<|im_end|>` stays text.

use serde_json::Value;

use super::{Message, Role, Tool};

/// A token that does not stand for text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Control {
    /// A message begins.
    Start,
    /// A message ends.
    End,
    /// A tool call begins.
    Call,
    /// A tool call ends.
    CallEnd,
}

/// A piece of a conversation; each is tokenised separately.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    Text(String),
    Control(Control),
}

/// How a call continues after its control token.
pub(super) const CALL_OPENING: &str = "\n{\"name\": \"";

/// Renders the conversation; with `reply`, up to where the model's answer begins.
pub(super) fn render(messages: &[Message], tools: &[Tool], reply: bool) -> Vec<Piece> {
    let mut pieces = Pieces(Vec::new());
    let (system, rest) = match messages.split_first() {
        Some((first, rest)) if first.role == Role::System => (Some(first), rest),
        _ => (None, messages),
    };
    if system.is_some() || !tools.is_empty() {
        pieces.begin("system");
        let content = system.map_or("", |system| &system.content);
        pieces.text(content);
        if !tools.is_empty() {
            if !content.is_empty() {
                pieces.text("\n\n");
            }
            pieces.tools(tools);
        }
        pieces.end();
    }
    let mut messages = rest.iter().peekable();
    while let Some(message) = messages.next() {
        match message.role {
            Role::System => pieces.whole("system", &message.content),
            Role::User => pieces.whole("user", &message.content),
            Role::Assistant => {
                pieces.begin("assistant");
                pieces.text(&message.content);
                for (n, call) in message.calls.iter().enumerate() {
                    if n > 0 || !message.content.is_empty() {
                        pieces.text("\n");
                    }
                    pieces.control(Control::Call);
                    pieces.text(CALL_OPENING);
                    // in its JSON spelling, with quotation marks
                    let name = Value::from(call.name.as_str()).to_string();
                    let arguments = spaced(&call.arguments);
                    pieces.text(&format!("{}, \"arguments\": {arguments}}}\n", &name[1..]));
                    pieces.control(Control::CallEnd);
                }
                pieces.end();
            }
            Role::Tool => {
                // the results of a round form one message
                pieces.begin("user");
                pieces.response(&message.content);
                while let Some(next) = messages.next_if(|next| next.role == Role::Tool) {
                    pieces.text("\n");
                    pieces.response(&next.content);
                }
                pieces.end();
            }
        }
    }
    if reply {
        pieces.begin("assistant");
    }
    pieces.0
}

struct Pieces(Vec<Piece>);

impl Pieces {
    fn text(&mut self, text: &str) {
        if !text.is_empty() {
            self.0.push(Piece::Text(text.to_owned()));
        }
    }

    fn control(&mut self, token: Control) {
        self.0.push(Piece::Control(token));
    }

    fn begin(&mut self, role: &str) {
        self.control(Control::Start);
        self.text(&format!("{role}\n"));
    }

    fn end(&mut self) {
        self.control(Control::End);
        self.text("\n");
    }

    fn whole(&mut self, role: &str, content: &str) {
        self.begin(role);
        self.text(content);
        self.end();
    }

    fn response(&mut self, content: &str) {
        self.text(&format!("<tool_response>\n{content}\n</tool_response>"));
    }

    /// The tools, in the format that the model was trained on.
    fn tools(&mut self, tools: &[Tool]) {
        let mut text = "# Tools\n\nYou may call one or more functions to assist with the user \
                        query.\n\nYou are provided with function signatures within \
                        <tools></tools> XML tags:\n<tools>"
            .to_owned();
        for Tool {
            name,
            description,
            parameters,
        } in tools
        {
            let (name, description) = (
                Value::from(name.as_str()),
                Value::from(description.as_str()),
            );
            text += &format!(
                "\n{{\"type\": \"function\", \"function\": {{\"name\": {name}, \"description\": \
                 {description}, \"parameters\": {}}}}}",
                spaced(parameters)
            );
        }
        text += "\n</tools>\n\nFor each function call, return a json object with function name and \
                 arguments within ";
        self.text(&text);
        self.control(Control::Call);
        self.control(Control::CallEnd);
        self.text(" XML tags:\n");
        self.control(Control::Call);
        self.text("\n{\"name\": <function-name>, \"arguments\": <args-json-object>}\n");
        self.control(Control::CallEnd);
    }
}

/// JSON with the spacing and the key order of schemas that the model was trained on.
fn spaced(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            let rank = |key: &str| match key {
                "type" => 0,
                "description" => 1,
                "enum" => 2,
                "required" => 9,
                _ => 5,
            };
            fields.sort_by_key(|(key, _)| rank(key));
            let field = |(key, value): (&String, &Value)| {
                format!("{}: {}", Value::from(key.as_str()), spaced(value))
            };
            let fields: Vec<String> = fields.into_iter().map(field).collect();
            format!("{{{}}}", fields.join(", "))
        }
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(spaced).collect();
            format!("[{}]", values.join(", "))
        }
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests;
