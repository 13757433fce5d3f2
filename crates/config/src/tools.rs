//! Tools that the model may call, as an agent's file describes them.

use std::time::Duration;

use serde_json::{Value, json};

use super::built_in::BuiltIn;
use super::json_schema;
use super::request::{self, HttpRequest, root};
use super::secret::Secrets;
use super::section::Section;
use super::timing::secs;
use super::transfer::{self, Transfer};

/// Something that the model may call.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    /// The model's name for it.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// JSON Schema of its arguments: an object.
    pub parameters: Value,
    /// What it actually does.
    pub action: Action,
}

/// What a tool does.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Sends a request to a server.
    Http(HttpRequest),
    /// Ends the call once the goodbye has been heard.
    EndCall,
    /// Stores a fact for the rest of the call.
    Remember,
    /// Hands the call over to one of these agents.
    Handoff(Vec<String>),
    /// Transfers the caller to a person.
    Transfer(Transfer),
    /// Sends tones to the telephone network.
    SendDtmf,
    /// Calls a tool of an MCP server; these are added when the server lists what it has.
    Mcp(McpTool),
}

/// A tool of an MCP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct McpTool {
    /// The server's name in the file.
    pub server: String,
    /// The server's own name for the tool.
    pub name: String,
    /// How long it may take.
    pub timeout: Duration,
}

/// The names of the tools that need no server.
pub const BUILT_IN: [&str; 5] = ["end_call", "remember", "handoff", "transfer", "send_dtmf"];
/// The longest name; the protocol accepts letters, digits, `_` and `-`.
pub const MAX_NAME: usize = 64;

/// Reads `[tools.*]`. `known` says whether a variable of this name has a value in a call.
pub fn read(
    top: &mut Section<'_>,
    secrets: &Secrets,
    built_in: &BuiltIn,
    known: &dyn Fn(&str) -> bool,
) -> Vec<Tool> {
    // A nameless tool tells the reference which keys exist.
    let mut any = top.any("tools");
    let _ = keys(&mut any, secrets, built_in, known);
    let tools = top.each("tools");
    tools
        .into_iter()
        .filter_map(|(name, section)| tool(name, section, secrets, built_in, known))
        .collect()
}

struct Keys<'a> {
    description: Option<String>,
    parameters: Option<(Value, super::section::Place<'a>)>,
    request: Option<HttpRequest>,
    agents: Vec<String>,
    transfer: Transfer,
}

fn keys<'a>(
    section: &mut Section<'a>,
    secrets: &Secrets,
    built_in: &BuiltIn,
    known: &dyn Fn(&str) -> bool,
) -> Keys<'a> {
    let description = section.text("description").map(|text| text.value);
    let parameters = section.json("parameters");
    let agents = section.list("agents", Vec::new());
    let transfer = transfer::read(section, built_in);
    let properties = parameters
        .as_ref()
        .map(|(schema, _)| schema["properties"].clone());
    let known = |name: &str| match name.strip_prefix("args.") {
        Some(argument) => properties
            .as_ref()
            .is_some_and(|properties| properties.get(root(argument)).is_some()),
        None => known(name),
    };
    let request = request::read(section, secrets, secs(5), &known);
    Keys {
        description,
        parameters,
        request,
        agents,
        transfer,
    }
}

