//! `sidetone check`: what providers report about their models, and the results of real requests to them.

use std::path::Path;
use std::time::Duration;

use sidetone::check::{self, Item, Outcome, Report, live};
use sidetone_call::clients::Clients;
use sidetone_config::env::Env;
use sidetone_config::folder::AgentFolder;
use sidetone_config::secret::Secrets;
use sidetone_testkit::{Endpoint, Failure, FakeOpenAi, ModelList, Timing};

use crate::support::livekit;

const KEY: &str = "sk-very-secret-value";
const OTHER_KEY: &str = "sk-another-secret-value";

/// A folder of agents: `a` uses the process's provider; `b` uses another one, then the process's.
fn folder(other: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("p.md", "You are kind.");
    write("a.toml", "prompt = \"p.md\"\n[tools.end_call]\n");
    write("default.toml", "prompt = \"p.md\"\nvoice = \"nova\"\n");
    let b = format!(
        "prompt = \"p.md\"\n[providers.other]\nbase_url = \"{other}\"\n\
         api_key = \"{{{{ secret.other }}}}\"\nstt = \"ears\"\nllm = \"mind\"\ntts = \"voice\"\n\
         [stt]\nproviders = [\"other\", \"default\"]\n[llm]\nproviders = [\"other\"]\n\
         [tts]\nproviders = [\"other\", \"default\"]\n"
    );
    write("b.toml", &b);
    folder
}

struct Setup {
    own: FakeOpenAi,
    other: FakeOpenAi,
    agents: AgentFolder,
    env: Env,
    _folder: tempfile::TempDir,
}

impl Setup {
    async fn new() -> Self {
        let own = FakeOpenAi::start(Timing::INSTANT).await;
        let other = FakeOpenAi::start(Timing::INSTANT).await;
        let folder = folder(&other.base_url());
        let secret = ("SIDETONE_SECRET_OTHER".to_owned(), OTHER_KEY.to_owned());
        let agents = AgentFolder::open(folder.path(), Secrets::from_variables([secret]));
        assert_eq!(agents.problems(), []);
        let env = Env::from_lookup(|name| match name {
            "OPENAI_API_KEY" => Some(KEY.into()),
            "OPENAI_BASE_URL" => Some(own.base_url()),
            "SIDETONE_STT_MODEL" => Some("ears".into()),
            "SIDETONE_LLM_MODEL" => Some("mind".into()),
            "SIDETONE_TTS_MODEL" => Some("voice".into()),
            "SIDETONE_DATA_DIR" => Some(folder.path().display().to_string()),
            _ => None,
        });
        for fake in [&own, &other] {
            fake.default_transcript("Testing 1, 2, 3.");
            fake.list_models(ending(&[]));
        }
        Self {
            own,
            other,
            agents,
            env: env.unwrap(),
            _folder: folder,
        }
    }

    async fn live(&self) -> Vec<Item> {
        let clients = Clients::new(&self.env, None).unwrap();
        let items = live::ask(&self.env, &clients, &self.agents.agents()).await;
        let text = serde_json::to_string(&items).unwrap();
        assert!(!text.contains(KEY) && !text.contains(OTHER_KEY), "{text}");
        items
    }

    /// The items about the providers' models.
    async fn models(&self) -> Vec<Item> {
        let (env, agents) = (Ok(self.env.clone()), self.agents.agents());
        let report = check::run(env, &agents, false, Vec::new()).await;
        let text = format!("{report:?}");
        assert!(!text.contains(KEY) && !text.contains(OTHER_KEY), "{text}");
        let items = report.items.into_iter();
        items.filter(|item| item.name == "models").collect()
    }
}

/// A list of the models that the agents use, with an end date for some of them.
fn ending(ends: &[(&str, i64)]) -> ModelList {
    let day = |days: i64| {
        let now = chrono::DateTime::<chrono::Utc>::from(sidetone_base::clock::wall());
        (now.date_naive() + chrono::TimeDelta::days(days)).to_string()
    };
    let models = ["ears", "mind", "voice"].map(|name| {
        let end = ends.iter().find(|(model, _)| *model == name);
        (name.to_owned(), end.map(|(_, days)| day(*days)))
    });
    ModelList::Of(models.into())
}

