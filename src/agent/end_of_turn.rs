//! The process's end-of-turn model, fetched and loaded while the process already takes calls.

use std::sync::{Arc, OnceLock};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use sidetone_models::end_of_turn::{NAME, WINDOW};
use sidetone_models::{Cache, fetch, manifest};

use sidetone_base::audio::Pcm;
use sidetone_call::EndOfTurn;

/// The Smart Turn model, once it is loaded.
#[derive(Clone, Default)]
pub struct SmartTurn {
    model: Arc<OnceLock<sidetone_models::EndOfTurn>>,
}

impl SmartTurn {
    /// Loads the model, after fetching it if it is not in the cache (9 MB). Until then, and for good if this fails,
    /// calls go by words and pauses alone; the log says why.
    pub async fn load(self) {
        let cache = Cache::default();
        if let Some(model) = manifest::model(NAME)
            && let Err(error) = fetch::fetch(&cache, &[model], &mut |_| ()).await
        {
            tracing::warn!(
                %error,
                "no end-of-turn model: calls end turns by words and pauses; SIDETONE_END_OF_TURN=off \
                 says that this is intended"
            );
            return;
        }
        let loading = tokio::task::spawn_blocking(move || sidetone_models::EndOfTurn::load(&cache));
        match loading.await {
            Ok(Ok(model)) => {
                self.model.get_or_init(|| model);
            }
            Ok(Err(error)) => tracing::warn!(%error, "no end-of-turn model"),
            Err(error) => tracing::warn!(%error, "no end-of-turn model"),
        }
    }
}

impl EndOfTurn for SmartTurn {
    fn window(&self) -> usize {
        WINDOW
    }

    fn probability(&self, audio: Pcm<16_000>) -> BoxFuture<'static, Option<f32>> {
        let model = self.model.get().cloned();
        async move {
            let samples = audio.samples().iter().map(|&s| f32::from(s) / 32_768.0);
            let probability = model?.probability(samples.collect()).await;
            // A full queue means a busy machine; logging that at each pause would not help.
            probability
                .inspect_err(|error| tracing::debug!(%error, "no end-of-turn probability"))
                .ok()
        }
        .boxed()
    }
}
