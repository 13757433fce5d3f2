use super::*;

#[test]
fn a_bar_shows_share_and_speed() {
    let text = bar("x.bin", 25_000_000, 100_000_000, 2.5e6);
    assert_eq!(
        text,
        "x.bin [#######-----------------------]  25% of 100 MB, 2.5 MB/s"
    );
}
