//! Server-sent events, as far as the chat protocol uses them: the data of each event.
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation>

use serde::de::IgnoredAny;

/// Most bytes of one event; a chunk of an answer has a few hundred.
const LIMIT: usize = 1 << 20;

/// Splits a stream of bytes, chunked anywhere, into events.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    line: Vec<u8>,
    data: String,
    /// The event so far is no JSON text with another one after it.
    is_of_lines: bool,
    /// The last byte was a carriage return, so a line feed now ends no further line.
    after_return: bool,
}

/// An event or its lines exceed [`LIMIT`].
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl Decoder {
    /// Appends to `events` the data of those that `bytes` complete.
    pub(super) fn push(&mut self, bytes: &[u8], events: &mut Vec<String>) -> Result<(), Malformed> {
        for &byte in bytes {
            let follows_return = std::mem::take(&mut self.after_return);
            match byte {
                b'\n' if follows_return => {}
                b'\n' => self.end_line(events)?,
                b'\r' => {
                    self.end_line(events)?;
                    self.after_return = true;
                }
                _ if self.line.len() + self.data.len() >= LIMIT => return Err(Malformed),
                _ => self.line.push(byte),
            }
        }
        Ok(())
    }

    /// The data of the events that the stream's end completes: some servers omit the final empty line, or the end of
    /// the last one.
    pub(super) fn finish(&mut self) -> Vec<String> {
        let mut events = Vec::new();
        // Neither can be too long: nothing is added.
        for _ in 0..2 {
            let _ = self.end_line(&mut events);
        }
        events
    }

    /// Completes the event before `next` where the server leaves out the empty line between two: no JSON text goes on
    /// after its last brace with another one. Tried once an event, for it costs reading all of it.
    fn part(&mut self, next: &str, events: &mut Vec<String>) {
        let may_be_whole = self.data.ends_with('}') && next.starts_with(['{', '[']);
        if !may_be_whole || self.is_of_lines {
            return;
        }
        match serde_json::from_str::<IgnoredAny>(&self.data) {
            Ok(_) => events.push(std::mem::take(&mut self.data)),
            Err(_) => self.is_of_lines = true,
        }
    }

    fn end_line(&mut self, events: &mut Vec<String>) -> Result<(), Malformed> {
        let line = std::mem::take(&mut self.line);
        // The standard decodes so, too: one broken character costs no answer.
        let line = String::from_utf8_lossy(&line);
        let line = line.strip_prefix('\u{feff}').unwrap_or(&line);
        if line.is_empty() {
            self.is_of_lines = false;
            if !self.data.is_empty() {
                events.push(std::mem::take(&mut self.data));
            }
        } else if let Some(data) = line.strip_prefix("data:") {
            let data = data.strip_prefix(' ').unwrap_or(data);
            self.part(data, events);
            if !self.data.is_empty() {
                self.data.push('\n');
            }
            self.data.push_str(data);
        } // Comments (keep-alives), event names and ids are ignored.
        Ok(())
    }
}

#[cfg(test)]
mod tests;
