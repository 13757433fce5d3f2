//! Callers who send what no client sends.

use livekit::StreamByteOptions;
use livekit::StreamWriter as _;
use livekit::prelude::TrackSource;
use sidetone_testkit::{FakeOpenAi, LiveKitServer, Timing};

use super::binary::Served;
use super::person::{Person, Sounding};
use super::{ANSWER, asks_for_hours, granted};
use crate::calls::until;

/// Unpacked size of a message that is some tens of kilobytes on its way.
const BOMB: usize = 64 * 1024 * 1024;
/// What reading it may cost: a piece of it is unpacked before its size is known.
const COST: u64 = 40 * 1024 * 1024;

/// Sends this as what was said before, in the name of `track`.
async fn said_before(person: &Person, track: &Sounding, bytes: &[u8]) {
    let mut options = StreamByteOptions::new_with_topic("lk.agent.pre-connect-audio-buffer");
    options.mime_type = Some("audio/webm;codecs=opus".into());
    options.attributes = [("trackId", track.publication.sid().to_string())]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
    let participant = person.room.local_participant();
    let writer = participant.stream_bytes(options).await.unwrap();
    writer.write(bytes).await.unwrap();
    writer.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_sends_bombs_is_still_answered() {
    let livekit = LiveKitServer::start().await.unwrap();
    let provider = FakeOpenAi::start(Timing::default()).await;
    asks_for_hours(&provider);
    let served = Served::start(&livekit, &provider, &[]).await;
    let granted = granted(&served).await;
    let mut eve = Person::join(&granted.url, &granted.token).await;
    let microphone = eve.publish(TrackSource::Microphone, true).await;
    until("the agent", || eve.agent()).await;
    // A few bytes, laced blocks of empty frames: minutes of sound to whoever believes them.
    let mut laced = vec![
        0x1A, 0x45, 0xDF, 0xA3, 0x80, 0x18, 0x53, 0x80, 0x67, 0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0xFF, 0xFF, 0x16, 0x54, 0xAE, 0x6B, 0x8D, 0xAE, 0x8B, 0xD7, 0x81, 0x01, 0x86, 0x86, b'A',
        b'_', b'O', b'P', b'U', b'S',
    ];
    laced.extend([0xA3, 0x85, 0x81, 0, 0, 0x04, 0xFF].repeat(4_000));
    said_before(&eve, &microphone, &laced).await;
    eve.sees("listening").await;
    let before = served.most_memory();
    eve.writes(&"a".repeat(BOMB)).await;
    eve.writes("What are your opening hours?").await;
    eve.reads(ANSWER).await;
    let cost = served.most_memory() - before;
    eprintln!("a message of {BOMB} bytes took {cost}");
    assert!(cost < COST, "it took {cost} bytes");
    let log = served.log();
    assert!(log.contains("its blocks are laced"), "{log}");
    assert!(log.contains("a chat message"), "{log}");
    eve.leave().await;
}
