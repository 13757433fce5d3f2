//! The life of a call: by example, and by property with shuffled, doubled and lost events.

use super::*;
use chrono::TimeZone as _;
use proptest::prelude::*;

fn at(second: i64) -> At {
    Utc.timestamp_opt(1_700_000_000 + second, 0).unwrap()
}

fn stay(sid: &str, kind: ParticipantKind, joined: Option<i64>, left: Option<i64>) -> Fact {
    Fact::Seen(Stay {
        sid: sid.into(),
        user_id: format!("user of {sid}"),
        name: String::new(),
        kind,
        joined_at: joined.map(at),
        left_at: left.map(at),
        muted: None,
    })
}

use ParticipantKind::{Agent, Other, User};

fn derive(call_type: CallType, facts: &[Fact]) -> Derived {
    let mut known = Facts::default();
    for fact in facts {
        known.learn(fact.clone());
    }
    known.derive(call_type)
}

fn support(facts: &[Fact]) -> (CallStatus, Option<i32>) {
    let derived = derive(CallType::Support, facts);
    (derived.status, derived.duration_seconds)
}

#[test]
fn a_call_lives_and_ends() {
    let mut facts = vec![];
    assert_eq!(support(&facts), (CallStatus::Pending, None));
    facts.push(Fact::RoomStarted(at(0)));
    assert_eq!(support(&facts), (CallStatus::Pending, None));
    facts.push(stay("PA_a", Agent, Some(1), None));
    assert_eq!(support(&facts), (CallStatus::Ringing, None));
    facts.push(stay("PA_u", User, Some(2), None));
    assert_eq!(support(&facts), (CallStatus::Connected, None));
    facts.push(stay("PA_u", User, Some(2), Some(62)));
    assert_eq!(support(&facts), (CallStatus::Connected, None));
    facts.push(Fact::RoomFinished(at(82)));
    // Twenty seconds of an empty room do not count as talk.
    assert_eq!(support(&facts), (CallStatus::Completed, Some(60)));
}

#[test]
fn a_telephone_that_an_agent_calls_has_met_nobody_until_it_is_answered() {
    let mut known = Facts {
        dialled: Dialled::Rings,
        ..Facts::default()
    };
    known.learn(stay("PA_a", Agent, Some(1), None));
    known.learn(stay("PA_u", User, Some(2), None));
    let status = |known: &Facts| {
        let derived = known.derive(CallType::Support);
        (derived.status, derived.duration_seconds)
    };
    assert_eq!(status(&known), (CallStatus::Ringing, None));
    let mut unanswered = known.clone();
    unanswered.learn(Fact::RoomFinished(at(30)));
    assert_eq!(status(&unanswered), (CallStatus::Missed, None));
    known.dialled = Dialled::Answered(at(12));
    assert_eq!(status(&known), (CallStatus::Connected, None));
    known.learn(Fact::RoomFinished(at(30)));
    assert_eq!(status(&known), (CallStatus::Completed, Some(18)));
}

#[test]
fn nobody_came() {
    let end = Fact::RoomFinished(at(300));
    assert_eq!(
        support(&[Fact::RoomStarted(at(0)), end.clone()]).0,
        CallStatus::Missed
    );
    assert_eq!(
        support(&[stay("PA_a", Agent, Some(1), None), end.clone()]).0,
        CallStatus::Missed
    );
    let alone = [stay("PA_u", User, Some(1), Some(9)), end.clone()];
    assert_eq!(support(&alone).0, CallStatus::Failed);
    assert_eq!(
        derive(CallType::UserToUser, &alone).status,
        CallStatus::Missed
    );
}

#[test]
fn people_who_never_met_did_not_talk() {
    let facts = [
        stay("PA_1", User, Some(0), Some(10)),
        stay("PA_2", User, Some(20), Some(30)),
        Fact::RoomFinished(at(40)),
    ];
    assert_eq!(
        derive(CallType::UserToUser, &facts).status,
        CallStatus::Missed
    );
}

#[test]
fn a_recorder_or_a_second_agent_is_no_other_side() {
    let facts = [
        stay("PA_u", User, Some(0), None),
        stay("EG_1", Other, Some(0), None),
    ];
    assert_eq!(support(&facts).0, CallStatus::Ringing);
    let facts = [
        stay("PA_a", Agent, Some(0), None),
        stay("PA_b", Agent, Some(0), None),
    ];
    assert_eq!(support(&facts).0, CallStatus::Ringing);
}

