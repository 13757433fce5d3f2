use super::{LOCAL, Prices, Used};

const ONE: &str = r#"
[[price]]
server = "llm.example"
model = "m"
date = 2026-11-28
source = "its price list"
input = 1.0
cached_input = 0.5
output = 4.0
"#;

fn one() -> Prices {
    Prices::parse("prices.toml", ONE).unwrap()
}

fn tokens(prompt: u64, cached: u64, completion: u64) -> Used {
    Used {
        prompt_tokens: prompt,
        cached_tokens: cached,
        completion_tokens: completion,
        ..Used::default()
    }
}

#[test]
fn the_built_in_file_has_the_models_that_are_asked_for_by_default() {
    use sidetone_base::provider::catalogue::default;
    let prices = Prices::read(None).unwrap();
    for model in [default::STT, default::STT_LIVE, default::LLM, default::TTS] {
        let price = prices.of("api.openai.com", model);
        assert!(
            price.is_some(),
            "{model} has no price in docs/ops/prices.toml"
        );
    }
    let local = prices.of(LOCAL, LOCAL).unwrap();
    assert_eq!(local.cost(&tokens(100, 0, 10)), Some(0.0), "it is free");
    // 2026-11-28 is 20,785 days after 1970-01-01.
    let luna = prices.of("api.openai.com", default::LLM).unwrap();
    assert_eq!(luna.day(), 20_785.0 * 86_400.0);
}

#[test]
fn tokens_from_the_cache_cost_what_the_price_says() {
    let prices = one();
    let price = prices.of("LLM.example", "m").unwrap();
    let cost = price.cost(&tokens(1_000_000, 400_000, 500_000)).unwrap();
    assert!((cost - (0.6 + 0.2 + 2.0)).abs() < 1e-9, "{cost}");
}

#[test]
fn unknown_prices_make_no_cost_rather_than_zero() {
    let prices = one();
    assert_eq!(prices.of("llm.example", "another"), None);
    assert_eq!(prices.of("another.example", "m"), None);
    let spoken = Used {
        spoken_ms: 60_000,
        ..Used::default()
    };
    let price = prices.of("llm.example", "m").unwrap();
    assert_eq!(price.cost(&spoken), None, "it has no price by the minute");
}

#[test]
fn a_bad_file_is_refused_with_what_is_wrong() {
    let wrong = [
        (ONE.replace("input = 1.0", "input = -1.0"), "0 or more"),
        (ONE.replace("input = 1.0", "imput = 1.0"), "imput"),
        (ONE.replace("\"its price list\"", "\" \""), "source"),
        (ONE.replace("2026-11-28", "10:00:00"), "2026-11-28"),
        (format!("{ONE}{ONE}"), "two prices"),
        (
            ONE.lines().take(6).collect::<Vec<_>>().join("\n"),
            "has no price",
        ),
    ];
    for (text, told) in wrong {
        let error = Prices::parse("prices.toml", &text).unwrap_err().to_string();
        assert!(error.starts_with("prices.toml: "), "{error}");
        assert!(error.contains(told), "{told}: {error}");
    }
    let missing = Prices::read(Some("/nowhere/prices.toml".as_ref()));
    assert!(missing.unwrap_err().to_string().contains("SIDETONE_PRICES"));
}
