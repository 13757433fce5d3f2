//! The OpenAI protocol, as a client sees it.

use std::time::Duration;

use futures::StreamExt;
use reqwest::multipart::{Form, Part};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{alone, fixture_path, models};

pub struct Server {
    pub base: String,
    client: Client,
    shutdown: CancellationToken,
    task: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Server {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(sidetone_models::serve(
            listener,
            models().clone(),
            shutdown.clone(),
        ));
        Self {
            base,
            client: Client::new(),
            shutdown,
            task,
        }
    }

    async fn post(&self, path: &str, body: &Value) -> reqwest::Response {
        self.client
            .post(format!("{}{path}", self.base))
            .json(body)
            .send()
            .await
            .unwrap()
    }

    async fn transcribe(&self, form: Form) -> reqwest::Response {
        let url = format!("{}/v1/audio/transcriptions", self.base);
        self.client.post(url).multipart(form).send().await.unwrap()
    }

    pub async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(Duration::from_secs(30), self.task)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
    }
}

fn wav() -> Form {
    let bytes = std::fs::read(fixture_path("librivox-made-amiable")).unwrap();
    Form::new()
        .part("file", Part::bytes(bytes).file_name("a.wav"))
        .text("model", "whisper-1")
}

/// Status and the field that an error names.
async fn error(response: reqwest::Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    assert!(
        body["error"]["message"].as_str().unwrap().len() > 10,
        "{body}"
    );
    assert!(body["error"]["type"].is_string(), "{body}");
    (status, body["error"]["param"].clone())
}

#[tokio::test]
async fn transcriptions_come_in_three_formats() {
    let server = Server::start().await;
    let said = "He might even have been made amiable himself.";
    let json: Value = server.transcribe(wav()).await.json().await.unwrap();
    assert_eq!(json, json!({"text": said}));
    let text = server
        .transcribe(wav().text("response_format", "text"))
        .await;
    assert_eq!(text.text().await.unwrap(), format!("{said}\n"));
    let verbose = server
        .transcribe(wav().text("response_format", "verbose_json"))
        .await;
    let verbose: Value = verbose.json().await.unwrap();
    assert_eq!(verbose["text"], said);
    assert!(verbose["segments"][0]["no_speech_prob"].as_f64().unwrap() < 0.1);
    assert!(verbose["segments"][0]["avg_logprob"].as_f64().unwrap() > -0.5);
    assert!((verbose["duration"].as_f64().unwrap() - 3.29).abs() < 0.01);
    server.stop().await;
}

#[tokio::test]
async fn speech_is_streamed_and_heard_again() {
    let server = Server::start().await;
    let text = "Good morning. The train to Helsinki leaves at nine.";
    let request = |format: &str| json!({"model": "tts-1", "input": text, "voice": "alloy", "response_format": format});

    let pcm = server.post("/v1/audio/speech", &request("pcm")).await;
    assert_eq!(pcm.headers()["content-type"], "audio/pcm");
    let pieces: Vec<_> = pcm.bytes_stream().collect().await;
    assert!(pieces.len() >= 2, "two sentences leave separately");

    let wav = server
        .post("/v1/audio/speech", &request("wav"))
        .await
        .bytes()
        .await
        .unwrap();
    let heard = Form::new().part("file", Part::bytes(wav.to_vec()).file_name("a.wav"));
    let heard: Value = server.transcribe(heard).await.json().await.unwrap();
    let rate = crate::wer::word_error_rate(text, heard["text"].as_str().unwrap());
    assert!(rate <= 0.35, "{heard}");

    let opus = server.post("/v1/audio/speech", &request("opus")).await;
    assert_eq!(opus.headers()["content-type"], "audio/ogg");
    let opus = opus.bytes().await.unwrap();
    assert!(opus.starts_with(b"OggS") && opus.len() < wav.len() / 5);
    server.stop().await;
}

