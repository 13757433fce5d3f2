//! Which role may set which field of a request, and what users may choose of an agent.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};
use sidetone_config::folder::{AgentFolder, AgentNames};
use sidetone_config::secret::Secrets;
use sidetone_control_plane::http::HttpConfig;
use sidetone_control_plane::http::limits::Rate;
use sidetone_control_plane::http::ui::UiSettings;
use sidetone_store::CallType;
use sidetone_store::allowance::Allowance;

use super::{AGENT, CALLS, HISTORY, TOKEN, new_call};
use crate::support;
use crate::support::api::{Api, Setup, user};

/// Commands to a call in the request's own path.
const COMMANDS: &str = "/api/voice/calls/{callId}/commands";
/// Calls a telephone.
const CALL: &str = "/api/voice/call";

/// A folder with an agent of each kind.
struct Shop(tempfile::TempDir);

impl Shop {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).unwrap();
        };
        write("prompt.md", "You work for {{company}}.");
        let vars = "[variables]\ncompany = \"us\"\nplan = \"basic\"\nname = \"\"\n";
        let agent = |keys: &str| format!("prompt = \"prompt.md\"\n{keys}\n{vars}");
        write("default.toml", &agent("user_variables = [\"name\"]"));
        write("closed.toml", &agent(""));
        let open = "user_may_choose = true\nuser_variables = [\"company\"]";
        write("survey.toml", &agent(open));
        Self(folder)
    }

    async fn serve(&self) -> Api {
        let agents = Arc::new(AgentFolder::open(self.0.path(), Secrets::default()));
        assert_eq!(agents.problems(), []);
        let often = Rate {
            burst: 1e6,
            per_second: 1e6,
        };
        let http = HttpConfig {
            agents: AgentNames::In(agents),
            pages: Some(UiSettings {
                default_voice: "alloy".into(),
                ..UiSettings::default()
            }),
            write_rate: often,
            address_rate: often,
            allowance: Allowance {
                unjoined: i64::MAX,
                at_once: i64::MAX,
            },
            ..Setup::default().http
        };
        Api::start(Setup {
            http,
            ..Default::default()
        })
        .await
    }
}

/// The roles in the tables of docs/rights.md, and their credentials.
fn roles() -> [(&'static str, String); 5] {
    [
        ("user", user("ann", false)),
        ("admin", user("boss", true)),
        ("key: token", "key-token".into()),
        ("key: agent", "key-agent".into()),
        ("key: admin", "key-admin".into()),
    ]
}

/// What a role may set a field to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum May {
    /// The role may not make the request at all.
    No,
    /// Any value.
    Any,
    /// No value.
    Never,
    /// The values that the agent's file lists.
    Listed,
    /// The field is ignored.
    Ignored,
}
use May::{Any, Ignored, Listed, Never, No};

impl May {
    fn mark(self) -> &'static str {
        match self {
            No => " ",
            Any => "✓",
            Never => "–",
            Listed => "listed",
            Ignored => "ignored",
        }
    }
}

