use super::*;

const MS: u64 = TICKS_PER_MS;

#[test]
fn what_is_at_hand_all_the_time_is_too_much() {
    let mut level = Level::default();
    let target = Duration::from_millis(40);
    for pull in 0..30 {
        assert_eq!((level.surplus(), level.spare()), (0, 0));
        level.watch(if pull == 7 { 70 } else { 200 } * MS, target);
    }
    assert_eq!((level.surplus(), level.spare()), (10 * MS, 26 * MS));
    level.shortened(12 * MS);
    assert_eq!((level.surplus(), level.spare()), (0, 14 * MS));
}
