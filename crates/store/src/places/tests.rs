use super::*;
use chrono::{TimeZone as _, Utc};
use uuid::Uuid;

fn now() -> At {
    Utc.timestamp_opt(1_700_000_000, 0).unwrap()
}

fn worker(state: WorkerState, calls: i32, load: f32) -> WorkerRow {
    WorkerRow {
        id: Uuid::nil(),
        host: "one".into(),
        agent_name: "sidetone".into(),
        version: "1".into(),
        livekit_id: None,
        state,
        load,
        calls,
        max_calls: 4,
        started_at: now(),
        seen_at: now(),
        drain_requested_at: None,
        drain_until: None,
        recent: None,
        edition: None,
    }
}

fn room(workers: Vec<WorkerRow>, asked: usize) -> Result<usize, Full> {
    let at = now();
    Places { workers, asked, at }.room()
}

#[test]
fn places_are_counted() {
    use WorkerState::{Connecting, Drained, Draining, Ready};
    assert_eq!(room(vec![], 0), Err(Full::Nobody));
    assert_eq!(room(vec![worker(Ready, 1, 0.2)], 0), Ok(3));
    assert_eq!(room(vec![worker(Ready, 1, 0.2)], 2), Ok(1));
    // Agents on their way take places, too.
    assert_eq!(room(vec![worker(Ready, 1, 0.2)], 3), Err(Full::Calls(4)));
    assert_eq!(room(vec![worker(Ready, 1, 0.2)], 9), Err(Full::Calls(10)));
    let both = vec![worker(Ready, 4, 0.7), worker(Ready, 3, 0.3)];
    assert_eq!(room(both.clone(), 0), Ok(1));
    assert_eq!(room(both, 1), Err(Full::Calls(8)));
    // LiveKit picks no worker at this load, with a free place or without.
    assert_eq!(room(vec![worker(Ready, 1, 0.7)], 0), Err(Full::Load));
    assert_eq!(room(vec![worker(Ready, 4, 0.9)], 0), Err(Full::Calls(4)));
    assert_eq!(room(vec![worker(Connecting, 0, 0.0)], 0), Err(Full::Nobody));
    for state in [Draining, Drained] {
        let full = Err(Full::Draining(None));
        assert_eq!(room(vec![worker(state, 1, 0.1)], 0), full);
    }
    // Believed, although it exceeds its limit.
    assert_eq!(room(vec![worker(Ready, 9, 0.1)], 0), Err(Full::Calls(9)));

    // Asked to drain, but not informed yet.
    let asked = WorkerRow {
        drain_requested_at: Some(now() - TimeDelta::seconds(60)),
        ..worker(Ready, 1, 0.1)
    };
    let ends = now() + TimeDelta::seconds(540);
    assert_eq!(
        room(vec![asked.clone()], 0),
        Err(Full::Draining(Some(ends)))
    );
    assert_eq!(room(vec![asked, worker(Ready, 3, 0.1)], 0), Ok(1));
    // Not heard from for too long: treated as gone.
    let lost = WorkerRow {
        seen_at: now() - TimeDelta::seconds(21),
        ..worker(Ready, 0, 0.0)
    };
    assert_eq!(room(vec![lost], 0), Err(Full::Nobody));
}

#[test]
fn when_to_ask_again() {
    let minutes = Duration::from_secs(120);
    assert_eq!(Full::Nobody.retry_after(minutes, now()), 10);
    assert_eq!(Full::Load.retry_after(minutes, now()), 5);
    // With four calls of two minutes, one ends within half a minute.
    assert_eq!(Full::Calls(4).retry_after(minutes, now()), 30);
    assert_eq!(Full::Calls(1).retry_after(minutes, now()), 120);
    assert_eq!(Full::Calls(500).retry_after(minutes, now()), 2);
    let ends = |seconds| Full::Draining(Some(now() + TimeDelta::seconds(seconds)));
    assert_eq!(ends(40).retry_after(minutes, now()), 40);
    assert_eq!(ends(540).retry_after(minutes, now()), 120);
    assert_eq!(ends(-9).retry_after(minutes, now()), 5);
    assert_eq!(Full::Draining(None).retry_after(minutes, now()), 120);
}
