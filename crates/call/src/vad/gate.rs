//! The cheap gate before the judge: webrtc-vad tells when there is nothing to judge.

use std::collections::VecDeque;

use webrtc_vad::{SampleRate, VadMode};

use sidetone_base::audio::Pcm;

/// Frames of 10 ms that the gate stays open after the last one that may be voice: longer than any configurable pause,
/// so that it only closes between utterances.
const HOLD: u32 = 150;
/// Samples from before the gate opened that the judge also gets, so that an onset is judged in context: 320 ms.
const LEAD_IN: usize = 5_120;

/// Open while there may be voice. Mode 0 of webrtc-vad lets most audio through: of clean speech it misses 0.1% of the
/// frames (see the table in the parent module), never a whole word.
pub(super) struct Gate {
    detector: Detector,
    /// Frames until it closes.
    open_for: u32,
    lead_in: VecDeque<i16>,
}

/// What the judge is to do with a frame.
pub(super) enum Passage<'a> {
    /// Skip it: there is no voice.
    Closed,
    /// The gate has just opened: start afresh with these earlier samples, the newest last, without the frame.
    Opens(&'a mut VecDeque<i16>),
    /// Judge it.
    Open,
}

impl Gate {
    pub(super) fn new() -> Self {
        Self {
            detector: Detector::new(),
            // The first seconds of a call are always judged.
            open_for: HOLD,
            lead_in: VecDeque::with_capacity(LEAD_IN),
        }
    }

    /// Takes the next 10 ms.
    pub(super) fn push(&mut self, frame: &Pcm<16_000>) -> Passage<'_> {
        let was_open = self.open_for > 0;
        if self.detector.may_be_voice(frame) {
            self.open_for = HOLD;
        } else {
            self.open_for = self.open_for.saturating_sub(1);
        }
        match (was_open, self.open_for > 0) {
            (true, true) => Passage::Open,
            (false, true) => Passage::Opens(&mut self.lead_in),
            (_, false) => {
                let samples = frame.samples();
                let excess = (self.lead_in.len() + samples.len()).saturating_sub(LEAD_IN);
                self.lead_in.drain(..excess.min(self.lead_in.len()));
                self.lead_in.extend(samples);
                Passage::Closed
            }
        }
    }
}

/// libfvad's detector.
struct Detector(webrtc_vad::Vad);

// SAFETY: the crate holds a pointer to memory that this value alone owns; libfvad keeps no state
// in threads or globals, and every use takes `&mut self`.
unsafe impl Send for Detector {}

impl Detector {
    fn new() -> Self {
        Self(webrtc_vad::Vad::new_with_rate_and_mode(
            SampleRate::Rate16kHz,
            VadMode::Quality,
        ))
    }

    /// A frame whose length is not libfvad's 10, 20 or 30 ms is let through.
    fn may_be_voice(&mut self, frame: &Pcm<16_000>) -> bool {
        self.0.is_voice_segment(frame.samples()).unwrap_or(true)
    }
}
