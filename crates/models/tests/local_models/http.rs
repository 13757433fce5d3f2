//! The OpenAI protocol as a client sees it.

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

/// The status, and the error with the field that it names.
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

/// The tools of an agent that takes orders.
fn bakery() -> Value {
    let order = json!({"type": "object", "required": ["cake", "count", "day"], "properties": {
        "cake": {"type": "string", "enum": ["apple", "cherry", "carrot"]},
        "count": {"type": "integer", "minimum": 1, "maximum": 5},
        "day": {"type": "string", "maxLength": 20},
    }});
    let goodbye = json!({"type": "object", "required": ["goodbye"], "properties": {
        "goodbye": {"type": "string"}}});
    json!([
        {"type": "function", "function": {
            "name": "order_cake", "description": "Orders cakes.", "parameters": order}},
        {"type": "function", "function": {
            "name": "end_call", "description": "Hangs up. Call it when the caller says goodbye.",
            "parameters": goodbye}},
    ])
}

fn ordered(choice: Value) -> Value {
    json!({
        "messages": [
            {"role": "system", "content": "You answer the telephone of Miller's Bakery. Talk in one \
                                           short sentence. Open: seven to six, closed on Sundays."},
            {"role": "user", "content": "Three apple cakes for Friday, please."},
        ],
        "tools": bakery(),
        "tool_choice": choice,
        "temperature": 0,
    })
}

#[tokio::test]
async fn a_tool_is_called_with_arguments_of_its_schema_and_its_result_is_told() {
    let _alone = alone().await;
    let server = Server::start().await;
    let mut request = ordered(json!("required"));
    let answer = server.post("/v1/chat/completions", &request).await;
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(
        answer["choices"][0]["finish_reason"], "tool_calls",
        "{answer}"
    );
    let message = &answer["choices"][0]["message"];
    assert_eq!(message["content"], Value::Null);
    let call = &message["tool_calls"][0];
    assert!(call["id"].as_str().unwrap().starts_with("call_"), "{call}");
    let arguments = |call: &Value| -> Value {
        serde_json::from_str(call["function"]["arguments"].as_str().unwrap()).unwrap()
    };
    assert_eq!(call["function"]["name"], "order_cake");
    let given = arguments(call);
    assert_eq!(
        (&given["cake"], &given["count"]),
        (&json!("apple"), &json!(3)),
        "{given}"
    );

    // a streamed call arrives whole
    request["stream"] = json!(true);
    let body = server
        .post("/v1/chat/completions", &request)
        .await
        .text()
        .await
        .unwrap();
    let events: Vec<Value> = body
        .lines()
        .filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok())
        .collect();
    let deltas = events
        .iter()
        .map(|event| &event["choices"][0]["delta"]["tool_calls"][0]);
    let streamed: Vec<&Value> = deltas.filter(|call| call.is_object()).collect();
    assert_eq!(streamed.len(), 1, "{body}");
    assert_eq!(
        (&streamed[0]["index"], arguments(streamed[0])),
        (&json!(0), given)
    );
    let last = events.last().unwrap();
    assert_eq!(last["choices"][0]["finish_reason"], "tool_calls", "{body}");

    // the conversation contains the tool's result, and the model puts it into words
    let messages = request["messages"].as_array_mut().unwrap();
    messages.push(message.clone());
    let done = "Ordered, to be fetched at nine.";
    messages.push(json!({"role": "tool", "tool_call_id": call["id"], "content": done}));
    request["stream"] = json!(false);
    request["tool_choice"] = json!("none");
    let answer = server.post("/v1/chat/completions", &request).await;
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["choices"][0]["finish_reason"], "stop", "{answer}");
    let message = &answer["choices"][0]["message"];
    assert_eq!(message["tool_calls"], Value::Null);
    assert!(!message["content"].as_str().unwrap().is_empty());
    server.stop().await;
}

/// Before, when offered `end_call`, it said when the bakery opens and hung up.
#[tokio::test]
async fn the_small_model_is_not_offered_tools_that_it_need_not_call() {
    let _alone = alone().await;
    let server = Server::start().await;
    let prompt_tokens = async |request: Value| -> (Value, Value) {
        let answer = server.post("/v1/chat/completions", &request).await;
        let answer: Value = answer.json().await.unwrap();
        let choice = &answer["choices"][0];
        assert_eq!(choice["finish_reason"], "stop", "{answer}");
        let message = &choice["message"];
        assert_eq!(message["tool_calls"], Value::Null, "{answer}");
        (
            message["content"].clone(),
            answer["usage"]["prompt_tokens"].clone(),
        )
    };
    let mut without = ordered(json!("none"));
    without.as_object_mut().unwrap().remove("tools");
    let without = prompt_tokens(without).await;
    for choice in [json!("auto"), json!("none"), Value::Null] {
        assert_eq!(prompt_tokens(ordered(choice)).await, without);
    }
    server.stop().await;
}

#[tokio::test]
async fn whatever_the_model_would_say_its_calls_keep_to_the_tools() {
    let _alone = alone().await;
    let server = Server::start().await;
    let only = json!({"type": "function", "function": {"name": "end_call"}});
    for seed in 0..3 {
        let mut request = ordered(only.clone());
        // the highest temperature
        request["temperature"] = json!(2);
        request["seed"] = json!(seed);
        let answer = server.post("/v1/chat/completions", &request).await;
        let answer: Value = answer.json().await.unwrap();
        let function = &answer["choices"][0]["message"]["tool_calls"][0]["function"];
        assert_eq!(function["name"], "end_call", "{answer}");
        let given: Value = serde_json::from_str(function["arguments"].as_str().unwrap()).unwrap();
        assert!(
            given["goodbye"].is_string() && given.as_object().unwrap().len() == 1,
            "{given}"
        );
    }
    server.stop().await;
}

#[tokio::test]
async fn an_answer_keeps_to_the_schema_that_it_was_asked_for() {
    let _alone = alone().await;
    let server = Server::start().await;
    let schema = json!({"type": "object", "required": ["intent", "resolved", "summary"], "properties": {
        "intent": {"enum": ["opening hours", "order", "other"]},
        "resolved": {"type": "boolean"},
        "summary": {"type": "string", "maxLength": 200},
    }});
    let request = json!({
        "messages": [
            {"role": "system", "content": "You write the record of a telephone call as JSON."},
            {"role": "user", "content": "caller: When do you open?\nagent: At seven.\ncaller: Thanks!"},
        ],
        "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}},
        "temperature": 0,
    });
    let answer = server.post("/v1/chat/completions", &request).await;
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["choices"][0]["finish_reason"], "stop", "{answer}");
    let content = answer["choices"][0]["message"]["content"].as_str().unwrap();
    let record: Value = serde_json::from_str(content).unwrap();
    assert_eq!(record["intent"], "opening hours", "{record}");
    assert!(
        record["resolved"].is_boolean() && record["summary"].is_string(),
        "{record}"
    );
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
    // with six stories in progress this would take minutes
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
            json!({"messages": user, "tools": bakery(), "tool_choice": "sometimes"}),
            "tool_choice",
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
