//! What operators see from outside: `/metrics` of both processes while there are calls, providers fail and workers
//! die. Checks that neither metrics nor logs reveal who called or what was said, and that dashboard, alerts and
//! runbook mention only what exists.

mod collector;
mod files;
mod listen;
mod scrape;
mod stage;
mod traces;

use std::collections::BTreeSet;

use serde_json::Value;
use sidetone::caller::ScriptTurn;
use sidetone::caller::script::Cue;
use sidetone_testkit::{Endpoint, Failure};

use crate::calls::stage::sound;
use crate::support::eventually;
use scrape::Scrape;
use stage::{ADMIN, Caller, Stage};

/// What the caller and the agent say: found only in the history.
const SAID: &str = "My password is tangerine umbrella.";
const ANSWER: &str = "Kumquat wheelbarrow is noted for you, and so is everything that you have told me on \
                      this long and sunny afternoon about your garden, your neighbours and their dog.";
/// Words from these, and the caller's identity.
const KNOWN: [&str; 6] = [
    "tangerine",
    "umbrella",
    "kumquat",
    "wheelbarrow",
    "quastenflosse",
    "ann.7731",
];
const CALLER: Caller = Caller {
    user: "ann.7731",
    name: "Zebulon Quastenflosse",
};

fn turn(file: &str, cue: Cue) -> ScriptTurn {
    ScriptTurn {
        name: file.to_owned(),
        says: sound(file).into(),
        cue,
    }
}

