//! Shortening speech without changing its pitch.

/// Pitch periods searched: 2.5 ms (400 Hz) to 15 ms (67 Hz), which covers adult speech, as in the WSOLA of ITU-T G.711
/// Appendix I (5 to 15 ms).
const SHORTEST_US: usize = 2_500;
const LONGEST_US: usize = 15_000;
/// Periods less similar than this are left alone.
const LIKENESS: f32 = 0.85;
/// Below this mean square (about -60 dBov) any piece may be cut.
const SILENCE: f32 = 32.0 * 32.0;

/// Cuts one pitch period out of `pcm` (interleaved), cross-fading from what precedes it to what follows. Returns how
/// many samples of each channel were removed; 0 if the audio does not allow it or `pcm` is shorter than two long
/// periods.
pub(super) fn remove_period(pcm: &mut Vec<i16>, start: usize, rate: u32, channels: usize) -> usize {
    let frames = (pcm.len() - start) / channels;
    let shortest = rate as usize * SHORTEST_US / 1_000_000;
    let longest = rate as usize * LONGEST_US / 1_000_000;
    if frames < 2 * longest {
        return 0;
    }
    let mono: Vec<f32> = pcm[start..start + 2 * longest * channels]
        .chunks_exact(channels)
        .map(|frame| frame.iter().map(|&s| f32::from(s)).sum::<f32>() / channels as f32)
        .collect();
    let Some(period) = best_period(&mono, shortest, longest) else {
        return 0;
    };

    for i in 0..period {
        let fade = (i + 1) as f32 / (period + 1) as f32;
        for c in 0..channels {
            let from = start + i * channels + c;
            let to = from + period * channels;
            let mixed = f32::from(pcm[from]) * (1.0 - fade) + f32::from(pcm[to]) * fade;
            pcm[to] = mixed.round() as i16;
        }
    }
    pcm.drain(start..start + period * channels);
    period
}

/// The lag at which the audio best repeats itself.
fn best_period(mono: &[f32], shortest: usize, longest: usize) -> Option<usize> {
    let energy = |part: &[f32]| part.iter().map(|s| s * s).sum::<f32>();
    if energy(mono) / (mono.len() as f32) < SILENCE {
        return Some(longest);
    }
    // Every other lag and every other sample suffice: speech changes more slowly than that.
    let likeness = |lag: usize| {
        let (a, b) = (&mono[..lag], &mono[lag..2 * lag]);
        let product: f32 = a.iter().zip(b).step_by(2).map(|(x, y)| x * y).sum::<f32>() * 2.0;
        product / (energy(a) * energy(b)).sqrt().max(1.0)
    };
    let (lag, best) = (shortest..=longest)
        .step_by(2)
        .map(|lag| (lag, likeness(lag)))
        .max_by(|a, b| a.1.total_cmp(&b.1))?;
    (best >= LIKENESS).then_some(lag)
}

#[cfg(test)]
mod tests;
