use super::*;

#[test]
fn tags_of_known_languages_are_written_in_one_way() {
    for (text, expected) in [
        ("de", "de"),
        ("DE", "de"),
        ("de-at", "de-AT"),
        ("de_DE", "de-DE"),
        ("pt-BR", "pt-BR"),
        ("zh-hans", "zh-Hans"),
        ("zh_Hant_TW", "zh-Hant-TW"),
        ("es-419", "es-419"),
        ("yue", "yue"),
        ("fil-PH", "fil-PH"),
        ("ga", "ga"),
    ] {
        assert_eq!(parse(text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn an_invalid_tag_is_refused_with_a_suggestion() {
    for (text, expected) in [
        ("german", "did you mean \"de\"?"),
        ("English", "did you mean \"en\"?"),
        ("Deutsch", "did you mean \"de\"?"),
        ("germna", "did you mean \"de\"?"),
        ("brazilian", "did you mean \"pt-BR\"?"),
        ("deu", "did you mean \"de\"?"),
        ("ger", "did you mean \"de\"?"),
        ("jp", "did you mean \"ja\"?"),
        ("de.UTF-8", "did you mean \"de\"?"),
        ("xx", "not a known language"),
        ("auto", "not a known language"),
        ("", "not a known language"),
        ("de-", "write \"de\""),
        ("de_DE.UTF-8", "\"DE.UTF\" is neither"),
        ("de-österreich", "\"österreich\" is neither"),
    ] {
        let error = parse(text).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn every_name_leads_to_a_tag_that_is_known() {
    for (name, tag) in NAMES {
        assert_eq!(parse(tag).as_deref(), Ok(tag), "{name}");
        assert!(parse(name).is_err(), "{name}");
    }
}

#[test]
fn speech_to_text_has_its_own_names() {
    assert_eq!(heard_as("nb-NO"), "no");
    assert_eq!(heard_as("pt-BR"), "pt");
}
