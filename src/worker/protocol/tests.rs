//! Scripts against the worker's state machine on a simulated clock.

use super::*;
use crate::worker::LoadMeasure;
use proptest::prelude::*;
use proto::{JobStatus, WorkerStatus as Status};
use sidetone_config::env::LiveKit;

struct Script {
    worker: Worker,
    now: Instant,
    start: Instant,
}

fn settings() -> WorkerSettings {
    let livekit = LiveKit::new("ws://127.0.0.1:7880", "key", "secret");
    WorkerSettings {
        max_jobs: 3,
        ..WorkerSettings::new(livekit, "sidetone")
    }
}

impl Script {
    fn new(settings: WorkerSettings) -> Self {
        let start = sidetone_base::clock::now();
        Self {
            worker: Worker::new(start, settings),
            now: start,
            start,
        }
    }

    fn registered() -> Self {
        let mut script = Self::new(settings());
        assert_eq!(script.outputs(), [Output::Connect]);
        script.register();
        script
    }

    fn register(&mut self) -> Vec<Output> {
        let sent = self.on(Input::Connected);
        assert!(
            matches!(&sent[..], [Output::Send(ToServer::Register(r))] if r.agent_name == "sidetone")
        );
        self.on(Input::Received(FromServer::Register(
            proto::RegisterWorkerResponse {
                worker_id: "AW_1".into(),
                ..Default::default()
            },
        )))
    }

    fn outputs(&mut self) -> Vec<Output> {
        let mut all = Vec::new();
        loop {
            match self.worker.poll_output() {
                Output::Timeout(_) => return all,
                output => all.push(output),
            }
        }
    }

    fn on(&mut self, input: Input) -> Vec<Output> {
        self.worker.handle_input(self.now, input);
        self.outputs()
    }

    /// Lets time pass, waking the machine at each of its deadlines like a driver.
    fn pass(&mut self, span: Duration) -> Vec<Output> {
        let end = self.now + span;
        let mut all = self.outputs();
        while let Some(at) = self.worker.next_deadline().filter(|at| *at <= end) {
            assert!(
                at >= self.now || at >= self.start,
                "a deadline lies in the past"
            );
            self.now = self.now.max(at);
            all.extend(self.on(Input::Timeout));
        }
        self.now = end;
        all
    }

    fn offer(&mut self, id: &str, room: &str) -> proto::AvailabilityResponse {
        self.offer_as(id, room, "{}")
    }

    fn offer_as(&mut self, id: &str, room: &str, metadata: &str) -> proto::AvailabilityResponse {
        let job = proto::Job {
            metadata: metadata.to_owned(),
            ..job(id, room)
        };
        let sent = self.on(Input::Received(FromServer::Availability(
            proto::AvailabilityRequest {
                job: Some(job),
                ..Default::default()
            },
        )));
        match sent.into_iter().next() {
            Some(Output::Send(ToServer::Availability(answer))) => answer,
            other => panic!("no answer to the offer: {other:?}"),
        }
    }

    fn assign(&mut self, id: &str, room: &str) -> Vec<Output> {
        self.assign_as(id, room, "{}")
    }

    fn assign_as(&mut self, id: &str, room: &str, metadata: &str) -> Vec<Output> {
        let job = proto::Job {
            metadata: metadata.to_owned(),
            ..job(id, room)
        };
        self.on(Input::Received(FromServer::Assignment(
            proto::JobAssignment {
                job: Some(job),
                url: None,
                token: "join-token".into(),
            },
        )))
    }

    fn running(&mut self, id: &str, room: &str) {
        assert!(self.offer(id, room).available);
        assert!(
            self.assign(id, room)
                .iter()
                .any(|o| matches!(o, Output::Start(_)))
        );
    }
}

/// What our own dispatch says.
fn of_epoch(epoch: i64) -> String {
    format!(r#"{{"call_id": "0f8fad5b-d9cb-469f-a165-70867728950e", "epoch": {epoch}}}"#)
}

fn job(id: &str, room: &str) -> proto::Job {
    proto::Job {
        id: id.into(),
        dispatch_id: format!("AD_{id}"),
        room: Some(proto::Room {
            name: room.into(),
            ..Default::default()
        }),
        metadata: "{}".into(),
        ..Default::default()
    }
}

fn updates(outputs: &[Output]) -> Vec<(String, JobStatus)> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Send(ToServer::UpdateJob(u)) => Some((u.job_id.clone(), u.status())),
            _ => None,
        })
        .collect()
}

