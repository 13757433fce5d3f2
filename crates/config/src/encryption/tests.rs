use super::super::section::{Reader, Source};
use super::*;

fn secrets() -> Secrets {
    let set = [
        ("SIDETONE_SECRET_ROOM", "words of the room"),
        ("SIDETONE_SECRET_BYTES", "AAEC/w=="),
    ];
    Secrets::from_variables(set.map(|(name, value)| (name.to_owned(), value.to_owned())))
}

fn read_text(text: &str) -> (Option<Encryption>, Vec<String>) {
    read_with(text, &secrets())
}

fn read_with(text: &str, secrets: &Secrets) -> (Option<Encryption>, Vec<String>) {
    let reader = Reader::default();
    let source = Source {
        file: "a.toml",
        text,
    };
    let mut top = Section::parse(&reader, &[source]);
    let encryption = read(top.section("encryption"), secrets);
    top.finish();
    let problems = reader.into_problems();
    let messages = problems.into_iter().map(|problem| problem.message);
    (encryption, messages.collect())
}

#[test]
fn keys_are_secrets_by_name() {
    let (encryption, problems) =
        read_text("[encryption]\nkeys = [\"{{ secret.room }}\", \"{{ secret.bytes }}\"]");
    assert!(problems.is_empty(), "{problems:?}");
    let encryption = encryption.unwrap();
    assert_eq!(encryption.derivation, Derivation::Pbkdf2);
    let material = encryption.material().unwrap();
    assert_eq!(
        material,
        [b"words of the room".to_vec(), b"AAEC/w==".to_vec()]
    );
    assert!(!format!("{encryption:?}").contains("words"));

    let (encryption, problems) =
        read_text("[encryption]\nkeys = [\"{{ secret.bytes }}\"]\nderivation = \"hkdf\"");
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(encryption.unwrap().material().unwrap(), [[0, 1, 2, 255]]);
}

#[test]
fn without_keys_calls_are_not_encrypted() {
    for text in ["", "[encryption]", "[encryption]\nkeys = []"] {
        assert_eq!(read_text(text), (None, Vec::new()), "{text}");
    }
}

#[test]
fn mistakes_are_reported_without_possible_keys() {
    for (text, expected) in [
        ("keys = [\"hunter2\"]", "must be secrets' names"),
        ("keys = [\"{{ caller.name }}\"]", "must be secrets' names"),
        (
            "keys = [\"{{ secret.other }}\"]",
            "set the variable SIDETONE_SECRET_OTHER",
        ),
        (
            "keys = [\"{{ secret.room }}\"]\nderivation = \"hkdf\"",
            "key 0 is not base64",
        ),
        (
            "keys = [\"{{ secret.room }}\"]\nderivation = \"scrypt\"",
            "write \"pbkdf2\" for words",
        ),
    ] {
        let (_, problems) = read_text(&format!("[encryption]\n{text}"));
        assert_eq!(problems.len(), 1, "{text}: {problems:?}");
        assert!(problems[0].contains(expected), "{text}: {problems:?}");
        assert!(!problems[0].contains("hunter2"), "{problems:?}");
    }
}

/// A folder reads its agents with the secrets' values at that time.
#[test]
fn the_key_of_a_file_is_the_one_that_stands_there_now() {
    let path = std::env::temp_dir().join(format!("sidetone-key-{}", std::process::id()));
    std::fs::write(&path, "before").unwrap();
    let name = path.to_str().unwrap().to_owned();
    let secrets = Secrets::from_variables([("SIDETONE_SECRET_ROOM_FILE".to_owned(), name)]);
    let (encryption, _) = read_with(
        "[encryption]\nkeys = [\"{{ secret.room }}\"]",
        &secrets.fixed(),
    );
    let encryption = encryption.unwrap();
    assert_eq!(encryption.material().unwrap(), [b"before"]);
    std::fs::write(&path, "after").unwrap();
    // The file is read at most once a second.
    let is_new = (0..1_200).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        encryption.material().unwrap() == [b"after"]
    });
    assert!(is_new, "within a minute");
    std::fs::remove_file(&path).unwrap();
}
