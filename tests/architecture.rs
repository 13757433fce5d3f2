//! Enforces the module boundaries of ARCHITECTURE.md that no crate's manifest can express.

mod modules;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use modules::{Modules, word};

/// A module, and the modules of its crate that it may use.
type Layer = (&'static str, &'static [&'static str]);

/// The layers of each crate. Modules that are not listed combine others and may use any.
const LAYERS: &[(&str, &[Layer])] = &[
    (
        ".",
        &[
            ("room", &[]),
            ("worker", &[]),
            ("telemetry", &[]),
            ("tls", &[]),
            ("eval", &["caller"]),
            ("health", &[]),
            ("replay", &["eval"]),
            ("console", &["eval"]),
            ("caller", &["room"]),
            ("recorder", &["room"]),
            ("agent", &["room", "telemetry", "worker"]),
            ("check", &["agent", "env_files", "eval", "room"]),
        ],
    ),
    (
        "crates/control-plane",
        &[
            ("server_api", &[]),
            ("dispatch", &["server_api"]),
            ("control", &["dispatch", "server_api"]),
            ("http", &["control", "dispatch", "server_api"]),
        ],
    ),
    ("crates/call", &[("transport", &[]), ("tools", &[])]),
    (
        "crates/intake",
        &[
            ("budget", &[]),
            ("recorded", &[]),
            ("doors", &["budget"]),
            ("opened", &[]),
            ("gate", &["budget", "opened"]),
        ],
    ),
    (
        "crates/libwebrtc",
        &[
            ("vocabulary", &[]),
            ("unsupported", &["vocabulary"]),
            ("engine", &["unsupported", "vocabulary"]),
        ],
    ),
];

/// The other files of the media connection's task: they implement one object, so their circle is intended.
const PEER: [&str; 5] = [
    "engine::peer::channels",
    "engine::peer::media",
    "engine::peer::negotiate",
    "engine::peer::paths",
    "engine::peer::stats",
];

/// Every crate with our own code, by its folder.
fn crates() -> Vec<(String, Modules)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders: Vec<PathBuf> = std::fs::read_dir(root.join("crates"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    folders.sort();
    folders.push(root.into());
    let name = |folder: &Path| {
        let inside = folder.strip_prefix(root).unwrap().to_str().unwrap();
        if inside.is_empty() {
            ".".to_owned()
        } else {
            inside.to_owned()
        }
    };
    folders
        .iter()
        .map(|folder| (name(folder), modules::of(&folder.join("src"))))
        .collect()
}

#[test]
fn no_module_uses_itself_through_others() {
    let crates = crates();
    assert!(crates.len() > 10, "only {} crates were read", crates.len());
    let mut found = Vec::new();
    let mut seen = 0;
    for (name, modules) in &crates {
        seen += modules.len();
        // A parent and its descendants count as one unit: what children share is defined in the parent.
        let inside = |one: &str, other: &str| one.starts_with(other) || other.starts_with(one);
        for circle in modules::circles(modules, inside) {
            found.push(format!("{name}: {circle}"));
        }
    }
    assert!(seen > 300, "only {seen} modules were read");
    assert!(found.is_empty(), "circles:\n{}", found.join("\n"));
}

#[test]
fn a_circle_is_found() {
    let code = [
        ("", "mod one;"),
        ("one", "use super::two::B;"),
        ("two", "use crate::{one::A, three};"),
        ("three", "struct C;"),
    ];
    let modules: Modules = code.map(|(path, code)| (path.into(), code.into())).into();
    let circles = modules::circles(&modules, |_, _| false);
    assert_eq!(circles, [r#"crate::: {"one": {"two"}, "two": {"one"}}"#]);
}

#[test]
fn modules_use_only_those_below_them() {
    let crates = crates();
    let top = |module: &str| word(module).to_owned();
    let mut wrong = Vec::new();
    for (folder, layers) in LAYERS {
        let (_, modules) = crates.iter().find(|(name, _)| name == folder).unwrap();
        for (module, _) in *layers {
            assert!(modules.contains_key(*module), "{folder} has no {module}");
        }
        for module in modules.keys() {
            let Some((layer, below)) = layers.iter().find(|(layer, _)| *layer == top(module))
            else {
                continue;
            };
            for used in modules::uses(module, modules) {
                let used_layer = top(&used);
                let is_root = used_layer.is_empty();
                if used_layer != *layer && !is_root && !below.contains(&used_layer.as_str()) {
                    wrong.push(format!("{folder}: {module} uses crate::{used}"));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "not allowed (see ARCHITECTURE.md):\n{}",
        wrong.join("\n")
    );
}

/// For the media engine, which others are to build on.
#[test]
fn the_engines_modules_are_files_and_its_objects_stand_in_one() {
    let crates = crates();
    let (_, modules) = crates
        .iter()
        .find(|(name, _)| name == "crates/libwebrtc")
        .unwrap();
    let mut spread = BTreeSet::new();
    for (module, code) in modules {
        for line in code.lines().map(str::trim) {
            let inline =
                line.ends_with('{') && (line.starts_with("mod ") || line.contains(" mod "));
            assert!(!inline, "{module} has a module inside: {line}");
            let Some(object) = line.strip_prefix("impl") else {
                continue;
            };
            let object = match object.strip_prefix('<') {
                Some(generic) => generic.split_once("> ").unwrap().1,
                None => object.trim_start(),
            };
            let object = word(object);
            let words: Vec<&str> = code.split_whitespace().collect();
            let defined = words
                .windows(2)
                .any(|pair| matches!(pair[0], "struct" | "enum") && word(pair[1]) == object);
            if !line.contains(" for ") && !defined {
                spread.insert((object.to_owned(), module.clone()));
            }
        }
    }
    let peer = PEER.map(|module| ("Peer", module));
    let allowed = peer
        .into_iter()
        .chain([("PeerConnection", "peer_connection::callbacks")]);
    let allowed = allowed.map(|(object, module)| (object.to_owned(), module.to_owned()));
    assert_eq!(spread, allowed.collect());
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
