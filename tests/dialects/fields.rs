//! Fields of a request that servers refuse.

use sidetone_testkit::fake_openai::{
    Answer, Dialect, Endpoint, Failure, Strict, Style, ToolCall as Call,
};

use super::*;

#[tokio::test]
async fn a_refused_field_costs_one_request_and_is_remembered_for_all_calls() {
    for style in Style::ALL {
        let stand = stand().await;
        stand
            .fake
            .refuse(Endpoint::Chat, Strict::Field("stream_options"), style);
        stand.fake.script_answer("It is noon.");
        assert_eq!(stand.time().await.text, "It is noon.", "{style:?}");
        assert_eq!(stand.fake.requests().len(), 2, "{style:?}");
        // Another call in the same process.
        let models = stand.clients.for_call(&stand.agent);
        let came = ask(&models, vec![prompt(), said("And now?")], stand.tools()).await;
        assert_eq!(came.error, None, "{style:?}");
        assert_eq!(stand.fake.requests().len(), 3, "{style:?}");
        let sent = &stand.fake.requests()[2].body;
        assert_eq!(sent["tools"][0]["function"]["name"], "look", "{style:?}");
    }
}

#[tokio::test]
async fn limits_and_efforts_are_spelled_as_the_server_does() {
    let more = "[llm]\nmax_tokens = 80\nreasoning_effort = \"none\"\ntemperature = 0.2\n";
    for (rule, field, expected) in [
        (
            Strict::Field("max_tokens"),
            "max_completion_tokens",
            json!(80),
        ),
        (
            Strict::Field("reasoning_effort=none"),
            "reasoning_effort",
            Value::Null,
        ),
        (Strict::Field("temperature"), "max_tokens", json!(80)),
    ] {
        for style in Style::ALL {
            let stand = stand_with(more, |_| None).await;
            stand.fake.refuse(Endpoint::Chat, rule.clone(), style);
            assert_eq!(stand.time().await.error, None, "{rule:?} {style:?}");
            let requests = stand.fake.requests();
            let sent = &requests.last().unwrap().body;
            let is_bare = style == Style::Html;
            let expected = if is_bare { &Value::Null } else { &expected };
            assert_eq!(&sent[field], expected, "{rule:?} {style:?}");
        }
    }
    // Tools are called only without reasoning effort, and no effort is configured.
    let stand = stand().await;
    stand.fake.refuse(
        Endpoint::Chat,
        Strict::Needs("reasoning_effort=none"),
        Style::OpenAi,
    );
    assert_eq!(stand.time().await.error, None);
    assert_eq!(stand.fake.requests()[1].body["reasoning_effort"], "none");
}

#[tokio::test]
async fn a_conversation_is_arranged_as_the_server_wants_it() {
    for rule in [
        Strict::RolesAlternate,
        Strict::UserLast,
        Strict::WholeCalls,
        Strict::NineLetters,
    ] {
        let stand = stand().await;
        stand
            .fake
            .refuse(Endpoint::Chat, rule.clone(), Style::OpenAi);
        let call = ToolCall {
            id: "call_1".into(),
            name: "look".into(),
            arguments: "not JSON".into(),
            ..ToolCall::default()
        };
        let came = stand
            .ask(vec![
                prompt(),
                Message::new(Role::Assistant, "Hello!"),
                said("I want"),
                said("a table."),
                Message::calls("Let me look.", vec![call]),
                Message::result("call_1", "error: the arguments are no JSON"),
                Message::result("call_0", "of nobody"),
                said("Hello?"),
            ])
            .await;
        assert_eq!(came.error, None, "{rule:?}");
    }
}

#[tokio::test]
async fn a_provider_that_takes_over_in_mid_reply_gets_the_strictest_form() {
    let stand = stand().await;
    for rule in [Strict::RolesAlternate, Strict::UserLast] {
        stand.fake.refuse(Endpoint::Chat, rule, Style::OpenAi);
    }
    let cut = sidetone_testkit::Failure::CutAfter(3);
    stand.fake.script_failures(Endpoint::Chat, &[cut]);
    stand.fake.script_answer("It is noon in Zürich.");
    stand.fake.script_answer(" noon.");
    let came = stand.time().await;
    assert_eq!((came.text.as_str(), came.error), ("It is noon.", None));
}

#[tokio::test]
async fn a_refused_request_is_not_the_provider_s_fault() {
    let stand = stand().await;
    stand
        .fake
        .refuse(Endpoint::Chat, Strict::Longer(2), Style::OpenAi);
    let long = vec![
        prompt(),
        said("One."),
        Message::new(Role::Assistant, "Two."),
        said("Three."),
    ];
    let error = stand.ask(long.clone()).await.error.unwrap();
    assert_eq!(error.fault, Fault::TooLong);
    assert_eq!(
        stand.fake.requests().len(),
        1,
        "a shorter one is the caller's to make"
    );
    assert_eq!(stand.time().await.error, None);
}

