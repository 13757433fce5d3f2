//! MCP servers over both transports: a server made with the protocol's own SDK.

pub mod server;

use std::time::Duration;

use serde_json::{Value, json};
use sidetone_call::tools::HttpTools;
use sidetone_call::tools::mcp::{Mcp, Served};
use sidetone_config::agent::AgentConfig;
use sidetone_config::secret::Secrets;
use sidetone_config::tools::Action;

/// The agent whose file has these lines.
fn agent(lines: &str) -> AgentConfig {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("desk.toml");
    std::fs::write(folder.path().join("desk.md"), "Be kind.").unwrap();
    std::fs::write(&file, format!("prompt = \"desk.md\"\n{lines}")).unwrap();
    let secret = ("SIDETONE_SECRET_DESK".into(), server::TOKEN.into());
    let secrets = Secrets::from_variables([secret]);
    AgentConfig::load(&file, &secrets).unwrap_or_else(|error| panic!("{error}"))
}

fn mcp(lines: &str) -> Mcp {
    Mcp::new(&agent(lines).mcp, HttpTools::new().unwrap())
}

async fn settled(lines: &str) -> (Mcp, Served) {
    // This machine may be busy with other work.
    let mcp = mcp(&format!("{lines}connect_timeout = \"60s\"\n"));
    let failures = mcp.settled().await;
    assert!(failures.is_empty(), "{failures:?}");
    let served = mcp.served().await;
    (mcp, served)
}

async fn call(mcp: &Mcp, served: &Served, name: &str, arguments: Value) -> Result<String, String> {
    let tool = served.tools.iter().find(|tool| tool.name == name);
    let Action::Mcp(tool) = &tool.unwrap().action else {
        panic!("{name} is no server's")
    };
    mcp.call(tool, arguments).await
}

async fn http() -> String {
    let address = server::http().await;
    format!(
        "[mcp.desk]\nurl = \"http://{address}/mcp\"\nallow_private = true\n\
         headers = {{ Authorization = \"{{{{ secret.desk }}}}\" }}\n"
    )
}

async fn answers(lines: &str) {
    let patient = "timeout = \"60s\"\n";
    let (mcp, served) = settled(&format!("{lines}{patient}")).await;
    assert!(served.missing.is_empty());
    let names: Vec<&str> = served.tools.iter().map(|t| t.name.as_str()).collect();
    let all = [
        "desk_find_tables",
        "desk_refuse",
        "desk_hang",
        "desk_die",
        "desk_environment",
    ];
    assert_eq!(names, all);
    assert_eq!(served.tools[0].description, "Free tables on a day.");
    assert_eq!(
        served.tools[0].parameters["properties"]["day"]["type"],
        "string"
    );
    let day = json!({"day": "Friday"});
    assert_eq!(
        call(&mcp, &served, "desk_find_tables", day.clone()).await,
        Ok("on \"Friday\": six and eight".into())
    );
    assert_eq!(
        call(&mcp, &served, "desk_refuse", json!({})).await,
        Err("the desk is closed".into())
    );
    // A server that hangs delays no other call, and has its deadline.
    let (hung, found) = tokio::join!(
        async {
            let impatient = "timeout = \"300ms\"\n";
            let (mcp, served) = settled(&format!("{lines}{impatient}")).await;
            let hung = call(&mcp, &served, "desk_hang", json!({})).await;
            mcp.close(soon()).await;
            hung
        },
        call(&mcp, &served, "desk_find_tables", day)
    );
    assert_eq!(
        hung,
        Err("the server did not answer within 300ms".to_owned())
    );
    assert!(found.is_ok());
    mcp.close(soon()).await;
}

/// More time than servers need to end.
fn soon() -> std::time::Instant {
    sidetone_base::clock::now() + Duration::from_secs(4)
}

#[tokio::test]
async fn a_server_over_http_answers() {
    answers(&http().await).await;
}

