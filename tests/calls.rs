//! Whole calls: a scripted caller, a real livekit-server, all of `sidetone serve`, and a fake OpenAI provider behind
//! it.

mod away;
mod conditions;
mod hand;
pub mod stage;

use std::time::Duration;

use livekit::RoomOptions;
use livekit::prelude::{PerformRpcData, Room};
use serde_json::{Value, json};
use sidetone::caller::script::Cue;
use sidetone::caller::transcripts::Speaker;
use sidetone_config::built_in;
use sidetone_testkit::fake_openai::Reads;
use sidetone_testkit::livekit_server::Options;
use sidetone_testkit::{Endpoint, Failure};

use stage::Stage;

const HOURS: &str = "caller-opening-hours.wav";
const INTERRUPTS: &str = "caller-interrupts.wav";

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_spoken_over_a_realtime_socket() {
    let agents = tempfile::tempdir().unwrap();
    let file = "prompt = \"prompt.md\"\ngreeting = \"Good morning!\"\n\
                [tts]\nprotocol = \"realtime\"\n";
    std::fs::write(agents.path().join("default.toml"), file).unwrap();
    std::fs::write(agents.path().join("prompt.md"), "Be kind.").unwrap();
    let stage = Stage::set_with(Options::default(), agents.path().to_owned()).await;
    stage
        .provider
        .default_transcript("What are your opening hours on Saturday?");
    stage
        .provider
        .default_answer("We open at nine. We close at six.");
    // The second sentence is refused at first, and the third one's socket dies.
    stage
        .provider
        .script_reads(&[Reads::Well, Reads::Well, Reads::Refuses, Reads::Dies(3)]);
    let placed = stage.call(&[(HOURS, Cue::AgentDone)]).await;
    let report = &placed.report;
    assert!(report.all_answered(), "{report}");
    let agent: Vec<_> = report
        .lines
        .iter()
        .filter(|line| line.speaker == Speaker::Agent)
        .map(|line| line.text.trim())
        .collect();
    assert_eq!(
        agent,
        ["Good morning!", "We open at nine. We close at six."],
        "{report}"
    );
    assert!(stage.provider.requests_to(Endpoint::Speech).is_empty());
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_is_greeted_answered_and_may_interrupt() {
    let stage = Stage::set().await;
    stage
        .provider
        .default_transcript("What are your opening hours on Saturday?");
    stage.provider.script_answer(
        "On Saturday we are open from nine in the morning until half past four in the afternoon. \
         On Sunday we are closed, and on all the other days we open at eight.",
    );
    stage.provider.default_answer("Open the settings page.");
    let barge_in = Cue::AgentSpeakingFor(Duration::from_millis(1200));
    let turns = [(HOURS, Cue::AgentDone), (INTERRUPTS, barge_in)];
    // STT is also asked during pauses, an unknown number of times, so its answer changes with the turn.
    let second_turn = async {
        while stage.provider.requests_to(Endpoint::Chat).is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        stage
            .provider
            .default_transcript("Wait, stop. How can I reset my password?");
    };
    let (placed, ()) = tokio::join!(stage.call(&turns), second_turn);

    let report = &placed.report;
    assert_eq!(report.ended_by, "the script", "{report}");
    assert!(report.all_answered(), "{report}");
    assert!(
        report.turns[1].times.unwrap().stopped_after.is_some(),
        "{report}"
    );
    let agent: Vec<_> = report
        .lines
        .iter()
        .filter(|l| l.speaker == Speaker::Agent)
        .collect();
    assert_eq!(
        agent[0].text.trim(),
        "Hello! How can I help you today?",
        "{report}"
    );
    assert!(agent[1].text.trim().starts_with("On Saturday"), "{report}");
    assert!(
        !agent[1].text.contains("eight"),
        "what was never heard is in the transcript: {report}"
    );
    assert_eq!(
        agent.last().unwrap().text.trim(),
        "Open the settings page.",
        "{report}"
    );
    assert!(
        report
            .lines
            .iter()
            .any(|l| l.speaker == Speaker::Caller && l.text.contains("opening hours")),
        "{report}"
    );

    // A page sees how the time of both answers was spent.
    assert_eq!(report.timings.len(), 2, "{:?}", report.timings);
    for stage in [
        "endpointingMs",
        "sttMs",
        "llmFirstTokenMs",
        "ttsFirstByteMs",
    ] {
        assert!(
            report.timings.iter().all(|timing| timing[stage].is_u64()),
            "{stage} in {:?}",
            report.timings
        );
    }

    // The model is told what was heard of its own interrupted answer.
    let last = stage.provider.requests_to(Endpoint::Chat).pop().unwrap();
    let messages = last.body["messages"].as_array().unwrap();
    let heard = messages
        .iter()
        .rev()
        .find(|m| m["role"] == "assistant")
        .unwrap();
    assert!(
        !heard["content"].to_string().contains("eight"),
        "{messages:?}"
    );

    let stored = stage.history(&placed).await;
    let turns = stored["turns"].as_array().unwrap();

    // The call's page sees when each stage was done: in this order, whatever was done ahead of time.
    let timed: Vec<_> = turns.iter().filter(|t| t["latencyMs"].is_u64()).collect();
    assert_eq!(timed.len(), 2, "{turns:?}");
    for turn in timed {
        let at = ["sttAtMs", "llmFirstTokenAtMs", "ttsFirstByteAtMs"]
            .map(|stage| turn["metrics"][stage].as_u64().unwrap());
        assert!(
            at.is_sorted() && at[2] <= turn["latencyMs"].as_u64().unwrap(),
            "{turn}"
        );
    }
    let interrupted: Vec<_> = turns
        .iter()
        .filter(|turn| turn["interrupted"] == true)
        .collect();
    assert_eq!(interrupted.len(), 1, "{stored:#}");
    assert!(
        interrupted[0]["text"]
            .as_str()
            .unwrap()
            .starts_with("On Saturday")
    );
    assert!(
        interrupted[0]["latencyMs"].as_i64().unwrap() > 0,
        "{stored:#}"
    );

    // The requested voice is the one that spoke. Speech made before the call used the agents' own voices.
    let mut speech = stage.provider.requests_to(Endpoint::Speech);
    let cut_off = built_in::of(None).cut_off;
    let begins_with = |input: &Value, text: &str| input.as_str().unwrap().starts_with(text);
    speech.retain(|request| !begins_with(&request.body["input"], cut_off));
    assert!(
        speech
            .iter()
            .all(|request| request.body["voice"] == json!("echo"))
    );
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_model_is_apologised_for_and_the_call_goes_on() {
    let stage = Stage::set().await;
    stage
        .provider
        .default_transcript("What are your opening hours?");
    stage.provider.default_answer("Nine to five.");
    // Work ahead that fails is retried once when the turn is over.
    stage
        .provider
        .script_failures(Endpoint::Chat, &[Failure::Unauthorized; 2]);
    let placed = stage
        .call(&[(HOURS, Cue::AgentDone), (HOURS, Cue::AgentDone)])
        .await;
    let report = &placed.report;
    assert!(report.all_answered(), "{report}");
    let said = report.agent_text();
    assert!(said.contains("sorry"), "{report}");
    assert!(said.contains("Nine to five"), "{report}");
    let call = stage.history(&placed).await;
    assert!(
        call["ledger"]["caller"]["dropped"]["not_answered"].is_u64(),
        "{call:#}"
    );
    assert!(
        call["usage"]["ttsCharacters"].as_u64() > Some(10),
        "{call:#}"
    );
    assert!(call["usage"]["sttSeconds"].as_f64() > Some(1.0), "{call:#}");
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_at_the_same_time_do_not_disturb_each_other() {
    let stage = Stage::set().await;
    stage
        .provider
        .default_transcript("What are your opening hours?");
    stage.provider.default_answer("Nine to five.");
    let script = [(HOURS, Cue::AgentDone)];
    let calls = (0..4).map(|_| stage.call(&script));
    for placed in futures::future::join_all(calls).await {
        let report = &placed.report;
        assert!(report.all_answered(), "{report}");
        assert!(report.agent_text().contains("Nine to five"), "{report}");
        let stored = stage.history(&placed).await;
        assert!(stored["turns"].as_array().unwrap().len() >= 3, "{stored:#}");
    }
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_push_to_talk_silences_the_greeting() {
    let stage = Stage::set().await;
    let granted = stage.access().obtain().await.unwrap();
    // A client of its own: an agent's gate takes no answers to requests.
    let (room, _events) = Room::connect(&granted.url, &granted.token, RoomOptions::default())
        .await
        .unwrap();
    let agent = until("the agent speaks", || {
        room.remote_participants()
            .into_values()
            .find(|p| p.attributes().get("lk.agent.state").map(String::as_str) == Some("speaking"))
    })
    .await;
    let press = async |method: &str| {
        let data = PerformRpcData::new(agent.identity(), method);
        room.local_participant().perform_rpc(data).await
    };
    press("start_turn").await.unwrap();
    until("the agent listens", || {
        let state = agent.attributes().get("lk.agent.state").cloned();
        state.filter(|state| state == "listening")
    })
    .await;
    press("cancel_turn").await.unwrap();
    press("end_turn").await.unwrap();
    press("mute").await.unwrap();
    press("unmute").await.unwrap();
    room.close().await.unwrap();

    let id = granted.call_id.unwrap();
    let greeting = until_async("the greeting is stored", async || {
        let answer = stage.get(&format!("/api/voice/history/{id}")).await.ok()?;
        let call: Value = answer.json().await.ok()?;
        call["turns"].as_array()?.first().cloned()
    })
    .await;
    assert_eq!(greeting["interrupted"], json!(true), "{greeting:#}");
    stage.strike().await;
}

pub async fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    until_async(what, async || found()).await
}

pub async fn until_async<T>(what: &str, mut found: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..600 {
        if let Some(found) = found().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not within 30 s: {what}");
}
