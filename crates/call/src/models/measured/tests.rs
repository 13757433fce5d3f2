use super::Measured;
use crate::part::Part;
use sidetone_config::prices::{Prices, Used};

fn tokens(prompt_tokens: u64, completion_tokens: u64) -> Used {
    Used {
        prompt_tokens,
        completion_tokens,
        ..Used::default()
    }
}

#[test]
fn an_answer_is_paid_for_when_it_is_over_and_a_refused_one_is_not() {
    let prices = Prices::read(None).unwrap();
    let price = prices.of("api.openai.com", "gpt-6-luna");
    let priced = Measured::new(Part::Llm, "priced", "gpt-6-luna", price);
    let mut asking = priced.asked(Used::default());
    asking.came(Used::default());
    asking.came(tokens(1_000_000, 1_000_000));
    assert_eq!(priced.of.cost.get(), 0.0);
    drop(asking);
    assert!((priced.of.cost.get() - 0.6).abs() < 1e-9);
    assert_eq!(priced.of.completion_tokens.get(), 1_000_000);
    drop(priced.asked(Used::default()));
    assert_eq!(priced.of.cost_unknown.get(), 0, "nothing came");
    // It was cut short, or its provider never reports usage.
    priced.asked(Used::default()).came(Used::default());
    assert_eq!(priced.of.cost_unknown.get(), 1);
}

#[test]
fn a_model_without_a_price_costs_unknown() {
    let unknown = Measured::new(Part::Tts, "unknown", "voice-of-mine", None);
    let sent = Used {
        characters: 12,
        ..Used::default()
    };
    unknown.asked(sent).came(Used::default());
    assert_eq!(unknown.of.characters.get(), 12);
    assert_eq!(unknown.of.cost_unknown.get(), 1);
    assert_eq!(unknown.of.cost.get(), 0.0);
}
