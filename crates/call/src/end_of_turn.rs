//! The interface to a model that judges by sound whether a caller who fell silent has finished.

use futures::future::BoxFuture;

use sidetone_base::audio::Pcm;

/// Judges the end of speech by its sound. Shared by all calls of a process.
pub trait EndOfTurn: Send + Sync + 'static {
    /// How much of a turn's end it needs, in samples at 16 kHz.
    fn window(&self) -> usize;

    /// The probability, 0 to 1, that the turn with this ending is over. `None` if there is no answer now: the call
    /// waits as if there were no model. Dropping the future cancels the request.
    fn probability(&self, audio: Pcm<16_000>) -> BoxFuture<'static, Option<f32>>;
}
