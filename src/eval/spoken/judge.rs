//! The end-of-turn model where time may be simulated.

use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::runtime::Handle;

use sidetone_base::audio::Pcm;
use sidetone_call::EndOfTurn;
use sidetone_models::Cache;
use sidetone_models::end_of_turn::WINDOW;

/// The model, which conversations side by side ask one after the other, so that none is refused.
struct Judge(Arc<Mutex<sidetone_models::EndOfTurn>>);

/// Loads the model from the cache; none where it is not there. Nothing is fetched.
pub async fn cached() -> Option<Arc<dyn EndOfTurn>> {
    let loading =
        tokio::task::spawn_blocking(|| sidetone_models::EndOfTurn::load(&Cache::default()));
    let model = loading.await.ok()?.ok()?;
    Some(Arc::new(Judge(Arc::new(Mutex::new(model)))))
}

impl EndOfTurn for Judge {
    fn window(&self) -> usize {
        WINDOW
    }

    fn probability(&self, audio: Pcm<16_000>) -> BoxFuture<'static, Option<f32>> {
        let (model, runtime) = (Arc::clone(&self.0), Handle::current());
        // While a thread of the runtime works, a simulated clock stands still.
        let judging = tokio::task::spawn_blocking(move || {
            let model = model.lock().unwrap_or_else(PoisonError::into_inner);
            let samples = audio.samples().iter().map(|&s| f32::from(s) / 32_768.0);
            let judged = runtime.block_on(model.probability(samples.collect()));
            judged.ok()
        });
        async move { judging.await.ok().flatten() }.boxed()
    }
}
