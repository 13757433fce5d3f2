use super::*;

fn files(files: &[(&str, &str)]) -> BTreeMap<String, Arc<[u8]>> {
    let of = |(name, text): &(&str, &str)| ((*name).to_owned(), text.as_bytes().into());
    files.iter().map(of).collect()
}

#[test]
fn the_same_files_are_the_same_version_and_a_moved_letter_is_another() {
    let version = |all: &[(&str, &str)]| Edition::new(files(all)).unwrap().version().to_owned();
    let first = version(&[("a.toml", "one"), ("b.toml", "two")]);
    assert_eq!(first, version(&[("b.toml", "two"), ("a.toml", "one")]));
    assert_eq!(first.len(), 64);
    assert_ne!(first, version(&[("a.tom", "lone"), ("b.toml", "two")]));
    assert_ne!(first, version(&[("a.toml", "onet"), ("b.toml", "wo")]));
    assert_ne!(first, version(&[("a.toml", "one")]));
}

#[test]
fn an_edition_that_is_too_large_says_by_how_much() {
    let large = files(&[("a.wav", &"x".repeat(MOST_BYTES + 1))]);
    let error = Edition::new(large).unwrap_err().to_string();
    assert!(
        error.starts_with("the agents' files are 1 files of 16777217 bytes"),
        "{error}"
    );
    let many = (0..=MOST_FILES).map(|n| (n.to_string(), Arc::from(*b"x")));
    let error = Edition::new(many.collect()).unwrap_err().to_string();
    assert!(error.contains("501 files of 501 bytes"), "{error}");
}

#[test]
fn a_secret_in_a_file_is_found_with_its_line() {
    let secrets = [(
        "SIDETONE_SECRET_BOOKING".to_owned(),
        "9f2c-booking-key".to_owned(),
    )];
    let secrets = Secrets::from_variables(secrets);
    let wrong = |file: &str, text: &str| {
        let found = secrets_in(file, text, &secrets);
        found
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    };
    let leak = wrong("p.md", "You are kind.\nThe key is 9f2c-booking-key.");
    assert!(
        leak.starts_with("p.md:2: holds the value of SIDETONE_SECRET_BOOKING"),
        "{leak}"
    );
    assert!(!leak.contains("9f2c"), "{leak}");
    let literal = wrong(
        "a.toml",
        "prompt = \"p.md\"\n[tools.book.headers]\nAuthorization = \"Bearer abc\"\nX-Shop = \"12\"\nx-api-key = \"abc\"",
    );
    assert!(
        literal.starts_with("a.toml:3: tools.book.headers.Authorization holds a secret itself"),
        "{literal}"
    );
    assert!(
        literal.contains("a.toml:5: tools.book.headers.x-api-key"),
        "{literal}"
    );
    assert_eq!(literal.lines().count(), 2, "{literal}");
    assert!(!literal.contains("abc"), "{literal}");
    let named = "[lookup]\nheaders = { Authorization = \"Bearer {{ secret.booking }}\" }\n\
                 [variables]\nkey = \"value\"";
    assert_eq!(wrong("a.toml", named), "");
}
