use super::*;

const AFTER: Duration = Duration::from_secs(1);
const TEN_MS: Duration = Duration::from_millis(10);

fn loud() -> Holding {
    Holding::new(Pcm::new(vec![10_000; 1_000]), AFTER, 0.5)
}

fn voice() -> Pcm<48_000> {
    Pcm::new(vec![100; FRAME])
}

/// Mixes for so long, and returns the last sample.
fn plays(holding: &mut Holding, now: &mut Instant, time: Duration, speaks: bool) -> i16 {
    let mut last = 0;
    let end = *now + time;
    while *now < end {
        last = holding.mix(speaks.then(voice), *now).samples()[FRAME - 1];
        *now += TEN_MS;
    }
    last
}

#[test]
fn the_sound_begins_when_the_caller_has_waited_and_rises() {
    let (mut holding, mut now) = (loud(), sidetone_base::clock::now());
    assert_eq!(holding.next(now), None);
    holding.thinks(true, now);
    holding.thinks(true, now + TEN_MS); // still the same wait
    assert_eq!(holding.next(now), Some(now + AFTER));
    assert_eq!(plays(&mut holding, &mut now, AFTER, false), 0);
    let begun = plays(&mut holding, &mut now, RISE / 2, false);
    assert!((2_400..=2_600).contains(&begun), "{begun}");
    assert_eq!(holding.next(now), Some(now));
    // at half the file's volume, and on beyond the file's end
    assert_eq!(plays(&mut holding, &mut now, RISE, false), 5_000);
}

#[test]
fn the_sound_makes_way_for_the_voice_and_comes_back_after_another_wait() {
    let (mut holding, mut now) = (loud(), sidetone_base::clock::now());
    holding.thinks(true, now);
    plays(&mut holding, &mut now, AFTER + RISE, false);
    let under = plays(&mut holding, &mut now, FALL / 2, true);
    assert!((2_000..=2_700).contains(&under), "{under}");
    // a filler, while the tool still works
    assert_eq!(plays(&mut holding, &mut now, FALL, true), 100);
    holding.thinks(false, now);
    assert_eq!(holding.next(now), None);
    holding.thinks(true, now);
    assert_eq!(plays(&mut holding, &mut now, AFTER, false), 0);
    assert!(plays(&mut holding, &mut now, RISE, false) > 4_900);
}

#[test]
fn the_sound_fades_when_there_is_nothing_to_wait_for() {
    let (mut holding, mut now) = (loud(), sidetone_base::clock::now());
    holding.thinks(true, now);
    plays(&mut holding, &mut now, AFTER + RISE, false);
    holding.thinks(false, now);
    assert!(plays(&mut holding, &mut now, TEN_MS, false) > 4_000);
    assert_eq!(plays(&mut holding, &mut now, FALL, false), 0);
    assert_eq!(holding.next(now), None);
}

#[test]
fn a_voice_is_never_turned_round_by_what_is_under_it() {
    let (mut holding, mut now) = (
        Holding::new(Pcm::new(vec![i16::MAX; 10]), TEN_MS, 1.0),
        sidetone_base::clock::now(),
    );
    holding.thinks(true, now);
    plays(&mut holding, &mut now, RISE + TEN_MS * 2, false);
    let frame = holding.mix(Some(Pcm::new(vec![i16::MAX; FRAME])), now);
    assert_eq!(frame.samples()[0], i16::MAX);
}