fn statuses(outputs: &[Output]) -> Vec<(Status, f32, u32)> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Send(ToServer::UpdateWorker(u)) => Some((u.status(), u.load, u.job_count)),
            _ => None,
        })
        .collect()
}

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[test]
fn a_job_from_offer_to_left_room() {
    let mut script = Script::registered();
    let answer = script.offer("AJ_1", "support-a-1");
    assert!(answer.available && !answer.terminate);
    assert_eq!(answer.participant_identity, "agent-AJ_1");
    assert_eq!(
        answer.participant_attributes["lk.agent.state"],
        "initializing"
    );
    let started = script.assign("AJ_1", "support-a-1");
    assert_eq!(updates(&started), [("AJ_1".into(), JobStatus::JsRunning)]);
    let Some(Output::Start(job)) = started.iter().find(|o| matches!(o, Output::Start(_))) else {
        panic!("not started: {started:?}")
    };
    assert_eq!(job.url, "ws://127.0.0.1:7880");
    assert_eq!(job.dispatch_id, "AD_AJ_1");
    // Success is sent when the call is over, while the agent is still in the room.
    let ended = script.on(Input::JobEnded("AJ_1".into(), JobOutcome::Success));
    assert_eq!(updates(&ended), [("AJ_1".into(), JobStatus::JsSuccess)]);
    let left = script.on(Input::JobLeft(
        "AJ_1".into(),
        JobOutcome::Failed("late".into()),
    ));
    assert_eq!(updates(&left), [], "only the first report counts");
    assert_eq!(
        statuses(&left),
        [(Status::WsAvailable, 0.03, 0)].map(|s| (s.0, 0.0, s.2))
    );
}

#[test]
fn a_panic_is_a_failed_job() {
    let mut script = Script::registered();
    script.running("AJ_1", "r");
    let left = script.on(Input::JobLeft(
        "AJ_1".into(),
        JobOutcome::Failed("panicked".into()),
    ));
    assert_eq!(updates(&left), [("AJ_1".into(), JobStatus::JsFailed)]);
}

#[test]
fn a_second_agent_for_a_room_is_refused_for_every_worker() {
    let mut script = Script::registered();
    script.running("AJ_1", "r");
    let answer = script.offer("AJ_2", "r");
    assert!(!answer.available && answer.terminate);
    // While the first is leaving, the next one is for other workers: a caller may have called again.
    script.on(Input::JobEnded("AJ_1".into(), JobOutcome::Success));
    let answer = script.offer("AJ_3", "r");
    assert!(!answer.available && !answer.terminate);
    script.on(Input::JobLeft("AJ_1".into(), JobOutcome::Success));
    assert!(script.offer("AJ_4", "r").available);
}

#[test]
fn an_agent_that_replaces_ours_is_for_other_workers() {
    let mut script = Script::registered();
    let answer = script.offer_as("AJ_1", "r", &of_epoch(4));
    assert!(answer.available);
    assert_eq!(answer.participant_attributes["sidetone.epoch"], "4");
    script.assign_as("AJ_1", "r", &of_epoch(4));
    let answer = script.offer_as("AJ_2", "r", &of_epoch(5));
    assert!(!answer.available && !answer.terminate, "ours may be lost");
    // The same dispatch again, an earlier one, and ones that do not count: no second agent may join.
    let others = r#"{"epoch": 9}"#.to_owned();
    for metadata in [of_epoch(4), of_epoch(3), "{}".into(), others] {
        let answer = script.offer_as("AJ_3", "r", &metadata);
        assert!(!answer.available && answer.terminate, "{metadata}");
    }
    // Still refused while ours is leaving; then there is room.
    script.on(Input::JobEnded("AJ_1".into(), JobOutcome::Success));
    assert!(!script.offer_as("AJ_4", "r", &of_epoch(6)).terminate);
    script.on(Input::JobLeft("AJ_1".into(), JobOutcome::Success));
    assert!(script.offer_as("AJ_5", "r", &of_epoch(7)).available);
}

