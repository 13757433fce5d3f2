use super::*;

#[test]
fn temperature_zero_takes_the_likeliest_and_avoids_repeating() {
    let mut sampler = Sampler::new(Sampling {
        temperature: 0.0,
        ..Sampling::default()
    });
    let logits = vec![1.0, 3.0, 2.9, 9.0];
    let words = |token| token < 3;
    assert_eq!(sampler.choose(logits.clone(), true, words), Some(1));
    assert_eq!(sampler.choose(logits.clone(), true, words), Some(2)); // 3.0 / 1.1 < 2.9
    // text that follows a schema may repeat earlier tokens
    assert_eq!(sampler.choose(logits.clone(), false, words), Some(1));
    assert_eq!(sampler.choose(logits.clone(), true, |_| true), Some(3));
    assert_eq!(sampler.choose(logits, true, |_| false), None);
}

#[test]
fn a_seed_repeats_and_top_p_limits() {
    let draw = |seed| {
        let settings = Sampling {
            temperature: 1.0,
            top_p: 0.9,
            seed: Some(seed),
            ..Sampling::default()
        };
        let mut sampler = Sampler::new(settings);
        (0..50)
            .map(|_| {
                sampler
                    .choose(vec![2.0, 2.1, 2.2, -9.0], true, |_| true)
                    .unwrap()
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(draw(7), draw(7));
    assert_ne!(draw(7), draw(8));
    assert!(draw(7).iter().all(|token| *token < 3));
}

#[test]
fn stops_are_found_across_pieces() {
    let mut stops = Stops::new(vec!["END".into(), "\n\n".into()]);
    assert_eq!(stops.push("one E"), ("one ".into(), false));
    assert_eq!(stops.push("N"), (String::new(), false));
    assert_eq!(stops.push("ough\n"), ("ENough".into(), false));
    assert_eq!(stops.push("\nmore"), (String::new(), true));
    assert_eq!(stops.finish(), "");
}
