use super::*;

#[test]
fn the_average_is_of_the_last_five() {
    let mut average = MovingAverage::default();
    assert_eq!(average.push(1.0), 1.0);
    for _ in 0..4 {
        average.push(0.0);
    }
    assert_eq!(average.push(0.5), 0.1);
}

#[test]
fn system_files_are_read() {
    assert_eq!(parse_quota("150000 100000\n"), Some(1.5));
    assert_eq!(parse_quota("max 100000\n"), None);
    assert_eq!(
        parse_usage_micros("nr_periods 3\nusage_usec 42\n"),
        Some(42)
    );
    let stat = "cpu  10 0 20 60 10 0 0 0 0 0\ncpu0 1 1\n";
    assert_eq!(parse_stat(stat), Some((30, 100)));
}

#[test]
fn this_machine_has_a_load() {
    let mut meter = CpuMeter::default();
    let start = sidetone_base::clock::now();
    meter.sample(start);
    std::thread::sleep(Duration::from_millis(60));
    if let Some(load) = meter.sample(start + Duration::from_millis(60)) {
        assert!((0.0..=1.0).contains(&load));
    }
}
