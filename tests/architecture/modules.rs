//! Which modules of a crate use each other: reads the paths that begin with `crate`, `super` or a child module, in
//! `use` lines and elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A crate's modules by path (the root's is empty): their code without comments and tests.
pub type Modules = BTreeMap<String, String>;

/// Reads a crate's `src`.
pub fn of(src: &Path) -> Modules {
    fn walk(folder: &Path, parent: &str, into: &mut Modules) {
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
            } else if name != "tests" && name != "main" {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.lines().map(|line| line.split("//").next().unwrap());
                into.insert(module, code.collect::<Vec<_>>().join("\n"));
            }
        }
    }
    let mut modules = Modules::new();
    walk(src, "", &mut modules);
    modules
}

/// The word that `text` begins with.
pub fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    &text[..end.unwrap_or(text.len())]
}

/// Reads one path at the start of `text`, expanding its groups into the paths that they stand for. Returns the rest of
/// the text.
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
pub fn uses(module: &str, modules: &Modules) -> BTreeSet<String> {
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
            // What comes after the last module is an item.
            while !modules.contains_key(&absolute.join("::")) {
                absolute.pop();
            }
            used.insert(absolute.join("::"));
        }
    }
    used.remove(module);
    used
}

/// The uses between siblings at each level that remain after everything outside a circle is removed. A module contains
/// its children, so each use counts as one between two siblings, at the level where the two paths diverge; a parent's
/// own code (named "") is a sibling of its children.
pub fn circles(modules: &Modules, allowed: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let mut levels: BTreeMap<String, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for module in modules.keys() {
        for used in uses(module, modules) {
            if allowed(module, &used) {
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
    let mut found = Vec::new();
    for (level, mut graph) in levels {
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
        if !graph.is_empty() {
            found.push(format!("crate::{level}: {graph:?}"));
        }
    }
    found
}
