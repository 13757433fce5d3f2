//! Progress on a terminal: a bar that redraws itself, or an occasional line if the output is not a terminal.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

use super::Progress;

const BAR: usize = 30;
const REDRAW: Duration = Duration::from_millis(100);
const LINE: Duration = Duration::from_secs(10);

/// Draws [`Progress`] on standard error.
pub struct Bars {
    terminal: bool,
    drawn: Option<Instant>,
    /// When this file's bytes began to arrive, and how many were already here.
    start: Option<(String, Instant, u64)>,
}

impl Default for Bars {
    fn default() -> Self {
        Self {
            terminal: stderr().is_terminal(),
            drawn: None,
            start: None,
        }
    }
}

impl Bars {
    /// Draws a single event.
    pub fn draw(&mut self, progress: Progress<'_>) {
        let now = Instant::now();
        match progress {
            Progress::Waiting => self.line("another process is fetching models: waiting for it"),
            Progress::Ready { file } => self.line(&format!("{file}: ready")),
            Progress::SourceFailed { file, reason } => self.line(&format!("{file}: {reason}")),
            Progress::Bytes { file, done, total } => {
                if self.start.as_ref().is_none_or(|(name, ..)| name != file) {
                    self.start = Some((file.to_owned(), now, done));
                    self.drawn = None;
                }
                let pause = if self.terminal { REDRAW } else { LINE };
                if self.drawn.is_some_and(|drawn| now - drawn < pause) {
                    return;
                }
                self.drawn = Some(now);
                let (since, had) = self
                    .start
                    .as_ref()
                    .map_or((now, done), |(_, at, n)| (*at, *n));
                let rate = (done - had) as f64 / (now - since).as_secs_f64().max(0.001);
                let text = bar(file, done, total, rate);
                if self.terminal {
                    let _ = write!(stderr(), "\r\x1b[2K{text}");
                } else {
                    let _ = writeln!(stderr(), "{text}");
                }
            }
        }
    }

    fn line(&mut self, text: &str) {
        let clear = if self.terminal { "\r\x1b[2K" } else { "" };
        let _ = writeln!(stderr(), "{clear}{text}"); // a closed stderr must not stop the fetch
    }
}

fn bar(file: &str, done: u64, total: u64, bytes_per_second: f64) -> String {
    let share = done as f64 / total.max(1) as f64;
    let full = (share * BAR as f64) as usize;
    format!(
        "{file} [{}{}] {:3.0}% of {} MB, {:.1} MB/s",
        "#".repeat(full.min(BAR)),
        "-".repeat(BAR.saturating_sub(full)),
        share * 100.0,
        total / 1_000_000,
        bytes_per_second / 1e6,
    )
}

#[cfg(test)]
mod tests;