#[test]
fn a_failure_ends_the_call_unless_the_agent_came_after_all() {
    let failed = Fact::Failed(at(10), "no worker".into());
    let facts = [stay("PA_u", User, Some(0), None), failed.clone()];
    let derived = derive(CallType::Support, &facts);
    assert_eq!(derived.status, CallStatus::Failed);
    assert_eq!(derived.ended_at, Some(at(10)));
    assert_eq!(derived.failure_reason.as_deref(), Some("no worker"));
    let facts = [
        stay("PA_u", User, Some(0), None),
        failed,
        stay("PA_a", Agent, Some(11), None),
    ];
    assert_eq!(support(&facts).0, CallStatus::Connected);
}

#[test]
fn a_call_is_over_by_its_agents_word() {
    let mut facts = vec![
        Fact::RoomStarted(at(0)),
        stay("PA_a", Agent, Some(1), None),
        stay("PA_u", User, Some(2), None),
        over(22, true),
    ];
    assert_eq!(support(&facts), (CallStatus::Completed, Some(20)));
    // The room's own end comes later and changes nothing.
    facts.push(stay("PA_u", User, None, Some(22)));
    facts.push(Fact::RoomFinished(at(42)));
    assert_eq!(support(&facts), (CallStatus::Completed, Some(20)));
    // Nobody came back: the talk ended when the caller vanished.
    facts = vec![
        stay("PA_a", Agent, Some(1), None),
        stay("PA_u", User, Some(2), Some(12)),
        over(42, false),
    ];
    assert_eq!(support(&facts), (CallStatus::Completed, Some(10)));
    let alone = [stay("PA_a", Agent, Some(1), None), over(60, false)];
    assert_eq!(support(&alone).0, CallStatus::Missed);
}

#[test]
fn a_call_that_is_gone_on_with_is_open_until_its_next_end() {
    let mut facts = vec![
        stay("PA_a", Agent, Some(1), Some(40)),
        stay("PA_u", User, Some(2), Some(10)),
        over(40, false),
        Fact::RoomFinished(at(60)),
        Fact::Failed(at(50), "no worker".into()),
        Fact::Resumed(at(70)),
    ];
    assert_eq!(support(&facts).0, CallStatus::Connected);
    // Whatever ended the first part may be reported again.
    facts.extend([over(40, true), Fact::RoomFinished(at(60))]);
    facts.push(Fact::Resumed(at(70)));
    facts.push(stay("PA_v", User, Some(70), Some(102)));
    assert_eq!(support(&facts).0, CallStatus::Connected);
    facts.push(Fact::RoomFinished(at(122)));
    assert_eq!(support(&facts), (CallStatus::Completed, Some(100)));
}

#[test]
fn a_call_goes_on_whose_end_was_told_by_a_clock_that_is_ahead() {
    for end in [
        over(71, false),
        Fact::RoomFinished(at(71)),
        Fact::Failed(at(71), "no worker".into()),
    ] {
        let mut facts = vec![
            stay("PA_a", Agent, Some(1), None),
            stay("PA_u", User, Some(2), Some(40)),
            end.clone(),
            Fact::Resumed(at(70)),
            stay("PA_v", User, Some(70), None),
        ];
        assert_eq!(support(&facts).0, CallStatus::Connected, "{end:?}");
        facts.push(end.clone());
        assert_eq!(support(&facts).0, CallStatus::Connected, "{end:?} again");
        facts.push(over(90, true));
        assert_eq!(support(&facts).0, CallStatus::Completed, "{end:?}");
    }
}

#[test]
fn nobody_is_in_a_call_that_is_over() {
    let learned = |facts: &[Fact]| {
        let mut known = Facts::default();
        facts.iter().for_each(|fact| known.learn(fact.clone()));
        let left: Vec<Option<At>> = known.stays.iter().map(|s| known.left_at(s)).collect();
        left
    };
    // An agent was killed, and nobody saw it leave.
    let mut facts = vec![
        stay("PA_a", Agent, Some(1), None),
        stay("PA_u", User, Some(2), Some(60)),
    ];
    assert_eq!(learned(&facts), [None, Some(at(60))]);
    facts.push(over(60, true));
    assert_eq!(learned(&facts), [Some(at(60)); 2]);
    // Later news of its leaving counts.
    facts.push(stay("PA_a", Agent, None, Some(20)));
    assert_eq!(learned(&facts), [Some(at(20)), Some(at(60))]);

    // The call goes on without the agent of its first part.
    let mut facts = vec![
        stay("PA_a", Agent, Some(1), None),
        stay("PA_u", User, Some(2), None),
        over(60, false),
        Fact::Resumed(at(80)),
    ];
    assert_eq!(learned(&facts), [Some(at(60)), None]);
    facts.push(over(60, false));
    assert_eq!(learned(&facts), [Some(at(60)), None]);

    let facts = [
        stay("PA_u", User, Some(2), None),
        Fact::Failed(at(40), "no worker".into()),
    ];
    assert_eq!(learned(&facts), [Some(at(40))]);
}

