//! MCP servers of one call: each is connected when it is first needed, by its own task, which keeps the connection,
//! and the server's process if there is one, until the call ends.
//! Nothing waits long for a server. One that cannot be reached costs the call only its tools; the model is told that
//! they are missing.

mod process;
mod words;

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use futures::future::join_all;
use reqwest::Url;
use reqwest::header::{HeaderName, HeaderValue};
use rmcp::model::{CallToolRequestParams, ClientCapabilities, ClientConfig, Implementation};
use rmcp::service::{RoleClient, RunningService, serve_client};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{timeout, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::{HttpTools, guard, shorten};
use process::Process;
use sidetone_base::clock;
use sidetone_config::mcp::{McpAt, McpServer};
use sidetone_config::tools::{Action, MAX_NAME, McpTool, Tool};

/// How long an answer waits for servers that are still connecting.
const PATIENCE: Duration = Duration::from_millis(1500);
/// A connection that takes longer to close is dropped.
const CLOSE: Duration = Duration::from_secs(1);
/// More tools than this confuse a model, and each costs tokens on every turn.
const MAX_TOOLS: usize = 64;
const MAX_DESCRIPTION: usize = 1024;

/// What a call's servers currently offer to the model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Served {
    /// Their tools, named `server_tool`.
    pub tools: Vec<Tool>,
    /// Servers whose tools are unavailable.
    pub missing: Vec<String>,
}

/// A server that could not be connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Its name.
    pub server: String,
    /// The reason, without secrets.
    pub message: String,
    /// The time from the first attempt to the failure.
    pub took: Duration,
}

/// The MCP servers of an agent in one call. Connections end when the last clone is dropped.
#[derive(Clone)]
pub struct Mcp(Arc<Shared>);

struct Shared {
    servers: Vec<Server>,
    http: HttpTools,
    tasks: TaskTracker,
    stop: CancellationToken,
    _stops: DropGuard,
}

struct Server {
    config: McpServer,
    state: OnceLock<watch::Receiver<State>>,
}

#[derive(Clone)]
enum State {
    Connecting,
    Ready(Arc<Ready>),
    Failed(Failure),
}

struct Ready {
    peer: rmcp::Peer<RoleClient>,
    tools: Vec<Tool>,
}

impl Mcp {
    /// Nothing is connected yet.
    pub fn new(servers: &[McpServer], http: HttpTools) -> Self {
        let server = |config: &McpServer| Server {
            config: config.clone(),
            state: OnceLock::new(),
        };
        let stop = CancellationToken::new();
        Self(Arc::new(Shared {
            servers: servers.iter().map(server).collect(),
            http,
            tasks: TaskTracker::new(),
            _stops: stop.clone().drop_guard(),
            stop,
        }))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.servers.is_empty()
    }

    /// What the servers offer. Starts connecting those that are not connected yet, and waits briefly for those that
    /// are about to be.
    pub async fn served(&self) -> Served {
        timeout(PATIENCE, self.settled()).await.ok();
        let mut served = Served::default();
        for server in &self.0.servers {
            match &*self.0.state(server).borrow() {
                State::Ready(ready) => served.tools.extend(ready.tools.iter().cloned()),
                State::Connecting | State::Failed(_) => {
                    served.missing.push(server.config.name.clone());
                }
            }
        }
        // Names that differ only in what models' servers do not accept are the same to them, and refused.
        let mut known = HashSet::new();
        served.tools.retain(|tool| known.insert(tool.name.clone()));
        served
    }

    /// Connects all servers and returns those that failed. Each has its own deadline.
    pub async fn settled(&self) -> Vec<Failure> {
        let settle = async |server: &Server| {
            let mut state = self.0.state(server);
            let settled = state.wait_for(|state| !matches!(state, State::Connecting));
            match settled.await.as_deref() {
                Ok(State::Failed(failure)) => Some(failure.clone()),
                _ => None,
            }
        };
        let all = join_all(self.0.servers.iter().map(settle)).await;
        all.into_iter().flatten().collect()
    }

    /// Calls a tool, within its deadline.
    /// # Errors
    /// What went wrong, worded for the model: no secrets, no addresses.
    pub async fn call(&self, tool: &McpTool, arguments: Value) -> Result<String, String> {
        let mut servers = self.0.servers.iter();
        let server = servers.find(|server| server.config.name == tool.server);
        let server = server.ok_or_else(|| format!("there is no server {}", tool.server))?;
        let ready = match &*self.0.state(server).borrow() {
            State::Ready(ready) => Arc::clone(ready),
            State::Connecting => return Err("the server is not connected yet".into()),
            State::Failed(failure) => return Err(failure.message.clone()),
        };
        let mut params = CallToolRequestParams::new(tool.name.clone());
        params.arguments = arguments.as_object().cloned();
        let asked = timeout(tool.timeout, ready.peer.call_tool(params)).await;
        match asked {
            Err(_) => Err(format!(
                "the server did not answer within {:?}",
                tool.timeout
            )),
            Ok(Err(error)) => Err(words::of_error(&error)),
            Ok(Ok(result)) => words::of_result(result),
        }
    }

    /// Ends connections and processes, and waits for that until the deadline; what is left then ends by itself.
    pub async fn close(&self, until: Instant) {
        self.0.stop.cancel();
        self.0.tasks.close();
        timeout_at(until.into(), self.0.tasks.wait()).await.ok();
    }
}

impl Shared {
    /// The state of a server's connection; starts connecting if nothing did yet.
    fn state(&self, server: &Server) -> watch::Receiver<State> {
        let begin = || {
            let (sender, state) = watch::channel(State::Connecting);
            let (config, http) = (server.config.clone(), self.http.clone());
            let keep = keep(config, http, sender, self.stop.clone());
            self.tasks.spawn(keep);
            state
        };
        server.state.get_or_init(begin).clone()
    }
}