fn tool(
    name: String,
    mut section: Section<'_>,
    secrets: &Secrets,
    built_in: &BuiltIn,
    known: &dyn Fn(&str) -> bool,
) -> Option<Tool> {
    let keys = keys(&mut section, secrets, built_in, known);
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(good) {
        section.complain_here(format!(
            "tools.{name}: a tool's name is letters, digits, _ and -, at most {MAX_NAME}"
        ));
    }
    let mut parameters = json!({"type": "object", "properties": {}});
    if let Some((schema, place)) = keys.parameters {
        for problem in json_schema::problems(&schema) {
            section.complain(&place, format!("tools.{name}.parameters: {problem}"));
        }
        if schema["type"] != "object" {
            let message = format!("tools.{name}.parameters: the outermost type must be \"object\"");
            section.complain(&place, message);
        }
        parameters = schema;
    }
    let built_in = BUILT_IN.contains(&name.as_str());
    let tool = match (keys.request, name.as_str()) {
        (Some(_), _) if built_in => {
            section.complain_here(format!(
                "tools.{name} has a url, and is the name of a built-in tool; give it another name"
            ));
            None
        }
        (Some(request), _) => {
            if keys.description.is_none() {
                section.complain_here(format!(
                    "tools.{name}.description is missing; tell the model when to call it"
                ));
            }
            Some((parameters, Action::Http(request)))
        }
        (None, "end_call") => Some((text_argument("goodbye", GOODBYE), Action::EndCall)),
        (None, "remember") => Some((
            json!({
                "type": "object", "required": ["key", "value"],
                "properties": {
                    "key": {"type": "string", "description": "What the fact is about, a word or two"},
                    "value": {"type": "string", "description": "The fact"},
                },
            }),
            Action::Remember,
        )),
        (None, "send_dtmf") => Some((text_argument("digits", DIGITS), Action::SendDtmf)),
        (None, "handoff") => {
            if keys.agents.is_empty() {
                section.complain_here(
                    "tools.handoff.agents is missing; list the agents that may take over, such \
                     as [\"billing\"]",
                );
            }
            let schema = json!({
                "type": "object", "required": ["agent"],
                "properties": {"agent": {"type": "string", "enum": keys.agents}},
            });
            Some((schema, Action::Handoff(keys.agents)))
        }
        (None, "transfer") => {
            if keys.transfer.targets.is_empty() {
                section.complain_here(
                    "tools.transfer.targets is missing; name a person, such as \
                     [tools.transfer.targets.sales] with identity = \"anna\"",
                );
            }
            let schema = keys.transfer.parameters();
            Some((schema, Action::Transfer(keys.transfer)))
        }
        (None, _) => {
            section.complain_here(format!(
                "tools.{name} has no url, and no built-in tool has this name; built-in are {}",
                BUILT_IN.join(", ")
            ));
            None
        }
    };
    section.finish();
    let (parameters, action) = tool?;
    let description = keys
        .description
        .unwrap_or_else(|| default_description(&action).to_owned());
    Some(Tool {
        name,
        description,
        parameters,
        action,
    })
}

const GOODBYE: &str = "What to say last, one short sentence";
const DIGITS: &str = "The keys to press, in order: 0 to 9, * and #; w waits half a second";

fn text_argument(name: &str, description: &str) -> Value {
    json!({
        "type": "object", "required": [name],
        "properties": {name: {"type": "string", "description": description}},
    })
}

fn default_description(action: &Action) -> &'static str {
    match action {
        Action::Http(_) | Action::Mcp(_) => "",
        Action::EndCall => {
            "Hang up. Call it when the caller has said goodbye or wants nothing more. The goodbye \
             is spoken before the call ends, so do not say it twice."
        }
        Action::Remember => "Keep a fact that the caller told, for the rest of the call.",
        Action::Handoff(_) => "Let a colleague go on with this caller. Say nothing more yourself.",
        Action::Transfer(_) => {
            "Put the caller through to a person. What you say first is heard to its end before \
             the person is called; when nobody comes you are still there."
        }
        Action::SendDtmf => "Press keys on the telephone, such as for a menu that was read out.",
    }
}

impl Tool {
    /// How long it may take.
    pub fn timeout(&self) -> Duration {
        match &self.action {
            Action::Http(request) => request.timeout,
            Action::Mcp(tool) => tool.timeout,
            _ => secs(5),
        }
    }

    /// Whether the agent itself calls telephones with it.
    pub fn calls_telephones(&self) -> bool {
        matches!(&self.action, Action::Transfer(transfer) if transfer.is_warm())
    }
}
