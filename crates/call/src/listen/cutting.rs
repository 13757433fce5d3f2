//! A turn that reaches the maximum length is cut off while its caller speaks on: its words are requested in parallel
//! with those of the next turn.

use super::asking::SttResult;
use super::transcription::{Request, Transcription, joined};
use super::{Hearing, Listen};
use sidetone_base::audio::Pcm;
use sidetone_base::clock;
use sidetone_turn::Cut;

/// The turn that was cut off.
pub(super) struct CutOff {
    /// Its words whose audio was dropped.
    settled: String,
    /// The request for the rest.
    request: Request,
}

impl Listen {
    /// Everything said so far becomes a turn of its own; if its words are not known yet, they arrive as
    /// [`Transcription::Last`]. What follows belongs to the next turn.
    pub fn cut(&mut self, cut: Cut) {
        self.judging.forget();
        self.ahead = None;
        self.is_cut = cut == Cut::InPause;
        let settled = std::mem::take(&mut self.settled);
        if cut == Cut::Settled {
            self.request = None;
            self.drop_front(self.audio.len().saturating_sub(self.padding));
        } else {
            if self.request.is_none() {
                self.transcribe(Some(self.samples));
            }
            if let Some(request) = self.request.take() {
                self.drop_front(request.covers);
                self.cut_off = Some(CutOff { settled, request });
            }
        }
        // The request has its own copy of the audio.
        self.hearing.iter_mut().for_each(Hearing::forget);
        if cut != Cut::InPause {
            self.hear(Pcm::new(self.audio.iter().copied().collect()));
        }
    }

    /// Takes a request's result if it belongs to the turn that was cut off; otherwise returns it.
    pub(super) fn last_words(&mut self, result: SttResult) -> Result<Transcription, SttResult> {
        let is_asked = |cut_off: &mut CutOff| cut_off.request.id == result.request;
        if result.is_begun {
            return Err(result);
        }
        let Some(CutOff { settled, request }) = self.cut_off.take_if(is_asked) else {
            return Err(result);
        };
        match &result.words {
            Ok(_) => self.backoff.worked(),
            Err(_) => self.backoff.failed(clock::now()),
        }
        Ok(Transcription::Last {
            words: match result.words {
                Ok(words) => Ok(joined(&settled, &words)),
                Err(error) if settled.is_empty() => Err(error),
                // The settled words are better than nothing.
                Err(_) => Ok(settled),
            },
            took: clock::now().saturating_duration_since(request.started),
        })
    }
}
