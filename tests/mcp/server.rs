//! A real MCP server, made with the protocol's own SDK: over streamable HTTP in this process, or over standard input
//! and output in its own process, which is this test binary.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::IntoResponse as _;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData,
    ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{RoleServer, ServerHandler, ServiceExt as _};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The credential that the HTTP server requires.
pub const TOKEN: &str = "Bearer of-the-desk";

/// Books tables, and fails on request.
#[derive(Clone)]
pub struct Desk;

impl ServerHandler for Desk {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tool = |name: &'static str, about: &'static str| {
            let schema = json!({"type": "object", "properties": {"day": {"type": "string"}}});
            let Value::Object(schema) = schema else {
                unreachable!()
            };
            Tool::new(name, about, Arc::new(schema))
        };
        Ok(ListToolsResult::with_all_items(vec![
            tool("find.tables", "Free tables on a day."),
            tool("find_tables", "To a model the same as the first."),
            tool("refuse", "Says that it cannot."),
            tool("hang", "Never answers."),
            tool("die", "Ends the server."),
            tool("environment", "What the server's process sees."),
        ]))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let text = |text: String| vec![ContentBlock::text(text)];
        let result = match &*request.name {
            "find.tables" => {
                let day = request.arguments.unwrap_or_default()["day"].clone();
                CallToolResult::success(text(format!("on {day}: six and eight")))
            }
            "refuse" => CallToolResult::error(text("the desk is closed".into())),
            "hang" => std::future::pending().await,
            "die" => std::process::exit(3),
            "environment" => {
                let all: BTreeMap<String, String> = std::env::vars().collect();
                CallToolResult::success(text(serde_json::to_string(&all).unwrap()))
            }
            name => {
                let message = format!("no tool {name}");
                return Err(ErrorData::invalid_params(message, None));
            }
        };
        Ok(result.into())
    }
}

/// Starts the server over HTTP; it requires [`TOKEN`].
pub async fn http() -> SocketAddr {
    let service = StreamableHttpService::new(
        || Ok(Desk),
        Arc::new(LocalSessionManager::default()),
        StreamableHttpServerConfig::default(),
    );
    let guard = async |request: Request, next: Next| {
        let token = request.headers().get("authorization");
        match token.is_some_and(|token| token == TOKEN) {
            true => next.run(request).await,
            false => StatusCode::FORBIDDEN.into_response(),
        }
    };
    let router = axum::Router::new()
        .nest_service("/mcp", service)
        .layer(from_fn(guard));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
    address
}

/// The lines of an agent file that start the server as a process. The test harness's own output would disturb the
/// protocol: it goes to standard error, and the protocol uses file descriptor 3.
pub fn process() -> String {
    let me = std::env::current_exe().unwrap();
    let run = "exec \"$0\" --exact mcp::server::serves --ignored --nocapture 3>&1 1>&2";
    format!(
        "command = \"sh\"\nargs = [\"-c\", {run:?}, {:?}]\n",
        me.to_str().unwrap()
    )
}

/// Not a test: the process started by [`process`].
#[tokio::test]
#[ignore = "the server that the tests start"]
async fn serves() {
    let mut write = tokio::fs::File::options();
    let pipes = (
        tokio::fs::File::open("/dev/stdin").await.unwrap(),
        write.write(true).open("/dev/fd/3").await.unwrap(),
    );
    let service = Desk.serve(pipes).await.unwrap();
    // A server that does not end with its input has to be killed.
    let stubborn = std::env::var_os("STUBBORN").is_some();
    service.waiting().await.unwrap();
    if stubborn {
        tokio::time::sleep(Duration::from_secs(600)).await;
    }
}
