//! Text to speech: Piper (VITS) over rten.
//!
//! A text is cut into clauses and a clause's sound into stretches; each stretch is
//! one request to the model's thread, asked for when the one before it has been
//! taken. So the first sound leaves early, a slow listener holds up nobody, and a
//! listener who leaves costs one stretch at most.

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
use piper::{Piper, Utterance};
pub use voice::LocalVoice;

/// Samples a second of everything this engine says.
pub const RATE: u32 = 24_000;
/// The model's name in the manifest and in `/v1/models`.
pub const NAME: &str = "piper-en_US-joe";
/// Stretches waiting for the model before further ones are refused.
const WAITING: usize = 32;

/// A handle on the speech synthesis thread.
#[derive(Clone)]
pub struct Tts {
    engine: Engine<Work, Stretch>,
}

/// What the model's thread is asked for.
enum Work {
    Begin(Request),
    GoOn(Box<Begun>),
}

struct Request {
    clause: Clause,
    voice: LocalVoice,
    speed: f32,
}

/// A clause of which a part has been spoken.
struct Begun {
    utterance: Utterance,
    /// Samples of silence that follow it.
    pause: usize,
}

struct Stretch {
    samples: Vec<i16>,
    rest: Option<Box<Begun>>,
}

impl Tts {
    pub(crate) fn load(
        cache: &Cache,
        threads: usize,
        compute: Arc<Compute>,
    ) -> Result<Self, Error> {
        let failed = loading(NAME);
        present(cache, NAME)?;
        let piper = Piper::load(cache, threads)?;
        let g2p = g2p::G2p::new();
        // the first use allocates: not in a caller's time
        let hello = piper.begin(&g2p.ipa("Hello."), LocalVoice::Alloy, 1.0);
        if let Some(mut hello) = hello.map_err(|e| failed(&e))? {
            piper.go_on(&mut hello).map_err(|e| failed(&e))?;
        }
        let engine = Engine::start("tts", WAITING, move |work: Work, _| {
            let (begun, _turn) = match work {
                Work::GoOn(begun) => (Some(begun), compute.turn()),
                Work::Begin(request) => {
                    let ipa = g2p.ipa(&request.clause.text);
                    let turn = compute.turn();
                    (begin(&piper, &ipa, &request)?, turn)
                }
            };
            let Some(mut begun) = begun else {
                return Ok(Stretch {
                    samples: Vec::new(),
                    rest: None,
                });
            };
            let mut samples = piper.go_on(&mut begun.utterance)?;
            let over = begun.utterance.is_over();
            if over {
                samples.resize(samples.len() + begun.pause, 0);
            }
            let rest = (!over).then_some(begun);
            Ok::<_, String>(Stretch { samples, rest })
        })
        .map_err(Error::Thread)?;
        Ok(Self { engine })
    }

    /// Starts to speak `text` at `speed` times the natural pace.
    pub fn speak(&self, text: &str, voice: LocalVoice, speed: f32) -> Speech {
        let clauses = clauses::split(text).into_iter();
        Speech {
            tts: self.clone(),
            clauses,
            rest: None,
            voice,
            speed,
        }
    }
}

fn begin(piper: &Piper, ipa: &str, request: &Request) -> Result<Option<Box<Begun>>, String> {
    let pause = match request.clause.pause {
        Pause::None => 0.0,
        Pause::Short => 0.12,
        Pause::Sentence => 0.28,
    };
    let pause = (pause / request.speed * RATE as f32) as usize;
    let utterance = piper.begin(ipa, request.voice, request.speed)?;
    Ok(utterance.map(|utterance| Box::new(Begun { utterance, pause })))
}

/// A text on its way to being spoken. Dropping it stops the synthesis.
pub struct Speech {
    tts: Tts,
    clauses: std::vec::IntoIter<Clause>,
    rest: Option<Box<Begun>>,
    voice: LocalVoice,
    speed: f32,
}

impl Speech {
    /// The next stretch of audio, mono at [`RATE`]; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Vec<i16>, Failure>> {
        loop {
            let work = match self.rest.take() {
                Some(rest) => Work::GoOn(rest),
                None => Work::Begin(Request {
                    clause: self.clauses.next()?,
                    voice: self.voice,
                    speed: self.speed,
                }),
            };
            match self.tts.engine.ask(work).await {
                Ok(Stretch { samples, rest }) => {
                    self.rest = rest;
                    if !samples.is_empty() {
                        return Some(Ok(samples));
                    }
                }
                Err(failure) => return Some(Err(failure)),
            }
        }
    }
}
