//! Keeps those of ARCHITECTURE.md's import rules true that no crate's manifest keeps: reads the `use` and
//! path expressions of `src/`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Module → the modules of this crate it may use. A module that is not named here puts others together
/// (main, serve, agent, demo, cli) and may use everything.
const MAY_USE: &[(&str, &[&str])] = &[
    ("transport", &[]),
    ("openai", &[]),
    ("config", &["openai"]),
    ("tools", &["config"]),
    ("call", &["openai", "config", "tools", "transport"]),
    ("worker", &["config"]),
    ("server_api", &["config"]),
    ("dispatch", &["config", "server_api"]),
    ("store", &["config", "dispatch"]),
    ("recording", &["transport", "config", "store"]),
    ("control", &["store", "dispatch", "server_api", "config"]),
    (
        "http",
        &[
            "control",
            "store",
            "dispatch",
            "config",
            "recording",
            "worker",
        ],
    ),
    ("eval", &["call", "config", "transport"]),
    ("caller", &["transport"]),
    ("telemetry", &[]),
];

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            into.push(path);
        }
    }
}

/// The modules named after `crate::` in the code before its tests.
fn used(source: &str) -> BTreeSet<String> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let code = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let code: String = code.collect::<Vec<_>>().join("\n");
    let name = |rest: &str| {
        rest.chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect::<String>()
    };
    code.split("crate::")
        .skip(1)
        .map(name)
        .filter(|module| !module.is_empty())
        .collect()
}

#[test]
fn modules_use_only_what_architecture_allows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = vec![];
    sources(&root, &mut files);
    let mut wrong = vec![];
    let mut seen = 0;
    for file in files {
        let inside = file.strip_prefix(&root).unwrap();
        let module = inside
            .components()
            .next()
            .unwrap()
            .as_os_str()
            .to_string_lossy();
        let module = module.trim_end_matches(".rs");
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == module) else {
            continue;
        };
        // Tests in files of their own may use what they need.
        if inside.to_string_lossy().contains("tests") {
            continue;
        }
        seen += 1;
        for used in used(&std::fs::read_to_string(&file).unwrap()) {
            if used != module && !allowed.contains(&used.as_str()) {
                wrong.push(format!("src/{} uses crate::{used}", inside.display()));
            }
        }
    }
    assert!(seen > 20, "only {seen} files were read");
    assert!(
        wrong.is_empty(),
        "not allowed (see ARCHITECTURE.md):\n{}",
        wrong.join("\n")
    );
}

#[test]
fn architecture_is_short_and_names_files_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    assert!(
        text.lines().count() <= 150,
        "ARCHITECTURE.md must fit in a head: 150 lines"
    );
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    let mut checked = 0;
    for row in rows {
        let cell = row.split('|').nth(1).unwrap();
        let path = cell.split('`').nth(1).unwrap();
        assert!(
            root.join(path).exists(),
            "ARCHITECTURE.md names {path}, which is not there"
        );
        checked += 1;
    }
    assert!(checked > 10, "the code map has only {checked} rows");
}
