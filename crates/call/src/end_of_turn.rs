//! The seam to a model that hears whether a caller who fell silent has finished.

use futures::future::BoxFuture;

use sidetone_base::audio::Pcm;

/// Judges the end of speech by its sound. Shared by the calls of a process.
pub trait EndOfTurn: Send + Sync + 'static {
    /// How much of a turn's end it wants to hear, at 16 kHz.
    fn window(&self) -> usize;

    /// The probability, 0 to 1, that the turn which ends like this is over. `None`: not now; the
    /// call waits as if there were no model. Dropping the future takes the question back.
    fn probability(&self, audio: Pcm<16_000>) -> BoxFuture<'static, Option<f32>>;
}
