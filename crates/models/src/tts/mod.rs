//! Text to speech: Piper (VITS) over rten.
//!
//! A text is cut into clauses; each is one request to the model's thread, asked
//! for when the one before it has been taken. So the first sound leaves after
//! the first clause, a slow listener holds up nobody, and a listener who leaves
//! costs one clause at most.

mod clauses;
mod g2p;
mod ipa;
mod letters;
mod piper;
mod voice;

use std::sync::Arc;

use crate::cache::Cache;
use crate::compute::Compute;
use crate::engine::{Engine, Failure};
use crate::{Error, loading, present};
use clauses::{Clause, Pause};
pub use voice::Voice;

/// Samples a second of everything this engine says.
pub const RATE: u32 = 24_000;
/// The model's name in the manifest and in `/v1/models`.
pub const NAME: &str = "piper-en_US-joe";
/// Clauses waiting for the model before further ones are refused.
const WAITING: usize = 32;

/// A handle on the speech synthesis thread.
#[derive(Clone)]
pub struct Tts {
    engine: Engine<Request, Vec<i16>>,
}

struct Request {
    clause: Clause,
    voice: Voice,
    speed: f32,
}

impl Tts {
    pub(crate) fn load(
        cache: &Cache,
        threads: usize,
        compute: Arc<Compute>,
    ) -> Result<Self, Error> {
        let failed = loading(NAME);
        present(cache, NAME)?;
        let mut piper = piper::Piper::load(cache, threads)?;
        let g2p = g2p::G2p::new();
        // the first use allocates: not in a caller's time
        piper
            .say(&g2p.ipa("Hello."), Voice::Alloy, 1.0)
            .map_err(|e| failed(&e))?;
        let engine = Engine::start("tts", WAITING, move |request: Request, _| {
            let ipa = g2p.ipa(&request.clause.text);
            let _turn = compute.turn();
            let mut samples = piper.say(&ipa, request.voice, request.speed)?;
            let pause = match request.clause.pause {
                Pause::None => 0.0,
                Pause::Short => 0.12,
                Pause::Sentence => 0.28,
            };
            let silence = (pause / request.speed * RATE as f32) as usize;
            samples.resize(samples.len() + silence, 0);
            Ok::<_, String>(samples)
        })
        .map_err(Error::Thread)?;
        Ok(Self { engine })
    }

    /// Starts to speak `text` at `speed` times the natural pace.
    pub fn speak(&self, text: &str, voice: Voice, speed: f32) -> Speech {
        let clauses = clauses::split(text).into_iter();
        Speech {
            tts: self.clone(),
            clauses,
            voice,
            speed,
        }
    }
}

/// A text on its way to being spoken. Dropping it stops the synthesis.
pub struct Speech {
    tts: Tts,
    clauses: std::vec::IntoIter<Clause>,
    voice: Voice,
    speed: f32,
}

impl Speech {
    /// The next stretch of audio, mono at [`RATE`]; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Vec<i16>, Failure>> {
        let clause = self.clauses.next()?;
        let request = Request {
            clause,
            voice: self.voice,
            speed: self.speed,
        };
        Some(self.tts.engine.ask(request).await)
    }
}
