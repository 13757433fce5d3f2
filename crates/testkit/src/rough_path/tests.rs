use super::*;

#[test]
fn a_pattern_is_replaced_also_where_reads_cut_it() {
    let mut bytes = b"a 127.0.0.1 50000 typ, 127.0.0.1 50".to_vec();
    let whole = replace(&mut bytes, b"127.0.0.1 50000", b"127.0.0.1 40000");
    assert_eq!(&bytes[..whole], b"a 127.0.0.1 40000 typ, ");
    bytes.drain(..whole);
    bytes.extend(b"000 typ");
    let whole = replace(&mut bytes, b"127.0.0.1 50000", b"127.0.0.1 40000");
    assert_eq!(&bytes[..whole], b"127.0.0.1 40000 typ");
}
