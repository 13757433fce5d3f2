//! Keeps what the crate's head says of its layers true, and its modules free of circles: reads the paths
//! that begin with `crate`, `super` or a child module, in `use` lines and elsewhere.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A layer's modules may use these and each other. All other modules are the interface, which may use
/// everything.
const LAYERS: &[(&str, &[&str])] = &[
    ("vocabulary", &[]),
    ("unsupported", &["vocabulary"]),
    ("engine", &["unsupported", "vocabulary"]),
];

/// The files of the connection's task: one object, in a circle on purpose. The first defines it.
const PEER: [&str; 5] = [
    "engine::peer",
    "engine::peer::channels",
    "engine::peer::media",
    "engine::peer::negotiate",
    "engine::peer::stats",
];

/// The other files with methods of an object that is defined elsewhere. None of them is in a circle.
const METHODS_APART: &[(&str, &str)] = &[("PeerConnection", "peer_connection::callbacks")];

/// Each module's code without comments and tests, by its path; the root's is empty.
fn modules() -> BTreeMap<String, String> {
    fn walk(folder: &Path, parent: &str, into: &mut BTreeMap<String, String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap();
            let module = match parent {
                _ if name == "lib" => String::new(),
                "" => name.to_owned(),
                _ => format!("{parent}::{name}"),
            };
            if path.is_dir() {
                walk(&path, &module, into);
            } else if name != "tests" {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.lines().map(|line| line.split("//").next().unwrap());
                into.insert(module, code.collect::<Vec<_>>().join("\n"));
            }
        }
    }
    let mut modules = BTreeMap::new();
    walk(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        "",
        &mut modules,
    );
    modules
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    &text[..end.unwrap_or(text.len())]
}

/// Reads one path at the start of `text`, with its groups, as the paths it stands for. Returns what
/// follows it.
fn expand<'a>(text: &'a str, prefix: &[&'a str], into: &mut Vec<Vec<&'a str>>) -> &'a str {
    let mut path = prefix.to_vec();
    let mut rest = text.trim_start();
    loop {
        if let Some(group) = rest.strip_prefix('{') {
            rest = group.trim_start();
            while !rest.starts_with('}') {
                rest = expand(rest, &path, into).trim_start();
                rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
            }
            return &rest[1..];
        }
        let name = word(rest);
        path.push(name);
        rest = &rest[name.len()..];
        match rest.strip_prefix("::") {
            Some(more) => rest = more,
            None => break,
        }
    }
    into.push(path);
    rest.strip_prefix('*').unwrap_or(rest)
}

/// The modules that `module` uses.
fn uses(module: &str, modules: &BTreeMap<String, String>) -> BTreeSet<String> {
    let own: Vec<&str> = module.split("::").filter(|name| !name.is_empty()).collect();
    let mut used = BTreeSet::new();
    let mut rest = modules[module].as_str();
    while let Some(start) = rest.find(|c: char| c.is_alphabetic() || c == '_') {
        let before = rest[..start].chars().next_back();
        rest = &rest[start..];
        let first = word(rest);
        let child = [&own[..], &[first]].concat().join("::");
        let starts_here = before != Some(':') && rest[first.len()..].starts_with("::");
        let ours = matches!(first, "crate" | "super" | "self") || modules.contains_key(&child);
        if !starts_here || !ours {
            rest = &rest[first.len()..];
            continue;
        }
        let mut paths = Vec::new();
        rest = expand(rest, &[], &mut paths);
        for path in paths {
            let mut absolute = own.clone();
            for name in path {
                match name {
                    "crate" => absolute.clear(),
                    "super" => drop(absolute.pop()),
                    "self" => {}
                    name => absolute.push(name),
                }
            }
            // What is behind the last module are items.
            while !modules.contains_key(&absolute.join("::")) {
                absolute.pop();
            }
            used.insert(absolute.join("::"));
        }
    }
    used.remove(module);
    used
}

#[test]
fn no_module_uses_itself_through_others() {
    let modules = modules();
    assert!(modules.len() > 50, "only {} were read", modules.len());
    // A module holds its children, so each use is one between two siblings, at the level where the two
    // paths part. A parent's own code is a sibling of its children.
    let mut levels: BTreeMap<String, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for module in modules.keys() {
        for used in uses(module, &modules) {
            if PEER.contains(&module.as_str()) && PEER.contains(&used.as_str()) {
                continue;
            }
            let (from, to): (Vec<_>, Vec<_>) =
                (module.split("::").collect(), used.split("::").collect());
            let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
            let name = |path: &[&str]| path.get(common).copied().unwrap_or("").to_owned();
            let level = levels.entry(from[..common].join("::")).or_default();
            level.entry(name(&from)).or_default().insert(name(&to));
        }
    }
    for (level, mut graph) in levels {
        // Whoever uses nobody that is left is in no circle.
        loop {
            let left: BTreeSet<String> = graph.keys().cloned().collect();
            graph.retain(|_, used| {
                used.retain(|name| left.contains(name));
                !used.is_empty()
            });
            if graph.len() == left.len() {
                break;
            }
        }
        assert!(graph.is_empty(), "a circle in crate::{level}: {graph:#?}");
    }
}

#[test]
fn layers_use_only_those_below_them() {
    let modules = modules();
    let top = |module: &str| word(module).to_owned();
    let mut wrong = Vec::new();
    for module in modules.keys() {
        let Some((layer, below)) = LAYERS.iter().find(|(layer, _)| *layer == top(module)) else {
            continue;
        };
        for used in uses(module, &modules) {
            let used_layer = top(&used);
            if used_layer != *layer && !below.contains(&used_layer.as_str()) {
                wrong.push(format!("{module} uses crate::{used}"));
            }
        }
    }
    assert!(wrong.is_empty(), "not allowed:\n{}", wrong.join("\n"));
}

#[test]
fn modules_are_files_and_objects_stand_in_one() {
    let mut spread = BTreeSet::new();
    for (module, code) in modules() {
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
    let peer = PEER[1..].iter().map(|module| ("Peer", *module));
    let allowed = peer.chain(METHODS_APART.iter().copied());
    let allowed = allowed.map(|(object, module)| (object.to_owned(), module.to_owned()));
    assert_eq!(spread, allowed.collect());
}
