use super::*;
use livekit_protocol::data_stream::TextHeader;
use livekit_protocol::data_stream::header::ContentHeader;
use livekit_protocol::{RpcAck, RpcRequest, RpcResponse, UserPacket};
use proptest::prelude::*;

struct Room {
    gate: Gate,
    now: Instant,
    /// What the client has received.
    passed: Vec<DataPacket>,
    /// Chunks that were sent of each stream.
    sent: HashMap<String, u64>,
}

fn room() -> Room {
    #[expect(clippy::disallowed_methods, reason = "any instant does")]
    let now = Instant::now();
    Room {
        gate: Gate::default(),
        now,
        passed: Vec::new(),
        sent: HashMap::new(),
    }
}

impl Room {
    fn wait(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    /// Chunks get their indices here.
    fn sends(&mut self, sender: &str, mut value: Value) -> Result<(), Refused> {
        match &mut value {
            Value::StreamHeader(header) => drop(self.sent.remove(&header.stream_id)),
            Value::StreamChunk(chunk) => {
                let sent = self.sent.entry(chunk.stream_id.clone()).or_default();
                chunk.chunk_index = *sent;
                *sent += 1;
            }
            _ => {}
        }
        self.sends_numbered(sender, 0, value)
    }

    fn sends_numbered(&mut self, sender: &str, number: u32, value: Value) -> Result<(), Refused> {
        let packet = DataPacket {
            participant_sid: sender.into(),
            participant_identity: sender.into(),
            sequence: number,
            value: Some(value),
            ..DataPacket::default()
        };
        let passed = &mut self.passed;
        self.gate
            .packet(self.now, &packet.encode_to_vec(), |packet| {
                passed.push(DataPacket::decode(packet).unwrap());
            })
    }

    /// Why streams were ended that their senders had not ended.
    fn ended(&self) -> Vec<(&str, &str)> {
        let values = self.passed.iter().map(|packet| &packet.value);
        let ends = values.filter_map(|value| match value {
            Some(Value::StreamTrailer(end)) if !end.reason.is_empty() => {
                Some((&*end.stream_id, &*end.reason))
            }
            _ => None,
        });
        ends.collect()
    }
}

/// The header of a text that comes in chunks, on no topic.
fn text(id: &str) -> Header {
    Header {
        stream_id: id.into(),
        content_header: Some(ContentHeader::TextHeader(TextHeader::default())),
        ..Header::default()
    }
}

fn header(id: &str) -> Value {
    Value::StreamHeader(Header {
        topic: "lk.chat".into(),
        ..text(id)
    })
}

fn packed(id: &str) -> Value {
    Value::StreamHeader(Header {
        compression: CompressionType::DeflateRaw as i32,
        ..text(id)
    })
}

fn chunk(id: &str, bytes: usize) -> Value {
    Value::StreamChunk(Chunk {
        stream_id: id.into(),
        content: vec![7; bytes],
        ..Chunk::default()
    })
}

fn trailer(id: &str) -> Value {
    Value::StreamTrailer(Trailer {
        stream_id: id.into(),
        ..Trailer::default()
    })
}

fn user(bytes: usize) -> Value {
    Value::User(UserPacket {
        payload: vec![7; bytes],
        ..UserPacket::default()
    })
}

#[test]
fn what_clients_send_passes_as_it_came() {
    let mut room = room();
    let mut sent = Vec::new();
    // Ten seconds of stereo, recorded before the call.
    sent.push(header("before"));
    sent.extend((0..128).map(|n| match chunk("before", 15_000) {
        Value::StreamChunk(chunk) => Value::StreamChunk(Chunk {
            chunk_index: n,
            ..chunk
        }),
        other => other,
    }));
    sent.push(trailer("before"));
    sent.extend([
        user(100),
        header("chat"),
        chunk("chat", 40),
        trailer("chat"),
    ]);
    for value in sent.clone() {
        assert_eq!(room.sends("PA_ada", value), Ok(()));
    }
    let passed: Vec<_> = room.passed.into_iter().filter_map(|p| p.value).collect();
    assert_eq!(passed, sent);
}

#[test]
fn captions_of_a_long_talk_pass() {
    let mut room = room();
    for n in 0..600 {
        // An agent's sentence word by word, and a caller's in interim results.
        let id = format!("S{n}");
        assert_eq!(room.sends("PA_agent", header(&id)), Ok(()));
        for _ in 0..10 {
            assert_eq!(room.sends("PA_agent", chunk(&id, 8)), Ok(()));
            room.now += Duration::from_millis(50);
        }
        assert_eq!(room.sends("PA_agent", trailer(&id)), Ok(()));
    }
}

#[test]
fn the_servers_own_packets_pass() {
    let mut room = room();
    for _ in 0..1_000 {
        assert_eq!(room.sends("", user(60_000)), Ok(()));
    }
}

#[test]
fn a_flood_is_cut_and_others_are_heard() {
    let mut room = room();
    let passed = (0..10_000).filter(|_| room.sends("PA_eve", user(10)).is_ok());
    assert_eq!(passed.count(), 400);
    assert_eq!(room.sends("PA_eve", user(10)), Err(Refused::TooMany));
    assert_eq!(room.sends("PA_ada", user(10)), Ok(()));
    room.wait(1);
    assert_eq!(room.sends("PA_eve", user(10)), Ok(()));
    let heavy = (0..400).filter(|_| room.sends("PA_mallory", user(19_000)).is_ok());
    assert_eq!(heavy.count(), 3 * 1024 * 1024 / 19_032);
    assert_eq!(room.sends("PA_ada", user(LONGEST)), Err(Refused::TooLong));
}

/// E3 of the field trial, with requests: the client keeps each until it ends.
#[test]
fn streams_at_once_are_few() {
    let mut room = room();
    let begun = (0..50).filter(|n| room.sends("PA_eve", header(&n.to_string())).is_ok());
    assert_eq!(begun.count(), AT_ONCE);
    assert_eq!(room.sends("PA_ada", header("hers")), Ok(()));
    for sender in 0..10 {
        for n in 0..AT_ONCE {
            room.sends(&format!("PA_{sender}"), header(&format!("{sender}-{n}")))
                .ok();
        }
    }
    assert_eq!(room.gate.streams.len(), AT_ONCE_IN_ALL);
    // A participant who abandoned one gets its place back, and the client is told that the old one is over.
    room.wait(11);
    assert_eq!(room.sends("PA_eve", header("another")), Ok(()));
    assert_eq!(room.ended().len(), 1);
    assert_eq!(room.gate.streams.len(), AT_ONCE_IN_ALL);
}

/// E3: a few compressed kilobytes are megabytes for whoever decompresses them.
#[test]
fn packed_bytes_are_counted_apart() {
    let mut room = room();
    assert_eq!(room.sends("PA_eve", packed("bomb")), Ok(()));
    let mut bytes = 0;
    while room.sends("PA_eve", chunk("bomb", 15_000)).is_ok() {
        bytes += 15_000;
    }
    assert!(bytes <= 1024 * 1024, "{bytes}");
    let reason = Refused::TooMuchPacked.to_string();
    assert_eq!(room.ended(), [("bomb", &*reason)]);
    assert_eq!(
        room.sends("PA_eve", chunk("bomb", 1)),
        Err(Refused::NoStream)
    );
    // In a single packet, too.
    let inline = Value::StreamHeader(Header {
        inline_content: Some(vec![7; 15_000]),
        compression: CompressionType::DeflateRaw as i32,
        ..text("inline")
    });
    assert_eq!(room.sends("PA_eve", inline), Err(Refused::TooMuchPacked));
}

#[test]
fn a_stream_is_its_senders_alone() {
    let mut room = room();
    room.sends("PA_ada", header("hers")).unwrap();
    assert_eq!(
        room.sends("PA_eve", chunk("hers", 9)),
        Err(Refused::NoStream)
    );
    assert_eq!(
        room.sends("PA_eve", trailer("hers")),
        Err(Refused::NoStream)
    );
    assert_eq!(
        room.sends("PA_eve", header("hers")),
        Err(Refused::TooManyStreams)
    );
    assert_eq!(room.sends("PA_ada", chunk("hers", 9)), Ok(()));
    assert_eq!(room.sends("PA_ada", trailer("hers")), Ok(()));
    assert_eq!(
        room.sends("PA_ada", chunk("hers", 9)),
        Err(Refused::NoStream)
    );
}

#[test]
fn no_stream_and_no_request_comes_on_the_lossy_channel() {
    let mut room = room();
    room.gate = Gate::of_encrypted_calls().lossy();
    let request = Value::RpcRequest(RpcRequest::default());
    for value in [
        header("a"),
        packed("b"),
        chunk("a", 1),
        trailer("a"),
        request,
    ] {
        assert_eq!(room.sends("eve", value), Err(Refused::Lossy));
    }
    assert_eq!(room.sends("ann", user(10)), Ok(()));
    assert_eq!(room.passed.len(), 1);
}

/// What LiveKit's client would not take either, but for a line of the log with the sender's own words in it.
#[test]
fn packets_that_the_client_would_only_complain_about_are_dropped() {
    let mut room = room();
    let ack = Value::RpcAck(RpcAck {
        request_id: "\n2026-01-01 ERROR all is lost".into(),
    });
    let response = Value::RpcResponse(RpcResponse::default());
    let answer = Value::StreamHeader(Header {
        topic: ANSWER_TOPIC.into(),
        ..text("answer")
    });
    for value in [ack, response, answer] {
        assert_eq!(room.sends("PA_eve", value), Err(Refused::NotAsked));
    }
    let of_no_kind = Value::StreamHeader(Header {
        content_header: None,
        ..text("a")
    });
    let of_the_future = Value::StreamHeader(Header {
        compression: 7,
        ..text("a")
    });
    let long = "a".repeat(LONGEST_ID + 1);
    for value in [
        of_no_kind,
        of_the_future,
        header(""),
        header("a\nb"),
        header("encrypted a"),
        header("\u{1b}[2J"),
        header(&long),
    ] {
        assert_eq!(room.sends("PA_eve", value), Err(Refused::UnreadableStream));
    }
    assert!(room.passed.is_empty(), "{:?}", room.passed);
    for id in ["0f8fad5b-d9cb-469f-a165-70867728950e", "Gruß-1"] {
        assert_eq!(room.sends("PA_ada", header(id)), Ok(()));
    }
}

#[test]
fn a_piece_that_is_missing_ends_its_stream_and_one_that_comes_again_does_not() {
    let mut room = room();
    let piece = |index: u64| {
        Value::StreamChunk(Chunk {
            stream_id: "a".into(),
            chunk_index: index,
            ..Chunk::default()
        })
    };
    room.sends("PA_ada", header("a")).unwrap();
    for (index, passes) in [
        (0, Ok(())),
        (0, Err(Refused::Repeated)),
        (1, Ok(())),
        (0, Err(Refused::Repeated)),
        (2, Ok(())),
        (u64::MAX, Err(Refused::Gap)),
        (3, Err(Refused::NoStream)),
    ] {
        assert_eq!(room.sends_numbered("PA_ada", 0, piece(index)), passes);
    }
    let reason = Refused::Gap.to_string();
    assert_eq!(room.ended(), [("a", &*reason)]);
}

/// LiveKit's client passes over what has an earlier number than something before, and keeps a stream whose end has.
#[test]
fn a_packet_of_an_earlier_number_is_skipped() {
    let mut room = room();
    room.sends_numbered("PA_eve", 5, header("a")).unwrap();
    for value in [user(1), header("b"), trailer("a")] {
        let passed = room.sends_numbered("PA_eve", 5, value);
        assert_eq!(passed, Err(Refused::Repeated));
    }
    assert_eq!(room.gate.streams.len(), 1, "it is open, as for the client");
    room.sends_numbered("PA_ada", 1, user(1)).unwrap();
    room.sends_numbered("PA_eve", 6, trailer("a")).unwrap();
    assert_eq!(room.passed.len(), 3);
}

#[test]
fn requests_of_both_kinds_are_counted_together() {
    let mut room = room();
    let request = |n: usize| match n % 2 {
        0 => Value::RpcRequest(RpcRequest::default()),
        _ => Value::StreamHeader(Header {
            topic: REQUEST_TOPIC.into(),
            inline_content: Some(Vec::new()),
            ..text(&n.to_string())
        }),
    };
    let answered = (0..100).filter(|n| room.sends("PA_eve", request(*n)).is_ok());
    assert_eq!(answered.count(), 20);
}

#[test]
fn anything_but_a_packet_is_dropped() {
    let mut room = room();
    let mut reached = 0;
    for junk in [&[0xFF; 40][..], b"\x08"] {
        let refused = room.gate.packet(room.now, junk, |_| reached += 1);
        assert_eq!(refused, Err(Refused::NotAPacket));
    }
    assert_eq!(reached, 0);
    let encrypted = Value::EncryptedPacket(proto::EncryptedPacket::default());
    assert_eq!(room.sends("PA_ada", encrypted), Err(Refused::Encrypted));
}

proptest! {
    /// Whatever arrives, in whatever order: both what is remembered and what reaches the client are bounded.
    #[test]
    fn memory_and_output_are_bounded(
        steps in prop::collection::vec((0..100_u32, 0..20_u32, 0..5_u8, 0..3_000_usize, 0..50_u64), 0..400),
    ) {
        let mut room = room();
        let begin = room.now;
        for (sender, id, kind, bytes, wait) in steps {
            room.now += Duration::from_millis(wait);
            let id = format!("{}-{id}", sender % 7);
            let value = match kind {
                0 => header(&id),
                1 => packed(&id),
                2 => chunk(&id, bytes),
                3 => trailer(&id),
                _ => user(bytes),
            };
            room.sends(&format!("PA_{sender}"), value).ok();
            prop_assert!(room.gate.senders.len() <= SENDERS);
            prop_assert!(room.gate.streams.len() <= AT_ONCE_IN_ALL);
            for stream in room.gate.streams.values() {
                prop_assert!(room.gate.senders.contains_key(&stream.sender));
            }
        }
        prop_assert!(room.now >= begin);
    }
}

#[test]
fn encrypted_packets_pass_where_calls_are_encrypted() {
    let sealed = || Value::EncryptedPacket(livekit_protocol::EncryptedPacket::default());
    let mut without = room();
    assert_eq!(without.sends("ada", sealed()), Err(Refused::Encrypted));
    let mut with = room();
    with.gate = Gate::of_encrypted_calls();
    assert_eq!(with.sends("ada", sealed()), Ok(()));
    let passed = (0..1_000).filter(|_| with.sends("ada", sealed()).is_ok());
    assert!(passed.count() < 400, "within her budget");
}

#[test]
fn what_was_encrypted_is_held_to_the_same_budgets() {
    use livekit_protocol::EncryptedPacketPayload;
    use livekit_protocol::encrypted_packet_payload::Value as Opened;
    let payload = |value| EncryptedPacketPayload { value: Some(value) }.encode_to_vec();
    let begin = |id: &str| {
        payload(Opened::StreamHeader(Header {
            compression: CompressionType::DeflateRaw.into(),
            ..text(id)
        }))
    };
    let piece = |id: &str, index: u64| {
        payload(Opened::StreamChunk(Chunk {
            stream_id: id.into(),
            chunk_index: index,
            content: vec![7; 15_000],
            ..Chunk::default()
        }))
    };
    // Nobody can use these ids in the clear.
    let passes = |id: &str| Ok(begin(&format!("encrypted {id}")));
    let is_end = |payload: &[u8], id: &str| {
        let value = EncryptedPacketPayload::decode(payload).unwrap().value;
        let id = format!("encrypted {id}");
        matches!(value, Some(Opened::StreamTrailer(end)) if end.stream_id == id && !end.reason.is_empty())
    };
    let Room {
        mut gate, mut now, ..
    } = room();
    assert_eq!(gate.opened(now, "ada", begin("a")), passes("a"));
    let refused = gate.opened(now, "bob", piece("a", 0));
    assert_eq!(refused, Err(Refused::NoStream));
    // A stream that exceeds a limit is ended, and the client is told so.
    let ended = (0..200).find_map(|n| {
        let passed = gate.opened(now, "ada", piece("a", n)).unwrap();
        (passed != piece("encrypted a", n)).then_some(passed)
    });
    assert!(is_end(&ended.unwrap(), "a"));
    let refused = gate.opened(now, "ada", piece("a", 200));
    assert_eq!(refused, Err(Refused::NoStream));
    // Of one that is ended to make room, it is told in the place of the one that there is room for next.
    for n in 0..AT_ONCE {
        let id = format!("bob-{n}");
        assert_eq!(gate.opened(now, "bob", begin(&id)), passes(&id));
        now += Duration::from_secs(2);
    }
    let instead = gate.opened(now, "bob", begin("next")).unwrap();
    assert!(is_end(&instead, "bob-0"));
    assert_eq!(gate.opened(now, "bob", begin("next")), passes("next"));
    for (sender, payload) in [("ada", vec![0xff]), ("ada", Vec::new()), ("", begin("b"))] {
        assert_eq!(gate.opened(now, sender, payload), Err(Refused::NotAPacket));
    }
}
