use super::*;

#[test]
fn every_byte_has_one_letter() {
    let mut seen: Vec<u8> = (0..0x200)
        .filter_map(char::from_u32)
        .filter_map(byte)
        .collect();
    seen.sort_unstable();
    assert_eq!(seen, (0..=255).collect::<Vec<u8>>());
    assert_eq!(bytes("ĠHello").unwrap(), b" Hello");
    assert_eq!(bytes("<|日|>"), None);
}

#[test]
fn letters_are_whole_or_held_back() {
    let mut stream = Utf8Stream::default();
    let euro = "a€".as_bytes();
    assert_eq!(stream.push(&euro[..2]), "a");
    assert_eq!(stream.push(&euro[2..3]), "");
    assert_eq!(stream.push(&euro[3..]), "€");
    assert_eq!(stream.push(&[0xff, b'b']), "\u{fffd}b");
}
