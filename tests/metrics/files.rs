//! The files for operators: dashboard, alerts, runbook and the list of metrics.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use regex::Regex;
use serde_json::Value;

const ALERTS: &str = "ops/alerts.yml";
const DASHBOARD: &str = "ops/dashboard.json";
const RUNBOOK: &str = "runbook.md";
const METRICS: &str = "metrics.md";

/// A file of `docs`.
fn doc(name: &str) -> String {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    std::fs::read_to_string(docs.join(name)).unwrap()
}

/// Every match of a pattern's first group.
fn found(pattern: &str, text: &str) -> BTreeSet<String> {
    let pattern = Regex::new(pattern).unwrap();
    let found = pattern.captures_iter(text);
    found.map(|captures| captures[1].to_owned()).collect()
}

/// The metrics that a text names, by their families.
fn named(text: &str, families: &BTreeSet<String>) -> BTreeSet<String> {
    let names = found(r"\b((?:sidetone|process)_[a-z_]+)\b", text);
    let family = |name: String| {
        let of_histogram = ["_bucket", "_sum", "_count"]
            .iter()
            .filter_map(|ending| name.strip_suffix(ending))
            .find(|family| families.contains(*family));
        of_histogram.map(str::to_owned).unwrap_or(name)
    };
    names.into_iter().map(family).collect()
}

/// Checks that dashboard, alerts and runbook name only existing metrics, and that the dashboard shows all.
pub fn name_what_there_is(families: &BTreeSet<String>) {
    for file in [ALERTS, DASHBOARD, RUNBOOK] {
        let named = named(&doc(file), families);
        let missing: Vec<_> = named.difference(families).collect();
        assert!(missing.is_empty(), "{file} names {missing:?}");
    }
    let shown = named(&doc(DASHBOARD), families);
    let hidden: Vec<_> = families.difference(&shown).collect();
    assert!(hidden.is_empty(), "the dashboard does not show {hidden:?}");
}

/// Checks that docs/metrics.md lists every metric with its type, and no others.
pub fn metrics_are_documented(types: &BTreeMap<String, String>) {
    let line = Regex::new(r"(?m)^\| `((?:sidetone|process)_[a-z_]+)` \| (\w+) \|").unwrap();
    let page = doc(METRICS);
    let listed: BTreeMap<String, String> = line
        .captures_iter(&page)
        .map(|captures| (captures[1].to_owned(), captures[2].to_owned()))
        .collect();
    assert_eq!(&listed, types, "docs/metrics.md, and what is scraped");
}

#[test]
fn every_alert_has_its_chapter_and_every_chapter_its_alert() {
    let (rules, runbook) = (doc(ALERTS), doc(RUNBOOK));
    let alerts = found(r"(?m)^      - alert: (\w+)$", &rules);
    assert!(alerts.len() > 20, "{alerts:?}");
    assert_eq!(alerts, found(r"(?m)^## (\w+)$", &runbook));
    for alert in &alerts {
        let link = format!("runbook: docs/runbook.md#{}\n", alert.to_lowercase());
        assert_eq!(rules.matches(&link).count(), 1, "{alert}");
        let (_, chapter) = runbook.split_once(&format!("## {alert}\n")).unwrap();
        let chapter = chapter.split("\n## ").next().unwrap();
        for part in ["**Means:**", "**Do:**"] {
            assert!(chapter.contains(part), "{alert} lacks {part}");
        }
    }
}

#[test]
fn the_dashboard_is_one_that_grafana_reads() {
    let dashboard: Value = serde_json::from_str(&doc(DASHBOARD)).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<u64> = panels
        .iter()
        .filter_map(|panel| panel["id"].as_u64())
        .collect();
    assert_eq!(ids.len(), panels.len(), "ids are unique");
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{}", panel["title"]);
        assert_eq!(panel["datasource"]["uid"], "${datasource}");
    }
}
