//! Data from participants of a room.

use std::collections::HashMap;
use std::time::{Duration, UNIX_EPOCH};

use livekit_protocol::data_stream::header::ContentHeader;
use livekit_protocol::data_stream::{Chunk, Header, TextHeader, Trailer};
use livekit_protocol::{DataPacket, RpcRequest, data_packet::Value};
use prost::Message as _;
use sidetone_base::clock;
use sidetone_base::signed::{Address, Inbox, Key};
use sidetone_intake::doors::{self, ChatDoor, KeyDoor, RpcDoor};
use sidetone_intake::gate::Gate;

use super::text;

pub const CONTROL: &[&[u8]] = &[
    b"{\"call\":\"\",\"at\":1800000000000,\"body\":\"",
    b"\",\"mac\":\"",
    b"\"}",
];

/// Packets of two kinds: raw bytes, and steps that describe who streams what. A stream has one sender and one end, and
/// a sender has at most eight streams open.
pub fn data_packets(input: &[u8]) {
    let mut gate = Gate::default();
    let mut now = clock::now();
    let mut open: HashMap<String, String> = HashMap::new();
    let mut sent: HashMap<String, u64> = HashMap::new();
    let mut rest = input;
    while let Some((head, body)) = rest.split_at_checked(3) {
        let (part, after) = body.split_at(usize::from(head[2]).min(body.len()));
        rest = after;
        now += Duration::from_millis(u64::from(head[1] >> 2) * 40);
        let (sender, id) = (format!("PA_{}", head[0] & 3), format!("{}", head[1] & 3));
        let stream = format!("{id}{}", head[0] >> 2 & 3);
        let value = match head[0] >> 4 {
            0 => None,
            1..=4 => {
                sent.insert(stream.clone(), 0);
                Some(Value::StreamHeader(Header {
                    stream_id: stream,
                    topic: text(part).into_owned(),
                    compression: (head[0] >> 7).into(),
                    content_header: Some(ContentHeader::TextHeader(TextHeader::default())),
                    ..Header::default()
                }))
            }
            5..=10 => {
                let next = sent.entry(stream.clone()).or_default();
                // One that begins so comes again, or leaves a gap.
                *next = match part {
                    [0, ..] => next.saturating_sub(1),
                    [1, ..] => *next + 2,
                    _ => *next,
                };
                *next += 1;
                Some(Value::StreamChunk(Chunk {
                    stream_id: stream,
                    chunk_index: *next - 1,
                    content: part.repeat(1 + usize::from(head[0] >> 6) * 64),
                    ..Chunk::default()
                }))
            }
            11 | 12 => Some(Value::StreamTrailer(Trailer {
                stream_id: stream,
                ..Trailer::default()
            })),
            _ => Some(Value::RpcRequest(RpcRequest {
                id,
                method: text(part).into_owned(),
                ..RpcRequest::default()
            })),
        };
        let packet = match value {
            None => part.to_vec(),
            value => DataPacket {
                participant_sid: sender,
                value,
                ..DataPacket::default()
            }
            .encode_to_vec(),
        };
        let mut passed = Vec::new();
        let taken = gate.packet(now, &packet, |packet| passed.push(packet.to_vec()));
        // The stream itself, and ends of streams that were closed to make room for it.
        assert!(passed.len() <= 33, "{} packets of one", passed.len());
        assert!(taken.is_err() || passed.contains(&packet));
        for packet in passed {
            let Ok(DataPacket {
                participant_sid,
                value: Some(value),
                ..
            }) = DataPacket::decode(&*packet)
            else {
                continue;
            };
            if participant_sid.is_empty() {
                continue;
            }
            match value {
                Value::StreamHeader(header) if header.inline_content.is_none() => {
                    let before = open.insert(header.stream_id, participant_sid.clone());
                    assert_eq!(before, None, "a stream begins once");
                    let own = open.values().filter(|sender| **sender == participant_sid);
                    assert!(own.count() <= 8, "streams at once");
                }
                Value::StreamChunk(chunk) => {
                    assert_eq!(open.get(&chunk.stream_id), Some(&participant_sid));
                }
                Value::StreamTrailer(end) => {
                    assert_eq!(open.remove(&end.stream_id), Some(participant_sid));
                }
                _ => {}
            }
        }
    }
}

/// An unsigned packet is rejected; a signed one is accepted once.
pub fn control_packet(input: &[u8]) {
    let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let key = Key::of("a-secret-of-at-least-thirty-two-characters");
    let mut inbox = Inbox::new(key.clone(), "room", "call");
    assert!(inbox.take("topic", now, input).is_err());
    let to = Address {
        room: "room",
        topic: "topic",
        call: "call",
    };
    let body = text(input).into_owned();
    let packet = key.sign(to, now, body.clone()).to_string();
    assert_eq!(inbox.take("topic", now, packet.as_bytes()), Ok(body));
    assert!(inbox.take("topic", now, packet.as_bytes()).is_err());
}

/// Messages, requests and attributes: a limited number per time, in any order.
pub fn doors(input: &[u8]) {
    let start = clock::now();
    let mut now = start;
    let (mut chat, mut rpc) = (ChatDoor::default(), RpcDoor::default());
    let mut key = KeyDoor::default();
    let (mut messages, mut bytes, mut requests, mut notes) = (0, 0, 0, 0);
    let mut keys = 0;
    for step in input.chunks_exact(3) {
        now += Duration::from_millis(u64::from(step[0]) * 4);
        if step[1] & 0x80 != 0 {
            requests += u32::from(rpc.request(now));
            keys += u64::from(key.key(now).is_ok());
            continue;
        }
        let length = usize::from(u16::from_le_bytes([step[1], step[2]]));
        match chat.message(now, length) {
            Ok(()) => (messages, bytes) = (messages + 1, bytes + length),
            Err(dropped) => notes += u32::from(dropped.tell),
        }
    }
    let seconds = (now - start).as_secs();
    assert!(messages <= 5 + seconds / 3 + 1, "{messages} in {seconds} s");
    assert!(bytes <= 2 * doors::LONGEST_CHAT + 513 * (seconds as usize + 1));
    assert!(u64::from(requests) <= 10 + 5 * (seconds + 1));
    assert!(keys <= 64 + 2 * (seconds + 1));
    assert!(u64::from(notes) <= 1 + seconds / 30 + 1);
    let pairs = input.chunks(40).map(|pair| {
        let (name, value) = pair.split_at(pair.len() / 2);
        (text(name).into_owned(), text(value).into_owned())
    });
    let all: HashMap<String, String> = pairs.collect();
    let taken = doors::attributes(all.clone());
    assert!(taken.len() <= 64);
    assert!(
        taken
            .iter()
            .all(|(name, value)| all.get(name) == Some(value))
    );
}