/// Outcome and text of the items that are not ok.
fn faults(items: &[Item]) -> Vec<(Outcome, &str)> {
    let bad = items.iter().filter(|item| item.outcome != Outcome::Ok);
    bad.map(|item| (item.outcome, item.found.as_str()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_stage_of_each_agent_is_asked_once() {
    let setup = Setup::new().await;
    let items = setup.live().await;
    assert_eq!(faults(&items), []);
    let asked: Vec<_> = items
        .iter()
        .map(|item| {
            let request = item.request.as_ref().unwrap();
            assert!(request.first_piece_ms.is_some());
            let agents = request.agents.join(" ");
            (item.name, request.provider.as_str(), agents)
        })
        .collect();
    let expected = [
        // b falls back to it.
        ("stt", "default", "a b default"),
        ("llm", "default", "a"),
        // The same voice, which is also b's fallback.
        ("tts", "default", "a b"),
        ("stt", "other", "b"),
        ("llm", "other", "b"),
        ("tts", "other", "b"),
        // It has no tools.
        ("llm", "default", "default"),
        // It has another voice.
        ("tts", "default", "default"),
    ];
    assert_eq!(asked, expected.map(|(a, b, c)| (a, b, c.to_owned())));
    let counts = |fake: &FakeOpenAi| {
        let of = |endpoint| fake.requests_to(endpoint).len();
        [Endpoint::Transcriptions, Endpoint::Chat, Endpoint::Speech].map(of)
    };
    assert_eq!(counts(&setup.own), [1, 2, 2]);
    assert_eq!(counts(&setup.other), [1, 1, 1]);
    // The agent's own tools and voice, and its provider's key; the speech is then transcribed.
    let chat = &setup.own.requests_to(Endpoint::Chat)[0];
    let bodies = setup.own.requests_to(Endpoint::Chat);
    let tools = bodies
        .iter()
        .map(|request| &request.body["tools"][0]["function"]["name"]);
    assert!(tools.into_iter().any(|name| name == "end_call"));
    assert_eq!(
        chat.authorization.as_deref(),
        Some(&*format!("Bearer {KEY}"))
    );
    let speech = &setup.other.requests_to(Endpoint::Speech)[0];
    assert_eq!(
        speech.authorization.as_deref(),
        Some(&*format!("Bearer {OTHER_KEY}"))
    );
    let heard = &setup.other.requests_to(Endpoint::Transcriptions)[0];
    assert!(heard.file.len() > 32_000, "{} bytes", heard.file.len());
    let stt = &items[0];
    assert!(
        stt.found
            .starts_with("a, b, default: ears of default heard \"Testing 1, 2, 3.\", after"),
        "{stt:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_provider_is_reported_with_its_agents_and_its_own_words() {
    let setup = Setup::new().await;
    // Both requests to the process's model are refused, including the minimal one.
    setup
        .own
        .script_failures(Endpoint::Chat, &[Failure::BadRequest; 4]);
    setup
        .other
        .script_failures(Endpoint::Chat, &[Failure::Unauthorized]);
    // An empty answer, however often it asks.
    setup
        .other
        .script_failures(Endpoint::Speech, &[Failure::Empty; 9]);
    let items = setup.live().await;
    let faults = faults(&items);
    assert_eq!(faults.len(), 4, "{items:#?}");
    let find = |stage: &str, who: &str| {
        let mut items = items.iter();
        items
            .find(|item| item.name == stage && item.found.starts_with(who))
            .unwrap()
    };
    let refused = items
        .iter()
        .find(|item| item.found.contains("answered 400"))
        .unwrap();
    assert_eq!((refused.name, refused.outcome), ("llm", Outcome::Wrong));
    assert!(
        refused.found.contains("it says: The model does not exist."),
        "{refused:?}"
    );
    assert!(refused.fix.as_ref().unwrap().contains("SIDETONE_LLM_MODEL"));
    assert_eq!(refused.request.as_ref().unwrap().first_piece_ms, None);
    let key = find("llm", "b: mind of other fails");
    assert!(key.found.contains("answered 401"), "{key:?}");
    assert!(key.found.contains("Incorrect API key"), "{key:?}");
    assert!(!key.found.contains("sk-"), "{key:?}");
    assert!(key.fix.as_ref().unwrap().contains("providers.other.llm"));
    let mute = find("tts", "b: voice of other fails");
    assert!(
        mute.fix.as_ref().unwrap().contains("providers.other.tts"),
        "{mute:?}"
    );
    // Its voice cannot be heard, but its STT is asked nevertheless.
    assert_eq!(find("stt", "b: ears of other").outcome, Outcome::Ok);
}

#[tokio::test(flavor = "multi_thread")]
async fn words_that_were_not_said_are_a_note() {
    let setup = Setup::new().await;
    setup.other.default_transcript("What time is it?");
    let items = setup.live().await;
    let faults = faults(&items);
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!(faults[0].0, Outcome::Note);
    assert!(
        faults[0].1.contains("heard \"What time is it?\""),
        "{faults:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_realtime_stt_is_asked_by_its_socket() {
    let setup = Setup::new().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("p.md"), "You are kind.").unwrap();
    let agent = "prompt = \"p.md\"\n[stt]\nmode = \"realtime\"\n";
    std::fs::write(folder.path().join("default.toml"), agent).unwrap();
    let agents = AgentFolder::open(folder.path(), Secrets::default()).agents();
    let clients = Clients::new(&setup.env, None).unwrap();
    let items = live::ask(&setup.env, &clients, &agents).await;
    assert_eq!(faults(&items), []);
    assert!(
        items[0].found.contains("(over its realtime socket) heard"),
        "{items:?}"
    );
    assert_eq!(setup.own.requests_to(Endpoint::Realtime).len(), 1);
    assert_eq!(setup.own.requests_to(Endpoint::Transcriptions).len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_model_is_reported_in_time() {
    let setup = Setup::new().await;
    assert_eq!(faults(&setup.models().await), []);
    setup
        .own
        .list_models(ending(&[("mind", 30), ("ears", 200)]));
    setup.other.list_models(ending(&[("voice", -1)]));
    let items = setup.models().await;
    let faults = faults(&items);
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert_eq!(faults[0].0, Outcome::Note);
    assert!(
        faults[0].1.starts_with("mind (llm of a, default) ends on "),
        "{faults:?}"
    );
    assert!(faults[0].1.ends_with("in 30 days"), "{faults:?}");
    assert_eq!(faults[1].0, Outcome::Wrong);
    assert!(
        faults[1].1.starts_with("voice (tts of b) ended on "),
        "{faults:?}"
    );
    let fix = |text: &str| {
        let item = items.iter().find(|item| item.found.starts_with(text));
        item.and_then(|item| item.fix.clone()).unwrap()
    };
    assert!(fix("mind").contains("SIDETONE_LLM_MODEL"));
    assert!(fix("voice").contains("providers.other.tts"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_lists_no_models_is_not_a_problem() {
    let setup = Setup::new().await;
    for status in [404, 405, 501] {
        setup.own.list_models(ModelList::Status(status));
        let items = setup.models().await;
        assert_eq!(faults(&items), [], "{status}");
        assert!(
            items[0].found.contains("does not list its models"),
            "{items:?}"
        );
    }
    // A refused key is reported, also for a provider that only a file names.
    setup.other.list_models(ModelList::Status(401));
    let items = setup.models().await;
    let [(Outcome::Wrong, found)] = faults(&items)[..] else {
        panic!("{items:?}");
    };
    assert!(found.contains("answered 401"), "{found}");
    assert!(items.iter().any(|item| {
        let fix = item.fix.as_deref().unwrap_or_default();
        fix.contains("the key of providers.other")
    }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_the_server_does_not_list_is_a_note() {
    let setup = Setup::new().await;
    setup.own.list_models(ModelList::default());
    let items = setup.models().await;
    let faults = faults(&items);
    assert_eq!(faults.len(), 3, "{faults:?}");
    assert!(faults.iter().all(|(outcome, _)| *outcome == Outcome::Note));
    assert!(
        faults[1]
            .1
            .contains("does not list mind (llm of a, default)"),
        "{faults:?}"
    );
}

/// Run as an operator would.
#[tokio::test(flavor = "multi_thread")]
async fn the_command_asks_and_ends_with_a_code() {
    let setup = Setup::new().await;
    let server = livekit(None).await;
    let run = async |folder: &Path| {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_sidetone"));
        command
            .args(["check", "--live", "--json", "--agents"])
            .arg(folder)
            .env("SIDETONE_DATA_DIR", folder)
            .env("LIVEKIT_HOST", &server.url)
            .env("LIVEKIT_API_KEY", &server.api_key)
            .env("LIVEKIT_API_SECRET", &server.api_secret)
            .env("OPENAI_API_KEY", KEY)
            .env("OPENAI_BASE_URL", setup.own.base_url())
            .env("SIDETONE_SECRET_OTHER", OTHER_KEY)
            .env("SIDETONE_DEMO", "true");
        let output = command.output().await.unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(!text.contains(KEY) && !text.contains(OTHER_KEY), "{text}");
        let report: serde_json::Value = serde_json::from_str(&text).unwrap();
        (output.status.code(), report, text)
    };
    let folder = setup._folder.path();
    let (code, report, text) = run(folder).await;
    assert_eq!(code, Some(0), "{text}");
    let items = report["items"].as_array().unwrap();
    let llm = items.iter().find(|item| item["name"] == "llm").unwrap();
    assert_eq!(llm["outcome"], "ok");
    assert_eq!(llm["request"]["agents"], serde_json::json!(["a"]));
    assert_eq!(llm["request"]["provider"], "default");
    assert!(llm["request"]["model"].is_string());
    assert!(llm["request"]["first_piece_ms"].is_u64());
    setup
        .other
        .script_failures(Endpoint::Chat, &[Failure::Unauthorized]);
    let (code, _, text) = run(folder).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("b: mind of other fails"), "{text}");
}

/// Without a provider, agents with tools are named.
#[tokio::test]
async fn agents_whose_tools_a_local_model_may_get_wrong_are_named() {
    let folder = folder("http://127.0.0.1:9/v1");
    let secret = ("SIDETONE_SECRET_OTHER".to_owned(), OTHER_KEY.to_owned());
    let agents = AgentFolder::open(folder.path(), Secrets::from_variables([secret]));
    let notes = |local| {
        let items = check::agents(&agents, local);
        assert!(
            Report {
                items: items.clone()
            }
            .is_good()
        );
        let notes = items.into_iter().filter(|item| item.name == "tools");
        notes.map(|item| item.found).collect::<Vec<_>>()
    };
    assert_eq!(notes(false), Vec::<String>::new());
    let [note] = &notes(true)[..] else {
        panic!("{:?}", notes(true));
    };
    assert!(
        note.starts_with("a: the small local models call no tools"),
        "{note}"
    );
    assert!(note.ends_with("end_call"), "{note}");
}

/// The results about the network paths that media can take.
#[cfg(target_os = "linux")]
async fn media(livekit: &sidetone_testkit::LiveKitServer) -> Vec<Item> {
    let folder = tempfile::tempdir().unwrap();
    let env = Env::from_lookup(|name| match name {
        "LIVEKIT_HOST" => Some(livekit.url.clone()),
        "LIVEKIT_API_KEY" => Some(livekit.api_key.clone()),
        "LIVEKIT_API_SECRET" => Some(livekit.api_secret.clone()),
        "SIDETONE_DATA_DIR" => Some(folder.path().display().to_string()),
        _ => None,
    });
    let report = check::run(Ok(env.unwrap()), &[], false, Vec::new()).await;
    let items = report.items.into_iter();
    items.filter(|item| item.name == "media").collect()
}

#[cfg(target_os = "linux")]
#[test]
fn the_ways_of_media_are_tried_and_the_ports_to_open_are_named() {
    use sidetone::room::{self, JoinError};
    use sidetone_testkit::livekit_server::Options;
    use sidetone_testkit::network::{SERVER, apart};

    apart(|network| async move {
        let options = Options {
            address: Some(SERVER),
            ..Options::default()
        };
        let livekit = network.livekit(options).await;
        assert_eq!(faults(&media(&livekit).await), []);

        network.block("ipproto udp");
        let items = media(&livekit).await;
        let outcomes: Vec<Outcome> = items.iter().map(|item| item.outcome).collect();
        assert_eq!(
            outcomes,
            [Outcome::Note, Outcome::Ok, Outcome::Ok],
            "{items:?}"
        );
        let fix = items[0].fix.as_deref().unwrap();
        assert!(
            fix.contains(&format!("UDP to {SERVER}:{}", livekit.media_port)),
            "{fix}"
        );

        network.block(&format!("ipproto tcp dport {}", livekit.media_tcp_port));
        let items = media(&livekit).await;
        assert!(
            items.iter().all(|item| item.outcome == Outcome::Wrong),
            "{items:?}"
        );
        let fix = items[1].fix.as_deref().unwrap();
        let tcp = format!("TCP to {SERVER}:{}", livekit.media_tcp_port);
        assert!(fix.contains(&tcp), "{fix}");

        // An agent gets the same error.
        let token = crate::rooms::person::token(&livekit, "room", "agent");
        let joining = room::join(&livekit.url, &token, false);
        let error = tokio::time::timeout(Duration::from_secs(10), joining);
        let error = error.await.unwrap().err().unwrap();
        assert!(matches!(error, JoinError::NoPath { .. }), "{error}");
        assert!(error.to_string().contains(&tcp), "{error}");
    });
}
