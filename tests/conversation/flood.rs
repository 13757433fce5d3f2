//! A caller who writes as fast as a program, past the limits at the room's door: the cost is bounded.

use std::fmt::Write as _;

use super::play;

/// A hundred pages, one every 300 ms.
#[test]
fn a_hundred_pages_are_asked_at_a_pace_and_in_a_window() {
    let page = "word ".repeat(2_800);
    let mut script = String::from("set greeting = \"\"\n     0 > usage\n     0 > join\n");
    for n in 0..100 {
        writeln!(script, "{:>6} > chat \"{n} {page}\"", 1_000 + 300 * n).unwrap();
    }
    writeln!(script, " 90000 > leave hangup").unwrap();
    let trace = play("flood", &script);
    let questions = trace.lines().filter(|line| line.contains(" ? llm "));
    let asked = questions.filter(|line| !line.contains("cancelled")).count();
    // Twenty at once, and one per second for the half minute that it lasts.
    assert!((15..=55).contains(&asked), "{asked} questions");
    let books = trace.lines().last().unwrap();
    let tokens = books
        .split("took ")
        .nth(1)
        .unwrap()
        .split('+')
        .next()
        .unwrap();
    let tokens: usize = tokens.parse().unwrap();
    // Each is no longer than the most that a model is given.
    assert!(tokens < 55 * 32_000, "{tokens} tokens of {books}");
}
