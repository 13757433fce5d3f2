use super::*;

fn held(heap: usize, tasks: usize) -> Held {
    Held {
        heap,
        tasks,
        ..Held::default()
    }
}

#[test]
fn what_stays_of_each_call_is_growth() {
    let before = held(10 * MIB, 20);
    assert!(held(11 * MIB, 22).grown_since(&before, 100).is_empty());
    let grown = held(10 * MIB, 120).grown_since(&before, 100);
    assert!(grown[0].contains("tasks: 20 became 120"), "{grown:?}");
    // One megabyte per call.
    let grown = held(110 * MIB, 20).grown_since(&before, 100);
    assert!(grown[0].starts_with("bytes of heap"), "{grown:?}");
    let connected = Held {
        connections: 1,
        ..before
    };
    assert_eq!(connected.grown_since(&before, 1_000).len(), 1);
}

#[test]
fn waiting_longer_beside_a_flood_counts_as_harm() {
    let heard = |millis: u64, breaks| Heard {
        calls: 1,
        latencies: vec![Duration::from_millis(millis); 20],
        breaks,
        ..Heard::default()
    };
    let without = heard(800, 1);
    assert!(heard(900, 2).harmed_since(&without).is_empty());
    assert_eq!(heard(1_200, 1).harmed_since(&without).len(), 1);
    assert_eq!(heard(2_200, 1).harmed_since(&without).len(), 2);
    assert_eq!(heard(800, 8).harmed_since(&without).len(), 1);
    let nobody = Heard::default().harmed_since(&without);
    assert!(nobody.contains(&"nobody was answered".to_owned()));
}
