//! `make demo ONCE=1`: the product's main purpose, with the real binary, the real livekit-server and the local models.

use std::process::Command;

/// Processes whose command line contains `text`.
fn running(text: &str) -> Vec<String> {
    let mut found = vec![];
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(line) = std::fs::read(entry.path().join("cmdline")) else {
            continue;
        };
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(text) {
            found.push(line);
        }
    }
    found
}

#[test]
fn the_demo_holds_a_conversation_and_leaves_nothing_running() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("heard");
    let demo = Command::new(env!("CARGO_BIN_EXE_sidetone"))
        .args(["demo", "--once", "--out"])
        .arg(&out)
        // livekit-server's files go where only this test looks for its command line
        .env("TMPDIR", folder.path())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&demo.stdout);
    let log = String::from_utf8_lossy(&demo.stderr);
    assert!(demo.status.success(), "{said}\n{log}");
    assert!(said.contains("Hello, this is Harbour Books."), "{said}");
    assert!(said.contains("answer heard after"), "{said}");
    assert!(said.contains("after the barge-in began"), "{said}");
    assert!(out.join("reply.wav").metadata().unwrap().len() > 100_000);
    assert_eq!(
        running(&folder.path().display().to_string()),
        Vec::<String>::new()
    );
}
