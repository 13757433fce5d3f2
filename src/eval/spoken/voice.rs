//! A voice and a mind for a simulated clock: both take their time, and nobody is asked.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _, stream};

use sidetone_base::audio::Pcm;
use sidetone_call::{Llm, Piece, ProviderError, Question, Tts};
use sidetone_turn::words;

/// 15 letters are spoken in a second (see [`words::letters_of`]).
const LETTER: Duration = Duration::from_micros(66_667);

/// Says nothing that can be understood, for as long as the words take.
pub struct Voice {
    /// From a sentence to its first sound.
    pub takes: Duration,
}

impl Tts for Voice {
    fn speak(&self, text: String) -> BoxStream<'static, Result<Pcm<24_000>, ProviderError>> {
        let takes = self.takes;
        stream::once(async move {
            tokio::time::sleep(takes).await;
            Ok(noise(LETTER * words::letters(&text).max(1) as u32))
        })
        .boxed()
    }
}

/// Noise as loud as speech: a tone could pass for the pitch of a caller's voice, and be taken for its echo.
fn noise(length: Duration) -> Pcm<24_000> {
    let mut state = 1_u32;
    let samples = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((state >> 16) as i16) / 16
    });
    Pcm::new(samples.take(Pcm::<24_000>::samples_in(length)).collect())
}

/// A mind that begins to answer after so long.
pub struct Late {
    /// The mind.
    pub mind: Arc<dyn Llm>,
    /// From a question to the first words.
    pub takes: Duration,
}

impl Llm for Late {
    fn chat(&self, question: Question) -> BoxStream<'static, Result<Piece, ProviderError>> {
        let (answer, takes) = (self.mind.chat(question), self.takes);
        async move {
            tokio::time::sleep(takes).await;
            answer
        }
        .flatten_stream()
        .boxed()
    }
}
