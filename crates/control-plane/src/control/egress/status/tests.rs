use chrono::DateTime;
use uuid::Uuid;

use super::*;
use sidetone_store::RecordingState;

fn at(seconds: i64) -> At {
    DateTime::from_timestamp(1_795_360_000 + seconds, 0).unwrap()
}

fn asked() -> Recording {
    Recording::by_egress(Uuid::from_u128(7), at(0))
}

fn report(status: EgressStatus) -> Report {
    Report {
        egress_id: "EG_1".into(),
        status,
        error: String::new(),
        file: None,
    }
}

fn told(status: EgressStatus) -> Seen {
    Seen::Told(report(status))
}

fn complete(status: EgressStatus) -> Seen {
    let file = ReportedFile {
        key: "recordings/r.ogg".into(),
        url: "https://s3.example/calls/recordings/r.ogg".into(),
        bytes: 1_000,
        duration_ms: 2_000,
        started_at: Some(at(1)),
    };
    let file = Some(file);
    Seen::Told(Report {
        file,
        ..report(status)
    })
}

fn taken() -> Seen {
    let egress_id = "EG_1".into();
    Seen::Taken { egress_id }
}

/// What there is after all that was seen, a second apart, and each stop.
fn run(all: &[Seen]) -> (Recording, Vec<Option<String>>) {
    let mut recording = asked();
    let mut stops = Vec::new();
    for (second, seen) in all.iter().enumerate() {
        let Step { after, stop } = step(&recording, seen, at(second as i64 + 1));
        recording = after;
        stops.push(stop);
    }
    (recording, stops)
}

#[test]
fn a_call_is_recorded_from_asking_to_the_file() {
    let eg = Some("EG_1".to_owned());
    let (recording, stops) = run(&[
        taken(),
        told(EgressStatus::Active),
        // Late, and twice.
        told(EgressStatus::Starting),
        Seen::RoomOver,
        Seen::RoomOver,
        told(EgressStatus::Active),
        complete(EgressStatus::Complete),
        complete(EgressStatus::Complete),
        Seen::RoomOver,
    ]);
    assert_eq!(stops, [None, None, None, eg, None, None, None, None, None]);
    assert_eq!(recording.state, RecordingState::Uploaded);
    assert_eq!(
        (recording.bytes, recording.duration_ms),
        (Some(1_000), Some(2_000))
    );
    assert_eq!(recording.ended_at, Some(at(7)));
    assert_eq!(recording.started_at, at(1));
    assert_eq!(recording.reason, None);
}

#[test]
fn failures_are_reported_as_failures() {
    for (seen, reason) in [
        (told(EgressStatus::Failed), "failed"),
        (told(EgressStatus::Aborted), "was aborted"),
        (told(EgressStatus::LimitReached), "reached its limit"),
        (told(EgressStatus::Complete), "ended without a file"),
        (complete(EgressStatus::Failed), "failed"),
        (Seen::Unknown, "no longer knows"),
        (
            Seen::Refused {
                reason: "no worker".into(),
            },
            "no worker",
        ),
    ] {
        let (recording, _) = run(&[taken(), seen]);
        assert_eq!(recording.state, RecordingState::Failed);
        assert!(recording.reason.unwrap().contains(reason), "{reason}");
        assert_eq!(recording.ended_at, Some(at(2)));
        // Deletion looks for what may lie there all the same.
        assert!(recording.object_key.is_some());
    }
}

#[test]
fn a_limit_leaves_what_was_recorded_before_it() {
    let (recording, _) = run(&[taken(), complete(EgressStatus::LimitReached)]);
    assert_eq!(recording.state, RecordingState::Uploaded);
    assert!(recording.reason.unwrap().contains("limit"));
}

#[test]
fn an_egress_that_does_not_begin_is_given_up_and_stopped_when_it_does() {
    for before in [
        vec![],
        vec![taken()],
        vec![taken(), told(EgressStatus::Starting)],
    ] {
        let (recording, _) = run(&before);
        let early = step(&recording, &Seen::Time, at(30));
        assert_eq!(early.after, recording);
        let late = step(&recording, &Seen::Time, at(31));
        assert_eq!(late.after.state, RecordingState::Failed);
        assert_eq!(late.stop, recording.egress_id);
        for risen in [taken(), told(EgressStatus::Active)] {
            let step = step(&late.after, &risen, at(40));
            assert_eq!(
                (step.after, step.stop),
                (late.after.clone(), Some("EG_1".into()))
            );
        }
    }
    // One that records has all the time of the call.
    let (active, _) = run(&[taken(), told(EgressStatus::Active)]);
    assert_eq!(step(&active, &Seen::Time, at(90_000)).after, active);
}

#[test]
fn a_room_that_ends_early_stops_what_comes_late() {
    let (recording, stops) = run(&[Seen::RoomOver, taken()]);
    assert_eq!(stops, [None, Some("EG_1".into())]);
    assert_eq!(recording.egress_status, EgressStatus::Ending);
    assert!(is_asked_about(&recording));
    let late = step(&recording, &Seen::Time, at(1 + 16 * 60));
    assert_eq!(late.after.state, RecordingState::Failed);
    assert!(late.after.reason.unwrap().contains("15 minutes"));
}
