use std::time::Duration;

use sidetone_base::clock;
use sidetone_base::metrics::metrics;
use sidetone_call::ledger::Dropped;
use sidetone_call::{AgentTurn, CallEvent, EndReason, Figures, Latency, ReplyId, Taken};

use super::Counted;

fn turn(reply: u64, is_final: bool, interrupted: bool) -> CallEvent {
    CallEvent::AgentTurn(AgentTurn {
        reply_id: ReplyId(reply),
        turn_id: None,
        started_at: Duration::ZERO,
        ended_at: Duration::ZERO,
        text_heard: "Blue elephants.".into(),
        interrupted,
        is_final,
        unfinished: !is_final,
        latency: Latency {
            stt: Some(Duration::from_millis(200)),
            response: Some(Duration::from_millis(700)),
            ..Latency::default()
        },
    })
}

fn figures(answered: u64, echo: u64, heard: u64) -> CallEvent {
    CallEvent::Figures {
        figures: Figures {
            opened: answered + echo,
            answered,
            dropped: [(Dropped::Echo, echo)].into(),
            begun: heard,
            heard,
            ..Figures::default()
        },
        taken: Taken::default(),
    }
}

/// An event reported several times is counted once, and sums grow only by the difference.
#[test]
fn events_are_counted_once() {
    let mut counted = Counted::new("support");
    let calls = &metrics().calls;
    let at = clock::wall();
    for event in [
        CallEvent::Started { at },
        turn(1, false, false),
        turn(1, false, false),
        turn(1, true, true),
        turn(1, true, true),
        figures(1, 0, 2),
        turn(2, true, false),
        figures(2, 1, 3),
        CallEvent::Ended {
            at: Duration::from_secs(20),
            reason: EndReason::CallerHungUp,
        },
    ] {
        counted.take(&event);
    }
    assert_eq!(calls.begun("support").get(), 1);
    assert_eq!(calls.ended("support", "caller_hung_up").get(), 1);
    assert_eq!(calls.heard.get_sample_count(), 2);
    assert_eq!(calls.barge_ins.get(), 1);
    assert_eq!(calls.utterances_begun().get(), 3);
    assert_eq!(calls.utterance("answered").get(), 2);
    assert_eq!(calls.utterance("echo").get(), 1);
    assert_eq!(calls.sentence("heard").get(), 3);
    assert!(!metrics().text().contains("elephant"));
}
