use super::*;
use proptest::prelude::*;

fn boxed(name: &[u8; 4], body: &[&[u8]]) -> Vec<u8> {
    let body = body.concat();
    let size = u32::try_from(body.len() + 8).unwrap();
    [&size.to_be_bytes()[..], name, &body].concat()
}

fn numbers(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|n| n.to_be_bytes()).collect()
}

/// `ftyp`, and a `moov` with one Opus track of id 1, whose frames have three bytes by default.
fn beginning() -> Vec<u8> {
    let header = boxed(b"tkhd", &[&numbers(&[0, 0, 0, 1]), &[0; 68]]);
    let entry = boxed(b"Opus", &[&[0; 28]]);
    let descriptions = boxed(b"stsd", &[&numbers(&[0, 1]), &entry]);
    let media = boxed(
        b"mdia",
        &[&boxed(b"minf", &[&boxed(b"stbl", &[&descriptions])])],
    );
    let track = boxed(b"trak", &[&header, &media]);
    let extends = boxed(
        b"mvex",
        &[&boxed(b"trex", &[&numbers(&[0, 1, 1, 960, 3, 0])])],
    );
    [
        boxed(b"ftyp", &[b"isom"]),
        boxed(b"moov", &[&track, &extends]),
    ]
    .concat()
}

/// A `moof` whose only fragment, of this track, has these boxes.
fn fragment(track: u32, runs: &[Vec<u8>]) -> Vec<u8> {
    let head = boxed(b"tfhd", &[&numbers(&[0x0002_0000, track])]);
    boxed(b"moof", &[&boxed(b"traf", &[&head, &runs.concat()])])
}

/// A `trun` with an offset, and a size for each frame.
fn sizes(offset: u32, sizes: &[u32]) -> Vec<u8> {
    let count = u32::try_from(sizes.len()).unwrap();
    boxed(
        b"trun",
        &[&numbers(&[0x201, count, offset]), &numbers(sizes)],
    )
}

/// A `trun` with this many frames of the default size.
fn same(offset: u32, count: u32) -> Vec<u8> {
    boxed(b"trun", &[&numbers(&[0x1, count, offset])])
}

fn read(rest: &[Vec<u8>]) -> Vec<Result<Vec<u8>, String>> {
    let file = [beginning(), rest.concat()].concat();
    let packets = Packets::of(&file).unwrap();
    packets.map(|packet| packet.map(<[u8]>::to_vec)).collect()
}

fn data() -> Vec<u8> {
    boxed(b"mdat", &[b"abcdefghi"])
}

/// A fragment whose offset points to the data in the `mdat` after it.
fn after(fragment: impl Fn(u32) -> Vec<u8>) -> Vec<u8> {
    let length = u32::try_from(fragment(0).len()).unwrap();
    fragment(length + 8)
}

#[test]
fn frames_are_as_long_as_the_tables_say() {
    let tabled = after(|offset| fragment(1, &[sizes(offset, &[2, 4, 1])]));
    let default = after(|offset| fragment(1, &[same(offset, 2)]));
    let found = read(&[tabled, data(), default, data()]);
    let found: Vec<_> = found.into_iter().map(|frame| frame.unwrap()).collect();
    assert_eq!(found, [&b"ab"[..], b"cdef", b"g", b"abc", b"def"]);
}

#[test]
fn a_run_without_an_offset_follows_the_one_before() {
    let follows = boxed(b"trun", &[&numbers(&[0x200, 1, 2])]);
    let runs = after(|offset| fragment(1, &[sizes(offset, &[3]), follows.clone()]));
    assert_eq!(
        read(&[runs, data()]),
        [Ok(b"abc".to_vec()), Ok(b"de".to_vec())]
    );
}

#[test]
fn frames_of_other_tracks_are_skipped() {
    let other = after(|offset| fragment(2, &[same(offset, 3)]));
    assert_eq!(read(&[other, data()]), []);
}

#[test]
fn frames_are_read_once() {
    // The same bytes again, in the next run and in the next fragment, would make minutes of sound out of a few bytes.
    let twice = after(|offset| fragment(1, &[same(offset, 3), same(offset, 3)]));
    let found = read(&[twice, data()]);
    assert_eq!(found.len(), 4);
    assert_eq!(found[3], Err("its frames are not in order".into()));
    let back = fragment(1, &[same(0_u32.wrapping_sub(40), 3)]);
    let ahead = after(|offset| fragment(1, &[same(offset, 3)]));
    let found = read(&[ahead, data(), back]);
    assert!(
        matches!(&found[..], [Ok(_), Ok(_), Ok(_), Err(_)]),
        "{found:?}"
    );
}

#[test]
fn empty_frames_are_refused() {
    let empty = fragment(1, &[sizes(8, &[0, 0])]);
    assert!(matches!(&read(&[empty])[..], [Err(_)]));
    // The highest possible count, and no data.
    let many = after(|offset| fragment(1, &[same(offset, u32::MAX)]));
    assert_eq!(read(&[many, data()]).len(), 3);
}

#[test]
fn a_track_without_sound_is_skipped() {
    let file = boxed(b"ftyp", &[b"isom"]);
    assert!(Packets::of(&file).unwrap().codec().is_err());
    let early = [file, fragment(1, &[same(0, 1)])].concat();
    assert!(Packets::of(&early).unwrap().codec().is_err());
}

proptest! {
    /// However its tables are damaged, a file yields no more than its own bytes.
    #[test]
    fn a_file_is_read_once(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        count in any::<u32>(),
    ) {
        let fragments = after(|offset| fragment(1, &[same(offset, count), sizes(offset + 3, &[2, 2])]));
        let mut file = [beginning(), fragments, data(), data()].concat();
        for (place, value) in changes {
            let place = place.index(file.len() - 8) + 8;
            file[place] = value;
        }
        if let Ok(packets) = Packets::of(&file) {
            let found: Vec<_> = packets.collect();
            let bytes: usize = found.iter().flatten().map(|frame| frame.len()).sum();
            prop_assert!(bytes <= file.len());
            prop_assert!(found.len() <= file.len() + 1);
        }
    }
}