fn over(second: i64, hung_up: bool) -> Fact {
    let at = at(second);
    Fact::Over { at, hung_up }
}

#[test]
fn the_last_word_on_muting_counts() {
    let mut facts = Facts::default();
    for (second, muted) in [(5, true), (9, false), (7, true)] {
        let Fact::Seen(mut seen) = stay("PA_u", User, None, None) else {
            unreachable!()
        };
        seen.muted = Some((at(second), muted));
        facts.learn(Fact::Seen(seen));
    }
    assert_eq!(facts.stays[0].muted, Some((at(9), false)));
}

/// A complete story of a call, as the server reports it.
fn story() -> impl Strategy<Value = (CallType, Vec<Fact>)> {
    let kind = prop_oneof![Just(User), Just(Agent), Just(Other)];
    let stays = prop::collection::vec((kind, 0i64..100, 0i64..100), 0..5);
    let call_type = prop::sample::select(CallType::ALL.to_vec());
    let failure = prop::option::of(0i64..200);
    let ends = (any::<bool>(), prop::option::of((0i64..200, any::<bool>())));
    (call_type, stays, failure, ends).prop_map(|(call_type, stays, failure, (finished, over))| {
        let mut facts = vec![Fact::RoomStarted(at(0))];
        for (n, (kind, joined, span)) in stays.into_iter().enumerate() {
            let sid = format!("PA_{n}");
            facts.push(stay(&sid, kind, Some(joined), None));
            facts.push(stay(&sid, kind, None, Some(joined + span)));
        }
        facts.extend(failure.map(|second| Fact::Failed(at(second), "broken".into())));
        facts.extend(over.map(|(second, hung_up)| self::over(second, hung_up)));
        if finished {
            facts.push(Fact::RoomFinished(at(220)));
        }
        (call_type, facts)
    })
}

proptest! {
    #[test]
    fn order_and_doubles_do_not_matter(
        (call_type, facts, shuffled) in story().prop_flat_map(|(call_type, facts)| {
            let twice: Vec<Fact> = facts.iter().chain(&facts).cloned().collect();
            (Just(call_type), Just(facts), Just(twice).prop_shuffle())
        })
    ) {
        prop_assert_eq!(derive(call_type, &facts), derive(call_type, &shuffled));
    }

    #[test]
    fn every_state_is_sound_with_any_events_lost(
        (call_type, facts) in story(),
        kept in prop::collection::vec(any::<bool>(), 16),
    ) {
        let facts: Vec<Fact> = facts
            .into_iter()
            .zip(kept)
            .filter_map(|(fact, kept)| kept.then_some(fact))
            .collect();
        let finished = facts.iter().any(|fact| matches!(fact, Fact::RoomFinished(_)));
        let derived = derive(call_type, &facts);
        let over = matches!(
            derived.status,
            CallStatus::Completed | CallStatus::Missed | CallStatus::Failed
        );
        prop_assert_eq!(over, derived.ended_at.is_some());
        prop_assert!(over || !finished, "a closed room is a call that is over");
        prop_assert!(derived.duration_seconds.is_none_or(|seconds| seconds >= 0));
        prop_assert_eq!(
            derived.failure_reason.is_some(),
            derived.status == CallStatus::Failed
        );
        if matches!(derived.status, CallStatus::Connected | CallStatus::Completed) {
            prop_assert!(derived.connected_at.is_some());
        }
    }

    /// Reconciliation supplies what was lost: learning it later leads to the same result.
    #[test]
    fn lost_events_learned_late_change_nothing(
        (call_type, facts) in story(),
        cut in 0usize..16,
    ) {
        let cut = cut.min(facts.len());
        let late: Vec<Fact> = facts[cut..].iter().chain(&facts[..cut]).cloned().collect();
        prop_assert_eq!(derive(call_type, &facts), derive(call_type, &late));
    }
}

#[test]
fn a_room_s_name_tells_its_type_where_it_is_one_of_ours() {
    for (room, kind) in [
        ("support-ada-1704067200000", CallType::Support),
        ("user-to-user-ada-1704067200000", CallType::UserToUser),
        ("conference-ada-1704067200000", CallType::Conference),
        ("conferences", CallType::Support),
        ("playground-x1", CallType::Support),
        ("", CallType::Support),
    ] {
        assert_eq!(CallType::of_room(room), kind, "{room}");
    }
}
