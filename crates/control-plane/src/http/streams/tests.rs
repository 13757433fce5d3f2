use super::*;

#[test]
fn streams_are_counted_by_user_and_network_and_in_all_until_they_end() {
    let streams = Streams::new(2, 3, 5);
    let mut open = Vec::new();
    let mut take = |user: &str, network: &str| {
        let taken = streams.take(user, network);
        let is_open = taken.is_ok();
        open.extend(taken);
        is_open
    };
    assert!(take("ann", "n1") && take("ann", "n2"));
    assert!(!take("ann", "n3"), "the user has two");
    assert!(take("bob", "n1") && take("cid", "n1"));
    assert!(!take("dan", "n1"), "the network has three");
    assert!(take("dan", "n2"));
    assert!(!take("eve", "n4"), "there are five");
    drop(open);
    let open = streams.open.lock().unwrap();
    assert_eq!(
        (open.all, open.by_user.len(), open.by_network.len()),
        (0, 0, 0)
    );
}
