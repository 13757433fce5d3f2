use super::*;

fn session() -> Session {
    Session::new("whisper").unwrap()
}

fn take(session: &mut Session, event: Value) -> Result<Reply, Refused> {
    session.take(&event.to_string(), |language| {
        ["en", "de"].contains(&language)
    })
}

fn append(samples: usize) -> Value {
    let audio = BASE64_STANDARD.encode(vec![1u8; samples * 2]);
    json!({ "type": "input_audio_buffer.append", "audio": audio })
}

fn commit() -> Value {
    json!({ "type": "input_audio_buffer.commit" })
}

#[test]
fn what_is_appended_is_handed_in_at_the_models_rate() {
    let mut session = session();
    for _ in 0..100 {
        assert_eq!(take(&mut session, append(240)), Ok(Reply::Nothing));
    }
    let Ok(Reply::Transcribe(first, stretch)) = take(&mut session, commit()) else {
        panic!("a second is enough");
    };
    assert_eq!(first["item_id"], stretch.item);
    assert!(first["previous_item_id"].is_null());
    assert_eq!(stretch.samples.len(), INPUT_RATE);
    assert_eq!(stretch.language, None, "it is detected");

    take(&mut session, append(4_800)).unwrap();
    let Ok(Reply::Transcribe(second, stretch)) = take(&mut session, commit()) else {
        panic!("0.2 s are enough");
    };
    assert_eq!(second["previous_item_id"], first["item_id"]);
    assert_eq!(stretch.samples.len(), INPUT_RATE / 5);
}

#[test]
fn a_session_is_updated_as_far_as_it_can_be() {
    let mut session = session();
    let update = |input: Value| {
        json!({ "type": "session.update", "event_id": "mine",
                "session": { "type": "transcription", "audio": { "input": input }}})
    };
    let good = json!({
        "format": { "type": "audio/pcm", "rate": 24_000 },
        "transcription": { "model": "any", "language": "de" },
        "turn_detection": null,
    });
    let Ok(Reply::Tell(updated)) = take(&mut session, update(good)) else {
        panic!("it is good");
    };
    assert_eq!(updated["type"], "session.updated");
    let input = &updated["session"]["audio"]["input"];
    assert_eq!(
        input["transcription"],
        json!({ "model": "whisper", "language": "de" })
    );

    for (input, param) in [
        (json!({ "format": { "type": "audio/pcmu" }}), "format"),
        (
            json!({ "format": { "type": "audio/pcm", "rate": 16_000 }}),
            "format",
        ),
        (
            json!({ "turn_detection": { "type": "server_vad" }}),
            "turn_detection",
        ),
        (
            json!({ "transcription": { "language": "tlh" }}),
            "transcription.language",
        ),
        (
            json!({ "transcription": { "language": 7 }}),
            "transcription.language",
        ),
    ] {
        let refused = take(&mut session, update(input)).unwrap_err().event();
        assert_eq!(refused["type"], "error");
        let error = &refused["error"];
        assert_eq!(error["param"], format!("session.audio.input.{param}"));
        assert_eq!(error["event_id"], "mine");
    }
    assert_eq!(
        session.language.as_deref(),
        Some("de"),
        "what is refused changes nothing"
    );
}

#[test]
fn bad_events_are_refused_and_change_nothing() {
    let mut session = session();
    take(&mut session, append(2_400)).unwrap();
    for (event, code) in [
        (json!({}), "invalid_value"),
        (json!([]), "invalid_value"),
        (json!({ "type": "response.create" }), "invalid_value"),
        (
            json!({ "type": "session.update", "session": { "type": "realtime" }}),
            "invalid_value",
        ),
        (
            json!({ "type": "input_audio_buffer.append" }),
            "invalid_value",
        ),
        (
            json!({ "type": "input_audio_buffer.append", "audio": "no base64!" }),
            "invalid_value",
        ),
        (
            // Half a sample.
            json!({ "type": "input_audio_buffer.append", "audio": "AAAA" }),
            "invalid_value",
        ),
    ] {
        assert_eq!(take(&mut session, event).unwrap_err().code, code);
    }
    assert_eq!(
        session.take("{", |_| true).unwrap_err().code,
        "invalid_json"
    );
    assert!(matches!(
        take(&mut session, commit()),
        Ok(Reply::Transcribe(..))
    ));
}

#[test]
fn too_little_and_too_much_are_refused() {
    let mut session = session();
    take(&mut session, append(2_399)).unwrap();
    let empty = "input_audio_buffer_commit_empty";
    assert_eq!(take(&mut session, commit()).unwrap_err().code, empty);

    let clear = json!({ "type": "input_audio_buffer.clear" });
    let Ok(Reply::Tell(cleared)) = take(&mut session, clear) else {
        panic!("it can be cleared");
    };
    assert_eq!(cleared["type"], "input_audio_buffer.cleared");

    for _ in 0..12 {
        take(&mut session, append(10 * RATE as usize)).unwrap();
    }
    let full = "input_audio_buffer_full";
    assert_eq!(take(&mut session, append(240)).unwrap_err().code, full);
    assert!(matches!(
        take(&mut session, commit()),
        Ok(Reply::Transcribe(..))
    ));
    assert_eq!(take(&mut session, append(240)), Ok(Reply::Nothing));
}
