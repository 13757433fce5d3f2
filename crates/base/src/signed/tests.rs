use super::*;

const TOPIC: &str = "sidetone.recording";
const HERE: Address<'_> = Address {
    room: "room-1",
    topic: TOPIC,
    call: "call-1",
};

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_000_000 + seconds)
}

fn inbox() -> Inbox {
    Inbox::new(Key::of("secret"), "room-1", "call-1")
}

fn packet(key: &str, to: Address<'_>, seconds: u64) -> Vec<u8> {
    let signed = Key::of(key).sign(to, at(seconds), "{\"paused\":true}".into());
    signed.to_string().into_bytes()
}

#[test]
fn a_signed_message_is_taken_once() {
    let mut inbox = inbox();
    let packet = packet("secret", HERE, 0);
    let taken = inbox.take(TOPIC, at(1), &packet);
    assert_eq!(taken.as_deref(), Ok("{\"paused\":true}"));
    assert_eq!(inbox.take(TOPIC, at(2), &packet), Err(Refused::Repeated));
    // By the time it is forgotten, it is too old.
    let late = inbox.take(TOPIC, at(62), &packet);
    assert_eq!(late, Err(Refused::Untimely));
}

#[test]
fn a_message_without_a_call_is_for_whichever_is_there() {
    let to_any = Address { call: "", ..HERE };
    assert!(
        inbox()
            .take(TOPIC, at(0), &packet("secret", to_any, 0))
            .is_ok()
    );
}

#[test]
fn a_message_that_participants_could_send_is_refused() {
    let refused = |topic: &str, packet: &[u8]| inbox().take(topic, at(0), packet).unwrap_err();
    for forged in [
        &b""[..],
        b"{}",
        b"{\"recording\":\"1\",\"paused\":true}",
        b"\xFF",
    ] {
        assert_eq!(refused(TOPIC, forged), Refused::Unsigned);
    }
    // Signed with another key, for another room, topic or call, or changed in transit.
    let other_room = Address {
        room: "room-2",
        ..HERE
    };
    let other_topic = Address {
        topic: "sidetone.leave",
        ..HERE
    };
    assert_eq!(refused(TOPIC, &packet("guess", HERE, 0)), Refused::Unsigned);
    assert_eq!(
        refused(TOPIC, &packet("secret", other_room, 0)),
        Refused::Unsigned
    );
    assert_eq!(
        refused(TOPIC, &packet("secret", other_topic, 0)),
        Refused::Unsigned
    );
    assert_eq!(
        refused("sidetone.leave", &packet("secret", HERE, 0)),
        Refused::Unsigned
    );
    let mut changed: Envelope = serde_json::from_slice(&packet("secret", HERE, 0)).unwrap();
    changed.call = String::new();
    let changed = serde_json::to_vec(&changed).unwrap();
    assert_eq!(refused(TOPIC, &changed), Refused::Unsigned);
    let other_call = Address {
        call: "call-2",
        ..HERE
    };
    assert_eq!(
        refused(TOPIC, &packet("secret", other_call, 0)),
        Refused::OtherCall
    );
}

#[test]
fn old_messages_are_refused() {
    let packet = packet("secret", HERE, 100);
    assert_eq!(
        inbox().take(TOPIC, at(161), &packet),
        Err(Refused::Untimely)
    );
    assert_eq!(inbox().take(TOPIC, at(39), &packet), Err(Refused::Untimely));
    assert!(inbox().take(TOPIC, at(160), &packet).is_ok());
    assert!(inbox().take(TOPIC, at(40), &packet).is_ok());
}

#[test]
fn remembered_messages_are_bounded() {
    let mut inbox = inbox();
    let key = Key::of("secret");
    let mut take = |n: usize, seconds: u64| {
        let packet = key.sign(HERE, at(seconds), n.to_string()).to_string();
        inbox.take(TOPIC, at(seconds), packet.as_bytes())
    };
    for n in 0..REMEMBERED {
        assert!(take(n, 0).is_ok());
    }
    assert_eq!(take(REMEMBERED, 0), Err(Refused::TooMany));
    assert!(take(REMEMBERED, 61).is_ok());
}

#[test]
fn the_key_is_not_shown() {
    assert_eq!(format!("{:?}", Key::of("secret")), "Key");
}

#[test]
fn while_keys_change_both_are_known_and_the_first_signs() {
    let keys: Keys = ["new", "old"].map(Key::of).into_iter().collect();
    let mut inbox = Inbox::new(keys.clone(), "room-1", "call-1");
    for (n, key) in ["old", "new"].into_iter().enumerate() {
        let packet = packet(key, HERE, n as u64);
        assert!(inbox.take(TOPIC, at(1), &packet).is_ok(), "{key}");
    }
    let other = packet("other", HERE, 0);
    assert_eq!(inbox.take(TOPIC, at(1), &other), Err(Refused::Unsigned));
    let signed = keys.sign(HERE, at(0), "{}".into());
    let mut of_new = Inbox::new(Key::of("new"), "room-1", "call-1");
    let packet = signed.to_string().into_bytes();
    assert!(of_new.take(TOPIC, at(1), &packet).is_ok());
}
