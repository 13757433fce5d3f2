//! Remembers the last request to a model, for `/why`.

use std::sync::{Arc, Mutex, PoisonError};

use futures::stream::BoxStream;

use sidetone_call::{Llm, Piece, ProviderError, Question};

/// A model whose requests are remembered.
pub struct Asked {
    inner: Arc<dyn Llm>,
    last: Mutex<Option<Question>>,
}

impl Asked {
    /// Wraps `inner`.
    pub fn new(inner: Arc<dyn Llm>) -> Self {
        Self {
            inner,
            last: Mutex::default(),
        }
    }

    /// The last request to the model.
    pub fn last(&self) -> Option<Question> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.clone()
    }
}

impl Llm for Asked {
    fn chat(&self, question: Question) -> BoxStream<'static, Result<Piece, ProviderError>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some(question.clone());
        drop(last);
        self.inner.chat(question)
    }
}
