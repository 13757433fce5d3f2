use super::*;
use proptest::prelude::*;

const HEAD: &[u8] = &[0x1A, 0x45, 0xDF, 0xA3, 0x80];
/// A segment of unknown size with track 1, Opus.
const OPUS: &[u8] = &[
    0x18, 0x53, 0x80, 0x67, 0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x16, 0x54, 0xAE, 0x6B,
    0x8D, 0xAE, 0x8B, 0xD7, 0x81, 0x01, 0x86, 0x86, b'A', b'_', b'O', b'P', b'U', b'S',
];

fn packets(body: &[u8]) -> Vec<Result<Vec<u8>, String>> {
    let file = [HEAD, OPUS, body].concat();
    let packets = Packets::of(&file).unwrap();
    packets.map(|packet| packet.map(<[u8]>::to_vec)).collect()
}

#[test]
fn frames_are_found_in_simple_blocks_and_in_groups() {
    let simple = [0xA3, 0x85, 0x81, 0, 0, 0x80, 0xFC];
    let group = [0xA0, 0x87, 0xA1, 0x85, 0x81, 0, 1, 0, 0xFD];
    let body = [&simple[..], &group].concat();
    assert_eq!(packets(&body), [Ok(vec![0xFC]), Ok(vec![0xFD])]);
}

#[test]
fn frames_of_other_tracks_are_skipped() {
    assert_eq!(packets(&[0xA3, 0x85, 0x82, 0, 0, 0, 0xFC]), []);
}

#[test]
fn a_recording_ends_where_it_was_cut() {
    let cut = [0xA3, 0x85, 0x81, 0, 0, 0, 0xFC, 0xA3, 0x90, 0x81];
    assert_eq!(packets(&cut), [Ok(vec![0xFC])]);
}

#[test]
fn laced_blocks_and_empty_frames_are_refused() {
    for block in [
        &[0xA3, 0x85, 0x81, 0, 0, 0x04, 0xFF][..],
        &[0xA3, 0x84, 0x81, 0, 0, 0],
        &[0xA3, 0x82, 0x81, 0],
    ] {
        let found = packets(&block.repeat(3));
        assert!(matches!(&found[..], [Err(_)]), "{block:x?}: {found:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_once(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        // A packet uses up bytes of the file, so there are fewer packets than bytes.
        prop_assert!(packets(&bytes).len() <= bytes.len());
        if let Ok(packets) = Packets::of(&bytes) {
            prop_assert!(packets.count() <= bytes.len());
        }
    }
}
