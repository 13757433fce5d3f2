use proptest::prelude::*;

use super::*;

const EACH: [Closed; 11] = [
    Closed::Answered,
    Closed::NoWords,
    Closed::Backchannel,
    Closed::TooFewWords,
    Closed::NotUnderstood,
    Closed::NotAnswered,
    Closed::TakenBack,
    Closed::Muted,
    Closed::Joined,
    Closed::Owed,
    Closed::CallerLeft,
];

#[test]
fn a_caller_who_goes_on_is_answered_once_and_the_rest_is_superseded() {
    let mut ledger = Ledger::default();
    ledger.opened(TurnId(1));
    ledger.opened(TurnId(1));
    ledger.opened(TurnId(2));
    ledger.closed(TurnId(1), Closed::Owed);
    ledger.answered(TurnId(2));
    ledger.closed(TurnId(2), Closed::Answered);
    ledger.refused(Dropped::Draining);
    ledger.opened(TurnId(3));
    ledger.is_echo(TurnId(3), true);
    ledger.closed(TurnId(3), Closed::NoWords);
    ledger.opened(TurnId(4));
    ledger.over();
    let figures = ledger.figures();
    assert_eq!((figures.opened, figures.answered), (6, 1));
    assert_eq!(figures.superseded, 2);
    let dropped: Vec<_> = figures.dropped.keys().map(|why| why.as_str()).collect();
    assert_eq!(dropped, ["echo", "draining", "call_ended"]);
}

#[test]
fn a_sentence_without_sound_counts_as_one_that_failed() {
    let mut ledger = Ledger::default();
    ledger.said(2, 2, None);
    ledger.said(2, 1, None);
    ledger.said(1, 1, Some(Part::Tts));
    ledger.said(2, 1, Some(Part::Llm));
    let figures = ledger.figures();
    assert_eq!((figures.begun, figures.heard, figures.cut), (8, 5, 1));
    assert_eq!(figures.failed, BTreeMap::from([("tts", 1), ("llm", 1)]));
}

proptest! {
    #[test]
    fn every_utterance_closes_exactly_once(
        script in prop::collection::vec((0_u64..6, 0_usize..14), 0..60)
    ) {
        let mut ledger = Ledger::default();
        for (turn, what) in script {
            let turn = TurnId(turn);
            match EACH.get(what) {
                Some(why) => ledger.closed(turn, *why),
                None if what == 10 => ledger.answered(turn),
                None => ledger.opened(turn),
            }
            let open = ledger.open.len() as u64;
            prop_assert_eq!(ledger.figures.closed() + open, ledger.figures.opened);
        }
        ledger.over();
        prop_assert_eq!(ledger.figures.closed(), ledger.figures.opened);
    }
}
