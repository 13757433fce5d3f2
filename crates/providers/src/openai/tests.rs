//! Each stage against a provider that answers well, badly, late and not at all.

use sidetone_base::provider::LlmApi;
use std::time::{Duration, Instant};

use futures::{StreamExt as _, TryStreamExt as _};
use sidetone_testkit::fake_openai::{Outcome, SpeechDialect, Transcript as Said};
use sidetone_testkit::{Answer, Endpoint, Failure, FakeOpenAi, Timing};

use super::*;
use sidetone_base::audio::Pcm;
use sidetone_base::clock;

/// Never reached by what should succeed.
const PATIENCE: Duration = Duration::from_secs(20);

fn settings(base_url: String, timeout: Duration) -> Settings {
    Settings {
        base_url,
        api_key: Some(ApiKey::new("sk-very-secret")),
        model: "m".into(),
        timeout,
        ..Settings::default()
    }
}

fn deadline() -> Instant {
    clock::now() + PATIENCE
}

struct Clients {
    stt: Stt,
    llm: Llm,
    tts: Tts,
}

fn clients_at(base_url: &str, timeout: Duration) -> Clients {
    let http = Http::new().unwrap();
    let settings = || settings(base_url.to_owned(), timeout);
    Clients {
        stt: Stt::new(&http, settings(), Some("en".into())).unwrap(),
        llm: Llm::new(&http, settings()).unwrap(),
        tts: Tts::new(&http, &SpeechSockets::default(), settings()).unwrap(),
    }
}

async fn start() -> (FakeOpenAi, Clients) {
    let fake = FakeOpenAi::start(Timing::INSTANT).await;
    let clients = clients_at(&fake.base_url(), PATIENCE);
    (fake, clients)
}

fn utterance() -> Pcm<16_000> {
    Pcm::silence(Duration::from_millis(300))
}

fn question() -> ChatRequest {
    ChatRequest {
        may_call: true,
        messages: vec![Message::new(Role::User, "hello")],
        ..Default::default()
    }
}

fn speech(text: &str) -> Speech {
    Speech {
        text: text.into(),
        voice: "alloy".into(),
        instructions: None,
        speed: None,
    }
}

impl Clients {
    async fn transcribe(&self) -> Result<Transcript, ProviderError> {
        self.stt.transcribe(&utterance(), deadline()).await
    }

    async fn chat(&self) -> Result<Vec<Delta>, ProviderError> {
        self.llm.stream(question(), deadline()).try_collect().await
    }

    async fn speak(&self, text: &str) -> Result<Pcm<24_000>, ProviderError> {
        let spoken = self.tts.speak(speech(text), deadline());
        let parts: Vec<_> = spoken.map_ok(|spoken| spoken.audio).try_collect().await?;
        Ok(Pcm::concat(&parts))
    }

    async fn use_stage(&self, stage: Stage) -> Result<(), ProviderError> {
        match stage {
            Stage::Stt => self.transcribe().await.map(drop),
            Stage::Llm => self.chat().await.map(drop),
            Stage::Tts => self.speak("hello").await.map(drop),
        }
    }
}

const STAGES: [(Stage, Endpoint); 3] = [
    (Stage::Stt, Endpoint::Transcriptions),
    (Stage::Llm, Endpoint::Chat),
    (Stage::Tts, Endpoint::Speech),
];

