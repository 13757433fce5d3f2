//! Server-sent events, as far as the chat protocol uses them: the data of each event.
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation>

/// Most bytes of one event; a chunk of an answer has a few hundred.
const LIMIT: usize = 1 << 20;

/// Splits a stream of bytes, chunked anywhere, into events.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    line: Vec<u8>,
    data: String,
    /// The last byte was a carriage return, so a line feed now ends no further line.
    after_return: bool,
}

/// An event or its lines exceed [`LIMIT`], or are not UTF-8.
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

    /// The data of an event that the stream's end completes: some servers omit the final empty line.
    pub(super) fn finish(&mut self) -> Option<String> {
        let mut events = Vec::new();
        self.end_line(&mut events).ok()?;
        let data = std::mem::take(&mut self.data);
        (!data.is_empty()).then_some(data)
    }

    fn end_line(&mut self, events: &mut Vec<String>) -> Result<(), Malformed> {
        let line = std::mem::take(&mut self.line);
        let line = std::str::from_utf8(&line).map_err(|_| Malformed)?;
        let line = line.strip_prefix('\u{feff}').unwrap_or(line);
        if line.is_empty() {
            if !self.data.is_empty() {
                events.push(std::mem::take(&mut self.data));
            }
        } else if let Some(data) = line.strip_prefix("data:") {
            if !self.data.is_empty() {
                self.data.push('\n');
            }
            self.data.push_str(data.strip_prefix(' ').unwrap_or(data));
        } // Comments (keep-alives), event names and ids are ignored.
        Ok(())
    }
}

#[cfg(test)]
mod tests;
