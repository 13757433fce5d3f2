use super::*;
use serde_json::json;
use sidetone_store::media::{MediaPath, MediaWay};
use sidetone_store::{Json, Speaker};

fn at(second: i64) -> At {
    At::from_timestamp(1_700_000_000 + second, 123_456_000).unwrap()
}

fn all() -> Vec<Entry> {
    let mut figures = Figures::default();
    figures.usage.stt_seconds = 0.1 + 0.2;
    figures.ledger.caller.dropped.insert("echo".into(), 1);
    vec![
        Entry::Turn(StoredTurn {
            turn_id: "AJ_1-caller-000001".into(),
            speaker: Speaker::User,
            person: None,
            name: None,
            text: "line\nbreak, \"quotes\" and \u{1F600}".into(),
            started_at: at(1),
            ended_at: Some(at(2)),
            interrupted: true,
            unfinished: false,
            unasked: false,
            latency_ms: Some(700),
            metrics: Json(json!({"stt": 12})),
        }),
        Entry::Saying(Saying {
            turn_id: "AJ_1-caller-000002".into(),
            text: "and on".into(),
            name: Some("Ada".into()),
            at: at(2),
        }),
        Entry::Tool {
            id: "AJ_1-000001".into(),
            run: ToolCall {
                agent: "a".into(),
                name: "find".into(),
                arguments: Json(json!({"n": 7})),
                ok: false,
                running: false,
                result: "none".into(),
                started_at: at(3),
                duration_ms: 5,
            },
        },
        Entry::Error {
            id: "AJ_1-000002".into(),
            failed: StageError {
                stage: "tts".into(),
                message: "503".into(),
                at: at(4),
            },
        },
        Entry::Figures {
            job: "AJ_1".into(),
            n: 3,
            figures,
        },
        Entry::Media(Media {
            path: Some(MediaPath::Relay),
            rtt_ms: Some(12.5),
            received: MediaWay {
                packets: 500,
                lost_percent: 0.2,
                jitter_ms: Some(3.1),
                concealed_percent: Some(0.1),
                mos: Some(4.38),
            },
            sent: MediaWay::default(),
        }),
        Entry::Muted {
            identity: "ann".into(),
            at: at(5),
            muted: true,
        },
        Entry::Seen {
            room_sid: Some("RM_1".into()),
            opened_at: Some(at(0)),
            stay: SeenStay {
                sid: "PA_1".into(),
                identity: "ann".into(),
                name: "Ann".into(),
                is_agent: false,
                joined_at: Some(at(1)),
                left_at: None,
            },
        },
        Entry::Over {
            at: at(6),
            hung_up: true,
            asking: Some(Asking {
                room: "support-ann".into(),
                epoch: 2,
            }),
        },
        Entry::Answered { at: at(2) },
        Entry::Machine {
            at: at(3),
            sign: Sign::Tone,
        },
        Entry::HeldBy(HeldBy {
            agent: "a".into(),
            agent_version: "0123".into(),
            variant: Some("b".into()),
            edition: None,
        }),
        Entry::Webhook {
            url: "https://shop.example".into(),
            events: vec![WebhookEvent::Turn],
            at: at(6),
        },
        Entry::Result(CallResult {
            result: Some(Json(json!({"resolved": true}))),
            error: None,
            made_at: at(6),
        }),
        Entry::AgentEnded {
            room: "r".into(),
            epoch: Some(2),
            identity: "agent-1".into(),
            at: at(7),
        },
    ]
}

#[test]
fn what_is_written_is_read() {
    let file: Vec<u8> = all()
        .iter()
        .flat_map(|entry| entry.line().unwrap())
        .collect();
    assert_eq!(
        file.iter().filter(|byte| **byte == b'\n').count(),
        all().len()
    );
    let contents = Contents::read(&file);
    assert_eq!((contents.entries, contents.skipped), (all(), 0));
}

#[test]
fn lines_that_are_cut_short_or_damaged_are_skipped() {
    let lines: Vec<Vec<u8>> = all().iter().map(|entry| entry.line().unwrap()).collect();
    let mut file = lines[0].clone();
    file.extend(b"{\"turn\": {}}\n\n\xff\xfe\n{\"of a later version\": 1}\n");
    file.extend(&lines[1]);
    file.extend(&lines[2][..lines[2].len() / 2]);
    let contents = Contents::read(&file);
    assert_eq!(contents.entries, all()[..2]);
    assert_eq!(contents.skipped, 4);
    assert_eq!(Contents::read(b""), Contents::default());
}

/// Wherever a writer is killed, all lines before are there.
#[test]
fn a_kill_costs_the_line_that_was_being_written() {
    let lines: Vec<Vec<u8>> = all().iter().map(|entry| entry.line().unwrap()).collect();
    let file: Vec<u8> = lines.concat();
    for end in 0..file.len() {
        let newlines = file[..end].iter().filter(|byte| **byte == b'\n').count();
        let read = Contents::read(&file[..end]).entries;
        assert_eq!(read[..newlines], all()[..newlines]);
    }
}
