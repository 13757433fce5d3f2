//! Text to speech: hibari and Piper voices, run by rten.
//!
//! A text is cut into clauses and a clause's audio into stretches; each stretch is one request to the model's thread,
//! made when the previous stretch has been taken. So the first audio is available early, a slow listener delays
//! nobody, and a listener who leaves costs one stretch at most.

mod cast;
mod clauses;
mod edges;
mod g2p;
mod hibari;
mod ipa;
mod letters;
mod piper;
mod speaker;
mod voice;

use std::sync::Arc;

use crate::cache::Cache;
use crate::compute::Compute;
use crate::engine::{Engine, Failure};
use crate::{Error, loading, manifest, present};
use cast::Cast;
use clauses::{Clause, Pause};
use g2p::G2p;
use speaker::Utterance;
pub use voice::LocalVoice;
use voice::Person;

/// Sample rate of all speech from this engine, in Hz.
pub const RATE: u32 = 24_000;
/// The default voice's model: its name in the manifest and in `/v1/models`.
pub const NAME: &str = "hibari-heart";
/// The models needed for speaking every voice; see [`extras`].
pub(crate) const NEEDED: [&str; 2] = [NAME, "piper-en_US-joe"];
/// Stretches that may wait for the model before further ones are refused.
const WAITING: usize = 32;

/// A handle on the speech synthesis thread.
#[derive(Clone)]
pub struct Tts {
    engine: Engine<Work, Stretch>,
}

/// A request to the model's thread.
enum Work {
    Begin(Request),
    GoOn(Box<Begun>),
}

struct Request {
    clause: Clause,
    voice: LocalVoice,
    speed: f32,
}

/// A clause that has been spoken in part.
struct Begun {
    utterance: Utterance,
    /// Samples of silence after it.
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
        for model in NEEDED {
            present(cache, model)?;
        }
        let mut cast = Cast::new(cache, threads);
        // the first use allocates, which must not delay a call
        cast.role(LocalVoice::Alloy)
            .map_err(|error| loading(NAME)(&error))?;
        let g2p = G2p::new();
        let engine = Engine::start("tts", WAITING, move |work: Work, _| {
            let (begun, _turn) = match work {
                Work::GoOn(begun) => (Some(begun), compute.turn()),
                Work::Begin(request) => {
                    let (role, speaker) = cast.role(request.voice)?;
                    let phonemes = g2p.phonemes(&request.clause.text, role.person.is_british());
                    let turn = compute.turn();
                    let utterance = speaker.begin(&phonemes, role, request.speed)?;
                    let pause = request.pause();
                    (
                        utterance.map(|utterance| Box::new(Begun { utterance, pause })),
                        turn,
                    )
                }
            };
            let Some(mut begun) = begun else {
                return Ok(Stretch {
                    samples: Vec::new(),
                    rest: None,
                });
            };
            let speaker = cast.speaker(begun.utterance.person)?;
            let mut samples = speaker.go_on(&mut begun.utterance)?;
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

impl Request {
    /// Samples of silence after the clause.
    fn pause(&self) -> usize {
        let seconds = match self.clause.pause {
            Pause::None => 0.0,
            Pause::Short => 0.12,
            Pause::Sentence => 0.28,
        };
        (seconds / self.speed * RATE as f32) as usize
    }
}

/// People whose weights are not in any package registry: each takes over a voice from somebody who otherwise speaks an
/// additional one.
pub(crate) fn extras() -> impl Iterator<Item = &'static manifest::Model> {
    let models = Person::ALL.map(Person::model).into_iter();
    models
        .filter(|name| !NEEDED.contains(name))
        .filter_map(manifest::model)
}

/// A text that is being spoken. Dropping it stops the synthesis.
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
