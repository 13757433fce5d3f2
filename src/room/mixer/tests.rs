use super::*;

fn frame(level: i16) -> Pcm<16_000> {
    Pcm::new(vec![level; Pcm::<16_000>::FRAME])
}

fn level(pcm: &Pcm<16_000>) -> i16 {
    assert_eq!(pcm.len(), Pcm::<16_000>::FRAME);
    assert!(
        pcm.samples()
            .iter()
            .all(|sample| *sample == pcm.samples()[0])
    );
    pcm.samples()[0]
}

fn next(mixer: &mut Mixer<&'static str>) -> (i16, i16) {
    let (left, right) = mixer.mix();
    (level(&left), level(&right))
}

#[test]
fn each_side_is_the_sum_of_its_voices() {
    let mut mixer = Mixer::default();
    assert_eq!(next(&mut mixer), (0, 0), "nobody is there");
    for _ in 0..4 {
        mixer.push("ann", Side::Left, frame(100));
        mixer.push("bob", Side::Right, frame(20));
        mixer.push("eve", Side::Right, frame(3));
        mixer.push("loud", Side::Right, frame(i16::MAX));
    }
    assert_eq!(next(&mut mixer), (100, i16::MAX), "and clips where it must");
}

#[test]
fn a_voice_waits_until_it_is_steady() {
    let mut mixer = Mixer::default();
    mixer.push("ann", Side::Left, frame(1));
    mixer.push("ann", Side::Left, frame(2));
    assert_eq!(next(&mut mixer), (0, 0));
    mixer.push("ann", Side::Left, frame(3));
    let played: Vec<i16> = (0..4).map(|_| next(&mut mixer).0).collect();
    assert_eq!(played, [1, 2, 3, 0], "in order, and silence when it is dry");
    mixer.push("ann", Side::Left, frame(4));
    assert_eq!(next(&mut mixer), (0, 0), "then it waits again");
}

#[test]
fn a_stall_costs_the_oldest() {
    let mut mixer = Mixer::default();
    for n in 0..(AHEAD as i16 + 5) {
        mixer.push("ann", Side::Left, frame(n));
    }
    assert_eq!(next(&mut mixer), (5, 0));
    let mut rest = 0;
    while next(&mut mixer).0 != 0 {
        rest += 1;
    }
    assert_eq!(rest, AHEAD - 1);
    mixer.forget_silent();
    assert!(mixer.voices.is_empty());
}
