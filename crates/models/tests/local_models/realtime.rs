//! The realtime protocol as a client sees it.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::http::Server;
use crate::{fixture, models};

const TRANSCRIPTION: &str = "conversation.item.input_audio_transcription";

struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    async fn open(server: &Server) -> Self {
        let address = server.base.replacen("http", "ws", 1);
        let address = format!("{address}/v1/realtime?intent=transcription");
        let mut client = Self(connect_async(address).await.unwrap().0);
        assert_eq!(client.next().await["type"], "session.created");
        client
    }

    async fn send(&mut self, event: Value) {
        self.0.send(Message::text(event.to_string())).await.unwrap();
    }

    async fn next(&mut self) -> Value {
        let wait = tokio::time::timeout(Duration::from_secs(120), self.0.next());
        let message = wait.await.unwrap().unwrap().unwrap();
        serde_json::from_str(message.to_text().unwrap()).unwrap()
    }

    /// Sends a 16 kHz clip at 24 kHz, in frames of 20 ms.
    async fn say(&mut self, name: &str) {
        let clip = fixture(name);
        let samples: Vec<i16> = (0..clip.len() * 3 / 2)
            .map(|n| {
                let (at, part) = (n * 2 / 3, (n * 2 % 3) as f32 / 3.0);
                let next = clip.get(at + 1).copied().unwrap_or_default();
                ((clip[at] * (1.0 - part) + next * part) * 32_767.0) as i16
            })
            .collect();
        for frame in samples.chunks(480) {
            let bytes: Vec<u8> = frame.iter().flat_map(|s| s.to_le_bytes()).collect();
            let audio = BASE64_STANDARD.encode(bytes);
            self.send(json!({ "type": "input_audio_buffer.append", "audio": audio }))
                .await;
        }
    }
}

#[tokio::test]
async fn each_stretch_gets_its_words_in_order() {
    let server = Server::start().await;
    let mut client = Client::open(&server).await;
    let input = json!({ "transcription": { "model": "any", "language": "en" }});
    let session = json!({ "type": "transcription", "audio": { "input": input }});
    client
        .send(json!({ "type": "session.update", "session": session }))
        .await;
    let updated = client.next().await;
    assert_eq!(updated["type"], "session.updated", "{updated}");

    let clips = [
        (
            "librivox-made-amiable",
            "He might even have been made amiable himself.",
        ),
        (
            "librivox-not-ill-disposed",
            "He was not an ill-disposed young man.",
        ),
    ];
    // Both are committed before the words of the first arrive.
    for (clip, _) in clips {
        client.say(clip).await;
        client
            .send(json!({ "type": "input_audio_buffer.commit" }))
            .await;
    }
    let mut events = Vec::new();
    while events.len() < 6 {
        events.push(client.next().await);
    }
    let of = |kind: &str| -> Vec<&Value> {
        events
            .iter()
            .filter(|event| event["type"] == kind)
            .collect()
    };
    let committed = of("input_audio_buffer.committed");
    let deltas = of(&format!("{TRANSCRIPTION}.delta"));
    let completed = of(&format!("{TRANSCRIPTION}.completed"));
    for (n, (_, said)) in clips.iter().enumerate() {
        assert_eq!(completed[n]["item_id"], committed[n]["item_id"]);
        assert_eq!(deltas[n]["item_id"], committed[n]["item_id"]);
        assert_eq!(completed[n]["transcript"], *said);
        assert_eq!(deltas[n]["delta"], *said);
        assert!(completed[n]["usage"]["seconds"].as_f64().unwrap() > 1.0);
    }
    assert_eq!(committed[1]["previous_item_id"], committed[0]["item_id"]);
    server.stop().await;
}

#[tokio::test]
async fn a_refused_event_leaves_the_session_open() {
    let server = Server::start().await;
    let mut client = Client::open(&server).await;
    for event in [
        json!({ "type": "input_audio_buffer.commit", "event_id": "early" }),
        json!({ "type": "response.create" }),
        json!({ "type": "input_audio_buffer.append", "audio": "?" }),
    ] {
        let id = event["event_id"].clone();
        client.send(event).await;
        let refused = client.next().await;
        assert_eq!(refused["type"], "error");
        assert_eq!(refused["error"]["event_id"], id);
        assert!(refused["error"]["message"].as_str().unwrap().len() > 10);
    }
    client.0.send(Message::text("{")).await.unwrap();
    assert_eq!(client.next().await["error"]["code"], "invalid_json");
    client.say("cards-five-five").await;
    client
        .send(json!({ "type": "input_audio_buffer.commit" }))
        .await;
    for kind in [
        "input_audio_buffer.committed",
        &format!("{TRANSCRIPTION}.delta"),
    ] {
        assert_eq!(client.next().await["type"], kind);
    }
    server.stop().await;
}

#[tokio::test]
async fn only_transcription_sockets_are_accepted() {
    let server = Server::start().await;
    let address = server.base.replacen("http", "ws", 1);
    let Err(Error::Http(refused)) = connect_async(format!("{address}/v1/realtime")).await else {
        panic!("conversations are not done here");
    };
    assert_eq!(refused.status(), 400);
    let url = format!("{}/v1/realtime?intent=transcription", server.base);
    let plain = reqwest::get(url).await.unwrap();
    assert_eq!(plain.status(), 400);
    let body: Value = plain.json().await.unwrap();
    assert!(body["error"]["message"].is_string(), "{body}");
    server.stop().await;
}

#[tokio::test]
async fn a_server_that_stops_closes_its_sockets() {
    let server = Server::start().await;
    let mut client = Client::open(&server).await;
    server.stop().await;
    let Some(Ok(Message::Close(Some(frame)))) = client.0.next().await else {
        panic!("it is closed in due form");
    };
    assert_eq!(u16::from(frame.code), 1001);
    // The models still work after that.
    assert!(models().stt.knows("en"));
}
