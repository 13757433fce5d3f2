//! A call whose database does not take anything any more.

use std::time::Duration;

use sidetone::agent::spool::Spool;
use sidetone::caller::script::Cue;
use sidetone_base::clock;
use sidetone_testkit::Endpoint;

use super::stage::Stage;
use super::{HOURS, until};
use crate::spool::stage::lock;

#[tokio::test(flavor = "multi_thread")]
async fn a_call_ends_on_time_though_its_database_is_locked_and_its_record_is_whole() {
    let stage = Stage::set().await;
    let question = "What are your opening hours on Saturday?";
    stage.provider.default_transcript(question);
    stage.provider.default_answer("We open at nine.");
    let locking = async {
        while stage.provider.requests_to(Endpoint::Chat).is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        lock(&stage.data.path().join("sidetone.db")).await
    };
    let call = stage.call(&[(HOURS, Cue::AgentDone)]);
    let (placed, other) = tokio::join!(call, locking);
    assert!(placed.report.all_answered(), "{}", placed.report);

    // The call's record, and that its agent has ended: the last that it writes before it leaves.
    let (ended, spool) = (clock::now(), Spool::new(stage.data.path()));
    until("the record waits on disk", || {
        (spool.files().unwrap().len() > 1).then_some(())
    })
    .await;
    let took = ended.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");

    drop(other);
    until("the files are gone", || {
        spool.files().unwrap().is_empty().then_some(())
    })
    .await;
    let call = stage.history(&placed).await;
    let turns = call["turns"].as_array().unwrap();
    let said: Vec<_> = turns
        .iter()
        .filter_map(|turn| turn["text"].as_str())
        .collect();
    assert!(said.contains(&question), "{call:#}");
    assert!(said.contains(&"We open at nine."), "{call:#}");
    stage.strike().await;
}
