use super::*;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn near(is: f64, meant: f64) {
    assert!((is - meant).abs() < 0.01, "{is}, not {meant}");
}

/// G.107, annex B, table B.1.
#[test]
fn ratings_have_the_scores_of_the_standard() {
    for (rating, meant) in [
        (-5.0, 1.0),
        (0.0, 1.0),
        (50.0, 2.58),
        (60.0, 3.10),
        (70.0, 3.60),
        (80.0, 4.03),
        (90.0, 4.34),
        (100.0, 4.5),
        (120.0, 4.5),
    ] {
        near(score(rating), meant);
    }
}

#[test]
fn delay_is_noticed_from_100_ms_on() {
    for (delay, meant) in [(0, 0.0), (100, 0.0), (200, 3.04), (400, 24.07)] {
        near(by_delay(ms(delay)), meant);
    }
}

#[test]
fn the_best_way_has_the_best_score_and_loss_costs() {
    near(mos(ms(20), 0.0, Repair::Done), 4.41);
    // 95 / 2 below the best.
    near(mos(ms(20), 10.0, Repair::Done), score(45.7));
    near(mos(ms(20), 20.0, Repair::Fec), score(45.7));
    near(mos(ms(20), 100.0, Repair::Done), score(93.2 - 86.36));
    for repair in [Repair::Fec, Repair::Done] {
        let scores = [0.0, 1.0, 5.0, 30.0].map(|percent| mos(ms(150), percent, repair));
        assert!(scores.is_sorted_by(|a, b| a > b), "{scores:?}");
    }
}
