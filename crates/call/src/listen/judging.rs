//! Asks the end-of-turn model during a pause whether it ends the turn.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::Heard;
use crate::EndOfTurn;
use sidetone_base::audio::Pcm;

/// The end-of-turn model is asked when a pause is this long: most pauses are shorter and cost nothing. It answers in
/// about 0.05 s, before the shortest wait of 0.5 s is over.
const JUDGE_AFTER: Duration = Duration::from_millis(300);
/// The state of asking. A pause is identified by one past the last voiced sample before it.
pub(super) struct Judging {
    model: Option<Arc<dyn EndOfTurn>>,
    /// The pause to be judged, if it lasts.
    pause: Option<u64>,
    /// The pause that is being judged.
    asked: Option<(u64, AbortOnDropHandle<()>)>,
}

impl Judging {
    /// Without a model nothing is asked.
    pub(super) fn new(model: Option<Arc<dyn EndOfTurn>>) -> Self {
        Self {
            model,
            pause: None,
            asked: None,
        }
    }

    /// Uses this model from now on.
    pub(super) fn configure(&mut self, model: Option<Arc<dyn EndOfTurn>>) {
        self.model = model;
        self.forget();
    }

    /// A pause began.
    pub(super) fn paused(&mut self, at: u64) {
        self.pause = Some(at);
    }

    /// The pause is over, or belongs to no turn any more.
    pub(super) fn forget(&mut self) {
        self.pause = None;
        self.asked = None;
    }

    /// The pause lasts up to the end of `audio`, sample `now`. Once it is long enough the model is asked; the answer
    /// goes to `results`.
    pub(super) fn lasts(&mut self, now: u64, audio: &VecDeque<i16>, results: &mpsc::Sender<Heard>) {
        let is_due = |at: &u64| Pcm::<16_000>::duration_of((now - at) as usize) >= JUDGE_AFTER;
        let Some(voiced_to) = self.pause.take_if(|at| is_due(at)) else {
            return;
        };
        let Some(model) = &self.model else { return };
        let from = audio.len().saturating_sub(model.window());
        let probability = model.probability(Pcm::new(audio.range(from..).copied().collect()));
        let results = results.clone();
        let task = tokio::spawn(async move {
            if let Some(probability) = probability.await {
                let heard = Heard::EndOfTurn {
                    voiced_to,
                    probability,
                };
                // Fails only when the call is over.
                results.send(heard).await.ok();
            }
        });
        self.asked = Some((voiced_to, AbortOnDropHandle::new(task)));
    }

    /// Whether this is the pause that the model was asked about: the caller has not gone on.
    pub(super) fn answered(&mut self, voiced_to: u64) -> bool {
        self.asked.take_if(|(at, _)| *at == voiced_to).is_some()
    }
}
