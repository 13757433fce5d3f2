use super::*;
use crate::providers::{Fault, Message, Role, Usage};
use futures::stream;
use std::time::Duration;

/// A model that writes these pieces.
struct Writes(Vec<Result<Piece, ProviderError>>);

impl Llm for Writes {
    fn chat(&self, _: Question) -> BoxStream<'static, Result<Piece, ProviderError>> {
        stream::iter(self.0.clone()).boxed()
    }
}

fn question() -> Question {
    Question {
        // Four letters a token, and four tokens of overhead.
        messages: vec![Message::new(Role::User, "a".repeat(400))],
        ..Question::default()
    }
}

async fn estimated(pieces: Vec<Result<Piece, ProviderError>>, read: usize) -> u64 {
    let meter = Meter::default();
    let answer = counted(meter.clone(), &Writes(pieces), question());
    let read: Vec<_> = answer.take(read).collect().await;
    drop(read);
    meter.0.estimated_tokens.load(Relaxed)
}

#[tokio::test]
async fn usage_that_a_provider_does_not_report_is_estimated() {
    let text = || Ok(Piece::Text("b".repeat(40)));
    let usage = || {
        Ok(Piece::Usage(Usage {
            prompt_tokens: 90,
            ..Usage::default()
        }))
    };
    let limited = || {
        Err(ProviderError {
            fault: Fault::Limited,
            ..ProviderError::new(Part::Llm, "429")
        })
    };
    assert_eq!(estimated(vec![text(), usage()], 9).await, 0);
    assert_eq!(estimated(vec![text(), text()], 9).await, 104 + 20);
    // Cut short before the provider could report usage.
    assert_eq!(estimated(vec![text(), usage()], 1).await, 104 + 10);
    // Rejected, and broken off in the middle.
    assert_eq!(estimated(vec![limited()], 9).await, 0);
    assert_eq!(estimated(vec![text(), limited()], 9).await, 104 + 10);
}

#[test]
fn a_budget_is_spent_and_then_overdrawn() {
    let budget = Budget {
        tokens: 100,
        characters: 1_000,
        listening: Duration::from_secs(10),
        ..Budget::default()
    };
    let meter = Meter::default();
    assert_eq!(meter.spent(&budget), Spent::No);
    meter.speaks(&"x".repeat(999));
    assert_eq!(meter.spent(&budget), Spent::No);
    meter.speaks("y");
    assert_eq!(meter.spent(&budget), Spent::All(Part::Tts));
    meter.0.prompt_tokens.fetch_add(60, Relaxed);
    meter.0.completion_tokens.fetch_add(10, Relaxed);
    meter.0.estimated_tokens.fetch_add(40, Relaxed);
    assert_eq!(meter.spent(&budget), Spent::TooMuch(Part::Llm));

    let meter = Meter::default();
    meter.hears(&Pcm::from(vec![0; 16_000 * 10]));
    assert_eq!(meter.spent(&budget), Spent::All(Part::Stt));
    let most = Budget {
        tokens: u64::MAX,
        characters: u64::MAX,
        listening: Duration::MAX,
        ..budget
    };
    assert_eq!(meter.spent(&most), Spent::No);
}
