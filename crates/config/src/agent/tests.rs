//! Which configurations of an agent are accepted and which are rejected.

use super::prompt::hash;
use super::*;
use crate::recording::RecordingMode;

mod telephone;

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../agent-config")
}

fn parse(text: &str) -> Result<AgentConfig, Problems> {
    let text = format!("prompt = \"p.md\"\n{text}");
    let source = Source {
        file: "a.toml",
        text: &text,
    };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("p.md"), "Be kind.").unwrap();
    let files = Files::new(folder.path(), &files::from_disk);
    AgentConfig::parse(&[source], "a", &files, &secrets())
}

fn secrets() -> Secrets {
    Secrets::from_variables([("SIDETONE_SECRET_DESK".into(), "hush".into())])
}

#[test]
fn the_default_agent_is_the_defaults() {
    let default = AgentConfig::load(&folder().join("default.toml"), &secrets()).unwrap();
    let plain = parse("").unwrap();
    let plain = AgentConfig {
        name: default.name.clone(),
        description: default.description.clone(),
        version: default.version.clone(),
        prompt_file: default.prompt_file.clone(),
        system_prompt: default.system_prompt.clone(),
        variables: default.variables.clone(),
        templates: default.templates.clone(),
        ..plain
    };
    assert_eq!(plain, default);
    default.for_call(&Overrides::default()).unwrap();
}

#[test]
fn every_key_is_commented_in_the_default_agent() {
    let text = std::fs::read_to_string(folder().join("default.toml")).unwrap();
    let mut commented = false;
    for line in text.lines() {
        if line.contains(" = ") && !line.starts_with('#') {
            assert!(commented, "no comment above: {line}");
        }
        commented = line.starts_with('#');
    }
}

#[test]
fn an_agent_says_by_itself_what_its_language_has() {
    let text = "language = \"de_at\"\n[tools.transfer.targets.a]\nidentity = \"anna\"";
    let agent = parse(text).unwrap();
    assert_eq!(agent.language.as_deref(), Some("de-AT"));
    let failed = agent.tools.iter().find_map(|tool| match &tool.action {
        tools::Action::Transfer(transfer) => Some(transfer.failed.as_str()),
        _ => None,
    });
    for (said, expected) in [
        (
            agent.greeting.as_str(),
            "Guten Tag! Wie kann ich Ihnen helfen?",
        ),
        (
            &agent.apology,
            "Entschuldigung, bei mir ist etwas schiefgegangen. Könnten Sie das bitte wiederholen?",
        ),
        (
            &agent.cut_off,
            "Entschuldigung, die Verbindung war kurz unterbrochen.",
        ),
        (
            &agent.say_again,
            "Falls Sie gerade etwas gesagt haben, wiederholen Sie es bitte.",
        ),
        (&agent.filler, "Einen Moment, bitte."),
        (
            &agent.stages.llm_filler.texts[0],
            "Lassen Sie mich kurz nachsehen.",
        ),
        (&agent.silence.still_there, "Sind Sie noch da?"),
        (
            &agent.silence.goodbye,
            "Ich lege jetzt auf. Auf Wiederhören!",
        ),
        (
            failed.unwrap_or_default(),
            "Es tut mir leid, im Moment kann niemand das Gespräch annehmen.",
        ),
    ] {
        assert_eq!(said, expected);
    }
    assert!(
        agent
            .turn
            .endpointing
            .open_words
            .contains(&"und".to_owned())
    );
    // The agent's own sentences take precedence.
    let own = "language = \"de\"\napology = \"Hoppla.\"\ngreeting = \"\"\n\
               [silence]\ngoodbye = \"Servus!\"";
    let own = parse(own).unwrap();
    assert_eq!(
        (own.apology.as_str(), own.greeting.as_str()),
        ("Hoppla.", "")
    );
    assert_eq!(own.silence.goodbye, "Servus!");
    assert_eq!(own.silence.still_there, "Sind Sie noch da?");
    // A language without built-in sentences uses the English ones.
    let finnish = parse("language = \"fi\"").unwrap();
    assert_eq!(finnish.filler, "One moment, please.");
}

