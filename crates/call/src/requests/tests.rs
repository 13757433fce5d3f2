use super::*;
use crate::models::measured::Measured;
use sidetone_base::clock;

#[tokio::test]
async fn a_request_knows_the_reply_that_it_was_for_also_in_a_task_of_its_own() {
    let (requests, mut watched) = Requests::watched();
    let measured = Measured::new(Part::Tts, "default", "speaks", None).reported(&requests);
    let ask = {
        let measured = measured.clone();
        move || drop(measured.asked(Used::default()))
    };
    ask();
    of(ReplyId(7), async {
        let other = carried(reply(), async move { ask() });
        tokio::spawn(other).await.unwrap();
    })
    .await;
    let replies =
        [watched.recv().await, watched.recv().await].map(|request| request.unwrap().reply);
    assert_eq!(replies, [None, Some(ReplyId(7))]);
}

#[tokio::test]
async fn what_was_asked_is_told_with_what_came_of_it() {
    let (requests, mut watched) = Requests::watched();
    let measured = Measured::new(Part::Llm, "default", "thinks", None).reported(&requests);
    let mut asking = measured.asked(Used::default());
    asking.came(Used {
        completion_tokens: 12,
        ..Used::default()
    });
    drop(asking);
    let answered = watched.recv().await.unwrap();
    assert_eq!(
        (&*answered.provider, &*answered.model),
        ("default", "thinks")
    );
    assert!(answered.first.is_some() && answered.fault.is_none());
    assert_eq!(answered.used.completion_tokens, 12);
    let mut asking = measured.asked(Used::default());
    asking.failed(Fault::Limited);
    drop(asking);
    let failed = watched.recv().await.unwrap();
    assert_eq!((failed.first, failed.fault), (None, Some(Fault::Limited)));
    assert!(failed.ended <= clock::now());
}

#[tokio::test]
async fn more_requests_than_anybody_looks_at_are_dropped_and_counted() {
    let (requests, watched) = Requests::watched();
    let measured = Measured::new(Part::Stt, "default", "hears", None).reported(&requests);
    let dropped = metrics().process.spans(SpanFate::QueueFull);
    let before = dropped.get();
    for _ in 0..WAITING + 2 {
        drop(measured.asked(Used::default()));
    }
    assert_eq!(dropped.get() - before, 2);
    drop(watched);
    drop(measured.asked(Used::default()));
    assert_eq!(
        dropped.get() - before,
        2,
        "after the call nobody waits for it"
    );
}
