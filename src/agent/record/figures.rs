//! A call's figures, as they are stored.

use uuid::Uuid;

use sidetone_call::{Figures, Taken};
use sidetone_store::Store;
use sidetone_store::figures::{self, Ledger, Sentences, Usage, Utterances};

/// The figures of this agent's part of a call, over those of one that held it before and died.
pub(super) struct Books {
    store: Store,
    call_id: Uuid,
    before: Option<figures::Figures>,
}

impl Books {
    pub(super) fn new(store: Store, call_id: Uuid) -> Self {
        Self {
            store,
            call_id,
            before: None,
        }
    }

    /// Writes them.
    pub(super) async fn save(&mut self, said: Figures, taken: Taken) {
        let (call_id, store) = (self.call_id, &self.store);
        let saved = async {
            if self.before.is_none() {
                self.before = Some(store.figures(call_id).await?.unwrap_or_default());
            }
            let before = self.before.clone().unwrap_or_default();
            let whole = figures::Figures {
                usage: before.usage.plus(usage(taken)),
                ledger: before.ledger.plus(ledger(said)),
            };
            store.save_figures(call_id, &whole).await
        };
        if let Err(error) = saved.await {
            tracing::warn!(%call_id, %error, "the call's figures were not stored");
        }
    }
}

/// Adds what a call's result took, once the call is over.
pub async fn result_took(store: &Store, call_id: Uuid, before: Taken, after: Taken) {
    if before == after {
        return;
    }
    let took = Taken {
        prompt_tokens: after.prompt_tokens - before.prompt_tokens,
        cached_tokens: after.cached_tokens - before.cached_tokens,
        completion_tokens: after.completion_tokens - before.completion_tokens,
        tts_characters: after.tts_characters - before.tts_characters,
        stt_ms: after.stt_ms - before.stt_ms,
    };
    let saved = async {
        let mut whole = store.figures(call_id).await?.unwrap_or_default();
        whole.usage = whole.usage.plus(usage(took));
        store.save_figures(call_id, &whole).await
    };
    if let Err(error) = saved.await {
        tracing::warn!(%call_id, %error, "what the result took was not stored");
    }
}

fn usage(taken: Taken) -> Usage {
    Usage {
        prompt_tokens: taken.prompt_tokens,
        cached_tokens: taken.cached_tokens,
        completion_tokens: taken.completion_tokens,
        tts_characters: taken.tts_characters,
        stt_seconds: taken.stt_ms as f64 / 1000.0,
    }
}

fn ledger(said: Figures) -> Ledger {
    let dropped = said.dropped.into_iter();
    let failed = said.failed.into_iter();
    Ledger {
        caller: Utterances {
            opened: said.opened,
            answered: said.answered,
            superseded: said.superseded,
            dropped: dropped
                .map(|(why, n)| (why.as_str().to_owned(), n))
                .collect(),
        },
        agent: Sentences {
            begun: said.begun,
            heard: said.heard,
            cut: said.cut,
            failed: failed.map(|(stage, n)| (stage.to_owned(), n)).collect(),
        },
    }
}
