//! Mono 16-bit sound whose sample rate is part of its type, so that mixing rates does not compile.

use std::time::Duration;

/// Mono PCM of `HZ` samples per second, 16-bit signed.
///
/// Three rates exist in a call: `Pcm<48_000>` in the room, `Pcm<16_000>` for VAD and STT, `Pcm<24_000>` from TTS.
/// `Resampler` converts between them.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Pcm<const HZ: u32>(Vec<i16>);

impl<const HZ: u32> Pcm<HZ> {
    /// Samples in 10 ms, the frame size of rooms, playout and VAD.
    pub const FRAME: usize = (HZ / 100) as usize;

    /// Wraps samples that are already at `HZ`.
    pub const fn new(samples: Vec<i16>) -> Self {
        Self(samples)
    }

    /// Digital silence of this length, rounded down to a whole sample.
    pub fn silence(duration: Duration) -> Self {
        Self(vec![0; Self::samples_in(duration)])
    }

    /// How many samples this duration holds, rounded down.
    pub const fn samples_in(duration: Duration) -> usize {
        (duration.as_nanos() * HZ as u128 / 1_000_000_000) as usize
    }

    /// How long this many samples last.
    pub const fn duration_of(samples: usize) -> Duration {
        // Whole seconds separately from the rest, so that a day of audio does not overflow.
        let whole = samples as u64 / HZ as u64;
        let rest = samples as u64 % HZ as u64;
        Duration::new(whole, (rest * 1_000_000_000 / HZ as u64) as u32)
    }

    /// The samples.
    pub fn samples(&self) -> &[i16] {
        &self.0
    }

    /// The samples, for changes in place (gain, fades).
    pub fn samples_mut(&mut self) -> &mut [i16] {
        &mut self.0
    }

    /// The samples, by value.
    pub fn into_inner(self) -> Vec<i16> {
        self.0
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no samples.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Its playing time.
    pub fn duration(&self) -> Duration {
        Self::duration_of(self.0.len())
    }

    /// Adds `more` at the end.
    pub fn append(&mut self, more: &Self) {
        self.0.extend_from_slice(&more.0);
    }

    /// Concatenates all parts.
    pub fn concat<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut whole = Self::default();
        for part in parts {
            whole.append(part);
        }
        whole
    }

    /// Removes the first `samples` samples and returns them; fewer if there are fewer.
    pub fn take_front(&mut self, samples: usize) -> Self {
        let rest = self.0.split_off(samples.min(self.0.len()));
        Self(std::mem::replace(&mut self.0, rest))
    }

    /// The level (root mean square) in dBFS: 0 is a full-scale square wave, a full-scale sine is -3.01. `None` for
    /// digital silence and for no samples, which have no level.
    pub fn level_dbfs(&self) -> Option<f32> {
        level_dbfs(&self.0)
    }

    /// Little-endian bytes (`s16le`), as in the OpenAI audio API and in WAV files.
    pub fn to_le_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|s| s.to_le_bytes()).collect()
    }

    /// From little-endian bytes. A trailing odd byte is half a sample and is dropped; for bytes that arrive in chunks
    /// use [`PcmDecoder`], which keeps it.
    pub fn from_le_bytes(bytes: &[u8]) -> Self {
        let (pairs, _odd) = bytes.as_chunks::<2>();
        Self(pairs.iter().map(|&pair| i16::from_le_bytes(pair)).collect())
    }
}

/// The level (root mean square) of samples in dBFS, as in [`Pcm::level_dbfs`].
pub fn level_dbfs(samples: &[i16]) -> Option<f32> {
    let energy: f64 = samples.iter().map(|&s| f64::from(s).powi(2)).sum();
    let rms = (energy / samples.len().max(1) as f64).sqrt() / 32_768.0;
    (rms > 0.0).then(|| 20.0 * rms.log10() as f32)
}

impl<const HZ: u32> From<Vec<i16>> for Pcm<HZ> {
    fn from(samples: Vec<i16>) -> Self {
        Self(samples)
    }
}

impl<const HZ: u32> Extend<i16> for Pcm<HZ> {
    fn extend<I: IntoIterator<Item = i16>>(&mut self, samples: I) {
        self.0.extend(samples);
    }
}

/// Shows only the duration, never the samples: they are somebody's voice.
impl<const HZ: u32> std::fmt::Debug for Pcm<HZ> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pcm<{HZ}>({:?})", self.duration())
    }
}

/// Decodes a stream of `s16le` byte chunks. The chunks of an HTTP body end anywhere, even in the middle of a sample:
/// the odd byte is kept until its other half arrives.
#[derive(Debug, Default)]
pub struct PcmDecoder<const HZ: u32> {
    odd: Option<u8>,
}

impl<const HZ: u32> PcmDecoder<HZ> {
    /// A decoder at the start of a stream.
    pub const fn new() -> Self {
        Self { odd: None }
    }

    /// The whole samples that `bytes` completes; possibly none.
    pub fn push(&mut self, bytes: &[u8]) -> Pcm<HZ> {
        let mut samples = Vec::with_capacity(bytes.len() / 2 + 1);
        let mut rest = bytes;
        if let (Some(low), [high, tail @ ..]) = (self.odd, bytes) {
            samples.push(i16::from_le_bytes([low, *high]));
            self.odd = None;
            rest = tail;
        }
        let (pairs, odd) = rest.as_chunks::<2>();
        samples.extend(pairs.iter().map(|&pair| i16::from_le_bytes(pair)));
        self.odd = odd.first().copied().or(self.odd);
        Pcm(samples)
    }

    /// Whether half a sample is pending: at the end of a stream, a sign that it was cut off.
    pub fn has_odd_byte(&self) -> bool {
        self.odd.is_some()
    }
}

#[cfg(test)]
mod tests;
