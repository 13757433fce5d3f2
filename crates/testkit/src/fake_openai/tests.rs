use serde_json::json;

use super::*;
use futures::StreamExt as _;

const INSTANT: Timing = Timing::INSTANT;

async fn post(fake: &FakeOpenAi, path: &str, body: Value) -> reqwest::Response {
    let url = format!("{}{path}", fake.base_url());
    reqwest::Client::new()
        .post(url)
        .bearer_auth("key")
        .json(&body)
        .send()
        .await
        .unwrap()
}

fn chat() -> Value {
    json!({ "model": "m", "stream": true, "stream_options": { "include_usage": true },
            "messages": [{ "role": "user", "content": "hello" }] })
}

fn events(body: &str) -> Vec<Value> {
    let data = body
        .split("\n\n")
        .filter_map(|event| event.strip_prefix("data: "));
    data.filter(|data| *data != "[DONE]")
        .map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

#[tokio::test]
async fn answers_stream_word_by_word_in_the_order_scripted() {
    let fake = FakeOpenAi::start(INSTANT).await;
    fake.script_answer("It is  noon.");
    fake.script_answer(Answer::tool_call(
        "call_1",
        "weather",
        &json!({ "city": "Zürich" }),
    ));
    let body = post(&fake, "/chat/completions", chat())
        .await
        .text()
        .await
        .unwrap();
    assert!(body.ends_with("data: [DONE]\n\n"));
    let events = events(&body);
    let text: String = events
        .iter()
        .filter_map(|event| event["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(text, "It is  noon.");
    assert_eq!(
        events[events.len() - 2]["choices"][0]["finish_reason"],
        "stop"
    );
    assert_eq!(events[events.len() - 1]["usage"]["completion_tokens"], 3);

    let body = post(&fake, "/chat/completions", chat())
        .await
        .text()
        .await
        .unwrap();
    let arguments: String = super::tests::events(&body)
        .iter()
        .filter_map(|event| {
            event["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"].as_str()
        })
        .collect();
    assert_eq!(arguments, r#"{"city":"Zürich"}"#);

    let requests = fake.requests();
    assert_eq!(requests[0].authorization.as_deref(), Some("Bearer key"));
    assert_eq!(requests[0].body["messages"][0]["content"], "hello");
    fake.until(|requests| requests.iter().all(|r| r.outcome == Outcome::Finished))
        .await;
}

#[tokio::test]
async fn speech_is_the_voices_tone_as_long_as_the_text() {
    let fake = FakeOpenAi::start(INSTANT).await;
    let request =
        json!({ "model": "m", "input": "hello", "voice": "alloy", "response_format": "pcm" });
    let bytes = post(&fake, "/audio/speech", request)
        .await
        .bytes()
        .await
        .unwrap();
    assert_eq!(bytes.len(), 5 * 60 * 24 * 2);
    let samples: Vec<i16> = bytes
        .chunks(2)
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    let rising = samples.windows(2).filter(|w| w[0] < 0 && w[1] >= 0).count();
    assert!(
        rising.abs_diff(120) <= 1,
        "400 Hz for 0.3 s, not {rising} periods"
    );
}

#[tokio::test]
async fn transcriptions_take_a_file() {
    let fake = FakeOpenAi::start(INSTANT).await;
    fake.script_transcript("good morning");
    let form = reqwest::multipart::Form::new()
        .text("model", "m")
        .text("response_format", "verbose_json")
        .part(
            "file",
            reqwest::multipart::Part::bytes(vec![1, 2, 3]).file_name("a.wav"),
        );
    let url = format!("{}/audio/transcriptions", fake.base_url());
    let response = reqwest::Client::new()
        .post(url)
        .multipart(form)
        .send()
        .await
        .unwrap();
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer["text"], "good morning");
    assert_eq!(answer["segments"][0]["no_speech_prob"], 0.01f32);
    assert_eq!(fake.requests()[0].file, [1u8, 2, 3][..]);
    assert_eq!(fake.requests()[0].body["model"], "m");
}

#[tokio::test]
async fn failures_come_as_scripted_and_then_end() {
    let fake = FakeOpenAi::start(INSTANT).await;
    fake.script_failures(
        Endpoint::Chat,
        &[
            Failure::Unauthorized,
            Failure::BadRequest,
            Failure::RateLimited(Some(2)),
            Failure::Server,
            Failure::Garbage,
            Failure::CutAfter(2),
        ],
    );
    for status in [401, 400] {
        assert_eq!(
            post(&fake, "/chat/completions", chat()).await.status(),
            status
        );
    }
    let limited = post(&fake, "/chat/completions", chat()).await;
    assert_eq!(limited.status(), 429);
    assert_eq!(limited.headers()["retry-after"], "2");
    assert_eq!(post(&fake, "/chat/completions", chat()).await.status(), 500);
    let garbage = post(&fake, "/chat/completions", chat()).await;
    assert!(garbage.text().await.unwrap().starts_with("<html>"));
    let cut = post(&fake, "/chat/completions", chat()).await;
    assert!(cut.text().await.is_err());
    let good = post(&fake, "/chat/completions", chat()).await;
    assert!(good.text().await.unwrap().contains("[DONE]"));
}

#[tokio::test]
async fn who_hangs_up_is_seen() {
    let fake = FakeOpenAi::start(INSTANT).await;
    // In the middle of an answer.
    fake.script_failures(Endpoint::Chat, &[Failure::StallAfter(2)]);
    let mut stalled = post(&fake, "/chat/completions", chat())
        .await
        .bytes_stream();
    stalled.next().await.unwrap().unwrap();
    assert_eq!(fake.requests()[0].outcome, Outcome::Running);
    drop(stalled);
    fake.until(|requests| requests[0].outcome == Outcome::Cancelled)
        .await;
    // Before any of it.
    fake.script_failures(Endpoint::Speech, &[Failure::Silence]);
    let request =
        json!({ "model": "m", "input": "hello", "voice": "alloy", "response_format": "pcm" });
    let silent = tokio::time::timeout(
        Duration::from_millis(100),
        post(&fake, "/audio/speech", request),
    );
    assert!(silent.await.is_err());
    fake.until(|requests| requests[1].outcome == Outcome::Cancelled)
        .await;
}
