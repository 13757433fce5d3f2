use super::*;

fn env(pairs: &[(&str, &str)]) -> Result<Env, BadVariable> {
    Env::from_lookup(|name| {
        pairs
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| (*value).to_owned())
    })
}

const KEYS: [(&str, &str); 2] = [
    ("LIVEKIT_API_KEY", "APIkey"),
    ("LIVEKIT_API_SECRET", SECRET),
];
const SECRET: &str = "very-secret-value-0123456789abcdef";

#[test]
fn every_missing_variable_is_named() {
    let missing = env(&[("LIVEKIT_API_KEY", "k"), ("LIVEKIT_HOST", "  ")])
        .unwrap()
        .livekit;
    let error = missing.unwrap_err();
    assert_eq!(error.variables(), ["LIVEKIT_HOST", "LIVEKIT_API_SECRET"]);
    assert_eq!(
        error.to_string(),
        "Voice service not configured: set LIVEKIT_HOST, LIVEKIT_API_SECRET"
    );
}

#[test]
fn the_host_is_wss_loopback_or_on_a_private_network() {
    let host = |value: &str| {
        let mut pairs = KEYS.to_vec();
        pairs.push(("LIVEKIT_URL", value));
        env(&pairs).unwrap().livekit.map(|livekit| livekit.host)
    };
    assert_eq!(
        host("wss://p.livekit.cloud/").unwrap(),
        "wss://p.livekit.cloud"
    );
    for good in [
        "ws://127.0.0.1:7880",
        "ws://localhost:7880",
        "ws://[::1]:7880",
        "ws://livekit:7880",
        "ws://10.0.0.5:7880",
    ] {
        assert_eq!(host(good).unwrap(), good);
    }
    for bad in [
        "https://p.livekit.cloud",
        "ws://livekit.example.com:7880",
        "ws://127.0.0.1:7880@evil.org",
        "wss://",
        "ws://localhost.evil.org",
    ] {
        assert_eq!(host(bad), Err(NotConfigured::Host(bad.into())));
    }
}

#[test]
fn an_operator_is_told_of_a_private_network_in_the_clear() {
    let told = |value: &str| {
        let mut pairs = KEYS.to_vec();
        pairs.push(("LIVEKIT_HOST", value));
        env(&pairs).unwrap().livekit.unwrap().in_the_clear()
    };
    let text = told("ws://livekit:7880").unwrap();
    assert!(
        text.contains("ws://livekit:7880") && text.contains("wss://"),
        "{text}"
    );
    assert_eq!(told("ws://127.0.0.1:7880"), None);
    assert_eq!(told("wss://livekit"), None);
}

#[test]
fn origins_are_checked_at_start() {
    let origins = |value: &str| env(&[("SIDETONE_CORS_ORIGINS", value)]);
    let read = origins("https://App.example.com, http://localhost:5173").unwrap();
    assert_eq!(
        read.cors_origins,
        ["https://app.example.com", "http://localhost:5173"]
    );
    for bad in [
        "*",
        "https://good.example,app.example.com/x",
        "https://app.example.com/",
    ] {
        let error = origins(bad).unwrap_err();
        assert_eq!(error.name, "SIDETONE_CORS_ORIGINS");
        assert!(bad.ends_with(&error.value), "{error}");
        assert!(error.to_string().contains(&error.value), "{error}");
        assert!(error.fix.contains("write"), "{error}");
    }
}

#[test]
fn openais_own_models_are_asked_for_at_openai_only() {
    use sidetone_base::provider::catalogue::{compatible, default};
    let names = |pairs: &[(&str, &str)]| {
        let env = env(pairs).unwrap();
        let all = [env.stt_model, env.llm_model, env.tts_model];
        (all, env.stt_live_model)
    };
    let key = ("OPENAI_API_KEY", "sk-1");
    let openai = (
        [default::STT, default::LLM, default::TTS].map(str::to_owned),
        Some(default::STT_LIVE.to_owned()),
    );
    assert_eq!(names(&[key]), openai);
    let own = ("OPENAI_BASE_URL", "https://eu.api.openai.com/v1/");
    assert_eq!(names(&[key, own]), openai);
    let others = [compatible::STT, compatible::LLM, compatible::TTS].map(str::to_owned);
    let elsewhere = ("OPENAI_BASE_URL", "https://openrouter.ai/api/v1");
    assert_eq!(names(&[key, elsewhere]), (others.clone(), None));
    assert_eq!(names(&[]), (others, None));
    let named = names(&[key, ("SIDETONE_STT_MODEL", "whisper-1")]);
    assert_eq!((named.0[0].as_str(), named.1), ("whisper-1", None));
    assert!(env(&[key]).unwrap().uses_openai());
    assert!(!env(&[key, elsewhere]).unwrap().uses_openai());
    assert!(!env(&[]).unwrap().uses_openai());
}

