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
        let last = decoder.finish();
        prop_assert_eq!(last.as_deref(), Some("cut"));
    }
}

#[test]
fn endless_lines_and_wrong_encodings_are_refused() {
    let mut events = Vec::new();
    assert_eq!(
        Decoder::default().push(&vec![b'x'; LIMIT + 1], &mut events),
        Err(Malformed)
    );
    let lines = b"data: 0123456789\n".repeat(LIMIT / 10);
    assert_eq!(Decoder::default().push(&lines, &mut events), Err(Malformed));
    assert_eq!(
        Decoder::default().push(b"data: \xff\n", &mut events),
        Err(Malformed)
    );
    assert!(events.is_empty());
}
