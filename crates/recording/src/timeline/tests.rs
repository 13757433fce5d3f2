use proptest::prelude::*;

use super::*;

const NO_DELAY: Duration = Duration::ZERO;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn caller(value: i16) -> Sound {
    Sound::Caller(Pcm::new(vec![value; 160]))
}

fn agent(value: i16) -> Sound {
    Sound::Agent(Pcm::new(vec![value; 480]))
}

/// The value of each 10 ms; panics on a frame that mixes values.
fn frames<const HZ: u32>(pcm: &Pcm<HZ>) -> Vec<i16> {
    let frames = pcm.samples().chunks(Pcm::<HZ>::FRAME);
    frames
        .map(|frame| {
            assert!(frame.iter().all(|s| *s == frame[0]), "{frame:?}");
            frame[0]
        })
        .collect()
}

#[test]
fn each_voice_stands_where_it_sounded_and_silence_where_it_did_not() {
    let start = sidetone_base::clock::now();
    let mut line = Timeline::new(start, NO_DELAY);
    // The caller's frame ends when it arrives, the agent's begins.
    line.push(start + ms(30), caller(1));
    line.push(start + ms(40), caller(2));
    line.push(start + ms(40), agent(5));
    let both = line.rest(start + ms(80));
    assert_eq!(frames(&both.caller), [0, 0, 1, 2, 0, 0, 0, 0]);
    assert_eq!(frames(&both.agent), [0, 0, 0, 0, 5, 0, 0, 0]);
}

#[test]
fn frames_handed_over_ahead_follow_each_other() {
    let start = sidetone_base::clock::now();
    let mut line = Timeline::new(start, NO_DELAY);
    // The engine takes three at once, then one every 10 ms, the fifth a little late.
    for (at, value) in [(20, 1), (20, 2), (20, 3), (31, 4), (49, 5)] {
        line.push(start + ms(at), agent(value));
    }
    // After a pause the voice begins anew.
    line.push(start + ms(100), agent(6));
    let both = line.rest(start + ms(120));
    assert_eq!(frames(&both.agent), [0, 0, 1, 2, 3, 4, 5, 0, 0, 0, 6, 0]);
}

#[test]
fn the_agent_is_heard_later_than_it_is_sent() {
    let start = sidetone_base::clock::now();
    let mut line = Timeline::new(start, ms(60));
    line.push(start + ms(20), agent(1));
    assert_eq!(
        frames(&line.rest(start + ms(100)).agent),
        [0, 0, 0, 0, 0, 0, 0, 0, 1, 0]
    );
}

#[test]
fn a_late_frame_of_the_caller_makes_no_hole() {
    let start = sidetone_base::clock::now();
    let mut line = Timeline::new(start, NO_DELAY);
    // Due at 10, 20, …; the machine was busy at the start and once in between.
    for (at, value) in [
        (37, 1),
        (38, 2),
        (39, 3),
        (40, 4),
        (50, 5),
        (95, 6),
        (95, 7),
    ] {
        line.push(start + ms(at), caller(value));
    }
    let both = line.rest(start + ms(80));
    assert_eq!(frames(&both.caller), [1, 2, 3, 4, 5, 6, 7, 0]);
}

#[test]
fn lost_frames_are_silence_and_what_follows_stays_in_place() {
    let start = sidetone_base::clock::now();
    let mut line = Timeline::new(start, NO_DELAY);
    let mut heard = Vec::new();
    for n in 1..=600u32 {
        // A stall of 400 ms, of which the engine keeps the last 100; later five frames are dropped on the way to the
        // recorder.
        let at = match n {
            101..=130 | 301..=305 => continue,
            131..=140 => ms(1400),
            _ => ms(10) * n,
        };
        line.push(start + at, caller(n as i16));
        if n % 100 == 0 {
            heard.extend(frames(&line.settled(start + at).caller));
        }
    }
    heard.extend(frames(&line.rest(start + ms(6000)).caller));
    assert_eq!(heard.len(), 600);
    assert_eq!(heard[99..102], [100, 0, 0]);
    assert_eq!(heard[128..132], [0, 0, 131, 132]);
    // The small loss is noticed within two seconds: five frames of silence correct it.
    assert_eq!(heard[299], 300);
    assert_eq!(heard[550..], (551..=600).collect::<Vec<i16>>());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever arrives when, both voices come out equally long, and as long as the time that passed.
    #[test]
    fn both_voices_keep_step_with_the_time(
        steps in prop::collection::vec((0u64..400, any::<bool>(), any::<bool>()), 1..80)
    ) {
        let start = sidetone_base::clock::now();
        let mut line = Timeline::new(start, ms(45));
        let (mut now, mut caller_len, mut agent_len) = (start, 0, 0);
        for (wait, who, take) in steps {
            now += ms(wait);
            line.push(now, if who { caller(1) } else { agent(1) });
            if take {
                let both = line.settled(now);
                prop_assert_eq!(both.caller.len() * 3, both.agent.len());
                prop_assert_eq!(both.caller.len() % 320, 0);
                caller_len += both.caller.len();
                agent_len += both.agent.len();
            }
        }
        let both = line.rest(now);
        caller_len += both.caller.len();
        agent_len += both.agent.len();
        let blocks = (now - start).as_millis().div_ceil(20) as usize;
        prop_assert_eq!(caller_len, blocks * 320);
        prop_assert_eq!(agent_len, blocks * 960);
    }
}