/// Connects a server and keeps the connection until `stop`, or until the server closes it.
async fn keep(
    config: McpServer,
    http: HttpTools,
    state: watch::Sender<State>,
    stop: CancellationToken,
) {
    let begun = clock::now();
    let mut process = None;
    let limit = config.connect_timeout;
    let opened = tokio::select! {
        biased;
        () = stop.cancelled() => Err("the call is over".to_owned()),
        opened = timeout(limit, open(&config, &http, &mut process)) => opened.unwrap_or_else(|_| {
            Err(format!("it did not answer within {limit:?} (mcp.{}.connect_timeout)", config.name))
        }),
    };
    match opened {
        Ok((service, tools)) => {
            tracing::debug!(server = config.name, tools = tools.len(), "MCP connected");
            let (peer, end) = (service.peer().clone(), service.cancellation_token());
            state.send_replace(State::Ready(Arc::new(Ready { peer, tools })));
            let mut over = std::pin::pin!(service.waiting());
            tokio::select! {
                _ = &mut over => {
                    let gone = "the server has closed the connection";
                    state.send_replace(failed(&config, begun, gone.into()));
                }
                () = stop.cancelled() => {
                    end.cancel();
                    timeout(CLOSE, over).await.ok();
                }
            }
        }
        Err(message) => {
            state.send_replace(failed(&config, begun, message));
        }
    }
    if let Some(process) = process {
        process.end().await;
    }
}

fn failed(config: &McpServer, begun: Instant, message: String) -> State {
    State::Failed(Failure {
        server: config.name.clone(),
        message,
        took: clock::now().saturating_duration_since(begun),
    })
}

type Service = RunningService<RoleClient, ClientConfig>;

/// Connects a server and lists its tools. Its process is put into `process` as soon as it runs.
async fn open(
    config: &McpServer,
    http: &HttpTools,
    process: &mut Option<Process>,
) -> Result<(Service, Vec<Tool>), String> {
    let us = ClientConfig::new(
        ClientCapabilities::default(),
        Implementation::new("sidetone", env!("CARGO_PKG_VERSION")),
    );
    let service = match &config.at {
        McpAt::Process { command, args, env } => {
            let (started, pipes) = Process::start(&config.name, command, args, env)
                .map_err(|error| format!("{command} cannot be started: {error}"))?;
            *process = Some(started);
            serve_client(us, pipes).await
        }
        McpAt::Http {
            url,
            headers,
            allow_private,
        } => {
            let address = Url::parse(url).map_err(|error| format!("its address: {error}"))?;
            if !allow_private && guard::names_private_address(&address) {
                return Err(format!(
                    "its address is private (mcp.{}.allow_private)",
                    config.name
                ));
            }
            let mut named = std::collections::HashMap::new();
            for (name, value) in headers {
                let wrong = |_| format!("the header {name} cannot be sent");
                let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong(()))?;
                let mut value = HeaderValue::from_str(&value.expose()).map_err(|_| wrong(()))?;
                value.set_sensitive(true);
                named.insert(key, value);
            }
            let at = StreamableHttpClientTransportConfig::with_uri(url.as_str())
                .custom_headers(named)
                .max_json_response_size(super::MAX_BYTES)
                .max_sse_event_size(super::MAX_BYTES);
            let client = http.client(&address, *allow_private).await?.clone();
            serve_client(us, StreamableHttpClientTransport::with_client(client, at)).await
        }
    };
    let service = service.map_err(|error| words::of_start(&error))?;
    let listed = service.list_all_tools().await;
    let listed = listed.map_err(|error| words::of_error(&error))?;
    Ok((service, offered(config, listed)))
}

/// The tools that the file allows, as presented to the model.
fn offered(config: &McpServer, listed: Vec<rmcp::model::Tool>) -> Vec<Tool> {
    let server = &config.name;
    for wanted in &config.tools {
        if !listed.iter().any(|tool| tool.name == *wanted) {
            tracing::warn!(server, tool = wanted, "the MCP server has no such tool");
        }
    }
    let is_allowed = |tool: &rmcp::model::Tool| {
        config.tools.is_empty() || config.tools.iter().any(|name| *name == tool.name)
    };
    let allowed: Vec<_> = listed.into_iter().filter(is_allowed).collect();
    if allowed.len() > MAX_TOOLS {
        let (has, key) = (allowed.len(), format!("mcp.{server}.tools"));
        tracing::warn!(
            server,
            has,
            "the model is shown {MAX_TOOLS} tools at most; name the useful ones in {key}"
        );
    }
    let shown = allowed.into_iter().take(MAX_TOOLS).map(|tool| Tool {
        name: name_of(server, &tool.name),
        description: cut(tool.description.unwrap_or_default().into_owned()),
        parameters: Value::Object((*tool.input_schema).clone()),
        action: Action::Mcp(McpTool {
            server: server.clone(),
            name: tool.name.into_owned(),
            timeout: config.timeout,
        }),
    });
    shown.collect()
}

/// `server_tool`, with only the characters that models' servers accept.
fn name_of(server: &str, tool: &str) -> String {
    let good = |c: char| match c {
        c if c.is_ascii_alphanumeric() || c == '-' => c,
        _ => '_',
    };
    let name: String = tool.chars().map(good).collect();
    let mut name = format!("{server}_{name}");
    name.truncate(MAX_NAME);
    name
}

fn cut(text: String) -> String {
    match text.char_indices().nth(MAX_DESCRIPTION) {
        Some((end, _)) => text[..end].to_owned(),
        None => shorten(text),
    }
}
