//! A scripted telephone (`sidetone call --phone`) and an agent's menu, in a real room.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use sidetone::caller::access::Access;
use sidetone::caller::phone::Phone;
use sidetone::caller::report::Report;
use sidetone::caller::script::{Cue, Patience};
use sidetone::caller::{self, CallPlan, Says, ScriptTurn};
use sidetone_base::audio::wav;
use sidetone_call::transport::Key;
use sidetone_testkit::fake_openai::Endpoint;

use super::found::House;
use crate::support::credentials;

const MENU: &str = "[menu.2]\nsay = \"We are open from nine to six.\"\n\
                    [menu.9]\nend = true\nsay = \"Goodbye, then.\"\n\
                    [keys]\ngap = \"500ms\"\n";

fn keys(signs: &str) -> Says {
    Says::Keys(signs.chars().map(|sign| Key::new(sign).unwrap()).collect())
}

/// Calls the agent and does all this, one after the other.
async fn call(house: &House, turns: impl IntoIterator<Item = Says>) -> Report {
    let turns = turns.into_iter().map(|says| ScriptTurn {
        name: String::new(),
        says,
        cue: Cue::AgentDone,
    });
    let plan = CallPlan {
        access: Access::Phone(Phone {
            livekit: credentials(&house.livekit),
            agent_name: "sidetone".into(),
            metadata: "vip".into(),
            number: "+4930123".into(),
            dialled: Some("+4930555".into()),
        }),
        turns: turns.collect(),
        patience: Patience::default(),
        limit: Duration::from_secs(60),
        out: None,
    };
    caller::place(plan).await.unwrap().report
}

#[tokio::test(flavor = "multi_thread")]
async fn a_telephone_chooses_from_the_menu_and_is_hung_up() {
    let house = House::open_with(MENU, &[]).await;
    // The script would wait for an answer to the last turn, and is not asked.
    let report = call(&house, [keys("2"), keys("9"), keys("1")]).await;
    let said = [
        "Welcome, vip.",
        "We are open from nine to six.",
        "Goodbye, then.",
    ];
    assert_eq!(report.agent_text(), said.join(" "), "{report}");
    assert!(report.ended_by.starts_with("the room: "), "{report}");
    assert!(report.turns[2].times.is_none(), "{report}");
    let row = house
        .call_when("the call is over", |call| call["status"] == "completed")
        .await;
    assert_eq!(row["callerId"], "+4930123", "{row:#}");
    assert!(house.provider.requests_to(Endpoint::Chat).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn once_a_caller_has_spoken_keys_are_the_models() {
    let house = House::open_with(MENU, &[]).await;
    house.provider.default_transcript("Where is my order?");
    house.provider.answer_by(|request| {
        let last = request["messages"].as_array()?.last()?["content"].to_string();
        Some(match last.contains("Keys pressed: 92") {
            true => "It is on its way.".into(),
            false => "What is its number?".into(),
        })
    });
    let audio = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/audio");
    let question = wav::read(&audio.join("caller-opening-hours.wav")).unwrap();
    let report = call(&house, [question.into(), keys("92")]).await;
    let said = ["Welcome, vip.", "What is its number?", "It is on its way."];
    assert_eq!(report.agent_text(), said.join(" "), "{report}");
    assert!(report.all_answered(), "{report}");
    let row = house
        .call_when("the call is over", |call| call["status"] == "completed")
        .await;
    let turns = row["turns"].as_array().unwrap().iter();
    let texts: Vec<_> = turns.map(|turn| turn["text"].clone()).collect();
    assert!(texts.contains(&json!("Keys pressed: 92")), "{texts:?}");
}
