use std::path::Path as File;

use super::*;
use sidetone_call::tools::HttpTools;
use sidetone_config::agent::AgentConfig;
use sidetone_config::secret::Secrets;
use sidetone_config::tools::Action;

/// The agent as it is shipped.
fn agent() -> AgentConfig {
    let file = File::new(env!("CARGO_MANIFEST_DIR")).join("agent-config/harbour-books.toml");
    AgentConfig::load(&file, &Secrets::from_variables([])).unwrap_or_else(|error| panic!("{error}"))
}

/// What a tool of the agent answers, asked of a shop on another port.
async fn ask(port: u16, tool: &str, arguments: serde_json::Value) -> Result<String, String> {
    let agent = agent();
    let tool = agent.tools.iter().find(|known| known.name == tool).unwrap();
    let Action::Http(request) = &tool.action else {
        panic!("{tool:?}");
    };
    let mut request = request.clone();
    assert!(request.url.contains(&format!("127.0.0.1:{PORT}/")));
    request.url = request.url.replace(&PORT.to_string(), &port.to_string());
    let tools = HttpTools::new().unwrap();
    tools.call(&request, &json!({}), &arguments).await
}

#[tokio::test]
async fn the_agents_tools_find_orders_and_books() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, routes()).await });
    let order = ask(port, "find_order", json!({"number": "4711"})).await;
    assert!(order.unwrap().contains("on its way"));
    let none = ask(port, "find_order", json!({"number": "9999"})).await;
    assert!(none.unwrap_err().contains("there is no order 9999"));
    let books = ask(port, "find_books", json!({"words": "moby melville"})).await;
    assert!(books.unwrap().contains("12 dollars"));
    let none = ask(port, "find_books", json!({"words": "ulysses"})).await;
    assert_eq!(none.unwrap(), r#"{"books":[]}"#);
}
