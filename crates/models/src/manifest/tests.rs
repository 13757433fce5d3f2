use super::*;
use std::collections::HashSet;

#[test]
fn the_manifest_parses_and_is_complete() {
    let mut names = HashSet::new();
    for model in models() {
        assert!(
            !model.licence.is_empty() && !model.files.is_empty(),
            "{}",
            model.name
        );
        for file in &model.files {
            assert!(names.insert(&file.name), "{} appears twice", file.name);
            assert_eq!(file.sha256.len(), 64, "{}", file.name);
            assert!(
                file.sha256.bytes().all(|b| b.is_ascii_hexdigit()),
                "{}",
                file.name
            );
            assert!(!file.sources.is_empty(), "{}", file.name);
        }
    }
}

#[test]
fn the_defaults_cover_every_task() {
    for task in [
        "speech to text",
        "language model",
        "text to speech",
        "voice activity",
    ] {
        assert!(
            models()
                .iter()
                .any(|m| m.default && m.task.starts_with(task)),
            "{task}"
        );
    }
}
