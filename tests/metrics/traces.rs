//! A call as its collector sees it: one trace with everything that was done for each answer, in which nobody is named
//! and nothing is quoted. An unavailable collector costs spans but no call.

use serde_json::{Value, json};
use sidetone::caller::script::Cue;
use sidetone_testkit::{Answer, Endpoint, Failure};

use super::collector::{Collector, attribute, tree};
use super::stage::{ADMIN, Stage};
use super::{ANSWER, CALLER, SAID, nobody, turn};
use crate::support::eventually;

/// The trace that a backend's request belongs to.
const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const KEY: &str = "a key of the collector";

fn variables(collector: &Collector, protocol: &str) -> Vec<(&'static str, String)> {
    vec![
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url.clone()),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol.into()),
        (
            "OTEL_EXPORTER_OTLP_HEADERS",
            format!("x-collector-key={}", KEY.replace(' ', "%20")),
        ),
        (
            "OTEL_RESOURCE_ATTRIBUTES",
            "deployment.environment.name=test".into(),
        ),
    ]
}

fn named<'a>(spans: &'a [Value], name: &str) -> Vec<&'a Value> {
    spans.iter().filter(|span| span["name"] == name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_one_trace_in_which_nobody_is_named_and_nothing_said() {
    let collector = Collector::start().await;
    let more = |name: &str| match name {
        "plane" => variables(&collector, "http/protobuf"),
        _ => variables(&collector, "http/json"),
    };
    let mut stage = Stage::set_with(1, more).await;
    stage.traceparent = Some(TRACEPARENT);
    stage.provider.default_transcript(SAID);
    stage.provider.default_answer(ANSWER);
    // The work ahead, and the answer to the first turn.
    let refused = [Failure::Unauthorized; 2];
    stage.provider.script_failures(Endpoint::Chat, &refused);
    let remembers = json!({"key": "password", "value": "tangerine umbrella"});
    let call = Answer::tool_call("call_kumquat", "remember", &remembers);
    let turns = vec![
        turn("caller-opening-hours.wav", Cue::AgentDone),
        turn("caller-opening-hours.wav", Cue::AgentDone),
        turn(
            "caller-interrupts.wav",
            Cue::AgentSpeakingFor(std::time::Duration::from_millis(1_200)),
        ),
    ];
    stage.provider.script_answer(call);
    let placed = stage.call(&CALLER, turns).await;
    assert!(placed.report.all_answered(), "{}", placed.report);
    let call_id = placed.report.call_id.unwrap();
    // Waiting spans are sent before the processes end.
    let logs = stage.end_gracefully().await;

    let all = collector.spans();
    let trace = call_id.replace('-', "");
    let spans: Vec<Value> = all
        .into_iter()
        .filter(|span| span["traceId"] == *trace)
        .collect();
    println!("{}", tree(&spans));
    let root = named(&spans, "invoke_agent default");
    let [root] = root[..] else {
        panic!("{} calls among {} spans", root.len(), spans.len());
    };
    assert_eq!(root["spanId"], trace[..16]);
    assert_eq!(root.get("parentSpanId"), None);
    assert_eq!(
        attribute(root, "gen_ai.conversation.id"),
        Some(call_id.clone())
    );
    assert_eq!(
        attribute(root, "sidetone.end_reason"),
        Some("caller_hung_up".into())
    );
    let asked_by = json!([{"traceId": &TRACEPARENT[3..35], "spanId": &TRACEPARENT[36..52]}]);
    assert_eq!(root["links"], asked_by);
    assert_eq!(root["events"][0]["name"], "stage_failed");
    // All spans are within the call, at any depth.
    for span in spans.iter().filter(|span| *span != root) {
        let parent = spans
            .iter()
            .find(|other| other["spanId"] == span["parentSpanId"]);
        let name = parent.map(|parent| parent["name"].as_str().unwrap());
        let place = match span["name"].as_str().unwrap() {
            "turn" | "reply" | "join" => name == Some("invoke_agent default"),
            _ => matches!(name, Some("turn" | "reply" | "invoke_agent default")),
        };
        assert!(place, "{span} is inside of {name:?}");
        let (from, to) = (&span["startTimeUnixNano"], &span["endTimeUnixNano"]);
        let time = |time: &Value| time.as_str().unwrap().parse::<u64>().unwrap();
        assert!(time(from) <= time(to), "{span}");
    }
    let turns = named(&spans, "turn");
    assert!(turns.len() >= 3, "{} turns", turns.len());
    let inside = |name: &str| {
        let of_turns = named(&spans, name);
        let is_in_one = |span: &&&Value| {
            turns
                .iter()
                .any(|turn| turn["spanId"] == span["parentSpanId"])
        };
        of_turns.iter().filter(is_in_one).count()
    };
    for name in [
        "speech_to_text hears",
        "chat thinks",
        "text_to_speech speaks",
        "endpointing",
        "playout",
    ] {
        assert!(inside(name) >= 2, "{} of {name} are in turns", inside(name));
    }
    assert!(inside("execute_tool remember") == 1);
    let chats = named(&spans, "chat thinks");
    let paid = chats.iter().filter(|chat| {
        let tokens = attribute(chat, "gen_ai.usage.input_tokens");
        tokens.is_some() && attribute(chat, "gen_ai.response.time_to_first_chunk").is_some()
    });
    assert!(paid.count() >= 2);
    let failed = chats.iter().filter(|chat| chat["status"]["code"] == 2);
    let kinds: Vec<_> = failed.map(|chat| attribute(chat, "error.type")).collect();
    assert!(
        kinds.len() >= 2 && kinds.iter().all(|kind| kind.as_deref() == Some("sick")),
        "{kinds:?}"
    );
    let answered = turns
        .iter()
        .filter(|turn| attribute(turn, "sidetone.response_ms").is_some());
    assert!(answered.count() >= 2);

    let posts = collector.posts();
    assert!(posts.iter().all(|post| post.key == KEY));
    // The control plane's request is in the backend's trace; Protobuf contains names and routes literally.
    let plane = posts
        .iter()
        .find(|post| post.kind == "application/x-protobuf");
    let plane = String::from_utf8_lossy(&plane.unwrap().body).into_owned();
    for text in [
        "POST /api/voice/token",
        "/api/voice/token",
        "deployment.environment.name",
        &call_id,
    ] {
        assert!(plane.contains(text), "{text}");
    }
    for post in &posts {
        let text = String::from_utf8_lossy(&post.body);
        nobody("a post of spans", &text);
        for secret in ["sk-test", ADMIN, "support-", KEY, "opening hours"] {
            assert!(!text.contains(secret), "spans have {secret:?}");
        }
    }
    for (name, log) in &logs {
        nobody(name, log);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_costs_spans_and_no_call() {
    let nowhere = Collector::nowhere().await;
    let stage = Stage::set_with(1, |_| variables(&nowhere, "http/json")).await;
    stage.provider.default_answer(ANSWER);
    let hours = || vec![turn("caller-opening-hours.wav", Cue::AgentDone)];
    let placed = stage.call(&CALLER, hours()).await;
    assert!(placed.report.all_answered(), "{}", placed.report);
    let lost = [("result", "unreachable")];
    let dropped = eventually("the spans are dropped and counted", 60, async || {
        let worker = stage.worker(0).await;
        let dropped = worker.value("sidetone_spans_total", &lost);
        (dropped > 0.0).then_some(dropped)
    })
    .await;
    // The collector is back, at the same address.
    let collector = Collector::start_at(nowhere.url.trim_start_matches("http://")).await;
    let placed = stage.call(&CALLER, hours()).await;
    let trace = placed.report.call_id.unwrap().replace('-', "");
    eventually("the next call's trace comes", 60, async || {
        let spans = collector.spans();
        let root = named(&spans, "invoke_agent default");
        root.iter()
            .any(|root| root["traceId"] == *trace)
            .then_some(())
    })
    .await;
    let worker = stage.worker(0).await;
    assert!(worker.value("sidetone_spans_total", &[("result", "sent")]) > 5.0);
    assert!(worker.value("sidetone_spans_total", &lost) >= dropped);
    stage.end().await;
}
