use serde_json::json;

use super::*;
use crate::openai::ErrorKind;

struct Stand {
    session: Session,
    sent: Vec<Value>,
    given: Vec<(u64, Part)>,
    closed: Option<Option<ProviderError>>,
}

fn stand() -> Stand {
    stand_with(&Known::nothing_of("api.example"))
}

fn stand_with(known: &Known) -> Stand {
    let manner = Manner {
        voice: "nova".into(),
        speed: Some(1.25),
    };
    let session = Session::new(known.clone(), manner);
    let mut stand = Stand {
        session,
        sent: Vec::new(),
        given: Vec::new(),
        closed: None,
    };
    stand.pull();
    stand
}

impl Stand {
    fn pull(&mut self) {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Send(event) => self.sent.push(event),
                Output::Give(number, part) => self.given.push((number, part)),
                Output::Close(error) => self.closed = Some(error),
            }
        }
    }

    fn say(&mut self, text: &str) -> u64 {
        let number = self.session.say(Script {
            text: text.into(),
            directions: None,
            again: false,
        });
        self.pull();
        number
    }

    fn cancel(&mut self, number: u64) {
        self.session.cancel(number);
        self.pull();
    }

    fn event(&mut self, event: Value) {
        self.session.event(&event.to_string());
        self.pull();
    }

    fn created(&mut self, id: &str, number: Option<u64>) {
        let metadata = number.map(|number| json!({ "sentence": number.to_string() }));
        let response = json!({ "id": id, "metadata": metadata });
        self.event(json!({ "type": "response.created", "response": response }));
    }

    fn audio(&mut self, id: &str, index: u64, samples: &[i16]) {
        let delta = BASE64_STANDARD.encode(Pcm::<24_000>::new(samples.to_vec()).to_le_bytes());
        self.event(
            json!({ "type": "response.output_audio.delta", "response_id": id,
                           "output_index": index, "delta": delta }),
        );
    }

    fn done(&mut self, id: &str, status: &str, details: Value) {
        let response = json!({ "id": id, "status": status, "status_details": details });
        self.event(json!({ "type": "response.done", "response": response }));
    }

    fn heard(&self, number: u64) -> Vec<i16> {
        let of_it = self.given.iter().filter(|(other, _)| *other == number);
        let audio = of_it.filter_map(|(_, part)| match part {
            Part::Audio(audio) => Some(audio.samples().to_vec()),
            _ => None,
        });
        audio.flatten().collect()
    }

    fn end(&self, number: u64) -> Option<Result<(), ErrorKind>> {
        self.given.iter().find_map(|(other, part)| match part {
            Part::End(end) if *other == number => Some(end.clone().map_err(|error| error.kind)),
            _ => None,
        })
    }

    fn kinds(&self) -> Vec<&str> {
        self.sent
            .iter()
            .map(|event| text_of(&event["type"]))
            .collect()
    }
}

#[test]
fn the_session_reads_and_does_nothing_else() {
    let stand = stand();
    let session = &stand.sent[0]["session"];
    assert_eq!(session["audio"]["output"]["voice"], "marin");
    assert_eq!(session["audio"]["output"]["speed"], 1.25);
    assert_eq!(session["audio"]["input"]["turn_detection"], Value::Null);
    assert_eq!(session["output_modalities"], json!(["audio"]));
    assert_eq!(session["reasoning"]["effort"], "minimal");
    assert_eq!(session["tool_choice"], "none");
}

#[test]
fn several_sentences_run_at_once_and_are_told_apart() {
    let mut stand = stand();
    let (first, second) = (stand.say("One."), stand.say("Two."));
    let response = &stand.sent[1]["response"];
    assert_eq!(response["conversation"], "none");
    assert_eq!(response["input"][0]["content"][0]["text"], "One.");
    stand.created("b", Some(second));
    stand.created("a", Some(first));
    stand.audio("a", 0, &[1]);
    stand.audio("b", 0, &[2, 2]);
    stand.audio("a", 0, &[1]);
    stand.done("a", "completed", Value::Null);
    assert_eq!(
        (stand.heard(first), stand.heard(second)),
        (vec![1, 1], vec![2, 2])
    );
    assert_eq!((stand.end(first), stand.end(second)), (Some(Ok(())), None));
}

#[test]
fn servers_that_drop_metadata_answer_in_order() {
    let mut stand = stand();
    let (first, second) = (stand.say("One."), stand.say("Two."));
    stand.created("a", None);
    stand.created("b", None);
    stand.audio("b", 0, &[2]);
    stand.audio("a", 0, &[1]);
    assert_eq!(
        (stand.heard(first), stand.heard(second)),
        (vec![1], vec![2])
    );
}