#[test]
fn no_secret_is_printed() {
    let mut pairs = KEYS.to_vec();
    pairs.extend([
        ("LIVEKIT_HOST", "wss://h"),
        ("OPENAI_API_KEY", "very-secret-value"),
        ("DATABASE_URL", "postgres://u:very-secret-value@h/d"),
        ("SIDETONE_JWT_SECRET", SECRET),
    ]);
    let text = format!("{:?}", env(&pairs).unwrap());
    assert!(!text.contains("very-secret-value"), "{text}");
    assert!(text.contains("[redacted]"));
}

#[test]
fn a_wrong_value_names_the_variable_and_the_fix() {
    let error = env(&[("DATABASE_URL", "mysql://u:very-secret-value@h/d")]).unwrap_err();
    assert_eq!(error.name, "DATABASE_URL");
    assert!(!error.to_string().contains("very-secret-value"), "{error}");
    assert_eq!(
        env(&[("SIDETONE_BIND", "3000")]).unwrap_err().name,
        "SIDETONE_BIND"
    );
    assert_eq!(
        env(&[("SIDETONE_HEALTH_ADDRESS", "3001")])
            .unwrap_err()
            .to_string(),
        "SIDETONE_HEALTH_ADDRESS is \"3001\": write an address and a port, such as 127.0.0.1:3001 \
         or 0.0.0.0:3001"
    );
    assert_eq!(
        env(&[("SIDETONE_DEMO", "maybe")]).unwrap_err().name,
        "SIDETONE_DEMO"
    );
    let proxies = env(&[("SIDETONE_TRUSTED_PROXIES", "10.0.0.1, proxy.internal")]);
    assert_eq!(proxies.unwrap_err().value, "proxy.internal");
    let everybody = env(&[("SIDETONE_TRUSTED_PROXIES", "127.0.0.1,0.0.0.0/0")]).unwrap_err();
    assert!(everybody.fix.contains("anybody could write"), "{everybody}");
}

#[test]
fn proxies_are_addresses_and_networks_of_both_families() {
    let env = env(&[(
        "SIDETONE_TRUSTED_PROXIES",
        "127.0.0.1, 10.0.0.0/8,2001:db8::/32",
    )])
    .unwrap();
    let is_named = |address: &str| {
        let address = address.parse().unwrap();
        env.trusted_proxies
            .iter()
            .any(|proxy| proxy.contains(address))
    };
    assert!(is_named("127.0.0.1") && is_named("10.200.0.7") && is_named("2001:db8:5::1"));
    assert!(!is_named("127.0.0.2") && !is_named("11.0.0.1") && !is_named("2001:db9::1"));
}

#[test]
fn a_webhook_is_signed_and_travels_encrypted() {
    let url = ("SIDETONE_CALL_WEBHOOK_URL", "https://shop.example/calls");
    let secret = ("SIDETONE_CALL_WEBHOOK_SECRET", "0123456789abcdef01234567");
    assert!(env(&[url, secret]).unwrap().call_webhook.secret.is_some());
    for (bad, name) in [
        (vec![url], secret.0),
        (vec![url, (secret.0, "short")], secret.0),
        (vec![(url.0, "http://shop.example"), secret], url.0),
        (vec![(url.0, "http://localhost.evil.org"), secret], url.0),
    ] {
        assert_eq!(env(&bad).unwrap_err().name, name);
    }
}

#[test]
fn what_is_posted_of_a_call_is_chosen_by_name() {
    use crate::webhook::WebhookEvent::{Started, Turn};
    let events = |value| env(&[("SIDETONE_CALL_WEBHOOK_EVENTS", value)]);
    assert_eq!(events(" ").unwrap().call_webhook.events, []);
    let some = events("turn, started,turn").unwrap().call_webhook.events;
    assert_eq!(some, [Started, Turn]);
    for (bad, fix) in [
        ("turns", "not one of started, turn, tool, transferred"),
        ("ended", "always posted"),
    ] {
        let error = events(bad).unwrap_err();
        assert_eq!(error.name, "SIDETONE_CALL_WEBHOOK_EVENTS");
        assert!(error.fix.contains(fix), "{error}");
    }
}

#[test]
fn the_database_is_sqlite_in_the_data_folder_unless_told() {
    let here = env(&[("SIDETONE_DATA_DIR", "/data")]).unwrap();
    assert_eq!(here.database, Database::Sqlite("/data/sidetone.db".into()));
    let there = env(&[("DATABASE_URL", "sqlite://x/y.db")]).unwrap();
    assert_eq!(there.database, Database::Sqlite("x/y.db".into()));
}

#[test]
fn the_path_of_the_public_address_is_where_the_server_is_found() {
    let prefix = |url: &str| env(&[("SIDETONE_PUBLIC_URL", url)]).unwrap().path_prefix();
    assert_eq!(
        prefix("https://example.com/voice/").as_deref(),
        Some("/voice")
    );
    assert_eq!(prefix("https://example.com/a/b").as_deref(), Some("/a/b"));
    assert_eq!(prefix("https://voice.example.com/"), None);
    assert_eq!(prefix("voice.example.com"), None);
    assert_eq!(env(&[]).unwrap().path_prefix(), None);
}