/// Each field of the requests that choose something: a value that is not listed, one that is, and what each role may
/// set: user, admin, key token, key agent, key admin.
fn fields() -> Vec<(&'static str, &'static str, Value, Value, [May; 5])> {
    let token = |user| [user, Any, Any, No, Any];
    let agent = |user| [user, Any, No, Any, Any];
    // Only for those who manage agents, with any value.
    let command = [No, Any, No, Any, Any];
    let none = Value::Null;
    let conference = json!("conference");
    vec![
        (TOKEN, "roomType", conference, none.clone(), token(Any)),
        (
            TOKEN,
            "participantName",
            json!("Ann"),
            none.clone(),
            token(Any),
        ),
        (TOKEN, "calleeId", json!("bob"), none.clone(), token(Any)),
        (
            TOKEN,
            "roomName",
            json!("room-x1"),
            none.clone(),
            token(Never),
        ),
        // Users and admins may set only their own.
        (
            TOKEN,
            "userId",
            json!("zoe"),
            none.clone(),
            [Never, Never, Any, No, Any],
        ),
        (TOKEN, "voice", json!("nova"), none.clone(), token(Any)),
        (
            TOKEN,
            "agent",
            json!("closed"),
            json!("survey"),
            token(Listed),
        ),
        (TOKEN, "recording", json!("off"), none.clone(), token(Never)),
        (
            TOKEN,
            "metadata",
            json!({"order": 42}),
            none.clone(),
            token(Never),
        ),
        (
            TOKEN,
            "variables",
            json!({"plan": "gold"}),
            json!({"name": "Ann"}),
            token(Listed),
        ),
        (
            TOKEN,
            "agentName",
            json!("closed"),
            json!("survey"),
            token(Listed),
        ),
        (
            TOKEN,
            "agentMetadata",
            json!("{\"plan\": \"gold\"}"),
            json!("{\"name\": \"Ann\"}"),
            token(Listed),
        ),
        (
            TOKEN,
            "participantIdentity",
            json!("zoe"),
            none.clone(),
            [Ignored, Ignored, Any, No, Any],
        ),
        (
            TOKEN,
            "participantMetadata",
            json!("vip"),
            none.clone(),
            token(Never),
        ),
        (
            TOKEN,
            "participantAttributes",
            json!({"plan": "gold"}),
            json!({"name": "Ann"}),
            token(Listed),
        ),
        (
            TOKEN,
            "roomConfig",
            json!({"agents": [{"agentName": "closed"}]}),
            json!({"agents": [{"agent_name": "survey", "metadata": "{\"company\": \"Acme\"}"}]}),
            token(Listed),
        ),
        (AGENT, "roomName", none.clone(), none.clone(), agent(Any)),
        (AGENT, "voice", json!("nova"), none.clone(), agent(Any)),
        (
            AGENT,
            "systemPrompt",
            json!("Obey."),
            none.clone(),
            agent(Never),
        ),
        (
            AGENT,
            "agent",
            json!("closed"),
            json!("survey"),
            agent(Listed),
        ),
        (AGENT, "recording", json!("off"), none.clone(), agent(Never)),
        (
            AGENT,
            "variables",
            json!({"plan": "gold"}),
            json!({"name": "Ann"}),
            agent(Listed),
        ),
        (CALL, "number", json!("+4930"), none.clone(), command),
        (CALL, "trunk", json!("ST_2"), none.clone(), command),
        (CALL, "agent", json!("closed"), none.clone(), command),
        (CALL, "voice", json!("nova"), none.clone(), command),
        (CALL, "systemPrompt", json!("Obey."), none.clone(), command),
        (CALL, "recording", json!("off"), none.clone(), command),
        (
            CALL,
            "variables",
            json!({"plan": "gold"}),
            none.clone(),
            command,
        ),
        (
            CALL,
            "metadata",
            json!({"order": 42}),
            none.clone(),
            command,
        ),
        (CALL, "ringSeconds", json!(20), none.clone(), command),
        (COMMANDS, "type", json!("mute"), none.clone(), command),
        (COMMANDS, "text", json!("Hello."), none.clone(), command),
        (
            COMMANDS,
            "interruptible",
            json!(false),
            none.clone(),
            command,
        ),
        (COMMANDS, "answer", json!(true), none.clone(), command),
        (COMMANDS, "agent", json!("billing"), none.clone(), command),
        (COMMANDS, "person", json!("anna"), none.clone(), command),
    ]
}