#[test]
fn two_items_are_heard_in_their_order_and_none_is_lost() {
    let mut stand = stand();
    let number = stand.say("One two.");
    stand.created("a", Some(number));
    stand.event(
        json!({ "type": "response.output_item.added", "response_id": "a",
                        "output_index": 0 }),
    );
    stand.audio("a", 1, &[3, 4]);
    stand.audio("a", 0, &[1]);
    stand.audio("a", 0, &[2]);
    assert_eq!(stand.heard(number), [1, 2]);
    let words = |index: u64, text: &str| {
        json!({ "type": "response.output_audio_transcript.done", "response_id": "a",
                "output_index": index, "transcript": text })
    };
    stand.event(words(1, "two."));
    stand.event(words(0, "One"));
    stand.event(
        json!({ "type": "response.output_item.done", "response_id": "a",
                        "output_index": 0 }),
    );
    assert_eq!(stand.heard(number), [1, 2, 3, 4]);
    stand.audio("a", 1, &[5]);
    stand.done("a", "completed", Value::Null);
    assert_eq!(stand.heard(number), [1, 2, 3, 4, 5]);
    assert!(
        stand
            .given
            .contains(&(number, Part::Words("One two.".into())))
    );
}

#[test]
fn a_sentence_is_cancelled_as_soon_as_it_has_an_id() {
    let mut stand = stand();
    let (early, late) = (stand.say("One."), stand.say("Two."));
    stand.cancel(early);
    assert_eq!(
        stand
            .kinds()
            .iter()
            .filter(|kind| **kind == "response.cancel")
            .count(),
        0
    );
    stand.created("a", Some(early));
    assert_eq!(stand.sent.last().unwrap()["response_id"], "a");
    stand.created("b", Some(late));
    stand.cancel(late);
    assert_eq!(stand.sent.last().unwrap()["response_id"], "b");
    // What still arrives of both is discarded.
    stand.audio("a", 0, &[1]);
    stand.audio("b", 0, &[1]);
    stand.event(json!({ "type": "error", "error": {
        "type": "invalid_request_error", "code": "response_cancel_not_active" } }));
    assert_eq!(stand.given, []);
    assert!(stand.session.is_idle() && stand.closed.is_none());
}

#[test]
fn only_completed_is_an_end() {
    let error = json!({ "error": { "type": "server_error", "code": "x" } });
    for (status, details, kind) in [
        ("failed", error, ErrorKind::Server),
        (
            "failed",
            json!({ "error": { "code": "rate_limit_exceeded" } }),
            ErrorKind::RateLimited,
        ),
        (
            "incomplete",
            json!({ "reason": "content_filter" }),
            ErrorKind::Unspoken,
        ),
        (
            "incomplete",
            json!({ "reason": "max_output_tokens" }),
            ErrorKind::Unspoken,
        ),
        (
            "cancelled",
            json!({ "reason": "turn_detected" }),
            ErrorKind::Connect,
        ),
    ] {
        let mut stand = stand();
        let number = stand.say("One.");
        stand.created("a", Some(number));
        stand.audio("a", 0, &[1]);
        stand.done("a", status, details);
        assert_eq!(stand.end(number), Some(Err(kind)), "{status}");
    }
}

#[test]
fn an_error_ends_the_sentence_that_it_names_and_no_other() {
    let mut stand = stand();
    let (first, second) = (stand.say("One."), stand.say("Two."));
    stand.event(json!({ "type": "session.updated" }));
    stand.event(
        json!({ "type": "error", "error": { "type": "invalid_request_error",
        "code": "invalid_value", "event_id": format!("say_{second}") } }),
    );
    assert_eq!(
        (stand.end(first), stand.end(second)),
        (None, Some(Err(ErrorKind::Refused)))
    );
    stand.event(json!({ "type": "error", "error": { "type": "server_error", "code": "x" } }));
    assert_eq!((stand.end(first), stand.closed), (None, None));
}

#[test]
fn an_expired_session_moves_its_sentences_and_a_refused_one_fails_them() {
    let mut expired = stand();
    expired.event(json!({ "type": "error", "error": { "code": "session_expired" } }));
    assert_eq!(expired.closed, Some(None));

    let mut refused = stand();
    refused.event(
        json!({ "type": "error", "error": { "type": "invalid_request_error",
        "code": "invalid_model", "event_id": "session" } }),
    );
    let kind = refused.closed.unwrap().map(|error| error.kind);
    assert_eq!(kind, Some(ErrorKind::Refused));
}