#[tokio::test]
async fn speech_to_text_gives_up_what_is_refused() {
    let more = "[stt]\nprompt = \"A bakery.\"\nkeywords = [\"Ciabatta\", \"Baguette\"]\n\
                [models]\nstt = \"whisper-large\"\n";
    for style in Style::ALL {
        for field in ["response_format=verbose_json", "prompt"] {
            let stand = stand_with(more, |_| None).await;
            stand
                .fake
                .refuse(Endpoint::Transcriptions, Strict::Field(field), style);
            stand.fake.script_transcript("good morning");
            let audio = || Pcm::new(vec![0; 1600]);
            assert_eq!(
                stand.models.transcribe(audio()).await.unwrap(),
                "good morning"
            );
            assert!(stand.models.transcribe(audio()).await.is_ok());
            assert_eq!(stand.fake.requests().len(), 3, "{style:?} {field}");
        }
    }
}

#[tokio::test]
async fn each_model_for_speech_is_asked_what_it_takes() {
    let sent = async |model: &str| {
        let more = format!(
            "language = \"de-AT\"\n[models]\nstt = \"{model}\"\n[stt]\nprompt = \"A bakery.\"\n\
             keywords = [\"Ciabatta\", \"Baguette\"]\n"
        );
        let stand = stand_with(&more, |_| None).await;
        let audio = Pcm::new(vec![0; 1600]);
        stand.models.transcribe(audio).await.unwrap();
        stand.fake.requests()[0].body.clone()
    };
    assert_eq!(
        sent("gpt-transcribe").await,
        json!({ "model": "gpt-transcribe", "response_format": "json", "languages[]": "de",
                "keywords[]": ["Ciabatta", "Baguette"], "prompt": "A bakery." })
    );
    assert_eq!(
        sent("gpt-4o-transcribe").await,
        json!({ "model": "gpt-4o-transcribe", "response_format": "json", "include[]": "logprobs",
                "language": "de", "prompt": "A bakery. Ciabatta, Baguette" })
    );
    assert_eq!(sent("whisper-1").await["response_format"], "verbose_json");
    // A model that hears only over a socket is not used for whole utterances.
    assert_eq!(sent("gpt-live-transcribe").await["model"], "gpt-transcribe");
}

#[tokio::test]
async fn a_phrase_that_models_make_up_is_not_believed_of_silence() {
    let stand = stand_with("[models]\nstt = \"gpt-transcribe\"\n", |_| None).await;
    stand.fake.default_transcript("Thank you.");
    let silence = Pcm::new(vec![0; 16_000]);
    assert_eq!(stand.models.transcribe(silence).await.unwrap(), "");
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/fixtures/audio/librivox-made-amiable.wav"
    );
    let speech = sidetone_base::audio::wav::parse(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!(stand.models.transcribe(speech).await.unwrap(), "Thank you.");
}

#[tokio::test]
async fn azure_and_others_get_their_headers_query_and_fields() {
    let far = FakeOpenAi::start(Timing::INSTANT).await;
    let more = format!(
        "[providers.azure]\nbase_url = \"{}?api-version=2025-04-01-preview\"\nllm = \"ours\"\n\
         api_key = \"{{{{ secret.one }}}}\"\nauth = \"api-key\"\n\
         headers = {{ x-title = \"Shop {{{{ secret.two }}}}\" }}\n\
         extra_body = {{ provider = {{ sort = \"latency\" }} }}\nreasoning_effort = \"low\"\n\
         [llm]\nproviders = [\"azure\"]\ntemperature = 0.5\n",
        far.base_url()
    );
    let stand = stand_with(&more, |_| None).await;
    assert_eq!(stand.time().await.error, None);
    let request = &far.requests()[0];
    let header = |name: &str| {
        let found = request.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    };
    assert_eq!(header("api-key"), Some("sk-secret-one"));
    assert_eq!(header("authorization"), None);
    assert_eq!(header("x-title"), Some("Shop sk-secret-two"));
    assert_eq!(request.query, "api-version=2025-04-01-preview");
    assert_eq!(request.body["provider"]["sort"], "latency");
    assert_eq!(request.body["reasoning_effort"], "low");
    assert_eq!(request.body["temperature"], 0.5);
}

#[tokio::test]
async fn the_provider_s_own_message_is_shown_without_the_caller_s_words_and_keys() {
    for echo in [
        "Bad input: \\\"my number is four two\\\" with sk-very-secret-key",
        "Bad input: MY NUMBER,\\nIS FOUR-TWO with Bearer sk-very-secret-key",
        "Bad input: you help my number is; key very-secret-key",
    ] {
        let stand = stand().await;
        // The fake's own refusal, whatever the request.
        let body = format!("data: {{\"error\":{{\"message\":\"{echo}\"}}}}\n\n");
        for _ in 0..5 {
            stand.fake.script_answer(Answer::raw([body.clone()]));
        }
        let error = stand
            .ask(vec![prompt(), said("My number is four two.")])
            .await
            .error
            .unwrap();
        let shown = error.message.to_lowercase();
        assert!(shown.contains("bad input"), "{shown}");
        for hidden in ["number is four", "secret", "my number"] {
            assert!(!shown.contains(hidden), "{shown}");
        }
    }
    let stand = stand().await;
    let rule = Strict::Field("model");
    stand.fake.refuse(Endpoint::Chat, rule, Style::Message);
    let error = stand.time().await.error.unwrap();
    assert!(
        error
            .message
            .contains("it says: Unsupported parameter: 'model'"),
        "{error}"
    );
    assert_eq!(error.fault, Fault::Refused);
}

