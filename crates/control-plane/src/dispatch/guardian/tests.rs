//! Scripts against the guardian on a simulated clock.

use super::*;
use proptest::prelude::*;

const ROOM: &str = "support-ann-1";

/// No spread between rooms.
fn config() -> GuardianConfig {
    GuardianConfig {
        spread: Duration::ZERO,
        ..GuardianConfig::default()
    }
}

struct Script {
    guardian: Guardian,
    now: Instant,
}

impl Script {
    fn new() -> Self {
        Self {
            guardian: Guardian::new(config()),
            now: sidetone_base::clock::now(),
        }
    }

    fn outputs(&mut self) -> Vec<Output> {
        let mut all = Vec::new();
        loop {
            match self.guardian.poll_output() {
                Output::Timeout(_) => return all,
                output => all.push(output),
            }
        }
    }

    fn on(&mut self, input: Input) -> Vec<Output> {
        self.guardian.handle_input(self.now, input);
        self.outputs()
    }

    fn pass_ms(&mut self, ms: u64) -> Vec<Output> {
        self.now += Duration::from_millis(ms);
        self.on(Input::Timeout)
    }

    fn look(&mut self, sight: Sight) -> Vec<Output> {
        self.on(Input::Looked(ROOM.into(), sight))
    }

    /// Needed, dispatched, accepted by LiveKit.
    fn asked() -> Self {
        let mut script = Self::new();
        assert_eq!(script.on(Input::Wanted(ROOM.into())), [ask(1)]);
        assert_eq!(script.on(Input::Asked(ROOM.into(), Ok(()))), []);
        script
    }
}

fn ask(attempt: u32) -> Output {
    Output::Ask {
        room: ROOM.into(),
        attempt,
        instead_of: None,
    }
}

fn takeover(attempt: u32, epoch: i64) -> Output {
    Output::Ask {
        room: ROOM.into(),
        attempt,
        instead_of: Some(epoch),
    }
}

fn confirm(epoch: i64) -> Output {
    Output::Confirm(ROOM.into(), epoch)
}

fn look() -> Output {
    Output::Look(ROOM.into())
}

fn check() -> Output {
    Output::Check(ROOM.into())
}

const NOBODY: Sight = Sight::NoAgent {
    taken: false,
    people: true,
    free: false,
};
const TAKEN: Sight = Sight::NoAgent {
    taken: true,
    people: true,
    free: false,
};

#[test]
fn an_agent_that_comes_is_left_alone() {
    let mut script = Script::asked();
    assert_eq!(script.pass_ms(1_500), []);
    let present = script.on(Input::AgentJoined(ROOM.into()));
    assert_eq!(present, [Output::Present(ROOM.into())]);
    for _ in 0..10 {
        assert_eq!(script.pass_ms(4_999), []);
        assert_eq!(
            script.pass_ms(1),
            [check()],
            "looked at while the call lasts"
        );
        assert_eq!(script.pass_ms(60_000), [], "one look at a time");
        assert_eq!(script.look(Sight::Agent), [], "noted once");
    }
    assert_eq!(
        script.on(Input::Wanted(ROOM.into())),
        [ask(1)],
        "the store says that none is there any more"
    );
}

#[test]
fn a_missing_agent_is_dispatched_again_after_two_seconds() {
    let mut script = Script::asked();
    assert_eq!(script.pass_ms(1_999), []);
    assert_eq!(script.pass_ms(1), [look()]);
    assert_eq!(script.pass_ms(5_000), [], "one look at a time");
    assert_eq!(script.look(NOBODY), [ask(2)]);
}

#[test]
fn a_lost_join_event_is_seen_by_looking() {
    let mut script = Script::asked();
    script.pass_ms(2_000);
    assert_eq!(script.look(Sight::Agent), [Output::Present(ROOM.into())]);
}

#[test]
fn a_worker_that_said_yes_gets_ten_seconds() {
    let mut script = Script::asked();
    for _ in 0..4 {
        assert_eq!(script.pass_ms(2_000), [look()]);
        assert_eq!(script.look(TAKEN), []);
    }
    assert_eq!(script.pass_ms(2_000), [look()]);
    assert_eq!(script.look(TAKEN), [ask(2)]);
}

