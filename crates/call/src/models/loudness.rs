//! Whether somebody spoke, judged by the sound alone, for models that do not report their confidence. PURE.
//! It only decides about phrases that models write for silence ("Thank you."), so it may take noise for speech, but
//! never speech for noise.

use sidetone_base::audio::Pcm;

/// 20 ms, in samples.
const FRAME: usize = 320;
/// A frame is loud if it is this many dB louder than the quiet ones. Speech in fixtures/audio is 25 dB and more above
/// its pauses; breath and line noise vary by 3 to 6 dB.
const ABOVE_QUIET: f32 = 9.0;
/// In dBFS; no frame below it is loud. A microphone's own noise is at -60 dBFS and less, and the quietest recording
/// in fixtures/audio speaks at -35.
const QUIETEST: f32 = -50.0;
/// In frames. The shortest word ("so", "oh") has a vowel of 80 ms and more; a click or the edge of a breath is
/// shorter.
const SHORTEST: usize = 4;

/// Whether there are enough loud frames for a word. `audio` includes the quiet around it that VAD keeps; without any
/// quiet, the level alone decides.
pub fn is_speech(audio: &Pcm<16_000>) -> bool {
    let mut levels: Vec<f32> = audio.samples().chunks_exact(FRAME).map(level).collect();
    if levels.is_empty() {
        return false;
    }
    levels.sort_by(f32::total_cmp);
    // A tenth of an utterance is pauses. If it has none, this value is speech, so the threshold is capped at the
    // usual level of talk.
    let quiet = levels[levels.len() / 10].clamp(-90.0, QUIETEST);
    let threshold = (quiet + ABOVE_QUIET).max(QUIETEST);
    levels.iter().filter(|level| **level > threshold).count() >= SHORTEST
}

/// dB below full scale.
fn level(frame: &[i16]) -> f32 {
    let power = frame.iter().map(|s| f32::from(*s).powi(2)).sum::<f32>() / frame.len() as f32;
    10.0 * (power / 32_768.0_f32.powi(2)).max(1e-9).log10()
}

#[cfg(test)]
mod tests;
