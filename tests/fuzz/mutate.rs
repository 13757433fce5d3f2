//! Nearly valid inputs: kept inputs with random changes by a seed.

use super::target::LONGEST;

/// Numbers at which lengths and counts are likely to go wrong.
const EDGES: [u64; 10] = [
    0,
    1,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0xFFFF,
    0x7FFF_FFFF,
    0xFFFF_FFFF,
    u64::MAX,
];

/// One of `kept` with up to eight changes.
pub fn mutated(random: &mut fastrand::Rng, kept: &[Vec<u8>], words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = pick(random, kept).clone();
    for _ in 0..random.usize(1..=8) {
        change(random, &mut bytes, kept, words);
        bytes.truncate(LONGEST);
    }
    bytes
}

fn pick<'a, T>(random: &mut fastrand::Rng, all: &'a [T]) -> &'a T {
    &all[random.usize(..all.len())]
}

fn change(random: &mut fastrand::Rng, bytes: &mut Vec<u8>, kept: &[Vec<u8>], words: &[&[u8]]) {
    let at = random.usize(..=bytes.len());
    let span = random.usize(..=(bytes.len() - at).min(64));
    match random.u8(..9) {
        0 if at < bytes.len() => bytes[at] ^= 1 << random.u8(..8),
        1 if at < bytes.len() => bytes[at] = random.u8(..),
        2 => bytes.truncate(at),
        3 => drop(bytes.drain(at..at + span)),
        // Repeats a part, so often that quadratic growth becomes visible.
        4 => {
            let part = bytes[at..at + span].to_vec();
            let times = 1 << random.u32(..10);
            let part = part.repeat(times);
            insert(bytes, at, &part[..part.len().min(LONGEST)]);
        }
        5 => {
            let other = pick(random, kept);
            let from = random.usize(..=other.len());
            let until = random.usize(from..=other.len());
            insert(bytes, at, &other[from..until]);
        }
        6 if !words.is_empty() => insert(bytes, at, pick::<&[u8]>(random, words)),
        7 => {
            let edge = pick(random, &EDGES).to_be_bytes();
            let width = 1 << random.u32(..4);
            let mut edge = edge[8 - width..].to_vec();
            if random.bool() {
                edge.reverse();
            }
            bytes.truncate(at.max(bytes.len().saturating_sub(width)));
            let end = (at + width).min(bytes.len());
            bytes.splice(at.min(end)..end, edge);
        }
        _ => {
            let noise: Vec<u8> = (0..span).map(|_| random.u8(..)).collect();
            bytes.splice(at..at + span, noise);
        }
    }
}

fn insert(bytes: &mut Vec<u8>, at: usize, part: &[u8]) {
    bytes.splice(at..at, part.iter().copied());
}
