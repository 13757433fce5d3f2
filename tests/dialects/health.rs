//! Who is to blame for a failure.

use std::time::Duration;

use sidetone_testkit::Failure;
use sidetone_testkit::fake_openai::{Endpoint, Strict, Style};

use super::*;

/// Two providers for the model; the second has the same address with another key.
fn two(first: &FakeOpenAi, second: &FakeOpenAi) -> String {
    format!(
        "[providers.one]\nbase_url = \"{}\"\nllm = \"m\"\napi_key = \"{{{{ secret.one }}}}\"\n\
         [providers.two]\nbase_url = \"{}\"\nllm = \"m\"\napi_key = \"{{{{ secret.two }}}}\"\n\
         [llm]\nproviders = [\"one\", \"two\"]\nfallback_after = \"1s\"\n",
        first.base_url(),
        second.base_url()
    )
}

#[tokio::test]
async fn a_refused_key_says_nothing_about_another() {
    let far = FakeOpenAi::start(Timing::INSTANT).await;
    let stand = stand_with(&two(&far, &far), |_| None).await;
    far.script_failures(Endpoint::Chat, &[Failure::Unauthorized]);
    assert_eq!(stand.time().await.error, None);
    assert_eq!(stand.time().await.error, None);
    let keys: Vec<_> = far
        .requests()
        .into_iter()
        .filter_map(|r| r.authorization)
        .collect();
    assert_eq!(
        keys,
        [
            "Bearer sk-secret-one",
            "Bearer sk-secret-two",
            "Bearer sk-secret-two"
        ]
    );
}

#[tokio::test]
async fn a_refused_request_goes_to_the_next_and_the_first_stays_well() {
    let (first, second) = (
        FakeOpenAi::start(Timing::INSTANT).await,
        FakeOpenAi::start(Timing::INSTANT).await,
    );
    let stand = stand_with(&two(&first, &second), |_| None).await;
    first.refuse(Endpoint::Chat, Strict::Longer(2), Style::Message);
    let long = vec![
        prompt(),
        said("One."),
        Message::new(Role::Assistant, "Two."),
        said("Three."),
    ];
    assert_eq!(stand.ask(long).await.error, None);
    assert_eq!((first.requests().len(), second.requests().len()), (1, 1));
    assert_eq!(stand.time().await.error, None);
    assert_eq!((first.requests().len(), second.requests().len()), (2, 1));
}

#[tokio::test]
async fn a_provider_that_asks_for_a_pause_gets_it() {
    let (first, second) = (
        FakeOpenAi::start(Timing::INSTANT).await,
        FakeOpenAi::start(Timing::INSTANT).await,
    );
    let stand = stand_with(&two(&first, &second), |_| None).await;
    first.script_failures(Endpoint::Chat, &[Failure::RateLimited(Some(60))]);
    for _ in 0..3 {
        assert_eq!(stand.time().await.error, None);
    }
    assert_eq!((first.requests().len(), second.requests().len()), (1, 3));
}

#[tokio::test]
async fn a_provider_that_answers_calls_passes_its_probe() {
    let first = FakeOpenAi::start(Timing::INSTANT).await;
    let second = FakeOpenAi::start(Timing::INSTANT).await;
    let stand = stand_with(&two(&first, &second), |_| None).await;
    for rule in [
        Strict::Field("max_tokens"),
        Strict::Field("max_completion_tokens"),
        Strict::Field("stream_options"),
        Strict::RolesAlternate,
        Strict::UserLast,
    ] {
        first.refuse(Endpoint::Chat, rule, Style::OpenAi);
    }
    first.script_failures(Endpoint::Chat, &[Failure::Unauthorized]);
    assert_eq!(stand.time().await.error, None);
    assert_eq!(second.requests().len(), 1);
    // The probe is due after 5 s.
    tokio::time::sleep(Duration::from_millis(5_100)).await;
    assert_eq!(stand.time().await.error, None);
    first.until(|requests| requests.len() >= 3).await;
    let probe = first.requests().pop().unwrap().body;
    assert_eq!(
        probe["tools"][0]["function"]["name"], "look",
        "of the same shape"
    );
    tokio::time::sleep(Duration::from_millis(100)).await;
    let before = second.requests().len();
    assert_eq!(stand.time().await.error, None);
    assert_eq!(second.requests().len(), before, "the first is asked again");
}
