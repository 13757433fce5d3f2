use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use sidetone_base::clock;
use sidetone_store::At;

fn entry(n: i64) -> Entry {
    Entry::Muted {
        identity: "ann".into(),
        at: At::from_timestamp(n, 0).unwrap(),
        muted: true,
    }
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn entries_go_in_order_and_the_file_is_needed_until_the_last() {
    let now = clock::now();
    let mut backlog = Backlog::default();
    assert_eq!(backlog.next(now), Next::Nothing);
    assert!(backlog.push(entry(1), true) && backlog.push(entry(2), true));
    assert_eq!(backlog.next(now), Next::Store(&entry(1)));
    assert!(!backlog.done());
    assert_eq!(backlog.next(now), Next::Store(&entry(2)));
    assert!(backlog.done());
    assert_eq!(backlog.next(now), Next::Nothing);
    assert_eq!(backlog.rest(), Rest::default());
}

#[test]
fn a_database_that_is_away_is_asked_with_growing_pauses() {
    let mut now = clock::now();
    let mut backlog = Backlog::default();
    backlog.push(entry(1), true);
    assert!(backlog.is_promising());
    for pause in [500, 1_000, 2_000, 2_000] {
        assert_eq!(backlog.next(now), Next::Store(&entry(1)));
        backlog.failed(now);
        assert!(!backlog.is_promising());
        assert_eq!(backlog.next(now), Next::Wait(now + ms(pause)));
        // New entries do not shorten the pause.
        backlog.push(entry(2), true);
        assert_eq!(backlog.next(now), Next::Wait(now + ms(pause)));
        now += ms(pause);
    }
    backlog.done();
    assert_eq!(backlog.next(now), Next::Store(&entry(2)));
    backlog.failed(now);
    assert_eq!(backlog.next(now), Next::Wait(now + ms(500)));
}

#[test]
fn what_is_neither_stored_nor_on_disk_is_counted() {
    let mut backlog = Backlog::default();
    backlog.push(entry(1), false);
    assert_eq!(
        backlog.rest(),
        Rest {
            on_disk: false,
            lost: 1
        }
    );
    backlog.push(entry(2), true);
    assert_eq!(
        backlog.rest(),
        Rest {
            on_disk: true,
            lost: 1
        }
    );
    backlog.done();
    assert_eq!(
        backlog.rest(),
        Rest {
            on_disk: true,
            lost: 0
        }
    );
}

#[test]
fn memory_is_bounded_and_the_file_has_the_rest() {
    let mut backlog = Backlog::default();
    for n in 0..KEPT {
        assert!(backlog.push(entry(n as i64), n > 0));
    }
    assert!(!backlog.push(entry(-1), false), "nobody has it");
    assert!(backlog.push(entry(-2), true));
    for _ in 0..KEPT {
        assert!(!backlog.done(), "the file is still needed");
    }
    assert_eq!(backlog.next(clock::now()), Next::Nothing);
    assert_eq!(
        backlog.rest(),
        Rest {
            on_disk: true,
            lost: 0
        }
    );
}

proptest! {
    /// Whatever arrives, fails and succeeds: an entry that was on disk is stored, or still there.
    #[test]
    fn a_kill_at_any_time_costs_nothing_that_was_on_disk(steps in vec(0_u8..4, 0..200)) {
        let now = clock::now();
        let mut backlog = Backlog::default();
        let (mut pushed, mut file, mut stored) = (Vec::new(), Vec::new(), Vec::new());
        for step in steps {
            match (step, backlog.first().cloned()) {
                (0 | 1, _) => {
                    let (new, on_disk) = (entry(pushed.len() as i64), step == 0);
                    prop_assert!(backlog.push(new.clone(), on_disk));
                    if on_disk {
                        file.push(new.clone());
                    }
                    pushed.push((new, on_disk));
                }
                (2, Some(first)) => {
                    stored.push(first);
                    if backlog.done() {
                        file.clear();
                    }
                }
                (_, Some(_)) => backlog.failed(now),
                (_, None) => {}
            }
            for (one, on_disk) in &pushed {
                prop_assert!(!on_disk || stored.contains(one) || file.contains(one));
            }
        }
        let missing = |on_disk: bool| {
            let missing = |(one, was): &&(Entry, bool)| *was == on_disk && !stored.contains(one);
            pushed.iter().filter(missing).count()
        };
        let rest = backlog.rest();
        prop_assert_eq!((rest.on_disk, rest.lost), (missing(true) > 0, missing(false)));
    }
}
