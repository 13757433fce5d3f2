//! MCP servers' results and errors, worded for the model and the record.

use rmcp::model::{CallToolResult, ContentBlock, ResourceContents};
use rmcp::service::{ClientInitializeError, ServiceError};
use rmcp::transport::DynamicTransportError;
use rmcp::transport::streamable_http_client::StreamableHttpError;
use rmcp::transport::worker::WorkerQuitReason;

use super::super::{shorten, unreachable};

type HttpError = StreamableHttpError<reqwest::Error>;

/// Characters of a cause that the server wrote; the rest is cut off.
const MAX_CAUSE: usize = 200;

/// What a tool said.
pub fn of_result(result: CallToolResult) -> Result<String, String> {
    let texts: Vec<String> = result.content.into_iter().map(text).collect();
    let text = match (&texts[..], result.structured_content) {
        ([], Some(structured)) => structured.to_string(),
        _ => texts.join("\n"),
    };
    let text = shorten(text);
    match result.is_error {
        Some(true) => Err(text),
        _ => Ok(text),
    }
}

fn text(content: ContentBlock) -> String {
    match content {
        ContentBlock::Text(text) => text.text,
        ContentBlock::Resource(embedded) => match embedded.resource {
            ResourceContents::TextResourceContents { text, .. } => text,
            _ => "(a file that cannot be read out)".into(),
        },
        ContentBlock::ResourceLink(link) => link.uri,
        _ => "(a picture or sound)".into(),
    }
}

/// Why a request failed.
pub fn of_error(error: &ServiceError) -> String {
    match error {
        ServiceError::McpError(error) => format!("the server says: {}", brief(&error.message)),
        ServiceError::TransportSend(error) => of_transport(error),
        ServiceError::TransportClosed => "the server has closed the connection".into(),
        error => brief(&error.to_string()),
    }
}

/// Why a connection failed.
pub fn of_start(error: &ClientInitializeError) -> String {
    match error {
        ClientInitializeError::JsonRpcError(error) => {
            format!("the server says: {}", brief(&error.message))
        }
        ClientInitializeError::TransportError { error, .. } => of_transport(error),
        ClientInitializeError::ConnectionClosed(_) => "it ended before it answered".into(),
        error => brief(&error.to_string()),
    }
}

/// The SDK's errors do not expose their sources; these are the types that its transports use.
fn of_transport(error: &DynamicTransportError) -> String {
    let error = error.error.as_ref();
    if let Some(WorkerQuitReason::Fatal { error, .. }) =
        error.downcast_ref::<WorkerQuitReason<HttpError>>()
    {
        return of_http(error);
    }
    match error.downcast_ref::<HttpError>() {
        Some(error) => of_http(error),
        None if error.is::<std::io::Error>() => "it ended before it answered".into(),
        None => "the connection to the server failed".into(),
    }
}

fn of_http(error: &HttpError) -> String {
    match error {
        HttpError::Client(error) => match error.status() {
            Some(status) => format!("the server answered {}", status.as_u16()),
            None => unreachable(error),
        },
        HttpError::HttpStatus(error) => format!("the server answered {}", error.status),
        HttpError::AuthRequired(_) | HttpError::InsufficientScope(_) => {
            "the server wants an authorization that the file's headers do not give".into()
        }
        HttpError::UnexpectedServerResponse(what) => {
            format!(
                "the server answered {}",
                brief(what.trim_end_matches([':', ' ']))
            )
        }
        _ => "the connection to the server failed".into(),
    }
}

fn brief(text: &str) -> String {
    text.chars().take(MAX_CAUSE).collect()
}
