use std::time::Duration;

use sidetone_base::clock;
use sidetone_base::leave::LeaveBy;

use super::{Due, Handover, SETTLED};

const MS: Duration = Duration::from_millis(1);

#[test]
fn an_agent_without_a_successor_leaves_the_call_to_nobody() {
    let handover = Handover::default();
    assert_eq!(handover.next(true), None);
    assert_eq!(handover.due(clock::now(), true), None);
}

#[test]
fn a_caller_who_has_done_nothing_for_a_while_is_handed_over_at_once() {
    let now = clock::now();
    let mut handover = Handover::default();
    handover.successor_came(LeaveBy::within(now, LeaveBy::HANDED_OVER));
    assert!(handover.next(true).unwrap() <= now);
    assert_eq!(handover.due(now, true), Some(Due::Leave));
    handover.caller_did(now);
    let later = now + 2 * SETTLED;
    assert_eq!(handover.due(later, true), Some(Due::Leave));
}

/// What the caller did last was heard by this agent, and must not be in what the next one takes up.
#[test]
fn what_the_caller_did_is_let_settle() {
    let now = clock::now();
    let mut handover = Handover::default();
    handover.successor_came(LeaveBy::within(now, LeaveBy::HANDED_OVER));
    handover.caller_did(now);
    assert_eq!(handover.next(true), Some(now + SETTLED));
    assert_eq!(handover.due(now + SETTLED - MS, true), None);
    assert_eq!(handover.due(now + SETTLED, true), Some(Due::Leave));
}

#[test]
fn a_pause_is_waited_for_as_long_as_a_sentence_can_still_be_finished() {
    let now = clock::now();
    let by = LeaveBy::within(now, LeaveBy::HANDED_OVER);
    let mut handover = Handover::default();
    handover.successor_came(by);
    let late = now + LeaveBy::HANDED_OVER - LeaveBy::ASKED;
    assert_eq!(handover.next(false), Some(late));
    assert_eq!(handover.due(late - MS, false), None);
    assert_eq!(handover.due(late, false), Some(Due::Finish(by)));
    // The caller goes on and on.
    handover.caller_did(late);
    assert_eq!(handover.due(late, true), Some(Due::Finish(by)));
}

/// A second signal: no pause is waited for, the sentence is finished.
#[test]
fn an_agent_that_must_end_at_once_waits_for_no_pause() {
    let now = clock::now();
    let by = LeaveBy::within(now, LeaveBy::ASKED);
    let mut handover = Handover::default();
    handover.successor_came(by);
    assert_eq!(handover.due(now, false), Some(Due::Finish(by)));
}