/// docs/rights.md shows exactly this table.
#[tokio::test]
async fn every_field_and_every_role() {
    let shop = Shop::new();
    let api = shop.serve().await;
    let page = include_str!("../../docs/rights.md");
    let mut calls = 0;
    let call = new_call(&api.store, "ann", CallType::Support, "support-commanded").await;
    for (path, field, value, listed, may) in fields() {
        let marks = may.map(May::mark).join(" | ");
        let line = format!("| `POST {path}` `{field}` | {marks} |");
        assert!(page.contains(&line), "docs/rights.md lacks {line}");
        for ((role, credential), may) in roles().into_iter().zip(may) {
            let values = [
                (&value, matches!(may, Any | Ignored)),
                (&listed, may != Never),
            ];
            for (value, allowed) in values {
                if value.is_null() && (path, field) != (AGENT, "roomName") {
                    continue;
                }
                calls += 1;
                let body = body(&api, path, field, value, role, calls).await;
                let path = path.replace("{callId}", &call.to_string());
                let (status, answer) = api.post(&path, &credential, body.clone()).await;
                let told = format!("{role} {path} {body}: {status} {answer}");
                if may == No {
                    assert_eq!(status, 403, "{told}");
                    assert_eq!(answer["field"], Value::Null, "{told}");
                } else if path.starts_with(CALLS) {
                    // The request is allowed, but the call has no agent.
                    assert_eq!(
                        (status, &answer["title"]),
                        (409, &json!("No agent there")),
                        "{told}"
                    );
                } else if allowed {
                    let fine = if path == CALL { 202 } else { 200 };
                    assert_eq!(status, fine, "{told}");
                } else {
                    assert_eq!(status, 403, "{told}");
                    let named = answer["field"].as_str().unwrap();
                    assert_eq!(named.split('.').next().unwrap(), field, "{told}");
                    assert!(answer["detail"].as_str().unwrap().len() > 20, "{told}");
                }
            }
        }
    }
    // A refused request has no effects.
    for (field, value) in [
        ("variables", json!({"plan": "gold"})),
        ("agent", json!("closed")),
        ("roomName", json!("room-x9")),
    ] {
        let before = api.store.open_calls().await.unwrap().len();
        assert_eq!(
            api.post(TOKEN, &user("ann", false), json!({field: value}))
                .await
                .0,
            403
        );
        assert_eq!(api.store.open_calls().await.unwrap().len(), before);
    }
    api.stop().await;
}

/// A request that is valid except possibly for the field.
async fn body(api: &Api, path: &str, field: &str, value: &Value, role: &str, n: u32) -> Value {
    let mut body = json!({});
    if path == COMMANDS {
        body = match field {
            "answer" => json!({"type": "instruct", "text": "Be brief."}),
            "agent" | "person" => json!({"type": "handover"}),
            _ => json!({"type": "say", "text": "Hello."}),
        };
        if field == "type" {
            body = json!({});
        }
    } else if path == CALL {
        body = json!({"number": "+4930123", "trunk": "ST_1"});
    } else if path == AGENT {
        // A call that everybody in this test may send an agent to.
        let room = format!("support-fields-{n}");
        new_call(&api.store, "ann", CallType::Support, &room).await;
        body["roomName"] = json!(room);
    } else if role.starts_with("key") && !matches!(field, "userId" | "participantIdentity") {
        body["userId"] = json!("ann");
    }
    match (path, field) {
        (AGENT, "roomName") => {}
        (_, "calleeId") => {
            body["roomType"] = json!("user-to-user");
            body[field] = value.clone();
        }
        (_, "roomName") if value.is_null() => {}
        (_, "roomName") => body[field] = json!(format!("{}-{n}", value.as_str().unwrap())),
        _ => body[field] = value.clone(),
    }
    body
}

/// Every field of every request has its line in the table.
#[tokio::test]
async fn no_field_is_without_its_line() {
    let api = Api::start(Setup::default()).await;
    let (_, document) = api.call("GET", "/openapi.json", None, None).await;
    let page = include_str!("../../docs/rights.md");
    let walked: BTreeSet<String> = fields()
        .iter()
        .map(|(path, field, ..)| format!("POST {path} {field}"))
        .collect();
    let mut seen = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let route = format!("{} {path}", method.to_uppercase());
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
            if let Some(schema) = schema.as_str() {
                let schema = schema.rsplit('/').next().unwrap();
                let properties = &document["components"]["schemas"][schema]["properties"];
                for field in properties.as_object().unwrap().keys() {
                    assert!(
                        walked.contains(&format!("{route} {field}")),
                        "{route} {field}"
                    );
                    seen += 1;
                }
            }
            let parameters = operation["parameters"].as_array().cloned();
            for parameter in parameters.unwrap_or_default() {
                if parameter["in"] != "query" {
                    continue;
                }
                let name = parameter["name"].as_str().unwrap();
                let line = format!("| `{route}` `?{name}` |");
                assert!(page.contains(&line), "docs/rights.md lacks {line}");
                seen += 1;
            }
        }
    }
    assert!(seen > 30, "{seen}");
    api.stop().await;
}

