use super::*;

#[test]
fn webhooks_are_signed_as_the_standard_says() {
    // The example of the Standard Webhooks libraries' tests.
    let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let (id, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", "{\"test\": 2432232314}");
    assert_eq!(
        signature(&secret, id, 1_614_265_330, body),
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    );
}

#[test]
fn pauses_double_up_to_an_hour_and_end_after_a_day() {
    let begin = sidetone_store::now();
    let (mut now, mut pauses, mut tries) = (begin, Vec::new(), 0);
    while let Try::Again(at, _) = {
        tries += 1;
        next((begin, tries), now, "503".into())
    } {
        pauses.push((at - now).num_seconds());
        now = at;
    }
    assert_eq!(pauses[..4], [5, 10, 20, 40]);
    assert_eq!(pauses.iter().max(), Some(&3_600));
    assert!(now - begin > TimeDelta::hours(22) && now - begin <= GIVE_UP);
}
