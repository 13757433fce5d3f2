use super::*;

const MS: fn(u64) -> Duration = Duration::from_millis;

/// Feeds 10 ms frames: voiced within any of `voiced` (ms), else silent.
fn activity(voiced: &[(u64, u64)], until: u64) -> Activity {
    let mut activity = Activity::default();
    for at in (0..until).step_by(10) {
        let loud = voiced.iter().any(|&(from, to)| (from..to).contains(&at));
        activity.push(MS(at), &[if loud { 3_000 } else { 3 }; 160]);
    }
    activity
}

#[test]
fn pauses_between_words_do_not_split_and_clicks_do_not_count() {
    let heard = activity(&[(100, 400), (600, 900), (1500, 1510), (2000, 2300)], 3000);
    let spans: Vec<_> = heard.spans().iter().map(|s| (s.start, s.end)).collect();
    assert_eq!(spans, [(MS(100), MS(900)), (MS(2000), MS(2300))]);
    assert_eq!(heard.quiet_for(MS(3000)), Some(MS(700)));
}

#[test]
fn breaks_are_counted_within_a_reply_however_long() {
    let voice = |parts: &[(usize, i16)]| -> Vec<i16> {
        let sound = |(ms, level): &(usize, i16)| vec![*level; ms * 48];
        parts.iter().flat_map(sound).collect()
    };
    // 30 ms of silence is not heard as a break, and silence at the ends does not count.
    let parts = [
        (150, 0),
        (500, 3_000),
        (30, 0),
        (500, 3_000),
        (40, 0),
        (500, 3_000),
        (700, 0),
        (200, 3_000),
        (150, 0),
    ];
    assert_eq!(breaks(&voice(&parts)), 2);
    let span = |start, end| Span {
        start: MS(start),
        end: MS(end),
    };
    let agent = [
        span(0, 900),
        span(3_000, 3_500),
        span(4_200, 5_000),
        span(7_000, 8_000),
    ];
    // A question, and an interruption of the answer that had a break.
    let turns = [span(1_200, 2_500), span(4_900, 6_000)];
    let expected = [span(0, 900), span(3_000, 5_000), span(7_000, 8_000)];
    assert_eq!(replies(&agent, &turns), expected);
}

#[test]
fn latency_is_last_voiced_sample_sent_to_first_received() {
    let agent = activity(&[(0, 500), (3000, 4000)], 5000);
    let turn = TurnTimes::measure(
        Span {
            start: MS(1000),
            end: MS(2000),
        },
        &agent,
    );
    assert_eq!(turn.latency, Some(MS(1000)));
    assert_eq!(turn.stopped_after, None);
}

#[test]
fn a_barge_in_measures_how_long_the_agent_went_on() {
    let agent = activity(&[(0, 1250), (3000, 4000)], 5000);
    let turn = TurnTimes::measure(
        Span {
            start: MS(1000),
            end: MS(2000),
        },
        &agent,
    );
    assert_eq!(turn.stopped_after, Some(MS(250)));
    assert_eq!(turn.latency, Some(MS(1000)));
}

#[test]
fn no_answer_is_no_latency() {
    let agent = activity(&[(0, 500)], 5000);
    let turn = TurnTimes::measure(
        Span {
            start: MS(1000),
            end: MS(2000),
        },
        &agent,
    );
    assert_eq!(turn.latency, None);
}

#[test]
fn level_of_a_square_wave_is_its_amplitude() {
    assert!((level_dbfs(&[16_384; 480]) + 6.02).abs() < 0.01);
    assert_eq!(level_dbfs(&[0; 480]), f32::NEG_INFINITY);
}