#[tokio::test]
async fn a_users_variables_reach_the_agent_where_they_are_listed() {
    let shop = Shop::new();
    let api = shop.serve().await;
    let told = async |body: Value, credential: &str| {
        let (status, answer) = api.post(TOKEN, credential, body.clone()).await;
        assert!(status < 300, "{body}: {status} {answer}");
        let room = answer["roomName"].as_str().unwrap();
        let awaited = api.store.awaited_in(room).await.unwrap().unwrap();
        (awaited.metadata.0, answer)
    };
    let ann = user("ann", false);
    let (metadata, _) = told(json!({"variables": {"name": "Ann"}}), &ann).await;
    assert_eq!(metadata.variables["name"], "Ann");
    assert!(metadata.set_by_user.contains("name"));
    // LiveKit's own clients: agentName, agentMetadata and attributes of a TokenSource.
    let stock = json!({"room_config": {"agents": [{"agent_name": "survey",
        "metadata": "{\"company\":\"Acme\"}"}]}, "participant_attributes": {"company": "Acme"}});
    let (metadata, answer) = told(stock, &ann).await;
    assert_eq!(metadata.agent.as_deref(), Some("survey"));
    assert_eq!(metadata.variables["company"], "Acme");
    let claims = support::claims(answer["participant_token"].as_str().unwrap());
    assert_eq!(claims["attributes"], json!({"company": "Acme"}));
    // A backend sets what it likes, and its user cannot change any of it.
    let body = json!({"userId": "ann", "agent": "closed", "variables": {"plan": "gold"}});
    let (metadata, answer) = told(body, "key-token").await;
    assert_eq!(metadata.set_by_user.len(), 0);
    let room = &answer["roomName"];
    let (status, problem) = api
        .post(AGENT, &ann, json!({"roomName": room, "agent": "survey"}))
        .await;
    assert_eq!(
        (status, &problem["field"]),
        (403, &json!("agent")),
        "{problem}"
    );
    let plan = json!({"roomName": room, "variables": {"plan": "free"}});
    let (status, problem) = api.post(AGENT, &ann, plan).await;
    assert_eq!((status, &problem["field"]), (403, &json!("variables.plan")));
    let (status, answer) = api.post(AGENT, &ann, json!({"roomName": room})).await;
    assert_eq!(status, 200, "{answer}");
    let agent = api
        .store
        .agent_in(room.as_str().unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(agent.metadata.0.agent.as_deref(), Some("closed"));
    assert_eq!(agent.metadata.0.variables["plan"], "gold");
    // This includes variables that the agent's file lists, once a backend has set them.
    let body = json!({"userId": "ann", "agent": "survey", "variables": {"company": "Acme"}});
    let (_, answer) = told(body, "key-token").await;
    let room = answer["roomName"].as_str().unwrap();
    let ask = async |company: &str| {
        let body = json!({"roomName": room, "variables": {"company": company}});
        api.post(AGENT, &ann, body).await
    };
    let (status, problem) = ask("Evil").await;
    assert_eq!(
        (status, &problem["field"]),
        (403, &json!("variables.company")),
        "{problem}"
    );
    let (status, answer) = ask("Acme").await;
    assert_eq!(status, 200, "{answer}");
    let agent = api.store.agent_in(room).await.unwrap().unwrap();
    assert_eq!(agent.metadata.0.variables["company"], "Acme");
    assert_eq!(agent.metadata.0.set_by_user.len(), 0);
    api.stop().await;
}

#[tokio::test]
async fn pages_tell_strangers_the_agents_that_they_may_choose() {
    let shop = Shop::new();
    let api = shop.serve().await;
    let offered = async |credential: Option<&str>| {
        let (status, offer) = api.call("GET", "/ui/config.json", credential, None).await;
        assert_eq!((status, &offer["defaultVoice"]), (200, &json!("alloy")));
        offer["agents"].clone()
    };
    let open = json!(["default", "survey"]);
    assert_eq!(offered(None).await, open);
    assert_eq!(offered(Some(&user("ann", false))).await, open);
    assert_eq!(offered(Some("key-history")).await, open);
    assert_eq!(offered(Some("nonsense")).await, open);
    let all = json!(["closed", "default", "survey"]);
    assert_eq!(offered(Some(&user("boss", true))).await, all);
    assert_eq!(offered(Some("key-agent")).await, all);
    api.stop().await;
}

#[tokio::test]
async fn reserved_and_invisible_names_are_refused() {
    let shop = Shop::new();
    let api = shop.serve().await;
    let long = "x".repeat(129);
    let cases = [
        (json!({"variables": {"caller": "x"}}), "variables.caller"),
        (json!({"variables": {"secret": "x"}}), "variables.secret"),
        (
            json!({"variables": {"sidetone_prompt": "x"}}),
            "variables.sidetone_prompt",
        ),
        (
            json!({"variables": {"lk.agent": "x"}}),
            "variables.lk.agent",
        ),
        (json!({"variables": {"a": "nul \u{0}"}}), "variables.a"),
        (json!({"variables": {"a\u{202e}": "x"}}), "variables"),
        (
            json!({"participantAttributes": {"sip.phoneNumber": "x"}}),
            "participantAttributes.sip.phoneNumber",
        ),
        (
            json!({"participantAttributes": {"sip.h.x-plan": "x"}}),
            "participantAttributes.sip.h.x-plan",
        ),
        (
            json!({"participant_attributes": {"lk.agent.state": "x"}}),
            "participant_attributes.lk.agent.state",
        ),
        (
            json!({"participantAttributes": {"sidetone.epoch": "9"}}),
            "participantAttributes.sidetone.epoch",
        ),
        (json!({"userId": "agent-AJ_1"}), "userId"),
        (json!({"userId": "a\u{0}b"}), "userId"),
        (json!({"userId": "a\nb"}), "userId"),
        (json!({"userId": "a\u{202e}b"}), "userId"),
        (json!({"userId": "a\u{200b}"}), "userId"),
        (json!({"userId": long}), "userId"),
        (
            json!({"participant_identity": "sip_+49", "userId": Value::Null}),
            "participant_identity",
        ),
        (json!({"participantName": "a\u{2066}b"}), "participantName"),
        (
            json!({"roomType": "user-to-user", "calleeId": "agent-x"}),
            "calleeId",
        ),
        (
            json!({"roomType": "user-to-user", "calleeId": "a\u{7}"}),
            "calleeId",
        ),
        (json!({"roomName": "support-1"}), "roomName"),
        (json!({"roomName": "user-to-user-1"}), "roomName"),
        (json!({"roomName": "sidetone-1"}), "roomName"),
        (json!({"roomName": "a b"}), "roomName"),
        (json!({"roomName": "a\u{202e}b"}), "roomName"),
        (json!({"roomName": "x".repeat(201)}), "roomName"),
        (
            json!({"room_config": {"egress": {"room": {}}, "agents": []}}),
            "room_config.egress",
        ),
        (
            json!({"roomConfig": {"agents": [{"agentName": "survey"}, {"agentName": "x"}]}}),
            "roomConfig.agents",
        ),
        (
            json!({"agent": "survey", "agentName": "survey"}),
            "agentName",
        ),
        (json!({"agentMetadata": "vip customer"}), "agentMetadata"),
    ];
    for (mut body, field) in cases {
        if body.get("userId").is_none() {
            body["userId"] = json!("ann");
        }
        let (status, problem) = api.post(TOKEN, "key-admin", body.clone()).await;
        assert_eq!(
            (status, &problem["field"]),
            (400, &json!(field)),
            "{body}: {problem}"
        );
    }
    // Users with such ids cannot impersonate an agent, either.
    for (id, status) in [
        ("agent-AJ_1", 400),
        ("a\u{0}b", 401),
        ("a\nb", 401),
        ("a\u{202e}b", 401),
        (" ", 401),
        (long.as_str(), 401),
        ("ann", 200),
    ] {
        assert_eq!(
            api.post(TOKEN, &user(id, false), json!({})).await.0,
            status,
            "{id:?}"
        );
    }
    api.stop().await;
}

#[tokio::test]
async fn a_late_participant_sees_only_their_part() {
    use chrono::TimeDelta;
    use sidetone_store::{Fact, ParticipantKind, Speaker, Stay, StoredTurn};

    let api = Api::start(Setup::default()).await;
    let id = new_call(&api.store, "ann", CallType::Conference, "conference-late").await;
    let start = sidetone_store::now() - TimeDelta::seconds(100);
    let at = |seconds| start + TimeDelta::seconds(seconds);
    for (sid, who, from, to) in [
        ("PA_1", "ann", 0, 60),
        ("PA_2", "bob", 30, 50),
        ("PA_3", "eve", 0, 5),
    ] {
        let stay = Fact::Seen(Stay {
            sid: sid.into(),
            user_id: who.into(),
            name: who.into(),
            kind: ParticipantKind::User,
            joined_at: Some(at(from)),
            left_at: Some(at(to)),
            muted: None,
        });
        api.store.observe(id, None, &[stay]).await.unwrap();
    }
    for (n, second, text) in [
        (1, 10, "before him"),
        (2, 40, "beside him"),
        (3, 55, "after him"),
    ] {
        let turn = StoredTurn {
            turn_id: format!("SG_{n}"),
            speaker: Speaker::User,
            person: None,
            name: None,
            text: text.into(),
            started_at: at(second),
            ended_at: None,
            interrupted: false,
            unfinished: false,
            unasked: false,
            latency_ms: None,
            metrics: sidetone_store::Json(json!({})),
        };
        api.store.save_turn(id, &turn).await.unwrap();
    }
    let one = format!("{HISTORY}/{id}");
    let seen = async |credential: &str| {
        let (status, call) = api.get(&one, credential).await;
        assert_eq!(status, 200, "{call}");
        let turns = call["turns"].as_array().unwrap();
        let texts: Vec<String> = (turns.iter())
            .map(|turn| turn["text"].as_str().unwrap().to_owned())
            .collect();
        (texts, call)
    };
    let all = ["before him", "beside him", "after him"];
    assert_eq!(seen(&user("ann", false)).await.0, all);
    assert_eq!(seen("key-history").await.0, all);
    let (texts, call) = seen(&user("bob", false)).await;
    assert_eq!(texts, ["beside him"]);
    assert_eq!(call["transcript"], "user: beside him");
    let people: Vec<_> = call["participants"].as_array().unwrap().iter().collect();
    assert_eq!(people.len(), 2, "who left before is not shown: {call}");
    assert!(!call.to_string().contains("before him"));
    let recording = format!("{one}/recording");
    assert_eq!(api.get(&recording, &user("bob", false)).await.0, 403);
    assert_eq!(api.get(&recording, &user("ann", false)).await.0, 404);
    // Nor does searching find it.
    for (who, word, found) in [
        ("ann", "before", 1),
        ("bob", "before", 0),
        ("bob", "late", 1),
    ] {
        let page = api
            .get(&format!("{HISTORY}?q={word}"), &user(who, false))
            .await
            .1;
        assert_eq!(page["total"], found, "{who} {word}");
    }
    api.stop().await;
}
