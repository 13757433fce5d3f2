use super::*;
use sidetone_base::clock;

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_socket_in_use_is_replaced_before_the_server_ends_it() {
    let begun = clock::now();
    let mut life = Life::new(begun);
    let mut now = begun;
    while now < begun + 20 * MINUTE {
        assert!(matches!(life.due(now, false), Due::Nothing(until) if until > now));
        life.used(now);
        now += MINUTE;
    }
    assert_eq!(life.due(now, false), Due::Retire { replace: true });
    life.retire(now);
    // Its last sentence may finish.
    assert_eq!(life.due(now, false), Due::Nothing(now + 5 * MINUTE));
    assert_eq!(life.due(now + MINUTE, true), Due::Close);
    assert_eq!(life.due(now + 5 * MINUTE, false), Due::Close);
}

#[test]
fn an_unused_socket_is_closed_and_not_replaced() {
    let begun = clock::now();
    let mut life = Life::new(begun);
    life.used(begun + MINUTE);
    assert_eq!(
        life.due(begun + 2 * MINUTE, true),
        Due::Nothing(begun + 6 * MINUTE)
    );
    assert_eq!(
        life.due(begun + 6 * MINUTE, true),
        Due::Retire { replace: false }
    );
    life.retire(begun + 6 * MINUTE);
    assert_eq!(life.due(begun + 6 * MINUTE, true), Due::Close);
}
