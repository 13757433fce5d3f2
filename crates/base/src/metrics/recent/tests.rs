use super::*;

fn counts(heard: [u64; 3], answers: u64, requests: u64, errors: u64) -> Counts {
    let bounds = [0.5, 1.0, 2.0];
    Counts {
        heard: bounds.into_iter().zip(heard).collect(),
        answers,
        providers: [(("llm".to_owned(), "default".to_owned()), (requests, errors))].into(),
    }
}

fn at(start: Instant, seconds: u64) -> Instant {
    start + Duration::from_secs(seconds)
}

#[test]
fn figures_older_than_five_minutes_no_longer_count() {
    let (mut looks, start) = (Looks::default(), crate::clock::now());
    let first = looks.look(start, counts([0, 0, 0], 0, 0, 0));
    assert_eq!(first, Recent::default(), "nothing was asked");
    let slow = looks.look(at(start, 20), counts([0, 0, 10], 10, 10, 4));
    assert_eq!((slow.answers, slow.p50_ms), (10, Some(1_500)));
    assert_eq!(
        (slow.providers[0].requests, slow.providers[0].errors),
        (10, 4)
    );
    // Half an hour later, only the fast ones are recent.
    for seconds in (40..1_800).step_by(20) {
        looks.look(at(start, seconds), counts([0, 0, 10], 10, 10, 4));
    }
    let quick = looks.look(at(start, 1_800), counts([8, 10, 20], 20, 20, 4));
    assert_eq!((quick.answers, quick.p50_ms), (10, Some(313)));
    assert_eq!(quick.p95_ms, Some(875));
    assert_eq!(
        (quick.providers[0].requests, quick.providers[0].errors),
        (10, 0)
    );
}

#[test]
fn few_looks_are_kept() {
    let (mut looks, start) = (Looks::default(), crate::clock::now());
    for seconds in 0..3_000 {
        looks.look(at(start, seconds), Counts::default());
    }
    assert!(looks.0.len() <= 22, "{}", looks.0.len());
}

#[test]
fn an_answer_beyond_all_buckets_took_at_least_as_long_as_the_last() {
    let recent = Looks::default().look(crate::clock::now(), counts([0, 0, 0], 3, 0, 0));
    assert_eq!((recent.p50_ms, recent.p95_ms), (Some(2_000), Some(2_000)));
}
