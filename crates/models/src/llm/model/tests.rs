use super::*;
use crate::llm::LlmModel;
use crate::llm::convert::convert;
use crate::llm::memory::GROWTH;
use crate::{Cache, derived};

/// Needs the model's file in the cache, where the tests in `tests/` fetch it.
fn qwen() -> Option<Qwen> {
    let cache = Cache::default();
    let model = LlmModel::Small;
    crate::present(&cache, model.name()).ok()?;
    let path = derived(&cache, model.name(), model.file(), convert).unwrap();
    Some(Qwen::load(&path).unwrap())
}

fn feed(qwen: &Qwen, memory: &mut Memory, tokens: &[u32], chunks: &[usize]) -> Vec<f32> {
    let mut rest = tokens;
    let mut logits = None;
    for count in chunks {
        let (chunk, after) = rest.split_at(*count);
        logits = qwen.feed(memory, chunk, true).unwrap();
        rest = after;
    }
    assert!(rest.is_empty());
    logits.unwrap()
}

#[test]
fn a_memory_cut_back_or_copied_is_as_good_as_new() {
    let Some(qwen) = qwen() else {
        eprintln!("skipped: run `sidetone models fetch` first");
        return;
    };
    let tokens: Vec<u32> = (0..60).map(|n| 1000 + n * 37).collect();
    let other: Vec<u32> = (0..25).map(|n| 5000 + n * 91).collect();

    let mut fresh = qwen.memory();
    let expected = feed(&qwen, &mut fresh, &tokens, &[31, 9, 20]);

    let mut cut = qwen.memory();
    feed(
        &qwen,
        &mut cut,
        &[&tokens[..40], &other[..]].concat(),
        &[31, 9, 25],
    );
    assert_eq!(cut.common(&tokens), 40);
    let mut copied = qwen.memory();
    copied.copy_from(&cut, 40).unwrap();
    cut.truncate(40);
    assert_eq!(feed(&qwen, &mut cut, &tokens[40..], &[20]), expected);
    assert_eq!(feed(&qwen, &mut copied, &tokens[40..], &[20]), expected);

    // growing moves what is kept
    let long: Vec<u32> = (0..GROWTH as u32).map(|n| 2000 + n).collect();
    let chunks = [31, 31, 31, 31, 31, 31, 31, 31, 8];
    let grown = feed(&qwen, &mut cut, &long, &chunks);
    assert_eq!(feed(&qwen, &mut fresh, &long, &chunks), grown);

    // other chunk sizes add up in another order: close, but not equal
    let one_by_one = [1; 60];
    let apart = feed(&qwen, &mut qwen.memory(), &tokens, &one_by_one);
    let scale = expected
        .iter()
        .fold(0f32, |max, logit| max.max(logit.abs()));
    let worst = expected
        .iter()
        .zip(&apart)
        .fold(0f32, |max, (a, b)| max.max((a - b).abs()));
    let square = |xs: &mut dyn Iterator<Item = f32>| xs.map(|x| x * x).sum::<f32>();
    let error = square(&mut expected.iter().zip(&apart).map(|(a, b)| a - b));
    let relative = (error / square(&mut expected.iter().copied())).sqrt();
    println!("other chunks: relative error {relative}, worst {worst} of {scale}");
    assert!(
        relative < 0.05,
        "logits differ by {relative}, at worst by {worst} of {scale}"
    );
}