#[test]
fn the_guard_gives_up_with_the_reason() {
    let mut script = Script::asked();
    for attempt in 2..=6 {
        script.pass_ms(2_000);
        assert_eq!(script.look(NOBODY), [ask(attempt)]);
        script.on(Input::Asked(
            ROOM.into(),
            Err("LiveKit answered 503".into()),
        ));
    }
    script.pass_ms(2_000);
    let reason = "no agent joined after 6 dispatch attempts: LiveKit answered 503";
    assert_eq!(
        script.look(NOBODY),
        [Output::GiveUp(ROOM.into(), reason.into())]
    );
    assert_eq!(
        script.on(Input::Wanted(ROOM.into())),
        [ask(1)],
        "and may be asked anew"
    );
}

/// LiveKit offers jobs also to a worker that is frozen, by chance.
#[test]
fn while_a_worker_has_a_free_place_it_is_asked_longer() {
    let offered_in_vain = Sight::NoAgent {
        taken: false,
        people: true,
        free: true,
    };
    let mut script = Script::asked();
    for attempt in 2..=18 {
        script.pass_ms(2_000);
        assert_eq!(script.look(offered_in_vain.clone()), [ask(attempt)]);
        script.on(Input::Asked(ROOM.into(), Ok(())));
    }
    script.pass_ms(2_000);
    let given_up = script.look(offered_in_vain);
    assert!(
        matches!(&given_up[..], [Output::GiveUp(..)]),
        "{given_up:?}"
    );
}

#[test]
fn an_agent_that_dies_is_replaced_while_somebody_waits() {
    let mut script = Script::asked();
    script.on(Input::AgentJoined(ROOM.into()));
    assert_eq!(script.on(Input::AgentLeft(ROOM.into())), []);
    assert_eq!(script.pass_ms(2_000), [look()]);
    assert_eq!(script.look(NOBODY), [ask(1)]);
}

#[test]
fn an_agent_that_leaves_an_empty_room_is_not_replaced() {
    for sight in [
        Sight::NoRoom,
        Sight::NoAgent {
            taken: false,
            people: false,
            free: true,
        },
    ] {
        let mut script = Script::asked();
        script.on(Input::AgentJoined(ROOM.into()));
        script.on(Input::AgentLeft(ROOM.into()));
        script.pass_ms(2_000);
        assert_eq!(script.look(sight), [Output::Ended(ROOM.into())]);
        assert_eq!(script.guardian.poll_output(), Output::Timeout(None));
    }
}

#[test]
fn a_call_that_is_over_needs_no_agent() {
    let mut script = Script::asked();
    script.on(Input::Over(ROOM.into()));
    assert_eq!(script.pass_ms(10_000), []);
    assert_eq!(script.on(Input::Asked(ROOM.into(), Ok(()))), []);
}

#[test]
fn an_adopted_room_is_looked_at_before_anything_is_asked() {
    let mut script = Script::new();
    assert_eq!(script.on(Input::Adopted(ROOM.into(), false)), []);
    assert_eq!(script.pass_ms(2_000), [look()]);
    assert_eq!(script.look(Sight::NoRoom), [ask(2)]);
}

#[test]
fn an_adopted_room_that_its_agent_has_left_empty_is_over() {
    let mut script = Script::new();
    script.on(Input::Adopted(ROOM.into(), true));
    script.pass_ms(2_000);
    assert_eq!(script.look(Sight::NoRoom), [Output::Ended(ROOM.into())]);
}

#[test]
fn an_agent_whose_leaving_nobody_told_is_replaced() {
    let mut script = Script::asked();
    script.on(Input::AgentJoined(ROOM.into()));
    assert_eq!(script.pass_ms(5_000), [check()]);
    assert_eq!(script.look(NOBODY), [], "looked at once more");
    assert_eq!(script.pass_ms(2_000), [look()]);
    assert_eq!(script.look(NOBODY), [ask(1)]);
}

