use std::collections::HashMap;

use livekit_protocol::participant_info::Kind;

use super::*;

fn participant(kind: Kind, attributes: &[(&str, &str)]) -> ParticipantInfo {
    let pairs = attributes.iter();
    let attributes: HashMap<_, _> = pairs
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    ParticipantInfo {
        kind: kind as i32,
        attributes,
        ..ParticipantInfo::default()
    }
}

#[test]
fn only_what_the_sip_service_says_of_a_telephone_counts() {
    let attributes = [
        (DIALLED, "+49301234"),
        (TRUNK, "ST_1"),
        (PHONE_NUMBER, "+4917155"),
        ("sip.h.x-number", "+49309999"),
    ];
    let telephone = participant(Kind::Sip, &attributes);
    let call = arrival("pbx-_+4917155_abc", Some(&telephone));
    assert_eq!((call.number, call.trunk), (Some("+49301234"), Some("ST_1")));
    assert_eq!(call.room, "pbx-_", "the caller's own number is no reason");

    // Participants of web pages can set any attributes.
    let page = participant(Kind::Standard, &attributes);
    let call = arrival("pbx-4917155", Some(&page));
    assert_eq!((call.number, call.trunk), (None, None));
    assert_eq!(call.room, "pbx-4917155");
    assert_eq!(arrival("pbx-1", None).room, "pbx-1");
    let hidden = participant(Kind::Sip, &[]);
    let call = arrival("pbx-1", Some(&hidden));
    assert_eq!((call.number, call.room), (Some(""), "pbx-1"));
}
