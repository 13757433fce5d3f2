use super::*;

/// Frames whose harmonics pass unweighted, without breath and rest.
fn bare(frames: usize) -> Spectra {
    Spectra {
        weight: vec![0.0; frames * BINS],
        turn: vec![0.0; frames * BINS],
        breath: vec![-30.0; frames * BINS],
        rest: vec![-30.0; frames * BINS],
        phase: vec![0.0; frames * BINS],
    }
}

fn sound(melody: Vec<f32>, spectra: &Spectra, pieces: &[usize]) -> Vec<f32> {
    let mut vocoder = Vocoder::new(melody);
    let (mut samples, mut at) = (Vec::new(), 0);
    for piece in pieces {
        let part = spectra.part(at..at + piece);
        samples.extend(vocoder.push(&part).unwrap());
        at += piece;
    }
    samples.extend(vocoder.finish());
    samples
}

#[test]
fn bare_pulses_come_out_as_they_went_in() {
    let frames = 20;
    let melody = vec![200.0; frames];
    let samples = sound(melody.clone(), &bare(frames), &[frames]);
    assert_eq!(samples.len(), frames * HOP);
    let mut pulses = Pulses::new(melody);
    pulses.reach(frames * HOP);
    // the ends fade because fewer frames overlap there. The spectrum is that of pulses over HOP.
    let middle = 3 * HOP..(frames - 4) * HOP;
    for (n, sample) in samples
        .iter()
        .enumerate()
        .take(middle.end)
        .skip(middle.start)
    {
        let pulse = pulses.at(n) / HOP as f32;
        assert!((sample - pulse).abs() < 1e-3, "{n}: {sample} and {pulse}");
    }
}

#[test]
fn pulses_are_the_sum_of_their_harmonics() {
    let mut pulses = Pulses::new(vec![1000.0; 4]);
    let sum = |n: usize| {
        let turn = TAU * 1000.0 * (n + 1) as f32 / RATE as f32;
        (1..=11).map(|h| (turn * h as f32).cos()).sum::<f32>()
    };
    for n in 0..4 * HOP {
        let pulse = pulses.next(n);
        assert!((pulse - sum(n)).abs() < 1e-2, "{n}: {pulse} and {}", sum(n));
    }
}

#[test]
fn where_there_is_no_pitch_there_are_no_pulses() {
    let samples = sound(vec![-0.4; 10], &bare(10), &[10]);
    assert!(samples.iter().all(|sample| sample.abs() < 1e-6));
}

#[test]
fn it_makes_no_difference_in_how_many_pieces_a_clause_comes() {
    let frames = 40;
    let melody: Vec<f32> = (0..frames).map(|n| 100.0 + 5.0 * n as f32).collect();
    let mut spectra = bare(frames);
    for (n, value) in spectra.breath.iter_mut().enumerate() {
        *value = -3.0 + (n as f32 * 0.01).sin();
    }
    let whole = sound(melody.clone(), &spectra, &[frames]);
    for pieces in [&[1; 40][..], &[2, 3, 35], &[39, 1], &[20, 20]] {
        assert_eq!(sound(melody.clone(), &spectra, pieces), whole, "{pieces:?}");
    }
    for (frames, pieces) in [(1, &[1][..]), (2, &[1, 1]), (3, &[3])] {
        let samples = sound(vec![150.0; frames], &bare(frames), pieces);
        assert_eq!(samples.len(), frames * HOP);
    }
}

#[test]
fn outputs_of_another_size_are_refused() {
    let outputs = || [(); 5].map(|()| vec![0.0; BINS * 4]);
    assert!(Spectra::new(outputs(), 4, 1..3).is_ok());
    assert!(Spectra::new(outputs(), 5, 1..3).is_err());
    assert!(Spectra::new(outputs(), 4, 1..5).is_err());
}