#[tokio::test]
async fn chat_is_whole_or_streamed_with_the_same_words() {
    let _alone = alone().await;
    let server = Server::start().await;
    let mut request = json!({
        "model": "gpt-4o-mini",
        "messages": [
            {"role": "developer", "content": "You answer with one word."},
            {"role": "user", "content": [{"type": "text", "text": "The capital of Italy?"}]},
        ],
        "temperature": 0,
        "max_tokens": 8,
    });
    let whole: Value = server
        .post("/v1/chat/completions", &request)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(whole["object"], "chat.completion");
    assert_eq!(whole["choices"][0]["finish_reason"], "stop");
    let content = whole["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(content.contains("Rome"), "{whole}");

    request["stream"] = json!(true);
    request["stream_options"] = json!({"include_usage": true});
    let events = server.post("/v1/chat/completions", &request).await;
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    let events = events.text().await.unwrap();
    let events: Vec<&str> = events
        .split("\n\n")
        .filter_map(|event| event.strip_prefix("data: "))
        .collect();
    assert_eq!(events.last(), Some(&"[DONE]"));
    let chunks: Vec<Value> = events[..events.len() - 1]
        .iter()
        .map(|e| serde_json::from_str(e).unwrap())
        .collect();
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    let text: String = chunks
        .iter()
        .filter_map(|c| c["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(text, content);
    let last = chunks.last().unwrap();
    assert_eq!(last["choices"], json!([]));
    assert_eq!(
        last["usage"]["completion_tokens"],
        whole["usage"]["completion_tokens"]
    );
    server.stop().await;
}

#[tokio::test]
async fn who_brings_tools_is_answered_in_words() {
    let _alone = alone().await;
    let server = Server::start().await;
    let prompt = "You answer the telephone of Miller's Bakery. Talk in one or two short sentences. \
                  Open: seven to six, closed on Sundays.";
    let parameters = json!({"type": "object", "properties": {"cake": {"type": "string"}}});
    let order =
        json!({"name": "order_cake", "description": "Orders a cake.", "parameters": parameters});
    let call = json!({"id": "1", "type": "function",
                      "function": {"name": "order_cake", "arguments": "{\"cake\": \"apple\"}"}});
    let request = |question: &str| {
        json!({
            "messages": [
                {"role": "system", "content": prompt},
                {"role": "user", "content": "I would like an apple cake."},
                {"role": "assistant", "content": null, "tool_calls": [call]},
                {"role": "tool", "tool_call_id": "1", "content": "There is no apple cake."},
                {"role": "assistant", "content": "We have no apple cake."},
                {"role": "user", "content": question},
            ],
            "tools": [{"type": "function", "function": order}],
            "tool_choice": "auto",
            "parallel_tool_calls": false,
            "reasoning_effort": "none",
            "temperature": 0,
            "max_completion_tokens": 40,
        })
    };
    let say = async |question: &str| -> String {
        let request = request(question);
        let answer = server.post("/v1/chat/completions", &request).await;
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["choices"][0]["finish_reason"], "stop", "{answer}");
        let message = &answer["choices"][0]["message"];
        assert_eq!(message["tool_calls"], Value::Null);
        message["content"].as_str().unwrap().to_lowercase()
    };
    // In words, to the question; whether they are right is a matter of the model's size.
    let hours = say("When do you open?").await;
    assert!(hours.contains("open"), "{hours}");
    server.stop().await;
}

#[tokio::test]
async fn a_closed_connection_frees_the_model() {
    let _alone = alone().await;
    let server = Server::start().await;
    let story = json!({
        "messages": [{"role": "user", "content": "Tell me a very long story."}],
        "max_tokens": 1024,
    });
    let mut streamed = story.clone();
    streamed["stream"] = json!(true);
    for _ in 0..3 {
        let mut events = server
            .post("/v1/chat/completions", &streamed)
            .await
            .bytes_stream();
        events.next().await.unwrap().unwrap();
        let whole = tokio::time::timeout(
            Duration::from_millis(200),
            server.post("/v1/chat/completions", &story),
        );
        assert!(whole.await.is_err());
    }
    // with six stories under way this would take minutes
    let short = json!({"messages": [{"role": "user", "content": "Say yes."}], "max_tokens": 2});
    let answer = tokio::time::timeout(
        Duration::from_secs(240),
        server.post("/v1/chat/completions", &short),
    );
    assert_eq!(answer.await.unwrap().status(), StatusCode::OK);
    server.stop().await;
}

#[tokio::test]
async fn bad_requests_name_their_field() {
    let server = Server::start().await;
    let user = json!([{"role": "user", "content": "hello"}]);
    let cases = [
        (
            "/v1/audio/speech",
            json!({"input": "", "voice": "alloy"}),
            "input",
        ),
        (
            "/v1/audio/speech",
            json!({"input": "a".repeat(4097), "voice": "alloy"}),
            "input",
        ),
        (
            "/v1/audio/speech",
            json!({"input": "hi", "speed": 9}),
            "speed",
        ),
        (
            "/v1/audio/speech",
            json!({"input": "hi", "response_format": "mp3"}),
            "response_format",
        ),
        ("/v1/chat/completions", json!({}), "messages"),
        (
            "/v1/chat/completions",
            json!({"messages": user, "temperature": 3}),
            "temperature",
        ),
        (
            "/v1/chat/completions",
            json!({"messages": user, "top_p": -1}),
            "top_p",
        ),
        (
            "/v1/chat/completions",
            json!({"messages": user, "n": 2}),
            "n",
        ),
        (
            "/v1/chat/completions",
            json!({"messages": user, "stop": [""]}),
            "stop",
        ),
        (
            "/v1/chat/completions",
            json!({"messages": [{"role": "user", "content": "word ".repeat(6000)}]}),
            "messages",
        ),
        (
            "/v1/chat/completions",
            json!({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}),
            "messages[0].content",
        ),
    ];
    for (path, body, param) in cases {
        assert_eq!(
            error(server.post(path, &body).await).await,
            (400, json!(param))
        );
    }
    let garbage = Form::new().part(
        "file",
        Part::bytes(b"not a wav".to_vec()).file_name("a.wav"),
    );
    assert_eq!(
        error(server.transcribe(garbage).await).await,
        (400, json!("file"))
    );
    assert_eq!(
        error(server.transcribe(Form::new().text("model", "x")).await).await,
        (400, json!("file"))
    );
    let format = wav().text("response_format", "srt");
    assert_eq!(
        error(server.transcribe(format).await).await,
        (400, json!("response_format"))
    );
    let language = wav().text("language", "tlh");
    assert_eq!(
        error(server.transcribe(language).await).await,
        (400, json!("language"))
    );

    let url = format!("{}/v1/chat/completions", server.base);
    let broken = server
        .client
        .post(&url)
        .header("content-type", "application/json")
        .body("{");
    assert_eq!(error(broken.send().await.unwrap()).await.0, 400);
    assert_eq!(
        error(server.client.get(&url).send().await.unwrap()).await.0,
        405
    );
    let nowhere = server
        .client
        .get(format!("{}/v2", server.base))
        .send()
        .await
        .unwrap();
    assert_eq!(error(nowhere).await.0, 404);
    server.stop().await;
}

#[tokio::test]
async fn the_models_are_listed() {
    let server = Server::start().await;
    let get = async |path: &str| -> Value {
        server
            .client
            .get(format!("{}{path}", server.base))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    };
    assert_eq!(get("/healthz").await, json!({"status": "ok"}));
    let list = get("/v1/models").await;
    let ids: Vec<_> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["id"].clone())
        .collect();
    assert_eq!(ids, ["whisper-base", "qwen2.5-coder-0.5b", "hibari-heart"]);
    server.stop().await;
}