/// Checks that `text` contains nothing of [`KNOWN`].
fn nobody(what: &str, text: &str) {
    let text = text.to_lowercase();
    for known in KNOWN {
        let at = text.find(known);
        let line = at.and_then(|at| text[..at].lines().last().map(str::to_owned));
        assert!(at.is_none(), "{what} has \"{known}\": {line:?}…");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_moves_the_counters_of_both_processes_and_names_nobody() {
    let stage = Stage::set(1).await;
    stage.provider.default_transcript(SAID);
    stage.provider.default_answer(ANSWER);
    // The work ahead, and the answer to the first turn.
    stage
        .provider
        .script_failures(Endpoint::Chat, &[Failure::Unauthorized; 2]);
    let (worker, plane) = (stage.worker(0).await, stage.plane().await);
    assert_eq!(worker.value("sidetone_calls", &[("state", "talking")]), 0.0);
    assert_eq!(worker.value("sidetone_worker_registered", &[]), 1.0);
    assert_eq!(worker.value("sidetone_worker_slots", &[]), 25.0);
    let reason = [("agent", "default"), ("reason", "caller_hung_up")];
    // Counters start at 0 before the first event, so that the first one is visible.
    assert!(
        worker.text().contains(
            "sidetone_calls_ended_total{agent=\"default\",reason=\"caller_hung_up\"} 0\n"
        )
    );
    assert_eq!(plane.value("sidetone_database_up", &[]), 1.0);
    assert_eq!(plane.value("sidetone_pool_slots", &[]), 25.0);

    let barge_in = Cue::AgentSpeakingFor(std::time::Duration::from_millis(1_200));
    let turns = vec![
        turn("caller-opening-hours.wav", Cue::AgentDone),
        turn("caller-opening-hours.wav", Cue::AgentDone),
        turn("caller-interrupts.wav", barge_in),
    ];
    let during = async {
        let talking = eventually("a call is scraped while it is held", 60, async || {
            let (worker, plane) = (stage.worker(0).await, stage.plane().await);
            let talks = worker.value("sidetone_calls", &[("state", "talking")]) == 1.0;
            let is_open = plane.value("sidetone_open_calls", &[("status", "connected")]) == 1.0;
            let answers = worker.value("sidetone_heard_seconds_count", &[]) > 0.0;
            (talks && is_open && answers).then_some((worker, plane))
        });
        talking.await
    };
    let (placed, (mid_worker, mid_plane)) = tokio::join!(stage.call(&CALLER, turns), during);
    let call_id = placed.report.call_id.clone();
    assert!(placed.report.all_answered(), "{}", placed.report);

    let after = eventually("the call's end is counted", 60, async || {
        let worker = stage.worker(0).await;
        (worker.value("sidetone_calls_ended_total", &reason) == 1.0).then_some(worker)
    })
    .await;
    let begun = after.value("sidetone_utterances_begun_total", &[]);
    assert!(begun >= 3.0, "{begun}");
    assert_eq!(after.value("sidetone_utterances_total", &[]), begun);
    let sentences = after.value("sidetone_sentences_begun_total", &[]);
    assert_eq!(after.value("sidetone_sentences_total", &[]), sentences);
    let answered = [("closed", "answered")];
    assert!(after.value("sidetone_utterances_total", &answered) >= 1.0);
    assert!(after.value("sidetone_barge_ins_total", &[]) >= 1.0);
    assert!(after.value("sidetone_heard_seconds_count", &[]) >= 2.0);
    for stage in [
        "endpointing",
        "stt",
        "llm_first_token",
        "tts_first_byte",
        "playout",
    ] {
        let count = after.value("sidetone_stage_seconds_count", &[("stage", stage)]);
        assert!(count >= 1.0, "{stage}");
    }
    let failed = [("stage", "llm"), ("provider", "default")];
    assert!(after.value("sidetone_provider_errors_total", &failed) >= 1.0);
    let told = [("part", "llm")];
    assert!(after.value("sidetone_stage_failures_total", &told) >= 1.0);
    let model = [("model", "hears")];
    assert!(after.value("sidetone_transcribed_seconds_total", &model) > 1.0);
    assert!(after.value("sidetone_tokens_total", &[("kind", "prompt")]) > 0.0);
    assert!(after.value("sidetone_speech_characters_total", &[]) > 20.0);
    // The stage's price file contains two of the three models.
    let cost = |stage| after.value("sidetone_cost_dollars_total", &[("stage", stage)]);
    assert!(cost("stt") > 0.0 && cost("llm") > 0.0);
    assert_eq!(cost("tts"), 0.0);
    let unknown = |stage| after.value("sidetone_cost_unknown_total", &[("stage", stage)]);
    assert!(unknown("tts") >= 1.0);
    assert_eq!(unknown("stt"), 0.0);
    assert!(after.value("sidetone_loop_lag_seconds_count", &[]) > 10.0);
    let jobs = [("outcome", "success")];
    eventually("the job's end is counted", 60, async || {
        let worker = stage.worker(0).await;
        (worker.value("sidetone_jobs_ended_total", &jobs) == 1.0).then_some(())
    })
    .await;
    let over = eventually("the control plane knows that it is over", 60, async || {
        let plane = stage.plane().await;
        let acted = plane.value("sidetone_livekit_events_total", &[("result", "acted_on")]);
        let is_over = plane.value("sidetone_open_calls", &[]) == 0.0;
        (acted >= 3.0 && is_over).then_some(plane)
    })
    .await;
    assert_eq!(
        over.value("sidetone_agent_dispatches_total", &[("why", "first")]),
        1.0
    );
    assert!(over.value("sidetone_livekit_event_lag_seconds_count", &[]) >= 3.0);

    let scrapes = [&mid_worker, &mid_plane, &after, &over];
    for text in scrapes.map(Scrape::text) {
        nobody("a scrape", text);
        for id in call_id
            .iter()
            .flat_map(|id| [id.clone(), id.replace('-', "")])
        {
            assert!(!text.contains(&id), "a scrape names a call");
        }
        assert!(!text.contains("support-"), "a scrape names a room");
        assert!(
            !text.contains("sk-test") && !text.contains(ADMIN),
            "a secret"
        );
    }
    let mut types = mid_worker.types();
    types.extend(mid_plane.types());
    let names: BTreeSet<String> = types.keys().cloned().collect();
    files::name_what_there_is(&names);
    files::metrics_are_documented(&types);

    let logs = stage.end().await;
    assert!(logs.iter().any(|(_, log)| !log.is_empty()));
    let mut of_call = 0;
    for (name, log) in &logs {
        nobody(name, log);
        for line in log.lines().filter(|line| line.starts_with('{')) {
            let line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
            if line["call_id"].as_str() == call_id.as_deref() {
                let trace = call_id.as_ref().unwrap().replace('-', "");
                assert_eq!(line["trace_id"], trace, "{line}");
                of_call += 1;
            }
        }
    }
    assert!(of_call >= 4, "only {of_call} lines are of the call");
}

/// The control plane counts the dispatch, the new worker counts the takeover; a killed worker is shown.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_is_seen_by_the_others() {
    let mut stage = Stage::set(2).await;
    stage.provider.default_answer(ANSWER);
    let room = stage.join(&CALLER).await;
    let heard = [("closed", "heard")];
    let holder = eventually("a greeting is heard", 60, async || {
        for n in 0..2 {
            let worker = stage.worker(n).await;
            if worker.value("sidetone_sentences_total", &heard) >= 1.0 {
                return Some(n);
            }
        }
        None
    })
    .await;
    let other = 1 - holder;
    let before = stage.worker(other).await;
    assert_eq!(before.value("sidetone_calls_taken_over_total", &[]), 0.0);
    stage.kill(holder);
    eventually("the other one has taken over", 60, async || {
        let worker = stage.worker(other).await;
        (worker.value("sidetone_calls_taken_over_total", &[]) == 1.0).then_some(())
    })
    .await;
    eventually("the control plane shows who is lost", 60, async || {
        let plane = stage.plane().await;
        let why = [("why", "instead_of_lost")];
        let asked = plane.value("sidetone_agent_dispatches_total", &why);
        let lost = plane.value("sidetone_pool_workers", &[("state", "lost")]);
        (asked >= 1.0 && lost == 1.0).then_some(())
    })
    .await;
    let worker = stage.worker(other).await;
    nobody("a scrape", worker.text());
    room.close().await.unwrap();
    for (name, log) in &stage.end().await {
        nobody(name, log);
    }
}

/// Admins may scrape, and keys with that scope; such a key may do nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn only_permitted_callers_scrape_a_control_plane() {
    let stage = Stage::set(0).await;
    let status = async |path: &str, key: Option<&str>| stage.status(path, key).await;
    assert_eq!(status("/metrics", None).await, 401);
    assert_eq!(status("/metrics", Some("a wrong key")).await, 401);
    assert_eq!(status("/metrics", Some(stage::TOKENS)).await, 403);
    assert_eq!(status("/metrics", Some(stage::SCRAPER)).await, 200);
    assert_eq!(status("/metrics", Some(ADMIN)).await, 200);
    let history = "/api/voice/history";
    assert_eq!(status(history, Some(stage::SCRAPER)).await, 403);
    assert_eq!(
        status("/api/voice/workers", Some(stage::SCRAPER)).await,
        403
    );
    stage.end().await;
}
