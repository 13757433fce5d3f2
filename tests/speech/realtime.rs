//! Speech over Realtime sockets: a conversational model that is asked to read.

use std::time::Duration;

use futures::StreamExt as _;
use serde_json::Value;
use sidetone_call::Tts as _;
use sidetone_call::providers::Fault;
use sidetone_testkit::fake_openai::Reads;
use sidetone_testkit::{Endpoint, FakeOpenAi, Timing};

use super::{is_spoken, say, stand};

const REALTIME: &str = "[tts]\nprotocol = \"realtime\"";
const TEXT: &str = "We open at nine on Tuesday, and at ten on all other days.";

/// The events of one kind from all sockets.
fn events(fake: &FakeOpenAi, kind: &str) -> Vec<Value> {
    let sockets = fake.requests_to(Endpoint::RealtimeSpeech);
    let events = sockets.iter().filter_map(|socket| socket.body.as_array());
    events
        .flatten()
        .filter(|event| event["type"] == kind)
        .cloned()
        .collect()
}

fn sockets(fake: &FakeOpenAi) -> usize {
    fake.requests_to(Endpoint::RealtimeSpeech).len()
}

#[tokio::test]
async fn sentences_are_read_over_one_socket_that_is_open_before_the_first() {
    let stand = stand().await;
    let call = stand.call(REALTIME);
    stand.fake.until(|requests| requests.len() == 1).await;
    for text in [TEXT, "Yes.", "Goodbye, and thank you for calling!"] {
        is_spoken(&say(&call, text).await.unwrap(), text, "alloy");
    }
    assert_eq!(sockets(&stand.fake), 1);
    assert_eq!(events(&stand.fake, "response.create").len(), 3);
    let asked = stand.fake.requests();
    assert_eq!(asked[0].authorization.as_deref(), Some("Bearer sk-first"));
}

#[tokio::test]
async fn sentences_that_are_made_together_are_told_apart() {
    let stand = stand().await;
    let call = stand.call(REALTIME);
    let (a, b, c) = tokio::join!(
        say(&call, TEXT),
        say(&call, "Yes."),
        say(&call, "Good evening!")
    );
    is_spoken(&a.unwrap(), TEXT, "alloy");
    is_spoken(&b.unwrap(), "Yes.", "alloy");
    is_spoken(&c.unwrap(), "Good evening!", "alloy");
    assert_eq!(sockets(&stand.fake), 1);
}

#[tokio::test]
async fn each_voice_has_a_socket_and_what_openai_lacks_a_stand_in() {
    let stand = stand().await;
    for (voice, sounds_like) in [("alloy", "alloy"), ("nova", "marin"), ("onyx", "cedar")] {
        let call = stand.call(&format!("voice = \"{voice}\"\n{REALTIME}"));
        is_spoken(&say(&call, TEXT).await.unwrap(), TEXT, sounds_like);
    }
    assert_eq!(sockets(&stand.fake), 3);
}

#[tokio::test]
async fn whatever_the_server_is_like_the_sentence_is_heard_once() {
    for reads in [
        Reads::TwoHalves,
        Reads::OldNames,
        Reads::WithoutWords,
        Reads::LateCancel,
        Reads::Slow(Duration::from_millis(50)),
    ] {
        let stand = stand().await;
        stand.fake.default_reads(reads.clone());
        let heard = say(&stand.call(REALTIME), TEXT).await.unwrap();
        is_spoken(&heard, TEXT, "alloy");
        assert_eq!((heard.begins, heard.said), (1, None), "{reads:?}");
    }
}

#[tokio::test]
async fn a_sentence_that_is_not_read_is_requested_again_before_it_is_heard() {
    for reads in [Reads::Refuses, Reads::Answers, Reads::SecondItem] {
        let stand = stand().await;
        stand.fake.script_reads(std::slice::from_ref(&reads));
        let heard = say(&stand.call(REALTIME), TEXT).await.unwrap();
        is_spoken(&heard, TEXT, "alloy");
        assert_eq!((heard.void, heard.said), (0, None), "{reads:?}");
        assert_eq!(events(&stand.fake, "response.create").len(), 2);
    }
}

#[tokio::test]
async fn a_sentence_that_is_never_read_fails_alone_and_unheard() {
    for reads in [Reads::Refuses, Reads::Answers] {
        let stand = stand().await;
        stand.fake.default_reads(reads);
        let error = say(&stand.call(REALTIME), TEXT).await.unwrap_err();
        assert_eq!(error.fault, Fault::Refused, "{error}");
    }
}

#[tokio::test]
async fn a_preamble_that_stays_is_heard_with_the_sentence() {
    let stand = stand().await;
    stand.fake.default_reads(Reads::SecondItem);
    let heard = say(&stand.call(REALTIME), TEXT).await.unwrap();
    let all = format!("Let me read that for you. {TEXT}");
    assert_eq!(heard.said.as_deref(), Some(all.as_str()));
    // The space is not spoken.
    let characters = all.chars().count() as u32 - 1;
    assert_eq!(
        heard.audio.duration(),
        Duration::from_millis(60) * characters
    );
}

#[tokio::test]
async fn other_words_are_reported_with_their_sound() {
    let stand = stand().await;
    let words = "We're open at nine on Tuesday, and at ten all other days.";
    stand.fake.default_reads(Reads::Reworded(words));
    let call = stand.call(REALTIME);
    let heard = say(&call, TEXT).await.unwrap();
    assert_eq!(heard.said.as_deref(), Some(words));
    is_spoken(&heard, words, "alloy");
    // A phrase that was spoken in other words is not kept.
    call.phrase(TEXT.into()).await.unwrap();
    stand.fake.default_reads(Reads::Well);
    call.phrase(TEXT.into()).await.unwrap();
    let asked = events(&stand.fake, "response.create").len();
    call.phrase(TEXT.into()).await.unwrap();
    assert_eq!(events(&stand.fake, "response.create").len(), asked);
}

