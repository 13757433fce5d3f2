//! Cuts a stream of text into sentences, each ready to be spoken.

/// Text in as it is written, whole sentences out.
#[derive(Debug, Default)]
pub struct Sentences {
    pending: String,
}

impl Sentences {
    /// At the start of a text.
    pub fn new() -> Self {
        Self::default()
    }

    /// The sentences that `delta` completes; may be none.
    pub fn push(&mut self, delta: &str) -> Vec<String> {
        self.pending.push_str(delta);
        let mut done = Vec::new();
        while let Some(end) = boundary(&self.pending) {
            let rest = self.pending.split_off(end);
            let sentence = std::mem::replace(&mut self.pending, rest);
            done.extend(spoken(&sentence));
        }
        done
    }

    /// What is left at the end of the text.
    pub fn finish(&mut self) -> Option<String> {
        spoken(&std::mem::take(&mut self.pending))
    }
}

/// Index after the first mark that ends a sentence and is followed by space.
fn boundary(text: &str) -> Option<usize> {
    let mut previous = ' ';
    for (index, c) in text.char_indices() {
        if c.is_whitespace() && matches!(previous, '.' | '!' | '?' | '…') {
            return Some(index);
        }
        previous = c;
    }
    None
}

fn spoken(sentence: &str) -> Option<String> {
    let sentence = sentence.trim();
    sentence
        .chars()
        .any(char::is_alphanumeric)
        .then(|| sentence.to_owned())
}
