//! A person who speaks: one of two kinds of network, and a clause on its way through it.

use std::sync::Arc;

use rten::ThreadPool;

use super::RATE;
use super::edges::Edges;
use super::hibari::{self, Hibari};
use super::piper::{self, Piper};
use super::voice::{Person, Role};
use crate::audio::Resampler;
use crate::cache::Cache;
use crate::manifest;

pub(super) enum Speaker {
    Hibari(Hibari),
    Piper(Piper),
}

/// A clause that has been spoken in part.
pub(super) struct Utterance {
    pub(super) person: Person,
    frames: Frames,
    gain: f32,
    edges: Edges,
    /// `None` if nothing has to be converted.
    resampler: Option<Resampler>,
}

enum Frames {
    Hibari(Box<hibari::Frames>),
    Piper(piper::Frames),
}

impl Utterance {
    pub(super) fn is_over(&self) -> bool {
        match &self.frames {
            Frames::Hibari(frames) => frames.is_over(),
            Frames::Piper(frames) => frames.is_over(),
        }
    }
}

impl Speaker {
    /// Returns `None` if the weights are not there.
    pub(super) fn load(
        person: Person,
        cache: &Cache,
        pool: Arc<ThreadPool>,
    ) -> Result<Option<Self>, String> {
        let Some(model) = manifest::model(person.model()) else {
            return Err(format!("the manifest has no {}", person.model()));
        };
        if !model.is_here(cache) {
            return Ok(None);
        }
        Ok(Some(match person {
            Person::Joe => Self::Piper(Piper::load(cache, pool)?),
            _ => Self::Hibari(Hibari::load(&cache.path(&model.files[0].name), pool)?),
        }))
    }

    /// Begins to speak misaki's phonemes; `None` if nothing in them has a sound.
    pub(super) fn begin(
        &self,
        phonemes: &str,
        role: &Role,
        speed: f32,
    ) -> Result<Option<Utterance>, String> {
        // what is played faster is spoken more slowly
        let pace = speed / (role.pace * role.size as f32);
        let (frames, rate) = match self {
            Self::Hibari(voice) => {
                let frames = voice.begin(phonemes, role.pitch, pace)?;
                (
                    frames.map(|frames| Frames::Hibari(Box::new(frames))),
                    hibari::RATE as f64,
                )
            }
            Self::Piper(voice) => {
                let frames = voice.begin(phonemes, pace)?;
                (frames.map(Frames::Piper), f64::from(voice.rate()))
            }
        };
        let Some(frames) = frames else {
            return Ok(None);
        };
        let ratio = f64::from(RATE) / (rate * role.size);
        let resampler = match ratio == 1.0 {
            true => None,
            false => Some(Resampler::new(ratio)?),
        };
        Ok(Some(Utterance {
            person: role.person,
            frames,
            gain: role.gain,
            edges: Edges::new(rate as f32),
            resampler,
        }))
    }

    /// The next stretch of audio at [`RATE`], which may be empty.
    pub(super) fn go_on(&self, utterance: &mut Utterance) -> Result<Vec<i16>, String> {
        let samples = match (self, &mut utterance.frames) {
            (Self::Hibari(voice), Frames::Hibari(frames)) => voice.go_on(frames)?,
            (Self::Piper(voice), Frames::Piper(frames)) => voice.go_on(frames)?,
            _ => return Err("another voice began this clause".into()),
        };
        let gain = utterance.gain;
        let loud: Vec<f32> = samples.iter().map(|sample| sample * gain).collect();
        let over = utterance.is_over();
        let mut speech = utterance.edges.push(&loud);
        if over {
            speech.extend(utterance.edges.finish());
        }
        if let Some(resampler) = &mut utterance.resampler {
            speech = resampler.push(&speech)?;
            if over {
                speech.extend(resampler.finish()?);
            }
        }
        Ok(speech.into_iter().map(to_i16).collect())
    }
}

/// Full scale is approached but never exceeded: no sample wraps or clips hard.
fn to_i16(sample: f32) -> i16 {
    let soft = if sample.abs() < 0.8 {
        sample
    } else {
        sample.signum() * (0.8 + 0.2 * ((sample.abs() - 0.8) / 0.2).tanh())
    };
    (soft * 32767.0) as i16
}