#[tokio::test]
async fn another_providers_fields_are_given_up_when_they_are_refused() {
    let stand = stand().await;
    let call = Call {
        id: "call_a".into(),
        name: "look".into(),
        arguments: "{}".into(),
    };
    stand.fake.speak(Dialect::ThoughtSignature);
    stand.fake.script_answer(Answer {
        tool_calls: vec![call],
        ..Answer::default()
    });
    let came = stand.time().await;
    assert!(!came.calls[0].opaque.is_empty());
    let far = FakeOpenAi::start(Timing::INSTANT).await;
    far.refuse(Endpoint::Chat, Strict::OwnFields, Style::Details);
    let more = format!(
        "[providers.far]\nbase_url = \"{}\"\nllm = \"m\"\n[llm]\nproviders = [\"far\"]\n{TOOL}",
        far.base_url()
    );
    let models = stand.clients.for_call(&agent(&more));
    let mut calls = Message::calls("", came.calls.clone());
    calls.opaque = came.opaque.clone();
    let result = Message::result(&came.calls[0].id, "Free.");
    let came = ask(
        &models,
        vec![prompt(), said("?"), calls, result],
        stand.tools(),
    )
    .await;
    assert_eq!(came.error, None);
}

#[tokio::test]
async fn a_badly_written_call_is_not_blamed_on_a_field() {
    let stand = stand_with("[llm]\ntemperature = 0.2\n", |_| None).await;
    for _ in 0..3 {
        let failures = [Failure::BadCall];
        stand.fake.script_failures(Endpoint::Chat, &failures);
        assert_eq!(stand.time().await.error, None);
    }
    let requests = stand.fake.requests();
    assert_eq!(requests.len(), 6);
    for request in requests {
        assert_eq!(request.body["temperature"], 0.2);
    }
}

#[tokio::test]
async fn a_schema_is_put_in_the_words_that_the_server_knows() {
    let more = "[tools.book]\ndescription = \"Books.\"\nurl = \"https://x.example/book\"\n\
                [tools.book.parameters]\ntype = \"object\"\nadditionalProperties = false\n\
                [tools.book.parameters.properties.day]\ntype = [\"string\", \"null\"]\n\
                format = \"date\"\n";
    for style in Style::ALL {
        let stand = stand_with(more, |_| None).await;
        stand
            .fake
            .refuse(Endpoint::Chat, Strict::FewKeywords, style);
        for requests in [2, 3] {
            assert_eq!(stand.time().await.error, None, "{style:?}");
            assert_eq!(stand.fake.requests().len(), requests, "{style:?}");
        }
        let tools = &stand.fake.requests()[2].body["tools"];
        let book = |tool: &&Value| tool["function"]["name"] == "book";
        let book = tools.as_array().unwrap().iter().find(book).unwrap();
        assert_eq!(
            book["function"]["parameters"],
            json!({ "type": "object", "properties": { "day": { "type": "string" } } }),
            "{style:?}"
        );
    }
}

#[tokio::test]
async fn a_server_that_wants_thoughts_takes_over_calls_that_have_none() {
    for own in [Opaque::new(), {
        let mut own = Opaque::new();
        own.insert("reasoning_content".into(), "I should look.".into());
        own
    }] {
        let stand = stand().await;
        stand
            .fake
            .refuse(Endpoint::Chat, Strict::Thoughts, Style::OpenAi);
        let call = |id: &str| ToolCall {
            id: id.into(),
            name: "look".into(),
            arguments: "{}".into(),
            ..ToolCall::default()
        };
        let mut thought = Message::calls("", vec![call("call_b")]);
        thought.opaque = own.clone();
        let messages = vec![
            prompt(),
            said("Friday?"),
            Message::calls("", vec![call("call_a")]),
            Message::result("call_a", "Free."),
            said("And Sunday?"),
            thought,
            Message::result("call_b", "Free."),
        ];
        assert_eq!(stand.ask(messages.clone()).await.error, None);
        assert_eq!(stand.ask(messages).await.error, None);
        let requests = stand.fake.requests();
        assert_eq!(requests.len(), 3);
        let last = &requests[2].body["messages"][5]["reasoning_content"];
        assert_eq!(last.as_str().unwrap() == "I should look.", !own.is_empty());
    }
}
