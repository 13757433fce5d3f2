//! Rounds on a simulated clock, one every half second.

use super::*;

const SILENCE: Duration = Duration::from_millis(1_500);

struct Rounds {
    observer: Observer,
    now: Instant,
}

impl Rounds {
    fn new() -> Self {
        Self {
            observer: Observer::new(SILENCE),
            now: sidetone_base::clock::now(),
        }
    }

    fn wait(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
    }

    /// A round of this length; the next is due half a second after it began.
    fn round(&mut self, took_ms: u64, stored: bool) -> bool {
        let began = self.now;
        self.wait(took_ms.max(500));
        let ended = began + Duration::from_millis(took_ms);
        self.observer.round(began, ended, stored)
    }

    /// Runs quick rounds until silence counts, and returns their number.
    fn until_it_counts(&mut self) -> u32 {
        let mut rounds = 1;
        while !self.round(2, true) {
            rounds += 1;
        }
        rounds
    }
}

#[test]
fn silence_counts_after_a_whole_time_of_own_beats() {
    let mut rounds = Rounds::new();
    // At 0, 500, 1000 and 1500 ms.
    assert_eq!(rounds.until_it_counts(), 4);
    assert!(
        (0..1_000).all(|_| rounds.round(2, true)),
        "and from then on"
    );
}

#[test]
fn after_an_outage_of_the_database_it_begins_anew() {
    let mut rounds = Rounds::new();
    rounds.until_it_counts();
    // 40 s: workers could not write heartbeats either, and look silent when the database is back.
    assert!((0..80).all(|_| !rounds.round(1, false)));
    assert_eq!(rounds.until_it_counts(), 4);
    // One failure is enough.
    assert!(!rounds.round(1, false));
    assert_eq!(rounds.until_it_counts(), 4);
}

#[test]
fn a_slow_database_counts_as_none() {
    let mut rounds = Rounds::new();
    rounds.until_it_counts();
    assert!(rounds.round(500, true));
    assert!(!rounds.round(8_000, true), "answered in the end");
    assert_eq!(rounds.until_it_counts(), 4);
}

#[test]
fn a_process_that_stood_still_begins_anew() {
    let mut rounds = Rounds::new();
    rounds.until_it_counts();
    rounds.wait(10_000);
    assert_eq!(rounds.until_it_counts(), 4);
}
