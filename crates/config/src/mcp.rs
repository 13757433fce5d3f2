//! MCP servers whose tools an agent may use, as its file describes them.

use std::time::Duration;

use serde_json::{Value, json};

use super::request;
use super::secret::{Secret, Secrets};
use super::section::{Section, Text};
use super::template;
use super::timing::{ms, secs};
use super::tools::MAX_NAME;

/// A server of the Model Context Protocol.
#[derive(Debug, Clone, PartialEq)]
pub struct McpServer {
    /// Its tools' names begin with this name.
    pub name: String,
    /// How it is reached.
    pub at: McpAt,
    /// The tools that the model may call, by the server's own names. Empty for all.
    pub tools: Vec<String>,
    /// From connecting, or starting the process, until its list of tools has arrived.
    pub connect_timeout: Duration,
    /// The limit for one tool call.
    pub timeout: Duration,
}

/// How an MCP server is reached.
#[derive(Debug, Clone, PartialEq)]
pub enum McpAt {
    /// Streamable HTTP.
    Http {
        /// The address, without variables.
        url: String,
        /// Sent with each request.
        headers: Vec<(String, Secret)>,
        /// Whether addresses of this machine and of private networks are allowed.
        allow_private: bool,
    },
    /// A process that we start for each call, over its standard input and output.
    Process {
        /// The program.
        command: String,
        /// Its arguments.
        args: Vec<String>,
        /// Its environment, in addition to what every program needs.
        env: Vec<(String, Secret)>,
    },
}

/// Reads `[mcp.*]`.
pub fn read(top: &mut Section<'_>, secrets: &Secrets) -> Vec<McpServer> {
    // A nameless server tells the reference which keys exist.
    let _ = keys(&mut top.any("mcp"), secrets);
    let mut servers = Vec::new();
    for (name, mut section) in top.each("mcp") {
        let good = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || name.len() > MAX_NAME / 2 || !name.chars().all(good) {
            section.complain_here(format!(
                "mcp.{name}: a server's name is letters, digits, _ and -, at most {}; its tools' \
                 names begin with it",
                MAX_NAME / 2
            ));
        }
        let keys = keys(&mut section, secrets);
        let at = match (keys.url, keys.command) {
            (Some(url), None) => Some(McpAt::Http {
                url,
                headers: keys.headers,
                allow_private: keys.allow_private,
            }),
            (None, Some(command)) => Some(McpAt::Process {
                command,
                args: keys.args,
                env: keys.env,
            }),
            (Some(_), Some(_)) => {
                section.complain_here(format!(
                    "mcp.{name} has both url and command; keep one of them"
                ));
                None
            }
            (None, None) => {
                section.complain_here(format!(
                    "mcp.{name} has neither url nor command; write the server's address, or the \
                     program to start"
                ));
                None
            }
        };
        section.finish();
        servers.extend(at.map(|at| McpServer {
            name,
            at,
            tools: keys.tools,
            connect_timeout: keys.connect_timeout,
            timeout: keys.timeout,
        }));
    }
    servers
}

struct Keys {
    url: Option<String>,
    headers: Vec<(String, Secret)>,
    allow_private: bool,
    command: Option<String>,
    args: Vec<String>,
    env: Vec<(String, Secret)>,
    tools: Vec<String>,
    connect_timeout: Duration,
    timeout: Duration,
}

fn keys(section: &mut Section<'_>, secrets: &Secrets) -> Keys {
    let url = section.text("url");
    let headers = section.map("headers");
    let allow_private = section.flag("allow_private", false);
    if let Some(url) = &url {
        let path = section.full("url");
        let fixed = if url.value.contains("{{") {
            Err("write the whole address; it takes no variables".into())
        } else {
            request::check_address(&url.value, allow_private)
        };
        if let Err(message) = fixed {
            section.complain(&url.place, format!("{path} = {:?}: {message}", url.value));
        }
    }
    let command = section.text("command");
    if let Some(command) = command.as_ref().filter(|text| text.value.trim().is_empty()) {
        let path = section.full("command");
        section.complain(
            &command.place,
            format!("{path} is empty; name a program, such as \"uvx\""),
        );
    }
    let args = section.list("args", Vec::new());
    let env = section.map("env");
    Keys {
        headers: filled(section, "headers", headers, secrets),
        env: filled(section, "env", env, secrets),
        url: url.map(|text| text.value),
        allow_private,
        command: command.map(|text| text.value),
        args,
        tools: section.list("tools", Vec::new()),
        connect_timeout: section.duration("connect_timeout", secs(5), ms(100)..=secs(60)),
        timeout: section.duration("timeout", secs(5), ms(50)..=secs(60)),
    }
}

/// Values with their secrets filled in: they are the same in every call.
pub(super) fn filled<'a>(
    section: &Section<'a>,
    key: &str,
    texts: std::collections::BTreeMap<String, Text<'a>>,
    secrets: &Secrets,
) -> Vec<(String, Secret)> {
    let mut all = Vec::new();
    for (name, text) in texts {
        let used = request::used_secrets(section, key, &name, &text, secrets, &|_| false);
        let values: serde_json::Map<String, Value> = used
            .into_iter()
            .map(|(name, secret)| (name, Value::from(&*secret.expose())))
            .collect();
        // A value that cannot be filled in has already been reported.
        if let Ok(value) = template::fill(&text.value, &json!({"secret": values})) {
            all.push((name, Secret::new(value)));
        }
    }
    all
}