#[test]
fn a_full_worker_says_no_and_lets_others_try() {
    let mut script = Script::registered();
    for n in 0..3 {
        script.running(&format!("AJ_{n}"), &format!("r{n}"));
    }
    let answer = script.offer("AJ_9", "r9");
    assert!(!answer.available && !answer.terminate);
    let left = script.on(Input::JobLeft("AJ_0".into(), JobOutcome::Success));
    assert_eq!(statuses(&left).len(), 1);
    assert!(script.offer("AJ_9", "r9").available);
}

#[test]
fn load_counts_reserved_and_new_jobs_until_it_is_measured() {
    let mut script = Script::registered();
    script.on(Input::LoadMeasured(0.66));
    assert!(script.offer("AJ_1", "r1").available);
    script.assign("AJ_1", "r1");
    script.on(Input::LoadMeasured(0.68));
    // 0.68 + 0.03 exceeds 0.7 while the average may not show the new job.
    assert!(!script.offer("AJ_2", "r2").available);
    script.pass(LOAD_LAG);
    assert!(script.offer("AJ_3", "r3").available);
    script.on(Input::LoadMeasured(0.7));
    let sent = script.pass(STATUS_INTERVAL);
    assert_eq!(statuses(&sent).last().map(|s| s.0), Some(Status::WsFull));
}

#[test]
fn load_by_jobs_ignores_the_cpu() {
    let mut script = Script::new(WorkerSettings {
        load: LoadMeasure::Jobs,
        max_jobs: 2,
        ..settings()
    });
    script.outputs();
    script.register();
    script.on(Input::LoadMeasured(1.0));
    script.running("AJ_1", "r1");
    assert!(script.offer("AJ_2", "r2").available);
    assert!(!script.offer("AJ_3", "r3").available);
}

#[test]
fn status_every_2_5_s_and_a_ping_every_30() {
    let mut script = Script::registered();
    let sent = script.pass(secs(30));
    assert_eq!(statuses(&sent).len(), 12);
    assert_eq!(
        sent.iter()
            .filter(|o| matches!(o, Output::Send(ToServer::Ping(_))))
            .count(),
        1
    );
    script.on(Input::Received(FromServer::Pong(
        proto::WorkerPong::default(),
    )));
    assert!(!script.pass(secs(20)).contains(&Output::Close));
    // The next ping is not answered, so the connection is dead.
    let sent = script.pass(secs(30));
    assert!(sent.contains(&Output::Close) && sent.contains(&Output::Connect));
}

#[test]
fn an_accepted_offer_without_assignment_is_forgotten() {
    let mut script = Script::registered();
    assert!(script.offer("AJ_1", "r").available);
    assert!(script.offer("AJ_2", "r").terminate);
    script.pass(ASSIGNMENT_DEADLINE);
    assert!(script.offer("AJ_3", "r").available);
    // The first assignment arrives late, when the room is promised to another job.
    let sent = script.assign("AJ_1", "r");
    assert_eq!(updates(&sent), [("AJ_1".into(), JobStatus::JsFailed)]);
    assert!(!sent.iter().any(|o| matches!(o, Output::Start(_))));
}

#[test]
fn a_lost_server_is_tried_again_after_min_2n_10_s() {
    let mut script = Script::registered();
    let mut waits = Vec::new();
    for _ in 0..7 {
        assert_eq!(script.on(Input::Disconnected), []);
        let before = script.now;
        while !script.pass(secs(1)).contains(&Output::Connect) {}
        waits.push(script.now.duration_since(before).as_secs() - 1);
    }
    assert_eq!(waits, [0, 1, 3, 5, 7, 9, 9]); // waits of 0, 2, 4, 6, 8, 10, 10 s seen at whole seconds
}

