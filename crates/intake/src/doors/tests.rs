use super::*;

fn start() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "any instant does")]
    Instant::now()
}

#[test]
fn a_person_types_as_it_likes() {
    let (now, mut door) = (start(), ChatDoor::default());
    // A pasted page, a few quick lines, and then one every five seconds for ten minutes.
    assert!(door.message(now, 8_000).is_ok());
    for _ in 0..4 {
        assert!(door.message(now + Duration::from_secs(1), 40).is_ok());
    }
    for n in 1..120 {
        assert!(door.message(now + Duration::from_secs(5 * n), 100).is_ok());
    }
}

/// E7 of the field trial: 100 messages of 14 KB, one every 300 ms, became 101 requests to the model.
#[test]
fn a_flood_of_messages_is_a_few_and_one_note() {
    let (now, mut door) = (start(), ChatDoor::default());
    let flood = |door: &mut ChatDoor, bytes: usize| {
        let results = (0..100).map(|n| door.message(now + Duration::from_millis(300 * n), bytes));
        let dropped: Vec<_> = results.filter_map(Result::err).collect();
        let told = dropped.iter().filter(|dropped| dropped.tell).count();
        (100 - dropped.len(), told)
    };
    assert_eq!(flood(&mut door, 14_000), (3, 1));
    // Short ones: five, and one every three seconds.
    assert_eq!(flood(&mut ChatDoor::default(), 10), (14, 1));
}

#[test]
fn messages_that_are_too_long_are_reported() {
    let mut door = ChatDoor::default();
    let too_long = door.message(start(), LONGEST_CHAT + 1);
    assert_eq!(too_long, Err(Dropped { tell: true }));
    assert!(door.message(start(), LONGEST_CHAT).is_ok());
}

#[test]
fn a_key_is_pressed_as_fast_as_fingers_do() {
    let (now, mut door) = (start(), RpcDoor::default());
    let mut pressed = |millis| door.request(now + Duration::from_millis(millis));
    assert!((0..50).all(|n| pressed(200 * n)));
    let flooded = (0..1_000).filter(|_| pressed(10_000)).count();
    assert!(flooded <= 10, "{flooded}");
}

#[test]
fn numbers_are_dialled_at_once_and_a_flood_of_keys_is_not_taken() {
    let (now, mut door) = (start(), KeyDoor::default());
    let mut pressed = |millis: u64| door.key(now + Duration::from_millis(millis));
    // A telephone's memory, and then twenty digits typed by somebody in a hurry.
    assert!((0..32).all(|n| pressed(100 * n).is_ok()));
    assert!((0..20).all(|n| pressed(10_000 + 200 * n).is_ok()));
    let flooded: Vec<_> = (0..1_000).map(|n| pressed(60_000 + 10 * n)).collect();
    let taken = flooded.iter().filter(|taken| taken.is_ok()).count();
    assert!((64..=64 + 21).contains(&taken), "{taken}");
    let told = flooded
        .iter()
        .filter(|taken| **taken == Err(Dropped { tell: true }));
    assert_eq!(told.count(), 1);
}

#[test]
fn attributes_are_few_and_short() {
    let attribute = |name: String, length| (name, "v".repeat(length));
    let mut all: HashMap<_, _> = (0..1_000)
        .map(|n| attribute(format!("own.{n:04}"), 10))
        .collect();
    all.insert("sip.phoneNumber".into(), "+49".into());
    all.extend([
        attribute("long".into(), LONGEST_VALUE + 1),
        attribute("n".repeat(LONGEST_NAME + 1), 1),
    ]);
    let taken = attributes(all);
    assert_eq!(taken.len(), ATTRIBUTES);
    assert_eq!(taken["sip.phoneNumber"], "+49");
    assert!(taken.contains_key("own.0000") && !taken.contains_key("own.0999"));
    assert!(!taken.contains_key("long"));
}