#[tokio::test]
async fn a_server_that_is_a_process_answers() {
    answers(&format!("[mcp.desk]\n{}", server::process())).await;
}

#[tokio::test]
async fn the_file_says_which_tools_there_are() {
    let lines = http().await + "tools = [\"refuse\", \"no_such_tool\"]\n";
    let (_mcp, served) = settled(&lines).await;
    let names: Vec<&str> = served.tools.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(names, ["desk_refuse"]);
}

/// Each with its cause, and without waiting for the others.
#[tokio::test]
async fn missing_servers_are_reported() {
    let address = server::http().await;
    let url = format!("http://{address}/mcp");
    // Accepts connections and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hung = silent.local_addr().unwrap();
    let lines = format!(
        "[mcp.a_program]\ncommand = \"/no/such/program\"\n\
         [mcp.b_ends]\ncommand = \"false\"\n\
         [mcp.c_forbids]\nurl = \"{url}\"\nallow_private = true\n\
         [mcp.d_hangs]\nurl = \"http://{hung}/\"\nallow_private = true\nconnect_timeout = \"200ms\"\n\
         [mcp.e_private]\nurl = \"https://127.0.0.1/mcp\"\n\
         [mcp.f_closed]\nurl = \"http://127.0.0.1:1/\"\nallow_private = true\n"
    );
    let mcp = mcp(&lines);
    let served = mcp.served().await;
    assert_eq!(served.missing.len(), 6);
    let told: Vec<String> = mcp
        .settled()
        .await
        .into_iter()
        .map(|failure| format!("{}: {}", failure.server, failure.message))
        .collect();
    let expected = [
        "a_program: /no/such/program cannot be started: No such file or directory (os error 2)",
        "b_ends: it ended before it answered",
        "c_forbids: the server answered HTTP 403 Forbidden",
        "d_hangs: it did not answer within 200ms (mcp.d_hangs.connect_timeout)",
        "e_private: its address is private (mcp.e_private.allow_private)",
        "f_closed: the server cannot be reached",
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_server_that_dies_in_the_call_is_missed_from_then_on() {
    let (mcp, served) = settled(&format!("[mcp.desk]\n{}", server::process())).await;
    let died = call(&mcp, &served, "desk_die", json!({})).await;
    assert_eq!(died, Err("the server has closed the connection".into()));
    let served = loop {
        let served = mcp.served().await;
        if !served.missing.is_empty() {
            break served;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!(
        (served.tools.len(), served.missing),
        (0, vec!["desk".to_owned()])
    );
}

#[tokio::test]
async fn a_process_sees_what_the_file_gives_it_and_ends_with_the_call() {
    let env = "env = { STUBBORN = \"1\", KEY = \"{{ secret.desk }}\" }\n";
    let (mcp, served) = settled(&format!("[mcp.desk]\n{}{env}", server::process())).await;
    let seen = call(&mcp, &served, "desk_environment", json!({})).await;
    let seen: Value = serde_json::from_str(&seen.unwrap()).unwrap();
    assert_eq!(seen["KEY"], server::TOKEN);
    assert!(seen["PATH"].is_string());
    // Cargo sets this variable for its tests: one of ours that the server must not see.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    assert!(seen["CARGO_MANIFEST_DIR"].is_null(), "{seen}");

    let running = || {
        let mut list = std::process::Command::new("ps");
        let list = list.args(["-eo", "ppid=,args="]).output().unwrap();
        let all = String::from_utf8_lossy(&list.stdout).into_owned();
        let me = std::process::id().to_string();
        let ours = |line: &&str| line.trim_start().starts_with(&format!("{me} "));
        all.lines()
            .filter(ours)
            .filter(|line| line.contains("server::serves"))
            .count()
    };
    assert_eq!(running(), 1);
    mcp.close(soon()).await;
    assert_eq!(running(), 0, "a server outlives its call");
}