#[test]
fn jobs_outlive_the_socket_and_are_reported_again() {
    let mut script = Script::registered();
    script.running("AJ_1", "r1");
    script.running("AJ_2", "r2");
    assert!(script.offer("AJ_3", "r3").available);
    script.on(Input::Disconnected);
    assert_eq!(
        script.on(Input::JobEnded("AJ_2".into(), JobOutcome::Success)),
        []
    );
    assert!(script.pass(secs(1)).contains(&Output::Connect));
    let sent = script.register();
    assert_eq!(
        updates(&sent),
        [
            ("AJ_1".into(), JobStatus::JsRunning),
            ("AJ_2".into(), JobStatus::JsSuccess)
        ]
    );
    assert_eq!(
        statuses(&sent).last().map(|s| s.2),
        Some(2),
        "the offer died with its socket"
    );
}

#[test]
fn a_silent_server_is_left_at_the_register_deadline() {
    let mut script = Script::new(settings());
    script.outputs();
    script.on(Input::Connected);
    let sent = script.pass(secs(10));
    assert_eq!(sent, [Output::Close, Output::Connect]);
    assert_eq!(
        script.pass(secs(10)),
        [Output::Close],
        "a connect that hangs, too"
    );
}

#[test]
fn termination_gives_three_seconds() {
    let mut script = Script::registered();
    script.running("AJ_1", "r");
    let terminate = Input::Received(FromServer::Termination(proto::JobTermination {
        job_id: "AJ_1".into(),
    }));
    let by = LeaveBy::within(script.now, LeaveBy::TERMINATED);
    assert_eq!(
        script.on(terminate.clone()),
        [Output::Cancel("AJ_1".into(), Cause::Server, by)]
    );
    assert_eq!(script.on(terminate), [], "asked once");
    assert!(
        !script
            .pass(Duration::from_millis(2_999))
            .contains(&Output::Abort("AJ_1".into()))
    );
    assert!(
        script
            .pass(Duration::from_millis(1))
            .contains(&Output::Abort("AJ_1".into()))
    );
}

#[test]
fn a_drain_waits_for_the_last_call() {
    let mut script = Script::registered();
    script.running("AJ_1", "r");
    let sent = script.on(Input::Drain);
    assert_eq!(statuses(&sent), [(Status::WsFull, 0.03, 1)]);
    assert!(!script.offer("AJ_2", "r2").available);
    assert!(!script.pass(secs(29)).contains(&Output::Finished));
    let sent = script.on(Input::JobEnded("AJ_1".into(), JobOutcome::Success));
    assert!(!sent.contains(&Output::Finished), "still in the room");
    let sent = script.on(Input::JobLeft("AJ_1".into(), JobOutcome::Success));
    assert!(
        sent.ends_with(&[Output::Close, Output::Finished]),
        "{sent:?}"
    );
    assert_eq!(script.worker.poll_output(), Output::Timeout(None));
}

#[test]
fn a_drain_ends_calls_at_its_timeout_and_needs_no_server() {
    let mut script = Script::registered();
    script.running("AJ_1", "r");
    script.on(Input::Drain);
    script.on(Input::Disconnected);
    let sent = script.pass(settings().drain_timeout);
    let by = LeaveBy::within(script.now, LeaveBy::HANDED_OVER);
    assert!(sent.contains(&Output::Cancel("AJ_1".into(), Cause::Drain, by)));
    let sent = script.on(Input::JobLeft("AJ_1".into(), JobOutcome::Success));
    assert!(!sent.contains(&Output::Finished), "its end is not sent yet");
    assert!(script.pass(LAST_WORDS).contains(&Output::Finished));
}

#[test]
fn a_second_order_ends_the_calls_of_a_drain_with_their_sentence() {
    let mut script = Script::registered();
    script.running("AJ_1", "r");
    script.on(Input::Drain);
    script.pass(secs(1));
    let by = LeaveBy::within(script.now, LeaveBy::ASKED);
    let sent = script.on(Input::EndJobs);
    assert_eq!(
        sent,
        [Output::Cancel("AJ_1".into(), Cause::End, by)],
        "the drain time is not waited for"
    );
    let aborted = Output::Abort("AJ_1".into());
    assert!(!script.pass(LeaveBy::ASKED).contains(&aborted));
    assert!(script.pass(ABORT_GRACE).contains(&aborted));
}

