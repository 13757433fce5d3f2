//! Whether somebody spoke, by the sound alone, for models that do not say how sure they are. PURE.
//!
//! It only decides about phrases that models write for silence ("Thank you."), so it may take noise
//! for speech, but never speech for noise.

use crate::audio::Pcm;

/// 20 ms.
const FRAME: usize = 320;
/// A frame is loud when it is so much louder than the quiet ones. Speech in fixtures/audio is 25 dB
/// and more above its pauses; breath and line noise vary by 3 to 6 dB.
const ABOVE_QUIET: f32 = 9.0;
/// No frame below this is loud: a microphone's own noise is at -60 dBFS and less, and the quietest
/// recording in fixtures/audio speaks at -35.
const QUIETEST: f32 = -50.0;
/// The shortest word ("so", "oh") has a vowel of 80 ms and more; a click or a breath's edge less.
const SHORTEST: usize = 4;

/// Whether there are loud frames enough for a word. `audio` has the quiet around it that VAD keeps;
/// sound without any is judged by its level alone.
pub fn is_speech(audio: &Pcm<16_000>) -> bool {
    let mut levels: Vec<f32> = audio.samples().chunks_exact(FRAME).map(level).collect();
    if levels.is_empty() {
        return false;
    }
    levels.sort_by(f32::total_cmp);
    // A tenth of an utterance is pauses; in one that has none this is speech, and is held against
    // nothing quieter than usual talk.
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
mod tests {
    use super::*;
    use crate::audio::wav;

    fn noise(dbfs: f32, samples: usize) -> Vec<i16> {
        let mut random = fastrand::Rng::with_seed(7);
        let amplitude = 32_768.0 * 10.0_f32.powf(dbfs / 20.0) * 3.0_f32.sqrt();
        (0..samples)
            .map(|_| (amplitude * (2.0 * random.f32() - 1.0)) as i16)
            .collect()
    }

    #[test]
    fn silence_noise_and_clicks_are_no_speech() {
        assert!(!is_speech(&Pcm::default()));
        for level in [-90.0, -70.0, -60.0, -52.0] {
            assert!(!is_speech(&Pcm::new(noise(level, 32_000))), "{level} dBFS");
        }
        let mut click = noise(-65.0, 16_000);
        click[8_000..8_640].fill(20_000);
        assert!(!is_speech(&Pcm::new(click)));
    }

    #[test]
    fn recorded_speech_is_speech_however_it_is_cut_and_how_quiet_it_is() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/audio");
        let mut heard = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|ending| ending != "wav") {
                continue;
            }
            let clip: Pcm<16_000> = wav::parse(&std::fs::read(&path).unwrap()).unwrap();
            assert!(is_speech(&clip), "{path:?}");
            // Any second of it in which VAD would find somebody speaking, at half the loudness.
            for second in clip.samples().chunks_exact(16_000) {
                let loud = second
                    .chunks_exact(FRAME)
                    .filter(|frame| level(frame) > -40.0);
                if loud.count() >= 10 {
                    heard += 1;
                    let halved = second.iter().map(|sample| sample / 2).collect();
                    assert!(is_speech(&Pcm::new(halved)), "{path:?}");
                }
            }
        }
        assert!(heard >= 10, "{heard}");
    }
}