#[test]
fn a_server_that_cannot_be_seen_says_nothing_of_an_agent_that_is_there() {
    let mut script = Script::asked();
    script.on(Input::AgentJoined(ROOM.into()));
    for _ in 0..20 {
        assert_eq!(script.pass_ms(5_000), [check()]);
        assert_eq!(script.look(Sight::Unknown("away".into())), []);
    }
    assert_eq!(script.pass_ms(5_000), [check()]);
    assert_eq!(script.look(Sight::Elsewhere), []);
    assert_eq!(script.pass_ms(5_000), [check()]);
}

/// One of several control planes cannot reach LiveKit: the calls that the others have asked agents for go on.
#[test]
fn a_control_plane_without_livekit_gives_up_no_call_of_others() {
    for seen in [true, false] {
        let mut script = Script::new();
        script.on(Input::Adopted(ROOM.into(), seen));
        for _ in 0..20 {
            assert_eq!(script.pass_ms(2_000), [look()]);
            assert_eq!(script.look(Sight::Unknown("no such host".into())), []);
        }
        // What it asks for itself it gives up.
        assert_eq!(script.pass_ms(2_000), [look()]);
        assert_eq!(script.look(NOBODY), [ask(2)]);
        script.on(Input::Asked(ROOM.into(), Ok(())));
    }
    let mut script = Script::asked();
    let mut all = Vec::new();
    for _ in 0..6 {
        all.extend(script.pass_ms(2_000));
        all.extend(script.look(Sight::Unknown("no such host".into())));
    }
    assert!(matches!(all.last(), Some(Output::GiveUp(..))), "{all:?}");
}

#[test]
fn an_agent_without_a_voice_is_no_agent_after_twenty_seconds() {
    let mut script = Script::asked();
    for _ in 0..9 {
        assert_eq!(script.pass_ms(2_000), [look()]);
        assert_eq!(script.look(Sight::Silent), []);
    }
    assert_eq!(script.pass_ms(2_000), [look()]);
    assert_eq!(script.look(Sight::Silent), [ask(2)]);
}

const DEAD: Verdict = Verdict::Dead { people: true };

impl Script {
    /// An agent of epoch 1 is there.
    fn present() -> Self {
        let mut script = Self::asked();
        script.on(Input::AgentJoined(ROOM.into()));
        script
    }

    fn suspect(&mut self, epoch: i64) -> Vec<Output> {
        self.on(Input::Suspected(ROOM.into(), epoch))
    }

    fn hear(&mut self, verdict: Verdict) -> Vec<Output> {
        self.on(Input::Confirmed(ROOM.into(), verdict))
    }
}

#[test]
fn an_agent_that_does_not_answer_is_replaced_at_once() {
    let mut script = Script::present();
    assert_eq!(script.suspect(1), [confirm(1)]);
    assert_eq!(script.suspect(1), [], "asked once at a time");
    assert_eq!(script.hear(DEAD), [takeover(1, 1)]);
    assert_eq!(script.suspect(1), [], "another is being asked for");
    script.on(Input::Asked(ROOM.into(), Ok(())));
    let present = script.on(Input::AgentJoined(ROOM.into()));
    assert_eq!(present, [Output::Present(ROOM.into())]);
    // The next agent may die, too.
    assert_eq!(script.suspect(2), [confirm(2)]);
    assert_eq!(script.hear(DEAD), [takeover(1, 2)]);
}

#[test]
fn an_agent_that_answers_is_left_alone() {
    let mut script = Script::present();
    for _ in 0..20 {
        assert_eq!(script.suspect(1), [confirm(1)]);
        assert_eq!(script.hear(Verdict::Alive), []);
        assert_eq!(script.pass_ms(1_999), []);
        assert_eq!(script.suspect(1), [], "its answer is good for a while");
        assert_eq!(script.pass_ms(1), []);
    }
    assert_eq!(script.pass_ms(3_000), [check()], "and it is looked at");
}

#[test]
fn an_agent_that_hands_over_is_followed() {
    let mut script = Script::present();
    assert_eq!(script.suspect(1), [confirm(1)]);
    assert_eq!(script.hear(Verdict::Yields), [takeover(1, 1)]);
    script.on(Input::Asked(ROOM.into(), Ok(())));
    // LiveKit has dropped the job.
    assert_eq!(script.pass_ms(2_000), [look()]);
    assert_eq!(script.look(NOBODY), [ask(2)]);
}