fn text(deltas: &[Delta]) -> String {
    let texts = deltas.iter().filter_map(|delta| match delta {
        Delta::Text(text) => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

#[tokio::test]
async fn the_responses_api_is_spoken() {
    let (fake, clients) = start().await;
    fake.script_answer(Answer {
        text: "It is noon.".into(),
        ..Answer::tool_call("call_2", "look", &serde_json::json!({ "at": "clock" }))
    });
    let reasoning =
        serde_json::json!({ "type": "reasoning", "id": "rs_1", "encrypted_content": "x" });
    let mut call = ToolCall {
        id: "call_1".into(),
        name: "look".into(),
        arguments: "{}".into(),
        ..ToolCall::default()
    };
    let opaque = serde_json::json!([reasoning]);
    call.opaque.insert("reasoning_items".into(), opaque);
    let request = ChatRequest {
        may_call: false,
        max_tokens: Some(80),
        schema: None,
        messages: vec![
            Message::new(Role::System, "Be kind."),
            Message::new(Role::User, "What time is it?"),
            Message {
                calls: vec![call],
                ..Message::new(Role::Assistant, "")
            },
            Message {
                answers: "call_1".into(),
                ..Message::new(Role::Tool, "It is dark.")
            },
        ],
        tools: vec![Tool {
            name: "look".into(),
            description: "Looks.".into(),
            parameters: serde_json::json!({ "type": "object" }),
        }],
    };
    let llm = clients.llm.clone().with_api(LlmApi::Responses);
    let deltas: Vec<_> = llm.stream(request, deadline()).try_collect().await.unwrap();
    assert_eq!(text(&deltas), "It is noon.");
    let call = ToolCall {
        id: "call_2".into(),
        name: "look".into(),
        arguments: r#"{"at":"clock"}"#.into(),
        ..ToolCall::default()
    };
    let usage = Usage {
        prompt_tokens: 10,
        cached_tokens: 0,
        completion_tokens: 3,
    };
    let rest = [
        Delta::ToolCall(call),
        Delta::Finished(FinishReason::ToolCalls),
        Delta::Usage(usage),
    ];
    assert!(deltas.ends_with(&rest), "{deltas:?}");

    let body = &fake.requests_to(Endpoint::Responses)[0].body;
    assert_eq!(
        body["input"],
        serde_json::json!([
            { "role": "system", "content": "Be kind." },
            { "role": "user", "content": "What time is it?" },
            reasoning,
            { "type": "function_call", "call_id": "call_1", "name": "look", "arguments": "{}" },
            { "type": "function_call_output", "call_id": "call_1", "output": "It is dark." },
        ])
    );
    assert_eq!(body["tools"][0]["name"], "look");
    assert_eq!(body["tool_choice"], "none");
    assert_eq!(body["max_output_tokens"], 80);
    assert_eq!(body["store"], false);
}

#[tokio::test]
async fn a_response_that_fails_or_breaks_off_is_an_error() {
    let (fake, clients) = start().await;
    let llm = clients
        .llm
        .clone()
        .with_api(LlmApi::Responses)
        .with_retries(0);
    for failure in [
        Failure::Unauthorized,
        Failure::Garbage,
        Failure::CutAfter(3),
    ] {
        fake.script_failures(Endpoint::Responses, &[failure]);
        let answer: Result<Vec<_>, _> = llm.stream(question(), deadline()).try_collect().await;
        assert!(answer.is_err(), "{failure:?}: {answer:?}");
    }
}

#[tokio::test]
async fn an_utterance_becomes_words() {
    let (fake, clients) = start().await;
    fake.script_transcript(Said {
        text: " good morning\n".into(),
        no_speech_prob: 0.7,
        avg_logprob: -1.5,
    });
    let transcript = clients.transcribe().await.unwrap();
    assert_eq!(transcript.text, "good morning");
    assert_eq!(transcript.no_speech_prob, Some(0.7));
    assert_eq!(transcript.avg_logprob, Some(-1.5));
    assert!(transcript.is_hallucinated(0.6, -1.0, &[]));
    assert!(!format!("{transcript:?}").contains("good"));

    let request = &fake.requests()[0];
    assert_eq!(
        request.authorization.as_deref(),
        Some("Bearer sk-very-secret")
    );
    assert_eq!(request.body["model"], "m");
    assert_eq!(request.body["language"], "en");
    assert_eq!(request.body["response_format"], "verbose_json");
    assert_eq!(
        sidetone_base::audio::wav::parse::<16_000>(&request.file).unwrap(),
        utterance()
    );
}

#[tokio::test]
async fn models_without_verbose_answers_are_asked_for_plain_ones() {
    let fake = FakeOpenAi::start(Timing::INSTANT).await;
    let settings = Settings {
        model: "gpt-4o-mini-transcribe".into(),
        ..settings(fake.base_url(), PATIENCE)
    };
    let stt = Stt::new(&Http::new().unwrap(), settings, None).unwrap();
    let transcript = stt.transcribe(&utterance(), deadline()).await.unwrap();
    assert_eq!(transcript.text, "What time is it?");
    assert_eq!(transcript.no_speech_prob, None);
    assert!(!transcript.is_hallucinated(0.6, -1.0, &[]));
    let request = &fake.requests()[0];
    assert_eq!(request.body["response_format"], "json");
    assert_eq!(request.body["include[]"], "logprobs");
    assert_eq!(request.body.get("language"), None);
}

#[tokio::test]
async fn a_conversation_is_continued() {
    let (fake, clients) = start().await;
    fake.script_answer("It is noon.");
    let deltas = clients.chat().await.unwrap();
    assert_eq!(text(&deltas), "It is noon.");
    let end = [
        Delta::Finished(FinishReason::Stop),
        Delta::Usage(Usage {
            prompt_tokens: 10,
            cached_tokens: 0,
            completion_tokens: 3,
        }),
    ];
    assert_eq!(deltas[3..], end);
    let body = &fake.requests()[0].body;
    assert_eq!(body["messages"][0]["role"], "user");
    assert_eq!(body["messages"][0]["content"], "hello");
    assert_eq!(body["stream"], true);
    assert_eq!(body.get("tools"), None);
}

#[tokio::test]
async fn tool_calls_come_whole() {
    let (fake, clients) = start().await;
    let arguments = serde_json::json!({ "city": "Zürich" });
    fake.script_answer(Answer::tool_call("call_1", "weather", &arguments));
    let mut deltas = clients.chat().await.unwrap();
    deltas.retain(|delta| *delta != Delta::Calling);
    let call = ToolCall {
        id: "call_1".into(),
        name: "weather".into(),
        arguments: arguments.to_string(),
        ..ToolCall::default()
    };
    assert_eq!(
        deltas[..2],
        [
            Delta::ToolCall(call),
            Delta::Finished(FinishReason::ToolCalls)
        ]
    );
    assert!(!format!("{:?}", deltas[0]).contains("city"));
}

#[tokio::test]
async fn text_becomes_speech_whatever_the_chunks() {
    let (fake, clients) = start().await;
    let pcm = clients.speak("hello").await.unwrap();
    assert_eq!(pcm.duration(), Duration::from_millis(300));
    // The fake speaks in a tone of a quarter of full scale; losing half a sample would make noise of it.
    let level = pcm.level_dbfs().unwrap();
    assert!((level + 15.05).abs() < 0.1, "{level}");
    let steepest = pcm
        .samples()
        .windows(2)
        .map(|w| (w[1] - w[0]).abs())
        .max()
        .unwrap();
    assert!(steepest < 900, "{steepest}");
    let body = &fake.requests()[0].body;
    assert_eq!(body["input"], "hello");
    assert_eq!(body["voice"], "alloy");
    assert_eq!(body["response_format"], "pcm");
}

#[tokio::test]
async fn passing_faults_are_retried() {
    for (stage, endpoint) in STAGES {
        let (fake, clients) = start().await;
        let failures = [
            Failure::Server,
            Failure::RateLimited(Some(0)),
            Failure::CutAfter(0),
        ];
        fake.script_failures(endpoint, &failures);
        clients.use_stage(stage).await.unwrap();
        assert_eq!(fake.requests_to(endpoint).len(), 4, "{stage}");
    }
}

#[tokio::test]
async fn after_three_retries_the_fault_is_reported() {
    for (stage, endpoint) in STAGES {
        let (fake, clients) = start().await;
        fake.script_failures(endpoint, &[Failure::Server; 9]);
        let error = clients.use_stage(stage).await.unwrap_err();
        assert_eq!((error.stage, error.kind), (stage, ErrorKind::Server));
        assert_eq!(fake.requests_to(endpoint).len(), 4, "{stage}");
    }
}

#[tokio::test]
async fn permanent_faults_are_reported_at_once() {
    let cases = [
        (Failure::Unauthorized, ErrorKind::Auth, "OPENAI_API_KEY"),
        (Failure::BadRequest, ErrorKind::Refused, "check `model`"),
        (
            Failure::Garbage,
            ErrorKind::Garbage,
            "check that base_url leads to it",
        ),
        (
            Failure::RateLimited(Some(3600)),
            ErrorKind::RateLimited,
            "raise its limit",
        ),
    ];
    for (stage, endpoint) in STAGES {
        for (failure, kind, advice) in cases {
            let (fake, clients) = start().await;
            // A request that is refused without a reason is tried once more, with the bare minimum.
            let is_bare = failure == Failure::BadRequest;
            let tries = 1 + usize::from(is_bare);
            fake.script_failures(endpoint, &[failure; 2][..tries]);
            let error = clients.use_stage(stage).await.unwrap_err();
            assert_eq!((error.stage, error.kind), (stage, kind));
            assert_eq!(
                fake.requests_to(endpoint).len(),
                tries,
                "{stage} {failure:?}"
            );
            let message = error.to_string();
            assert!(message.contains(advice), "{message}");
            for secret in ["secret", "sk-", "hello"] {
                assert!(!format!("{message}{error:?}").contains(secret), "{message}");
            }
        }
    }
}

#[tokio::test]
async fn silence_is_a_timeout_and_hangs_up() {
    for (stage, endpoint) in STAGES {
        for failure in [Failure::Silence, Failure::StallAfter(0)] {
            let fake = FakeOpenAi::start(Timing::INSTANT).await;
            let clients = clients_at(&fake.base_url(), Duration::from_millis(50));
            fake.script_failures(endpoint, &[failure; 4]);
            let error = clients.use_stage(stage).await.unwrap_err();
            assert_eq!(
                (error.stage, error.kind),
                (stage, ErrorKind::Timeout),
                "{failure:?}"
            );
            fake.until(|all| all.len() == 4 && all.iter().all(|r| r.outcome == Outcome::Cancelled))
                .await;
        }
    }
}

#[tokio::test]
async fn the_deadline_ends_all_tries() {
    let (fake, clients) = start().await;
    fake.script_failures(Endpoint::Transcriptions, &[Failure::Silence]);
    let soon = clock::now() + Duration::from_millis(50);
    let error = clients
        .stt
        .transcribe(&utterance(), soon)
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);
    fake.until(|requests| requests[0].outcome == Outcome::Cancelled)
        .await;
}

#[tokio::test]
async fn nobody_at_the_address_is_a_connect_error() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let clients = clients_at(&format!("http://127.0.0.1:{port}/v1"), PATIENCE);
    for (stage, _) in STAGES {
        let error = clients.use_stage(stage).await.unwrap_err();
        assert_eq!((error.stage, error.kind), (stage, ErrorKind::Connect));
        let message = error.to_string();
        assert!(
            message.contains("refused") && message.contains("base_url"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn a_connection_cut_in_the_middle_is_reported_and_not_retried() {
    let (fake, clients) = start().await;
    fake.script_failures(Endpoint::Chat, &[Failure::CutAfter(3)]);
    let mut answer = Box::pin(clients.llm.stream(question(), deadline()));
    let mut heard = String::new();
    let error = loop {
        match answer.next().await.unwrap() {
            Ok(delta) => heard += &text(&[delta]),
            Err(error) => break error,
        }
    };
    assert_eq!(heard, "It is");
    assert_eq!(error.kind, ErrorKind::Connect);
    assert!(answer.next().await.is_none());

    fake.script_failures(Endpoint::Speech, &[Failure::CutAfter(2)]);
    let mut sound = Box::pin(clients.tts.speak(speech("hello"), deadline()));
    let mut samples = 0;
    let error = loop {
        match sound.next().await.unwrap() {
            Ok(spoken) => samples += spoken.audio.len(),
            Err(error) => break error,
        }
    };
    assert_eq!(samples, 959);
    assert_eq!(error.kind, ErrorKind::Connect);
    assert!(sound.next().await.is_none());
    assert_eq!(fake.requests().len(), 2);
}

#[tokio::test]
async fn a_stall_in_the_middle_is_a_timeout() {
    let fake = FakeOpenAi::start(Timing::INSTANT).await;
    let clients = clients_at(&fake.base_url(), Duration::from_millis(50));
    fake.script_failures(Endpoint::Chat, &[Failure::StallAfter(3)]);
    assert_eq!(clients.chat().await.unwrap_err().kind, ErrorKind::Timeout);
    fake.script_failures(Endpoint::Speech, &[Failure::StallAfter(3)]);
    assert_eq!(
        clients.speak("hello").await.unwrap_err().kind,
        ErrorKind::Timeout
    );
    fake.until(|all| all.iter().all(|r| r.outcome == Outcome::Cancelled))
        .await;
    assert_eq!(fake.requests().len(), 2);
}

#[tokio::test]
async fn dropping_cancels_the_request() {
    for (stage, endpoint) in STAGES {
        // Before the answer.
        let (fake, clients) = start().await;
        fake.script_failures(endpoint, &[Failure::Silence]);
        let request = tokio::spawn(async move { clients.use_stage(stage).await });
        fake.until(|requests| requests.len() == 1).await;
        request.abort();
        fake.until(|requests| requests[0].outcome == Outcome::Cancelled)
            .await;
    }
    // In the middle of it.
    let (fake, clients) = start().await;
    fake.script_failures(Endpoint::Chat, &[Failure::StallAfter(2)]);
    fake.script_failures(Endpoint::Speech, &[Failure::StallAfter(2)]);
    let mut answer = Box::pin(clients.llm.stream(question(), deadline()));
    answer.next().await.unwrap().unwrap();
    drop(answer);
    let mut sound = Box::pin(clients.tts.speak(speech("hello"), deadline()));
    sound.next().await.unwrap().unwrap();
    drop(sound);
    fake.until(|requests| requests.iter().all(|r| r.outcome == Outcome::Cancelled))
        .await;
}

#[tokio::test]
async fn the_first_piece_comes_before_the_last_is_made() {
    let (fake, clients) = start().await;
    fake.script_failures(Endpoint::Chat, &[Failure::StallAfter(2)]);
    fake.script_failures(Endpoint::Speech, &[Failure::StallAfter(1)]);
    let mut answer = Box::pin(clients.llm.stream(question(), deadline()));
    assert_eq!(
        answer.next().await.unwrap().unwrap(),
        Delta::Text("It".into())
    );
    let mut sound = Box::pin(clients.tts.speak(speech("hello"), deadline()));
    assert_eq!(sound.next().await.unwrap().unwrap().audio.len(), 479);
    assert!(
        fake.requests()
            .iter()
            .all(|request| request.outcome == Outcome::Running)
    );
}

#[tokio::test]
async fn a_prewarmed_connection_is_used_again() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
    // A server that accepts only one connection.
    let server = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let (mut stream, _) = listener.accept().await.unwrap();
        drop(listener);
        let mut requests = Vec::new();
        let mut buffer = [0; 4096];
        while requests.len() < 2 {
            let n = stream.read(&mut buffer).await.unwrap();
            let request = String::from_utf8_lossy(&buffer[..n]).into_owned();
            requests.push(request.lines().next().unwrap_or_default().to_owned());
            let answer =
                "HTTP/1.1 200 OK\r\ncontent-type: audio/pcm\r\ncontent-length: 2\r\n\r\nhi";
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        requests
    });
    let clients = clients_at(&base_url, PATIENCE);
    clients.tts.prewarm().await;
    assert_eq!(clients.speak("hello").await.unwrap().len(), 1);
    let requests = server.await.unwrap();
    assert_eq!(
        requests,
        ["GET /v1/models HTTP/1.1", "POST /v1/audio/speech HTTP/1.1"]
    );
}

#[tokio::test]
async fn a_sentence_that_is_too_long_is_reported_at_once_and_no_field_is_left_out_for_it() {
    let (fake, clients) = start().await;
    fake.default_speech(SpeechDialect::AtMost(20));
    let error = clients.speak("A sentence of more than twenty letters.");
    assert_eq!(error.await.unwrap_err().kind, ErrorKind::TooLong);
    assert_eq!(fake.requests().len(), 1);
    assert!(clients.speak("A short one.").await.is_ok());
    assert_eq!(fake.requests()[1].body["response_format"], "pcm");
}
