use super::*;

fn all(deframer: &mut Deframer) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| deframer.next().map(<[u8]>::to_vec)).collect()
}

#[test]
fn packets_come_out_as_they_went_in_however_the_stream_is_cut() {
    let packets = [vec![1], vec![2; 300], vec![], vec![3; 65_535], vec![4, 5]];
    let stream: Vec<u8> = packets.iter().flat_map(|p| framed(p).unwrap()).collect();
    let expected: Vec<Vec<u8>> = packets.into_iter().filter(|p| !p.is_empty()).collect();
    for cut in [1, 2, 3, 7, 1_000, 65_536, stream.len()] {
        let mut deframer = Deframer::default();
        let mut found = Vec::new();
        for piece in stream.chunks(cut) {
            deframer.push(piece);
            found.extend(all(&mut deframer));
            assert!(deframer.bytes.len() <= HEAD + 65_535 + cut);
        }
        assert!(found == expected, "cut into pieces of {cut}");
    }
}

#[test]
fn what_is_too_long_for_a_frame_is_not_sent() {
    assert!(framed(&vec![0; 65_536]).is_none());
}
