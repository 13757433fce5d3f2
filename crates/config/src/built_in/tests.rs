use super::*;

#[test]
fn every_sentence_is_whole_and_in_its_own_language() {
    let all = |built_in: BuiltIn| {
        let BuiltIn {
            greeting,
            apology,
            cut_off,
            say_again,
            filler,
            thinking,
            still_there,
            goodbye,
            transfer_failed,
            transfer_hold,
            transfer_question,
            encrypted,
            not_encrypted,
            limit,
            no_agent,
        } = built_in;
        [
            greeting,
            apology,
            cut_off,
            say_again,
            filler,
            thinking,
            still_there,
            goodbye,
            transfer_failed,
            transfer_hold,
            transfer_question,
            encrypted,
            not_encrypted,
            limit,
            no_agent,
        ]
    };
    let mut seen = std::collections::BTreeSet::new();
    for (tag, built_in) in LANGUAGES.into_iter().chain([("en", ENGLISH)]) {
        for text in all(built_in) {
            assert!(
                text.ends_with(['.', '!', '?', '。', '！', '？', '।', '؟']),
                "{tag}: {text}"
            );
            assert_eq!(text.trim(), text, "{tag}");
            assert!(
                !text.contains(['{', '}', '<', '>', '_', '\\']),
                "{tag}: {text}"
            );
            assert!(seen.insert(text), "{tag}: {text} is there twice");
        }
        let distinct: std::collections::BTreeSet<_> = all(built_in).into();
        assert_eq!(distinct.len(), 15, "{tag}");
        let farewell = last_sentence(built_in.goodbye);
        for last in [
            built_in.encrypted,
            built_in.not_encrypted,
            built_in.limit,
            built_in.no_agent,
        ] {
            assert!(last.contains(farewell), "{tag}: {farewell}");
        }
    }
}

/// The goodbye itself.
fn last_sentence(text: &str) -> &str {
    let text = text.trim_end_matches(['!', '.', '。', '！']);
    text.rsplit(['.', '。', '।', '，'])
        .next()
        .map_or(text, |last| last.trim())
}

#[test]
fn a_language_is_found_by_its_tag() {
    for (tag, greeting) in [
        (None, "Hello! How can I help you today?"),
        (Some("en-GB"), "Hello! How can I help you today?"),
        (Some("fi"), "Hello! How can I help you today?"),
        (Some("de-AT"), "Guten Tag! Wie kann ich Ihnen helfen?"),
        (Some("zh"), "您好！请问有什么可以帮您？"),
        (Some("zh-Hans-HK"), "您好！请问有什么可以帮您？"),
        (Some("zh-TW"), "您好！請問有什麼可以幫您？"),
        (Some("zh-Hant"), "您好！請問有什麼可以幫您？"),
    ] {
        assert_eq!(of(tag).greeting, greeting, "{tag:?}");
    }
}
