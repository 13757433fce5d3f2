use chrono::{DateTime, TimeDelta};

use super::*;

fn at(second: i64) -> At {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
}

#[test]
fn that_it_was_answered_counts_in_whatever_order_it_is_told() {
    let mut call = Outbound::to("+4930123", "ST_1");
    call.learn(Outcome::Busy, Some("486 Busy Here".into()), at(3));
    assert_eq!(call.outcome, Outcome::Busy);
    call.learn(Outcome::Failed, Some("late".into()), at(4));
    assert_eq!(call.reason.as_deref(), Some("486 Busy Here"));
    call.learn(Outcome::Answered, None, at(9));
    call.learn(Outcome::Answered, None, at(8));
    call.learn(Outcome::NoAnswer, Some("late".into()), at(20));
    assert_eq!((call.outcome, &call.reason), (Outcome::Answered, &None));
    assert_eq!(call.answered_at, Some(at(8)));
    call.learn(Outcome::Voicemail, Some("known by its tone".into()), at(12));
    call.learn(Outcome::Answered, None, at(9));
    assert_eq!(call.outcome, Outcome::Voicemail);
    assert_eq!(call.reason.as_deref(), Some("known by its tone"));
    assert_eq!(call.answered_at, Some(at(8)));
}

#[test]
fn nothing_rings_in_a_call_that_is_over() {
    let call = Outbound::to("+4930123", "ST_1");
    assert_eq!(call.shown(false), call);
    assert_eq!(call.shown(true).outcome, Outcome::Failed);
}
