use super::*;

fn judge(text: &str) -> Result<(), String> {
    check_strength(text, MIN_BYTES)
}

#[test]
fn a_secret_in_a_file_can_be_changed() {
    let path = std::env::temp_dir().join(format!("sidetone-secret-{}", std::process::id()));
    let (one, two) = (
        "0123456789abcdef0123456789abcdef",
        "fedcba9876543210fedcba9876543210",
    );
    let write = |text: &str| std::fs::write(&path, text).unwrap();
    write(&format!("{one}\n"));
    let fixed = Secret::in_file(&path, judge).unwrap().fixed();
    let Secret(Source::File(file)) = fixed.live() else {
        panic!("it is in a file");
    };
    let start = clock::now();
    write(two);
    assert_eq!(&*file.now(start), one, "read once a second");
    let later = |n: u32| start + EVERY * n + EVERY;
    assert_eq!(&*file.now(later(1)), two);
    assert_eq!(&*fixed.expose(), one, "as it was, for good");
    // A rejected value replaces nothing.
    write("weak");
    assert_eq!(&*file.now(later(2)), two);
    write("");
    assert_eq!(&*file.now(later(3)), two);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(&*file.now(later(4)), two);
    write(one);
    assert_eq!(&*file.now(later(5)), one);
    std::fs::remove_file(&path).unwrap();
    assert!(Secret::in_file(&path, judge).unwrap_err().contains("read"));
}

#[test]
fn a_secret_that_can_be_guessed_is_reported() {
    for (weak, why) in [
        ("a", "has 1 bytes"),
        ("", "has 0 bytes"),
        ("0123456789abcdef0123456789abcde", "has 31 bytes"),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "1 different"),
        ("abababababababababababababababababababab", "2 different"),
        (
            "a-string-secret-at-least-256-bits-long",
            "public documentation",
        ),
    ] {
        let told = judge(weak).unwrap_err();
        assert!(
            told.contains(why) && told.contains("openssl rand"),
            "{told}"
        );
        assert!(weak.len() < 2 || !told.contains(weak), "{told}");
    }
    judge("0123456789abcdef0123456789abcdef").unwrap();
}
