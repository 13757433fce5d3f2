//! Where the time of each answer went, read from the control plane as any backend would.

use std::time::Duration;

use anyhow::Context;
use serde::Deserialize;

/// The part of `GET /api/voice/history/{callId}` that is shown.
#[derive(Deserialize)]
struct CallDetail {
    turns: Vec<StoredTurn>,
}

#[derive(Deserialize)]
struct StoredTurn {
    metrics: Option<Stages>,
}

/// Milliseconds, as `agent::record` stores them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stages {
    endpointing_ms: Option<u32>,
    stt_ms: Option<u32>,
    llm_first_token_ms: Option<u32>,
    tts_first_byte_ms: Option<u32>,
    response_ms: Option<u32>,
}

/// Prints a table with a row for each answer.
pub async fn stages(server: &str, call_id: &str) -> anyhow::Result<()> {
    let address = format!("{server}/api/voice/history/{call_id}");
    let answer = reqwest::Client::new()
        .get(&address)
        .timeout(Duration::from_secs(5))
        .send();
    let body = answer.await?.error_for_status()?.text().await?;
    let detail: CallDetail =
        serde_json::from_str(&body).with_context(|| format!("reading {address}"))?;
    println!("\nwhere the time of each answer went (ms):");
    println!(
        "  endpointing    STT  LLM first token  TTS first byte  speech end -> first audio sent"
    );
    for stages in detail.turns.iter().filter_map(|turn| turn.metrics.as_ref()) {
        if stages.response_ms.is_none() {
            continue;
        }
        println!(
            "  {:>11} {:>6} {:>16} {:>15} {:>31}",
            shown(stages.endpointing_ms),
            shown(stages.stt_ms),
            shown(stages.llm_first_token_ms),
            shown(stages.tts_first_byte_ms),
            shown(stages.response_ms),
        );
    }
    Ok(())
}

fn shown(millis: Option<u32>) -> String {
    millis.map_or_else(|| "-".to_owned(), |millis| millis.to_string())
}
