use futures::poll;

use super::*;
use sidetone_base::clock;

fn start() -> ToolStart {
    ToolStart {
        call: ToolCall::default(),
        written: "{}".into(),
        agent: "desk".into(),
        started_at: clock::now(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_until_its_start_is_written_down() {
    let (news, mut told) = mpsc::channel(1);
    let reply = ReplyId(7);
    let starts = Starts { reply, news: &news };
    let mut waits = std::pin::pin!(starts.of(start()));
    assert!(poll!(&mut waits).is_pending());
    let Some(ToolNews::Starting(ReplyId(7), _, receipt)) = told.recv().await else {
        panic!("not told of the start");
    };
    let kept = receipt.clone();
    drop(receipt);
    assert!(poll!(&mut waits).is_pending(), "it is kept still");
    drop(kept);
    waits.await;

    // A disk that does not respond costs half a second at most.
    let begun = clock::now();
    let mut waits = std::pin::pin!(starts.of(start()));
    assert!(poll!(&mut waits).is_pending());
    let _kept = told.recv().await;
    waits.await;
    assert_eq!(clock::now() - begun, WRITTEN_DEADLINE);
}
