//! The results of many scenarios, for people and for build servers.

use std::fmt::Write as _;
use std::time::Duration;

use super::run::Outcome;

/// A scenario's outcome, or its name and why there is none.
pub type Result = std::result::Result<Outcome, (String, String)>;

/// Whether every scenario passed.
pub fn is_good(results: &[Result]) -> bool {
    results.iter().all(|result| {
        result
            .as_ref()
            .is_ok_and(|outcome| outcome.failures.is_empty())
    })
}

/// A line for each scenario, with its failures below.
pub fn table(results: &[Result], took: Duration) -> String {
    let mut text = format!(
        "{:<34} {:>5} {:>5} {:>7}  result\n",
        "scenario", "turns", "tools", "ms"
    );
    let (mut passed, mut old) = (0, 0);
    for result in results {
        // Writing to a String cannot fail.
        let _ = match result {
            Ok(outcome) => {
                let good = outcome.failures.is_empty();
                passed += usize::from(good);
                old += usize::from(outcome.is_old);
                let tools: usize = outcome.turns.iter().map(|turn| turn.tools.len()).sum();
                let _ = writeln!(
                    text,
                    "{:<34} {:>5} {tools:>5} {:>7}  {}",
                    outcome.name,
                    outcome.turns.len() - 1,
                    outcome.took.as_millis(),
                    if good { "ok" } else { "FAILED" }
                );
                for (number, turn) in outcome.turns.iter().enumerate() {
                    if let Some(heard) = turn.heard {
                        let _ = writeln!(text, "    turn {number}: {heard}");
                    }
                }
                for (turn, failure) in &outcome.failures {
                    let _ = writeln!(text, "    turn {turn}: {failure}");
                }
                Ok(())
            }
            Err((name, error)) => writeln!(text, "{name:<34} {:>19}  ERROR\n    {error}", ""),
        };
    }
    let _ = writeln!(
        text,
        "{} scenarios, {passed} passed, {} failed, in {:.1} s",
        results.len(),
        results.len() - passed,
        took.as_secs_f32()
    );
    if old > 0 {
        let _ = writeln!(
            text,
            "{old} recordings were made with older versions of their agents' files: `--live` tries the files as \
             they are, `--record` keeps the answers"
        );
    }
    text
}

/// JUnit's XML, as build servers read it.
pub fn junit(results: &[Result], took: Duration) -> String {
    let failed = results
        .iter()
        .filter(|r| r.as_ref().is_ok_and(|o| !o.failures.is_empty()))
        .count();
    let errors = results.iter().filter(|r| r.is_err()).count();
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuite name=\"sidetone eval\" tests=\"{}\" failures=\"{failed}\" errors=\"{errors}\" \
         time=\"{:.3}\">\n",
        results.len(),
        took.as_secs_f32()
    );
    for result in results {
        let _ = match result {
            Ok(outcome) => {
                let failures: String = outcome
                    .failures
                    .iter()
                    .map(|(turn, failure)| {
                        format!(
                            "    <failure message=\"turn {turn}: {}\"/>\n",
                            escape(failure)
                        )
                    })
                    .collect();
                writeln!(
                    xml,
                    "  <testcase name=\"{}\" time=\"{:.3}\">\n{failures}  </testcase>",
                    escape(&outcome.name),
                    outcome.took.as_secs_f32()
                )
            }
            Err((name, error)) => writeln!(
                xml,
                "  <testcase name=\"{}\">\n    <error message=\"{}\"/>\n  </testcase>",
                escape(name),
                escape(error)
            ),
        };
    }
    xml + "</testsuite>\n"
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\n', "&#10;")
}

#[cfg(test)]
mod tests;