#[test]
fn an_unknown_language_is_an_error() {
    for (text, expected) in [
        (
            "german",
            "a.toml:2: language = \"german\" is not a language tag; did you mean \"de\"?",
        ),
        (
            "English",
            "a.toml:2: language = \"English\" is not a language tag; did you mean \"en\"?",
        ),
        ("xx", "a.toml:2: language = \"xx\" is not a known language"),
        ("de-", "a.toml:2: language = \"de-\" is not a language tag"),
    ] {
        let error = parse(&format!("language = \"{text}\""))
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn providers_are_named_once_and_asked_in_order() {
    let text = "[providers.far]\nbase_url = \"https://far.example/v1\"\n\
                llm = \"thinks\"\n[models]\nllm = \"near\"\n\
                [llm]\nproviders = [\"far\", \"default\"]\nfallback_after = \"1s\"";
    let stages = parse(text).unwrap().stages;
    let models: Vec<_> = stages
        .llm
        .providers
        .iter()
        .map(|p| p.model.as_deref())
        .collect();
    assert_eq!(models, [Some("thinks"), Some("near")]);
    assert_eq!(stages.stt.providers[0].name, "default");
}

#[test]
fn model_settings_hold_for_every_provider_and_headers_for_one() {
    let text = "[providers.far]\nbase_url = \"https://far.example/v1?api-version=1\"\n\
                llm = \"thinks\"\ntemperature = 0.5\nauth = \"api-key\"\n\
                [llm]\nproviders = [\"far\", \"default\"]\ntemperature = 0.2\n\
                reasoning_effort = \"low\"\nextra_body = { a = { b = 1 } }\n\
                headers = { x-title = \"Shop\" }";
    let providers = parse(text).unwrap().stages.llm.providers;
    let far = &providers[0].manner;
    assert_eq!(far.llm.temperature, Some(0.5));
    assert_eq!(far.llm.reasoning_effort.as_deref(), Some("low"));
    assert!(far.llm.extra_body.is_empty() && far.headers.is_empty());
    assert_eq!(far.auth, Some(sidetone_base::provider::Auth::ApiKey));
    let own = &providers[1].manner;
    assert_eq!(own.llm.temperature, Some(0.2));
    assert_eq!(own.llm.extra_body["a"]["b"], 1);
    assert_eq!(
        (own.headers[0].0.as_str(), &*own.headers[0].1.expose()),
        ("x-title", "Shop")
    );
    assert_eq!(own.auth, None);
}

#[test]
fn whole_utterances_may_go_to_another_provider_than_the_socket() {
    let far = "[providers.far]\nbase_url = \"https://far.example/v1\"\nstt = \"batch\"\n";
    let asked = |stt: &str| {
        let stages = parse(&format!("{far}[stt]\nmode = \"realtime\"\n{stt}"))
            .unwrap()
            .stages;
        let name = |provider: &providers::Provider| {
            format!(
                "{} {}",
                provider.name,
                provider.model.clone().unwrap_or_default()
            )
        };
        let line: Vec<String> = stages.stt.providers.iter().map(name).collect();
        (stages.ears.as_ref().map(name), line)
    };
    let default = || Some("default ".to_owned());
    assert_eq!(asked(""), (None, vec!["default ".into()]));
    let model = "fallback_model = \"gpt-transcribe\"";
    assert_eq!(
        asked(model),
        (default(), vec!["default gpt-transcribe".into()])
    );
    let both = "providers = [\"default\", \"far\"]\nfallback_provider = \"far\"";
    assert_eq!(asked(both), (default(), vec!["far batch".into()]));
}

#[test]
fn providers_that_cannot_be_asked_are_errors() {
    for (text, expected) in [
        (
            "[stt]\nproviders = [\"x\"]",
            "stt.providers names x, which does not exist; known are default",
        ),
        ("[stt]\nproviders = []", "stt.providers is empty"),
        (
            "[stt]\nproviders = [\"default\", \"default\"]",
            "names default twice",
        ),
        (
            "[providers.x]\nllm = \"m\"",
            "providers.x.base_url is missing",
        ),
        (
            "[providers.x]\nbase_url = \"x\"",
            "providers.x.base_url = \"x\" is not an address",
        ),
        (
            "[providers.default]\nbase_url = \"http://x/v1\"",
            "give this one another name",
        ),
        (
            "[providers.x]\nbase_url = \"http://x/v1\"\napi_key = \"sk-1\"",
            "must be a secret's name",
        ),
        (
            "[providers.x]\nbase_url = \"http://x/v1\"\napi_key = \"{{ secret.x }}\"",
            "set the variable SIDETONE_SECRET_X",
        ),
        (
            "[providers.x]\nbase_url = \"http://x/v1\"\n[tts]\nproviders = [\"x\"]",
            "providers.x.tts is missing",
        ),
        (
            "[llm]\nauth = \"basic\"",
            "llm.auth = \"basic\" must be \"bearer\" or \"api-key\"",
        ),
        (
            "[llm]\nextra_body = { model = \"other\" }",
            "llm.extra_body.model cannot be set here",
        ),
        (
            "[llm]\nextra_body = 3",
            "llm.extra_body = 3 must be a table",
        ),
        ("[llm]\ntemperature = 3", "llm.temperature = 3 must be"),
        (
            "[llm]\nheaders = { a = \"{{ secret.x }}\" }",
            "SIDETONE_SECRET_X",
        ),
        (
            "[stt]\nfallback_provider = \"x\"",
            "stt.fallback_provider names x, which does not exist",
        ),
        (
            "[providers.x]\nbase_url = \"http://x/v1\"\n[stt]\nfallback_provider = \"x\"",
            "providers.x.stt is missing",
        ),
    ] {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn errors_say_what_is_wrong_and_how_to_fix_it() {
    for (text, expected) in [
        (
            "voise = \"nova\"",
            "a.toml:2: unknown key voise; did you mean voice?",
        ),
        (
            "voice = \"my voice\"",
            "a.toml:2: voice = \"my voice\" cannot be a voice's name; write 1 to 64 letters, digits, \"-\", \"_\" and \".\", such as \"alloy\"",
        ),
        (
            "[endpointing]\nmin_dely = \"1s\"",
            "a.toml:3: unknown key endpointing.min_dely; did you mean endpointing.min_delay?",
        ),
        (
            "[vad]\nmin_speech = 50",
            "a.toml:3: vad.min_speech = 50 must be a duration in quotes with its unit (ms, s, m or h), such as \"500ms\" or \"1.5s\"",
        ),
        (
            "[vad]\nthreshold = 1.5",
            "a.toml:3: vad.threshold = 1.5 must be a number from 0 to 1, such as 0.5",
        ),
        (
            "[endpointing]\nmin_delay = \"5s\"",
            "a.toml: endpointing.min_delay = 5s must not be above endpointing.max_delay = 3s",
        ),
        (
            "[limits]\nllm = \"1h\"",
            "a.toml:3: limits.llm = \"1h\" must be from 100ms to 120s, such as \"10s\"",
        ),
        (
            "vad = 3",
            "a.toml:2: vad = 3 must be a table, such as […] on a line of its own",
        ),
        (
            "zzz = 1",
            "a.toml:2: unknown key zzz; known keys here: description, voice, prompt, small_prompt, greeting, recording, recording_announcement, apology, cut_off, say_again, filler, filler_after, language, pronunciations, variables, required_variables, user_may_choose, user_variables, lookup, tools, mcp, result, variants, providers, models, stt, llm, tts, menu, voicemail, encryption, vad, preemptive_generation, endpointing, interruption, several_speakers, limits, silence, keys, holding",
        ),
    ] {
        assert_eq!(parse(text).unwrap_err().to_string(), expected);
    }
    let broken = parse("a = = 1").unwrap_err();
    assert!(broken.to_string().contains("a.toml:2: "), "{broken}");
}

#[test]
fn a_call_fills_in_its_variables() {
    let mut agent =
        parse("greeting = \"Hi {{name}}!\"\n[variables]\ncompany = \"Acme\"\nname = \"you\"")
            .unwrap();
    assert_eq!(
        agent.for_call(&Overrides::default()).unwrap().greeting,
        "Hi you!"
    );
    let overrides = Overrides {
        voice: Some("onyx".parse().unwrap()),
        system_prompt: Some("You talk with {{name}}.".into()),
        variables: [("name".to_owned(), "Ada".to_owned())].into(),
        recording: Some(RecordingMode::Off),
        ..Overrides::default()
    };
    let call = agent.for_call(&overrides).unwrap();
    assert_eq!(
        (call.greeting.as_str(), call.voice.as_str()),
        ("Hi Ada!", "onyx")
    );
    assert_eq!(call.system_prompt, "You talk with Ada.");
    assert_eq!(
        call.version,
        format!("{}+{}", agent.version, hash(["You talk with {{name}}."]))
    );
    let (met, problems) = call.with("caller", serde_json::json!({"name": "Bo"}));
    assert_eq!((met.greeting.as_str(), problems.len()), ("Hi Ada!", 0));
    agent.variables.remove("name");
    let error = agent.for_call(&Overrides::default()).unwrap_err();
    assert!(
        error.to_string().contains("no value for {{name}}"),
        "{error}"
    );
}

#[test]
fn the_caller_and_the_lookup_are_known_later() {
    let text = "greeting = \"Hi {{ caller.name or 'there' }}, {{ lookup.plan | default('new') }}!\"\n\
                [lookup]\nurl = \"https://crm.example/callers\"";
    let call = parse(text)
        .unwrap()
        .for_call(&Overrides::default())
        .unwrap();
    assert_eq!(call.greeting, "Hi there, new!");
    let (call, _) = call.with("lookup", serde_json::json!({"plan": "gold"}));
    let (call, _) = call.with("caller", serde_json::json!({"name": "Ada"}));
    assert_eq!(call.greeting, "Hi Ada, gold!");
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let wrong = "greeting = \"Hi {{nam}}\"\n\
                 voice = \"my voice\"\n\
                 [variables]\ncaller = \"x\"\n\
                 [limits]\nllm = \"5 parsecs\"\n\
                 [tools.book]\nurl = \"http://{{host}}/x\"\nheaders = { A = \"{{secret.desc}}\" }\n\
                 [tools.end_cal]\n\
                 [tools.look]\ndescription = \"d\"\nurl = \"https://a.example/{{args.day}}\"\n\
                 parameters = { type = \"object\", required = [\"hour\"] }";
    let text = parse(wrong).unwrap_err().to_string();
    for part in [
        "a.toml:2: greeting: {{nam}} is not known here",
        "a.toml:3: voice = \"my voice\" cannot be a voice's name",
        "a.toml:5: variables.caller: the name has a meaning of its own",
        "a.toml:7: limits.llm = \"5 parsecs\" must be a duration",
        "tools.book.url = \"http://{{host}}/x\": scheme and host must be fixed",
        "tools.book.description is missing",
        "the secret desc is not set; set the variable SIDETONE_SECRET_DESC",
        "a.toml:11: tools.end_cal has no url, and no built-in tool has this name",
        "tools.look.url: {{args.day}} is not known here",
        "tools.look.parameters: required names \"hour\", which is not a property",
    ] {
        assert!(text.contains(part), "{part}\nis not in:\n{text}");
    }
}

#[test]
fn tools_are_read() {
    let agent = parse(
        "[variables]\nshop = \"7\"\n\
         [tools.end_call]\n\
         [tools.tables]\ndescription = \"Free tables.\"\n\
         url = \"https://desk.example/{{shop}}/tables?day={{args.day}}\"\n\
         headers = { Authorization = \"Bearer {{secret.desk}}\" }\ntimeout = \"2s\"\n\
         [tools.tables.parameters]\ntype = \"object\"\n\
         properties.day = { type = \"string\" }",
    )
    .unwrap();
    let names: Vec<&str> = agent.tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["end_call", "tables"]);
    assert!(!format!("{agent:?}").contains("hush"), "a secret is shown");
    assert_eq!(agent.tools[1].timeout(), secs(2));
}

#[test]
fn a_missing_prompt_is_named() {
    let source = Source {
        file: "a.toml",
        text: "\nprompt = \"nowhere.md\"",
    };
    let folder = folder();
    let files = Files::new(&folder, &files::from_disk);
    let error = AgentConfig::parse(&[source], "a", &files, &secrets()).unwrap_err();
    assert_eq!(error.0[0].line, Some(2));
    assert!(error.to_string().contains("nowhere.md"), "{error}");
}

#[test]
fn a_variant_changes_only_what_it_names() {
    let text = "greeting = \"Hello!\"\nvoice = \"nova\"\n[variants.b]\nweight = 100\n\
                greeting = \"Hi {{ caller.name }}!\"\nllm = \"big\"\nprompt = \"p.md\"";
    let agent = parse(text).unwrap();
    let call = agent.variant_of(uuid::Uuid::nil());
    let call = call.for_call(&Overrides::default()).unwrap();
    assert_eq!(call.variant.as_deref(), Some("b"));
    assert_eq!(
        (call.voice.as_str(), call.greeting.as_str()),
        ("nova", "Hi !")
    );
    assert_eq!(call.stages.llm.providers[0].model.as_deref(), Some("big"));
    // Without a call to choose by, as in `sidetone eval`, it is the agent itself.
    let plain = agent.for_call(&Overrides::default()).unwrap();
    assert_eq!((plain.variant, plain.greeting.as_str()), (None, "Hello!"));

    let text = "[variants.b]\nweight = 60\nprompt = \"none.md\"\n[variants.c]\nweight = 50\n\
                greting = \"Hi\"\ngreeting = \"{{ nobody }}\"";
    let problems = parse(text).unwrap_err().to_string();
    for wanted in [
        "add up to 110",
        "none.md",
        "did you mean variants.c.greeting",
        "{{nobody}}",
    ] {
        assert!(problems.contains(wanted), "{wanted}: {problems}");
    }
}

#[test]
fn a_small_model_has_a_prompt_of_its_own_unless_the_call_or_its_variant_has_one() {
    let text = "small_prompt = \"p.md\"\n[variants.b]\nweight = 100\nprompt = \"p.md\"";
    let mut agent = parse(text).unwrap();
    agent.templates.small_prompt = Some("Be {{ call.id }}.".into());
    let overrides = Overrides {
        call_id: Some("brief".into()),
        ..Overrides::default()
    };
    let prompt = |agent: &AgentConfig, overrides: &Overrides| {
        let call = agent.for_call(overrides).unwrap();
        assert_eq!(
            call.version == agent.version,
            overrides.system_prompt.is_none()
        );
        call.for_small_model().system_prompt
    };
    assert_eq!(
        agent.for_call(&overrides).unwrap().system_prompt,
        "Be kind."
    );
    assert_eq!(prompt(&agent, &overrides), "Be brief.");
    assert_eq!(
        prompt(&agent.variant_of(uuid::Uuid::nil()), &overrides),
        "Be kind."
    );
    let of_call = Overrides {
        system_prompt: Some("Be quick.".into()),
        ..overrides
    };
    assert_eq!(prompt(&agent, &of_call), "Be quick.");
    let missing = parse("small_prompt = \"none.md\"").unwrap_err().to_string();
    assert!(missing.contains("none.md"), "{missing}");
}

#[test]
fn mcp_servers_are_reached_by_one_way_with_secrets_by_name() {
    use crate::mcp::McpAt;
    for (text, expected) in [
        ("[mcp.x]", "mcp.x has neither url nor command"),
        (
            "[mcp.x]\nurl = \"https://x/\"\ncommand = \"x\"",
            "mcp.x has both url and command",
        ),
        (
            "[mcp.x]\nurl = \"http://x/\"",
            "http:// needs allow_private = true",
        ),
        (
            "[mcp.x]\nurl = \"https://x/{{ name }}\"",
            "it takes no variables",
        ),
        (
            "[mcp.x]\ncommand = \"x\"\nenv = { K = \"{{ secret.x }}\" }",
            "mcp.x.env.K: the secret x is not set; set the variable SIDETONE_SECRET_X",
        ),
        (
            "[mcp.\"a b\"]\ncommand = \"x\"",
            "a server's name is letters, digits, _ and -",
        ),
        (
            "[mcp.x]\ncomand = \"x\"",
            "unknown key mcp.x.comand; did you mean mcp.x.command?",
        ),
    ] {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let agent = parse("[mcp.x]\ncommand = \"uvx\"\nargs = [\"clock\"]").unwrap();
    let expected = McpAt::Process {
        command: "uvx".into(),
        args: vec!["clock".into()],
        env: Vec::new(),
    };
    assert_eq!(agent.mcp[0].at, expected);
    assert_eq!(agent.mcp[0].timeout, secs(5));
}

#[test]
fn what_callers_say_over_the_voice_is_in_the_agents_language() {
    for (language, go_on, stop) in [
        ("de-AT", "ach so", "warten sie"),
        ("fr", "d'accord", "attendez"),
        ("es-MX", "vale", "espere"),
        ("it", "va bene", "aspetti"),
        ("pt-BR", "tá bom", "pare"),
        ("nl", "precies", "wacht"),
        ("pl", "no tak", "czekaj"),
        ("en-GB", "mm-hmm", "hold on"),
        ("fi", "mm-hmm", "hold on"),
    ] {
        let agent = parse(&format!("language = \"{language}\"")).unwrap();
        let interruption = agent.turn.interruption;
        let has = |list: &[String], phrase: &str| list.iter().any(|known| known == phrase);
        assert!(has(&interruption.backchannels, go_on), "{language}");
        assert!(has(&interruption.stop_phrases, stop), "{language}");
        let both = has(&interruption.stop_phrases, go_on);
        assert!(!both, "{language}: {go_on}");
    }
    let own = "language = \"de\"\n[interruption]\nstop_phrases = [\"schluss\"]";
    let own = parse(own).unwrap().turn.interruption;
    assert_eq!(own.stop_phrases, ["schluss"]);
    assert!(own.backchannels.contains(&"genau".to_owned()));
}

#[test]
fn each_provider_says_how_speech_is_requested() {
    use sidetone_base::provider::TtsProtocol;
    let text = "[providers.far]\nbase_url = \"https://far.example/v1\"\ntts = \"m\"\n\
                tts_protocol = \"realtime\"\nresponse_format = \"wav\"\nsample_rate = 16000\n\
                [tts]\nproviders = [\"far\", \"default\"]\nprotocol = \"speech\"";
    let providers = parse(text).unwrap().stages.tts.providers;
    let far = &providers[0].speech;
    assert_eq!(far.protocol, Some(TtsProtocol::Realtime));
    assert_eq!(far.response_format.as_deref(), Some("wav"));
    assert_eq!(far.sample_rate, Some(16_000));
    let own = &providers[1].speech;
    assert_eq!(
        (own.protocol, own.sample_rate),
        (Some(TtsProtocol::Speech), None)
    );
    for (text, expected) in [
        (
            "[tts]\nprotocol = \"websocket\"",
            "tts.protocol = \"websocket\" must be \"speech\" or \"realtime\"",
        ),
        (
            "[tts]\nresponse_format = \"mp3\"",
            "tts.response_format = \"mp3\" must be \"pcm\" or \"wav\"",
        ),
        (
            "[tts]\nsample_rate = 12",
            "tts.sample_rate = 12 must be a number from 4000",
        ),
    ] {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_users_variables_are_those_that_the_file_lists() {
    let text = "greeting = \"{{name}} of {{company}}\"\nuser_variables = [\"name\", \"sip.h.x-order\"]\n\
                user_may_choose = true\n[variables]\ncompany = \"Acme\"\nname = \"you\"";
    let agent = parse(text).unwrap();
    assert!(agent.user.may_choose);
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let by_backend = Overrides {
        variables: [pair("name", "Ada"), pair("company", "Bell")].into(),
        ..Overrides::default()
    };
    let by_user = Overrides {
        set_by_user: ["name".to_owned(), "company".to_owned()].into(),
        ..by_backend.clone()
    };
    assert_eq!(agent.for_call(&by_backend).unwrap().greeting, "Ada of Bell");
    assert_eq!(agent.for_call(&by_user).unwrap().greeting, "Ada of Acme");
    for name in [
        "caller",
        "secret",
        "lk.agent",
        "sip.phoneNumber",
        "sidetone_prompt",
    ] {
        let Problems(problems) = parse(&format!("user_variables = [{name:?}]")).unwrap_err();
        let told = problems[0].to_string();
        assert!(
            told.contains("user_variables") && told.contains(name),
            "{told}"
        );
    }
}

#[test]
fn templates_can_use_the_metadata_of_a_dispatch() {
    let greets = |dispatch: Option<serde_json::Value>| {
        let agent = parse("greeting = \"Hi {{ dispatch.name or dispatch or 'you' }}!\"").unwrap();
        let overrides = Overrides {
            dispatch,
            ..Overrides::default()
        };
        agent.for_call(&overrides).unwrap().greeting
    };
    assert_eq!(greets(Some(json!({"name": "Ada"}))), "Hi Ada!");
    assert_eq!(greets(Some(json!("vip customer"))), "Hi vip customer!");
    assert_eq!(greets(None), "Hi you!");
}

#[test]
fn keys_are_read_and_checked() {
    let agent = parse("[keys]\ngap = \"1s\"\nend = \"*\"").unwrap();
    assert_eq!((agent.keys.gap, agent.keys.end), (secs(1), Some('*')));
    assert_eq!(parse("[keys]\nend = \"\"").unwrap().keys.end, None);
    let refused = parse("[keys]\nend = \"enter\"").unwrap_err().to_string();
    assert!(refused.contains("keys.end = \"enter\""), "{refused}");
}

#[test]
fn an_agent_that_takes_over_asks_to_repeat_only_when_nothing_is_owed() {
    let agent = parse("cut_off = \"Sorry.\"\nsay_again = \"Once more?\"").unwrap();
    assert_eq!(agent.takes_over_with(true), "Sorry.");
    assert_eq!(agent.takes_over_with(false), "Sorry. Once more?");
    let silent = parse("cut_off = \"\"").unwrap();
    assert_eq!(silent.takes_over_with(false), "");
    let never = parse("cut_off = \"Sorry.\"\nsay_again = \"\"").unwrap();
    assert_eq!(never.takes_over_with(false), "Sorry.");
}
