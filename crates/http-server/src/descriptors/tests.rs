use super::*;

#[test]
fn a_limit_that_is_near_is_told_with_what_to_do() {
    let of = |open| Descriptors { open, limit: 1_000 }.trouble();
    assert_eq!(of(800), None);
    let trouble = of(801).unwrap();
    assert!(trouble.starts_with("801 of 1000 file descriptors are open"));
    assert!(trouble.contains("LimitNOFILE"));
}

#[test]
fn what_is_opened_is_counted() {
    let before = Descriptors::now().unwrap();
    let files: Vec<_> = (0..50)
        .map(|_| std::fs::File::open("/dev/null").unwrap())
        .collect();
    // Other tests of this program open and close descriptors of their own.
    assert!(Descriptors::now().unwrap().open >= before.open + 30);
    assert!(raise() >= before.limit);
    drop(files);
}