#[test]
fn a_second_order_is_nearer_than_the_end_of_the_drain_time() {
    let mut script = Script::registered();
    script.running("AJ_1", "r");
    script.on(Input::Drain);
    script.pass(settings().drain_timeout);
    let by = LeaveBy::within(script.now, LeaveBy::ASKED);
    let sent = script.on(Input::EndJobs);
    assert_eq!(sent, [Output::Cancel("AJ_1".into(), Cause::End, by)]);
}

#[test]
fn the_servers_order_is_nearer_than_the_drains() {
    let mut script = Script::registered();
    script.running("AJ_1", "r");
    script.on(Input::EndJobs);
    let terminate = FromServer::Termination(proto::JobTermination {
        job_id: "AJ_1".into(),
    });
    let by = LeaveBy::within(script.now, LeaveBy::TERMINATED);
    let sent = script.on(Input::Received(terminate));
    assert_eq!(sent, [Output::Cancel("AJ_1".into(), Cause::Server, by)]);
    let sent = script.pass(secs(3));
    assert!(sent.contains(&Output::Abort("AJ_1".into())));
}

#[test]
fn a_worker_that_ends_its_calls_takes_no_more() {
    let mut script = Script::registered();
    let sent = script.on(Input::EndJobs);
    assert!(sent.ends_with(&[Output::Close, Output::Finished]));
}

fn any_input() -> impl Strategy<Value = (u64, u8, u8)> {
    (0u64..4_000, 0u8..12, 0u8..5)
}

proptest! {
    /// Whatever arrives in whatever order: no deadline in the past, never two jobs in a room, never more than
    /// `max_jobs`, at most one final status per job, nothing after the end.
    #[test]
    fn random_scripts_keep_the_rules(steps in prop::collection::vec(any_input(), 1..120)) {
        let mut script = Script::new(settings());
        let mut ended: Vec<String> = Vec::new();
        let mut finished = false;
        let mut serial = 0;
        for (wait, what, which) in steps {
            let mut outputs = script.pass(Duration::from_millis(wait));
            let id = format!("AJ_{}", serial - i64::from(which));
            let room = format!("room{which}");
            let input = match what {
                0 => Input::Connected,
                1 => Input::Disconnected,
                2 => Input::LoadMeasured(f32::from(which) / 5.0),
                3 => Input::JobEnded(id, JobOutcome::Success),
                4 => Input::JobLeft(id, JobOutcome::Success),
                5 if which == 0 => Input::Drain,
                5 if which == 1 => Input::EndJobs,
                6 => Input::Received(FromServer::Pong(proto::WorkerPong::default())),
                7 => Input::Received(FromServer::Termination(proto::JobTermination { job_id: id })),
                8 => Input::Received(FromServer::Assignment(proto::JobAssignment {
                    job: Some(job(&id, &room)), url: None, token: "t".into(),
                })),
                9 => Input::Received(FromServer::Register(proto::RegisterWorkerResponse::default())),
                _ => {
                    serial += 1;
                    Input::Received(FromServer::Availability(proto::AvailabilityRequest {
                        job: Some(job(&format!("AJ_{serial}"), &room)), ..Default::default()
                    }))
                }
            };
            outputs.extend(script.on(input));
            outputs.extend(script.pass(Duration::ZERO));
            for output in &outputs {
                prop_assert!(!finished, "{output:?} after the end");
                finished = matches!(output, Output::Finished);
            }
            // A late assignment for a room promised to another job fails at once, and may come again.
            for (id, status) in updates(&outputs) {
                if status == JobStatus::JsSuccess {
                    prop_assert!(!ended.contains(&id), "{id} ended twice");
                    ended.push(id);
                }
            }
            let mut rooms: Vec<_> = script.worker.jobs.values().map(|j| j.room.clone()).collect();
            prop_assert!(rooms.len() <= 3);
            rooms.sort();
            let all = rooms.len();
            rooms.dedup();
            prop_assert_eq!(rooms.len(), all, "two jobs in a room");
            if let Some(at) = script.worker.next_deadline() {
                prop_assert!(at > script.now, "a deadline that is due was not handled");
            }
        }
    }
}
