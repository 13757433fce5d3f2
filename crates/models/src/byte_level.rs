//! GPT-2's encoding of arbitrary bytes as printable letters in a vocabulary.
//!
//! Printable Latin-1 letters stand for themselves; the other bytes are mapped to the letters from U+0100 on, in order
//! (OpenAI's `bytes_to_unicode`).

/// Returns the bytes that a vocabulary entry stands for; `None` if it is not written in this encoding.
pub(crate) fn bytes(entry: &str) -> Option<Vec<u8>> {
    entry.chars().map(byte).collect()
}

fn byte(letter: char) -> Option<u8> {
    let code = u32::from(letter);
    match code {
        0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff => u8::try_from(code).ok(),
        // the 68 non-printable bytes, in order
        0x100..=0x120 => u8::try_from(code - 0x100).ok(), // 0x00-0x20
        0x121..=0x142 => u8::try_from(code - 0x121 + 0x7f).ok(), // 0x7f-0xa0
        0x143 => Some(0xad),
        _ => None,
    }
}

/// Turns bytes that arrive piece by piece into text, holding back the start of a character until its other bytes
/// arrive.
#[derive(Default)]
pub(crate) struct Utf8Stream {
    held: Vec<u8>,
}

impl Utf8Stream {
    /// Adds bytes and returns the text that is now complete.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> String {
        self.held.extend_from_slice(bytes);
        let mut text = String::new();
        loop {
            match std::str::from_utf8(&self.held) {
                Ok(valid) => {
                    text.push_str(valid);
                    self.held.clear();
                    return text;
                }
                Err(error) => {
                    let (valid, rest) = self.held.split_at(error.valid_up_to());
                    text.push_str(&String::from_utf8_lossy(valid));
                    match error.error_len() {
                        None => {
                            self.held = rest.to_vec();
                            return text;
                        }
                        Some(wrong) => {
                            text.push(char::REPLACEMENT_CHARACTER);
                            self.held = rest[wrong..].to_vec();
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