#[tokio::test]
async fn a_dead_socket_moves_its_sentence_to_another() {
    for reads in [Reads::Dies(0), Reads::Dies(5), Reads::SessionExpired] {
        let stand = stand().await;
        let call = stand.call(REALTIME);
        stand.fake.script_reads(std::slice::from_ref(&reads));
        let heard = say(&call, TEXT).await.unwrap();
        is_spoken(&heard, TEXT, "alloy");
        assert_eq!(sockets(&stand.fake), 2, "{reads:?}");
        assert!(heard.begins <= 2, "{reads:?}");
    }
}

#[tokio::test]
async fn a_socket_that_is_dead_without_knowing_it_is_left() {
    let stand = stand().await;
    let call = stand.call(REALTIME);
    stand.fake.script_reads(&[Reads::Silent]);
    is_spoken(&say(&call, TEXT).await.unwrap(), TEXT, "alloy");
    is_spoken(&say(&call, "Yes.").await.unwrap(), "Yes.", "alloy");
    assert_eq!(sockets(&stand.fake), 2);
}

#[tokio::test]
async fn a_server_whose_sockets_all_die_fails_the_sentence() {
    let stand = stand().await;
    stand.fake.default_reads(Reads::Dies(2));
    let error = say(&stand.call(REALTIME), TEXT).await.unwrap_err();
    assert!(error.to_string().contains("broke off"), "{error}");
}

#[tokio::test]
async fn a_failed_response_is_not_a_finished_one() {
    for (reads, fault) in [
        (Reads::Fails, Fault::Sick),
        (Reads::Incomplete("content_filter"), Fault::Refused),
        (Reads::Incomplete("max_output_tokens"), Fault::Refused),
        (Reads::Error("invalid_value"), Fault::Refused),
    ] {
        let stand = stand().await;
        stand.fake.default_reads(reads.clone());
        let error = say(&stand.call(REALTIME), TEXT).await.unwrap_err();
        assert_eq!(error.fault, fault, "{reads:?}: {error}");
        assert_eq!(sockets(&stand.fake), 1, "the socket is as good as before");
    }
    let stand = stand().await;
    stand.fake.script_reads(&[Reads::Fails, Reads::Busy]);
    let heard = say(&stand.call(REALTIME), TEXT).await.unwrap();
    is_spoken(&heard, TEXT, "alloy");
}

#[tokio::test]
async fn dropping_a_sentence_cancels_it_also_before_it_has_an_id() {
    let stand = stand().await;
    let call = stand.call(REALTIME);
    stand.fake.set_timing(Timing {
        audio_chunk: Duration::from_millis(20),
        ..Timing::INSTANT
    });
    let mut pieces = call.speak_as(TEXT.into(), None);
    pieces.next().await.unwrap().unwrap();
    drop(pieces);
    let cancelled = |count: usize| {
        let is_cancel = |event: &&Value| event["type"] == "response.cancel";
        move |requests: &[sidetone_testkit::fake_openai::Request]| {
            let events = requests
                .iter()
                .filter_map(|request| request.body.as_array());
            events.flatten().filter(is_cancel).count() == count
        }
    };
    stand.fake.until(cancelled(1)).await;
    // The id arrives when the sentence is no longer wanted.
    stand
        .fake
        .script_reads(&[Reads::LateId(Duration::from_millis(100))]);
    let mut pieces = call.speak_as(TEXT.into(), None);
    let early = tokio::time::timeout(Duration::from_millis(30), pieces.next()).await;
    assert!(early.is_err());
    drop(pieces);
    stand.fake.until(cancelled(2)).await;
    let ids: Vec<Value> = events(&stand.fake, "response.cancel")
        .iter()
        .map(|event| event["response_id"].clone())
        .collect();
    assert_eq!(ids, ["resp_1", "resp_2"]);
    // The socket can still be used.
    is_spoken(&say(&call, "Yes.").await.unwrap(), "Yes.", "alloy");
    assert_eq!(sockets(&stand.fake), 1);
}

#[tokio::test]
async fn late_audio_of_a_cancelled_sentence_is_dropped() {
    let stand = stand().await;
    let call = stand.call(REALTIME);
    stand.fake.script_reads(&[Reads::LateCancel]);
    stand.fake.set_timing(Timing {
        audio_chunk: Duration::from_millis(2),
        ..Timing::INSTANT
    });
    let mut pieces = call.speak_as(TEXT.into(), None);
    pieces.next().await.unwrap().unwrap();
    drop(pieces);
    let heard = say(&call, "Good evening, and welcome!").await.unwrap();
    is_spoken(&heard, "Good evening, and welcome!", "alloy");
    assert_eq!(sockets(&stand.fake), 1);
}

#[tokio::test]
async fn a_field_that_sessions_do_not_take_costs_one_socket() {
    let stand = stand().await;
    stand.fake.realtime_refuses("reasoning");
    let call = stand.call(REALTIME);
    is_spoken(&say(&call, TEXT).await.unwrap(), TEXT, "alloy");
    is_spoken(&say(&call, "Yes.").await.unwrap(), "Yes.", "alloy");
    assert_eq!(sockets(&stand.fake), 2);
}

#[tokio::test]
async fn a_wrong_key_is_reported_at_once() {
    let stand = stand().await;
    let failures = [sidetone_testkit::Failure::Unauthorized; 8];
    stand
        .fake
        .script_failures(Endpoint::RealtimeSpeech, &failures);
    let error = say(&stand.call(REALTIME), TEXT).await.unwrap_err();
    assert!(error.to_string().contains("answered 401"), "{error}");
}
