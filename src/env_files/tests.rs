use super::*;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

#[test]
fn the_process_goes_before_the_local_file_and_that_before_the_other() {
    let folder = folder(&[
        (
            ".env.local",
            "\u{feff}# LiveKit (WebRTC Voice Calls)\nLIVEKIT_HOST=wss://p.livekit.cloud\n\n\
             export LIVEKIT_API_KEY=\"APIkey\" # ours\nLIVEKIT_API_SECRET='a$b c'\nOPENAI_API_KEY=sk-file\n",
        ),
        (
            ".env",
            "LIVEKIT_API_KEY=other\nSIDETONE_DEMO=true\nHOST=h\nURL=https://${HOST}/x\n",
        ),
    ]);
    let added = read(folder.path(), |name| name == "OPENAI_API_KEY").unwrap();
    let added: Vec<_> = added
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    assert_eq!(
        added,
        [
            ("HOST", "h"),
            ("LIVEKIT_API_KEY", "APIkey"),
            ("LIVEKIT_API_SECRET", "a$b c"),
            ("LIVEKIT_HOST", "wss://p.livekit.cloud"),
            ("SIDETONE_DEMO", "true"),
            ("URL", "https://h/x"),
        ]
    );
    assert!(
        read(&folder.path().join("none"), |_| false)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn an_invalid_line_is_reported_by_number_and_never_shown() {
    let folder = folder(&[(".env", "A=1\n\nvery secret value\nB=2\n")]);
    let error = read(folder.path(), |_| false).unwrap_err();
    assert!(matches!(error, BadFile::Line { line: 3, .. }), "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");
    assert!(
        error.to_string().contains(".env:3: write NAME=value"),
        "{error}"
    );
}
