use super::*;
use proptest::prelude::*;

const STREAM: &str = ": keep-alive\n\ndata: {\"a\":\n\ndata:two\r\ndata: lines\r\n\r\n\
                          event: x\nid: 1\ndata: zürich\n\n\n\ndata: [DONE]\r\rdata: cut";
const EVENTS: [&str; 4] = ["{\"a\":", "two\nlines", "zürich", "[DONE]"];

proptest! {
    #[test]
    fn any_chunking_gives_the_same_events(cuts in prop::collection::vec(0usize..9, 1..60)) {
        let mut decoder = Decoder::default();
        let mut events = Vec::new();
        let mut rest = STREAM.as_bytes();
        for cut in cuts.into_iter().chain([usize::MAX]) {
            let (chunk, tail) = rest.split_at(cut.min(rest.len()));
            decoder.push(chunk, &mut events).unwrap();
            rest = tail;
        }
        prop_assert_eq!(events, EVENTS);
        prop_assert_eq!(decoder.finish(), ["cut"]);
    }
}

#[test]
fn endless_lines_are_refused() {
    let mut events = Vec::new();
    assert_eq!(
        Decoder::default().push(&vec![b'x'; LIMIT + 1], &mut events),
        Err(Malformed)
    );
    let lines = b"data: 0123456789\n".repeat(LIMIT / 10);
    assert_eq!(Decoder::default().push(&lines, &mut events), Err(Malformed));
    assert!(events.is_empty());
}

fn events_of(stream: &[u8]) -> Vec<String> {
    let (mut decoder, mut events) = (Decoder::default(), Vec::new());
    decoder.push(stream, &mut events).unwrap();
    events.extend(decoder.finish());
    events
}

#[test]
fn a_broken_character_costs_no_event() {
    assert_eq!(events_of(b"data: caf\xff\n\n"), ["caf\u{fffd}"]);
}

#[test]
fn the_last_event_needs_no_end() {
    for end in ["", "\n", "\r", "\n\n"] {
        let stream = format!("data: {{}}\n\ndata: last{end}");
        assert_eq!(events_of(stream.as_bytes()), ["{}", "last"], "{end:?}");
    }
}

#[test]
fn events_without_lines_between_them_are_events() {
    let stream = b"data: {\"a\":1}\ndata: {\"a\":2}\ndata: [DONE]\n";
    assert_eq!(events_of(stream), ["{\"a\":1}", "{\"a\":2}", "[DONE]"]);
    // one that is written in several lines stays one
    let stream = b"data: {\"a\":[{}\ndata: ,{}\ndata: ]}\n\ndata: x}\ndata: {\n\n";
    assert_eq!(events_of(stream), ["{\"a\":[{}\n,{}\n]}", "x}\n{"]);
}

#[test]
fn lines_that_might_each_end_an_event_are_read_once() {
    let mut stream = b"data: [[".to_vec();
    stream.extend(b"1,".repeat(LIMIT / 8));
    stream.extend(b"\ndata: }\ndata: {".repeat(LIMIT / 64));
    stream.extend(b"\n\n");
    assert_eq!(events_of(&stream).len(), 1);
}
