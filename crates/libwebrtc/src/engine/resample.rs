//! Rates that Opus does not support.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler as _};

/// The rates an Opus coder runs at (RFC 6716, section 2), in Hz.
const OPUS_RATES: [u32; 5] = [8_000, 12_000, 16_000, 24_000, 48_000];

/// The rate to run Opus at for audio of `rate` Hz: the rate itself if Opus supports it, else the full band.
pub(crate) fn opus_rate(rate: u32) -> u32 {
    if OPUS_RATES.contains(&rate) {
        rate
    } else {
        48_000
    }
}

/// Converts interleaved audio from one rate to another. Both rates must be multiples of 100 Hz, so that 10 ms is a
/// whole number of samples.
pub(crate) struct Resampler {
    fft: Fft<f32>,
    channels: usize,
    pending: Vec<f32>,
    block: Vec<f32>,
}

impl Resampler {
    /// `None` if the rates are equal.
    pub(crate) fn new(from: u32, to: u32, channels: usize) -> Option<Self> {
        if from == to {
            return None;
        }
        let frames = from as usize / 100;
        let fft = Fft::new(
            from as usize,
            to as usize,
            frames,
            channels,
            FixedSync::Both,
        )
        .inspect_err(|error| tracing::error!(from, to, %error, "cannot resample"))
        .ok()?;
        Some(Self {
            fft,
            channels,
            pending: Vec::new(),
            block: Vec::new(),
        })
    }

    /// Appends the converted `input`, in blocks, to `output`.
    pub(crate) fn process(&mut self, input: &[i16], output: &mut Vec<i16>) {
        self.pending.extend(input.iter().map(|&s| f32::from(s)));
        let frames_in = self.fft.input_frames_next();
        let frames_out = self.fft.output_frames_next();
        let taken = frames_in * self.channels;
        self.block.resize(frames_out * self.channels, 0.0);
        while self.pending.len() >= taken {
            let from = InterleavedSlice::new(&self.pending[..taken], self.channels, frames_in);
            let to = InterleavedSlice::new_mut(&mut self.block[..], self.channels, frames_out);
            if let (Ok(from), Ok(mut to)) = (from, to)
                && let Err(error) = self.fft.process_into_buffer(&from, &mut to, None)
            {
                tracing::error!(%error, "resampling failed");
                self.block.fill(0.0);
            }
            // The cast saturates, as clipping should.
            output.extend(self.block.iter().map(|&s| s.round() as i16));
            self.pending.drain(..taken);
        }
    }
}
