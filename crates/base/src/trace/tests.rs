use std::time::Duration;

use super::*;

const HEADER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[test]
fn a_traceparent_is_read_and_written() {
    let parent: Traceparent = HEADER.parse().unwrap();
    assert_eq!(parent.trace.0, 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
    assert!(parent.sampled);
    assert_eq!(parent.to_string(), HEADER);
    let newer = format!("01{}-more", &HEADER[2..]);
    assert_eq!(newer.parse(), Ok(parent));
}

#[test]
fn a_malformed_traceparent_is_refused() {
    let zeros = ("0".repeat(32), "0".repeat(16));
    for bad in [
        "",
        "00",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        &HEADER.to_uppercase(),
        &format!("{HEADER}-more"),
        &format!("ff{}", &HEADER[2..]),
        &HEADER.replace('7', "+"),
        &format!("00-{}-b7ad6b7169203331-01", zeros.0),
        &format!("00-0af7651916cd43dd8448eb211c80319c-{}-01", zeros.1),
    ] {
        assert!(bad.parse::<Traceparent>().is_err(), "{bad}");
    }
}

#[test]
fn a_share_of_calls_is_sampled_and_the_same_by_everybody() {
    let half = Sampler {
        share: 0.5,
        follows_parent: true,
    };
    let calls: Vec<TraceId> = (0..2_000)
        .map(|_| TraceId(uuid::Uuid::new_v4().as_u128()))
        .collect();
    let sampled = calls
        .iter()
        .filter(|call| half.samples(**call, None))
        .count();
    // By chance, further from half only once in 10¹⁸ runs.
    assert!((800..1_200).contains(&sampled), "{sampled} of 2000");
    let again = calls
        .iter()
        .filter(|call| half.samples(**call, None))
        .count();
    assert_eq!(sampled, again);
    let (none, all) = (Sampler { share: 0.0, ..half }, Sampler::default());
    assert!(calls.iter().all(|call| all.samples(*call, None)));
    assert!(!calls.iter().any(|call| none.samples(*call, None)));
}

#[test]
fn a_request_of_a_recorded_trace_is_recorded() {
    let (none, trace) = (
        Sampler {
            share: 0.0,
            follows_parent: true,
        },
        TraceId(1),
    );
    assert!(none.samples(trace, Some(true)));
    assert!(!Sampler::default().samples(trace, Some(false)));
    let own = Sampler {
        follows_parent: false,
        ..Sampler::default()
    };
    assert!(own.samples(trace, Some(false)));
}

#[test]
fn without_a_collector_nothing_is_sampled() {
    let tracer = Tracer::off();
    let parent: Traceparent = HEADER.parse().unwrap();
    assert!(!tracer.samples(parent.trace, Some(&parent)));
}

#[test]
fn a_full_queue_drops_and_counts() {
    let (tracer, mut spans) = Tracer::new(Sampler::default());
    let dropped = metrics().process.spans(SpanFate::QueueFull);
    let before = dropped.get();
    let begun = crate::clock::wall();
    let span = Span::new(TraceId(7), "call", (begun, begun - Duration::from_secs(1)));
    assert_eq!(span.ended, begun, "nothing ends before it begins");
    for _ in 0..QUEUE + 3 {
        tracer.take(span.clone());
    }
    assert_eq!(dropped.get() - before, 3);
    let mut waiting = 0;
    while spans.try_recv().is_ok() {
        waiting += 1;
    }
    assert_eq!(waiting, QUEUE);
}