#[test]
fn nobody_is_replaced_while_livekit_does_not_answer() {
    let mut script = Script::present();
    for _ in 0..5 {
        assert_eq!(script.suspect(1), [confirm(1)]);
        assert_eq!(script.hear(Verdict::Unknown), []);
        script.pass_ms(2_000);
        script.look(Sight::Unknown("away".into()));
    }
    assert_eq!(script.suspect(1), [confirm(1)]);
    assert_eq!(script.hear(DEAD), [takeover(1, 1)]);
}

#[test]
fn a_dropped_takeover_is_tried_again() {
    // All workers are at their limit: LiveKit drops the job silently.
    let mut script = Script::present();
    script.suspect(1);
    assert_eq!(script.hear(DEAD), [takeover(1, 1)]);
    for attempt in 2..=6 {
        script.on(Input::Asked(ROOM.into(), Ok(())));
        assert_eq!(script.pass_ms(2_000), [look()]);
        assert_eq!(script.look(NOBODY), [ask(attempt)]);
    }
    script.on(Input::Asked(ROOM.into(), Ok(())));
    script.pass_ms(2_000);
    assert!(matches!(script.look(NOBODY)[..], [Output::GiveUp(..)]));
}

#[test]
fn a_caller_who_leaves_meanwhile_needs_no_agent() {
    let mut script = Script::present();
    script.suspect(1);
    assert_eq!(script.hear(Verdict::Dead { people: false }), []);
    assert_eq!(script.pass_ms(2_000), [look()]);
    assert_eq!(script.look(Sight::NoRoom), [Output::Ended(ROOM.into())]);
}

#[test]
fn a_room_of_another_control_plane_is_taken_over() {
    // The control plane that watched over it died with the worker, or between its claim and its dispatch.
    let mut script = Script::new();
    assert_eq!(script.suspect(3), [confirm(3)]);
    assert_eq!(script.hear(DEAD), [takeover(2, 3)]);
}

#[test]
fn a_call_that_ends_meanwhile_stays_over() {
    let mut script = Script::present();
    script.suspect(1);
    script.on(Input::Over(ROOM.into()));
    assert_eq!(script.hear(DEAD), []);
    assert_eq!(script.pass_ms(10_000), []);
}

#[test]
fn the_calls_of_a_dead_worker_are_spread() {
    let over = Duration::from_millis(500);
    let times = |attempt| -> Vec<Duration> {
        let rooms = (0..25).map(|n| format!("support-ann-{n}"));
        rooms.map(|room| spread(&room, attempt, over)).collect()
    };
    let (first, second) = (times(1), times(2));
    for times in [&first, &second] {
        assert!(times.iter().all(|time| *time < over));
        let mut sorted = times.clone();
        sorted.sort();
        assert!(sorted[20] - sorted[4] > over / 4, "{sorted:?}");
    }
    assert_ne!(first, second, "who was last is not last again");
}

fn any_input() -> impl Strategy<Value = (u64, Input)> {
    let room = || prop::sample::select(vec!["a", "b"]).prop_map(str::to_owned);
    let sight = prop_oneof![
        Just(Sight::Agent),
        Just(Sight::NoRoom),
        Just(Sight::Silent),
        Just(Sight::Elsewhere),
        Just(Sight::Unknown("away".into())),
        (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(taken, people, free)| {
            Sight::NoAgent {
                taken,
                people,
                free,
            }
        }),
    ];
    let verdict = prop_oneof![
        Just(Verdict::Alive),
        Just(Verdict::Yields),
        Just(Verdict::Unknown),
        any::<bool>().prop_map(|people| Verdict::Dead { people }),
    ];
    let input = prop_oneof![
        1 => room().prop_map(Input::Wanted),
        1 => (room(), any::<bool>()).prop_map(|(room, seen)| Input::Adopted(room, seen)),
        1 => (room(), any::<bool>()).prop_map(|(room, ok)| Input::Asked(
            room,
            if ok { Ok(()) } else { Err("no".into()) }
        )),
        4 => (room(), sight).prop_map(|(room, sight)| Input::Looked(room, sight)),
        1 => room().prop_map(Input::AgentJoined),
        1 => room().prop_map(Input::AgentLeft),
        2 => room().prop_map(|room| Input::Suspected(room, 1)),
        2 => (room(), verdict).prop_map(|(room, verdict)| Input::Confirmed(room, verdict)),
        4 => Just(Input::Timeout),
    ];
    (0u64..3_000, input)
}

