use super::*;
use crate::faults::tones::answer_lasts;

const MS: fn(u64) -> Duration = Duration::from_millis;

fn voice(identity: &str) -> Voice {
    Voice {
        identity: identity.into(),
        track: format!("TR_{identity}"),
    }
}

/// Plays `sound` by `who` from one time to another.
fn sound(ears: &mut Ears, who: &str, sound: Sound, from: u64, to: u64) {
    let step = sound.hz() * std::f64::consts::TAU / 48_000.0;
    for at in (from..to).step_by(10) {
        let frame: Vec<i16> = (0..480)
            .map(|n| (((at * 48 + n) as f64 * step).sin() * 8_192.0) as i16)
            .collect();
        ears.push(&voice(who), MS(at), &frame);
    }
}

fn silence(ears: &mut Ears, who: &str, from: u64, to: u64) {
    for at in (from..to).step_by(10) {
        ears.push(&voice(who), MS(at), &[0; 480]);
    }
}

#[test]
fn sentences_of_one_answer_are_one_piece_and_what_follows_is_another() {
    let answer = Sound::Answer {
        n: 3,
        remembers: false,
    };
    let mut ears = Ears::default();
    sound(&mut ears, "a", Sound::Other, 0, 900);
    sound(&mut ears, "a", answer, 900, 2_000);
    silence(&mut ears, "a", 2_000, 2_400);
    sound(&mut ears, "a", answer, 2_400, 3_000);
    let pieces: Vec<_> = ears.pieces().into_iter().map(|(_, piece)| piece).collect();
    let spans = [(Sound::Other, 0, 900, 900), (answer, 900, 3_000, 1_700)];
    let expected = spans.map(|(sound, start, end, voiced)| Piece {
        sound,
        span: Span {
            start: MS(start),
            end: MS(end),
        },
        voiced: MS(voiced),
    });
    assert_eq!(pieces, expected);
    assert_eq!(ears.of_answer(3, Duration::ZERO), MS(2_100));
    assert_eq!(ears.of_answer(3, MS(3_000)), Duration::ZERO);
    assert_eq!(ears.of_answer(4, Duration::ZERO), Duration::ZERO);
    assert!(answer_lasts(3) > MS(2_000), "so this one is not whole");
    assert_eq!(ears.quiet_for(MS(3_500)), Some(MS(500)));
}

/// As on a busy machine: a window without a tone, and one with what seems to be another tone.
#[test]
fn a_blur_in_an_answer_is_part_of_it() {
    let answer = Sound::Answer {
        n: 3,
        remembers: true,
    };
    let mut ears = Ears::default();
    sound(&mut ears, "a", answer, 0, 500);
    for at in (500..600).step_by(10) {
        let noise: Vec<i16> = (0..480)
            .map(|n| if n % 2 == 0 { 4_000 } else { -4_000 })
            .collect();
        ears.push(&voice("a"), MS(at), &noise);
    }
    sound(&mut ears, "a", answer, 600, 1_000);
    let other = Sound::Answer {
        n: 4,
        remembers: true,
    };
    sound(&mut ears, "a", other, 1_000, 1_100);
    sound(&mut ears, "a", answer, 1_100, 1_500);
    sound(&mut ears, "a", other, 1_500, 1_600);
    sound(&mut ears, "a", answer, 1_600, 2_050);
    silence(&mut ears, "a", 2_050, 2_100);
    let pieces = ears.pieces();
    assert_eq!(pieces.len(), 1, "{pieces:?}");
    assert_eq!(pieces[0].1.lasted(), MS(2_050));
    assert_eq!(ears.of_answer(4, Duration::ZERO), Duration::ZERO);
}

#[test]
fn two_voices_are_heard_where_they_overlap_and_only_there() {
    let mut ears = Ears::default();
    sound(&mut ears, "a", Sound::Greeting, 0, 1_000);
    sound(&mut ears, "b", Sound::Other, 1_000, 2_000);
    assert_eq!(ears.two_at_once(), Duration::ZERO);
    // The end of one and the beginning of the other.
    sound(&mut ears, "a", Sound::Other, 1_950, 3_000);
    assert_eq!(ears.two_at_once(), Duration::ZERO);
    sound(&mut ears, "b", Sound::Other, 2_600, 3_400);
    assert_eq!(ears.two_at_once(), MS(400));
    let speakers = ears.speakers();
    assert_eq!(
        speakers["a"],
        Span {
            start: MS(0),
            end: MS(3_000)
        }
    );
    assert_eq!(
        speakers["b"],
        Span {
            start: MS(1_000),
            end: MS(3_400)
        }
    );
    assert_eq!(
        ears.spans(),
        [Span {
            start: MS(0),
            end: MS(3_400)
        }]
    );
}