#[test]
fn a_field_that_the_server_does_not_know_is_left_out_from_then_on() {
    let known = Known::nothing_of("api.example");
    let mut first = stand_with(&known);
    first.event(
        json!({ "type": "error", "error": { "type": "invalid_request_error",
        "code": "unknown_parameter", "param": "session.reasoning", "event_id": "session" } }),
    );
    assert_eq!(first.closed, Some(None));
    let mut second = stand_with(&known);
    assert_eq!(second.sent[0]["session"]["reasoning"], Value::Null);
    second.say("One.");
    assert_eq!(second.sent[1]["response"]["reasoning"], Value::Null);
}

#[test]
fn a_server_that_makes_one_response_at_a_time_is_asked_for_one_at_a_time() {
    let mut stand = stand();
    let (first, second) = (stand.say("One."), stand.say("Two."));
    stand.created("a", Some(first));
    stand.event(
        json!({ "type": "error", "error": { "type": "invalid_request_error",
        "code": "conversation_already_has_active_response",
        "event_id": format!("say_{second}") } }),
    );
    assert_eq!(stand.sent.len(), 3);
    stand.done("a", "completed", Value::Null);
    let again = stand.sent.last().unwrap();
    assert_eq!(
        (stand.sent.len(), text_of(&again["event_id"])),
        (4, "say_2")
    );
    stand.created("b", Some(second));
    stand.done("b", "completed", Value::Null);
    assert_eq!(stand.end(second), Some(Ok(())));
}

#[test]
fn a_model_that_does_not_stop_is_stopped() {
    let mut stand = stand();
    let number = stand.say("One.");
    stand.created("a", Some(number));
    for _ in 0..=LONGEST / 24_000 {
        stand.audio("a", 0, &[0; 24_000]);
    }
    assert_eq!(stand.end(number), Some(Err(ErrorKind::Unspoken)));
    assert_eq!(stand.sent.last().unwrap()["type"], "response.cancel");
}

#[test]
fn the_previews_event_names_are_understood() {
    let mut stand = stand();
    let number = stand.say("One.");
    stand.created("a", Some(number));
    let delta = BASE64_STANDARD.encode([1, 0]);
    stand.event(json!({ "type": "response.audio.delta", "response_id": "a", "delta": delta }));
    stand.event(
        json!({ "type": "response.audio_transcript.delta", "response_id": "a",
                        "delta": "One." }),
    );
    assert_eq!(stand.heard(number), [1]);
    assert!(stand.given.contains(&(number, Part::Words("One.".into()))));
}

/// Responses, words and parts are limited to what a call can use.
#[test]
fn a_server_that_sends_without_end_is_given_up() {
    let mut one = stand();
    let number = one.say("Hello.");
    one.created("a", Some(number));
    for _ in 0..40 {
        one.event(
            json!({ "type": "response.output_audio_transcript.delta", "response_id": "a",
                          "delta": "word ".repeat(200) }),
        );
    }
    let last = one.given.last().unwrap();
    assert!(matches!(last, (_, Part::End(Err(_)))), "{last:?}");

    let mut one = stand();
    let number = one.say("Hello.");
    one.created("a", Some(number));
    for index in 0..1_000 {
        one.audio("a", index, &[1; 10]);
    }
    one.done("a", "completed", Value::Null);
    let pieces = one
        .given
        .iter()
        .filter(|(_, part)| matches!(part, Part::Audio(_)));
    assert_eq!(pieces.count(), MOST_ITEMS);

    let mut one = stand();
    for n in 0..1_000 {
        one.created(&n.to_string(), None);
    }
    assert!(matches!(one.closed, Some(Some(_))));
}

/// Found by `make fuzz`: both responses were passed on as the sentence, which ended twice.
#[test]
fn a_sentence_has_one_response_whatever_the_server_names() {
    let mut one = stand();
    let number = one.say("Hello.");
    one.created("a", Some(number));
    one.created("b", Some(number));
    one.audio("b", 0, &[1; 10]);
    one.done("a", "completed", Value::Null);
    one.done("b", "completed", Value::Null);
    assert_eq!(one.given, [(number, Part::End(Ok(())))]);
    let cancelled = one.sent.last().unwrap();
    assert_eq!(cancelled["response_id"], "b", "{cancelled}");
}