/// Time and memory of a round grow with the number of rooms and not with its square: nothing is kept of plans that
/// have changed, and a room that is due is found without a look at the others.
#[test]
fn the_agenda_keeps_up_with_ten_thousand_rooms() {
    let mut script = Script::new();
    let rooms: Vec<String> = (0..10_000).map(|n| format!("support-ann-{n}")).collect();
    for room in &rooms {
        script.now += Duration::from_micros(100);
        script.on(Input::Adopted(room.clone(), true));
        // The store is read again and again.
        script.on(Input::Adopted(room.clone(), true));
    }
    for _ in 0..5 {
        let due = script.pass_ms(6_000);
        assert_eq!(due.len(), rooms.len());
        for room in &rooms {
            script.on(Input::Looked(room.clone(), Sight::Agent));
            // It leaves and is back before anybody looks.
            script.on(Input::AgentLeft(room.clone()));
            script.on(Input::AgentJoined(room.clone()));
        }
        assert!(script.guardian.agenda.len() <= 3 * rooms.len());
    }
}

proptest! {
    /// Never a second dispatch unless a look or a death in between showed that no agent is there, never more than the
    /// limit in a row, never a deadline left behind, never silence: a room is served, waited for, or given up.
    #[test]
    fn random_scripts_keep_the_rules(steps in prop::collection::vec(any_input(), 1..200)) {
        let mut script = Script::new();
        let mut may_ask: BTreeMap<String, bool> = BTreeMap::new();
        let mut in_a_row: BTreeMap<String, u32> = BTreeMap::new();
        for (wait, input) in steps {
            script.now += Duration::from_millis(wait);
            match &input {
                Input::Wanted(room) => {
                    may_ask.insert(room.clone(), true);
                    in_a_row.insert(room.clone(), 0);
                }
                Input::Adopted(room, _) | Input::Suspected(room, _) if !script.guardian.watches.contains_key(room) => {
                    in_a_row.insert(room.clone(), 0);
                }
                Input::Looked(room, Sight::NoAgent { .. } | Sight::NoRoom | Sight::Silent)
                    if script.guardian.watches.get(room).is_some_and(
                        |watch| matches!(watch.phase, Phase::Looking)) => {
                    may_ask.insert(room.clone(), true);
                }
                Input::Confirmed(room, Verdict::Dead { people: true } | Verdict::Yields)
                    if script.guardian.watches.get(room).is_some_and(
                        |watch| matches!(watch.phase, Phase::Confirming { .. })) => {
                    may_ask.insert(room.clone(), true);
                }
                _ => {}
            }
            for output in script.on(input) {
                match output {
                    Output::Ask { room, attempt, .. } => {
                        prop_assert_eq!(may_ask.insert(room.clone(), false), Some(true));
                        prop_assert!(attempt <= 3 * GuardianConfig::default().limit);
                        *in_a_row.entry(room).or_default() += 1;
                    }
                    Output::Present(room) => { in_a_row.insert(room, 0); }
                    Output::GiveUp(room, reason) => {
                        prop_assert!(!reason.is_empty());
                        prop_assert!(!script.guardian.watches.contains_key(&room));
                    }
                    Output::Ended(room) => {
                        prop_assert!(!script.guardian.watches.contains_key(&room));
                    }
                    Output::Look(_) | Output::Check(_) | Output::Confirm(..) | Output::Timeout(_) => {}
                }
            }
            prop_assert!(in_a_row.values().all(|n| *n <= 3 * GuardianConfig::default().limit));
            script.on(Input::Timeout);
            if let Output::Timeout(Some(at)) = script.guardian.poll_output() {
                prop_assert!(at > script.now);
            }
        }
    }
}
