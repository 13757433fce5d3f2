use super::*;

#[test]
fn the_list_is_complete_and_in_order() {
    for (place, entry) in Unsupported::ALL.into_iter().enumerate() {
        assert_eq!(entry as usize, place);
        assert!(!entry.advice().is_empty());
    }
}
