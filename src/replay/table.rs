//! A replay for people: both answers side by side.

use std::fmt;

use super::{Replay, Said};

/// Characters in a column.
const WIDTH: usize = 48;

impl fmt::Display for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let then = format!("then: {} {}", self.agent_then, self.version_then);
        let now = format!("now: {} {}", self.agent_now, self.version_now);
        writeln!(f, "  {then:<WIDTH$} | {now}")?;
        for exchange in &self.exchanges {
            if let Some(caller) = &exchange.caller {
                writeln!(f, "caller: {caller}")?;
            }
            let sign = if exchange.differs() { '*' } else { ' ' };
            let (then, now) = (lines(&exchange.then), lines(&exchange.now));
            let empty = String::new();
            for line in 0..then.len().max(now.len()) {
                let (then, now) = (then.get(line), now.get(line));
                let (then, now) = (then.unwrap_or(&empty), now.unwrap_or(&empty));
                writeln!(f, "{}", format!("{sign} {then:<WIDTH$} | {now}").trim_end())?;
            }
        }
        let differ = self.exchanges.iter().filter(|e| e.differs()).count();
        writeln!(f, "{differ} of {} answers differ (*)", self.exchanges.len())
    }
}

/// Words and tools, wrapped to a column's width.
fn lines(said: &Said) -> Vec<String> {
    let text = (!said.text.is_empty()).then(|| said.text.clone());
    let tools = said.tools.iter().map(|tool| format!("[{tool}]"));
    let mut lines = Vec::new();
    for paragraph in text.into_iter().chain(tools) {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            let letters = line.chars().count() + 1 + word.chars().count();
            if letters > WIDTH && !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line += word;
        }
        lines.push(line);
    }
    lines
}
