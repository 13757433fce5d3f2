use super::*;
use crate::check::Outcome;

fn no_path(udp: &[&str], tcp: &[&str], relay: Option<&str>) -> JoinError {
    let mut tried = Tried::default();
    tried.udp = udp.iter().map(|address| address.parse().unwrap()).collect();
    tried.tcp = tcp.iter().map(|address| address.parse().unwrap()).collect();
    tried.relays = relay.iter().map(|url| ((*url).to_owned(), None)).collect();
    JoinError::NoPath {
        url: "wss://livekit.example.com".into(),
        tried: Box::new(tried),
    }
}

fn probes(results: [Result<Duration, JoinError>; 3]) -> Vec<Probe> {
    let named = ["udp", "tcp", "turn"].into_iter().zip(results);
    named.map(|(way, result)| Probe { way, result }).collect()
}

const QUICK: Duration = Duration::from_millis(80);

#[test]
fn one_way_is_enough_and_the_port_of_another_is_named() {
    let items = judge(&probes([
        Err(no_path(&["192.0.2.1:7882"], &[], None)),
        Ok(QUICK),
        Err(no_path(&[], &[], None)),
    ]));
    let outcomes: Vec<Outcome> = items.iter().map(|item| item.outcome).collect();
    assert_eq!(outcomes, [Outcome::Note, Outcome::Ok, Outcome::Ok]);
    let fix = items[0].fix.as_deref().unwrap();
    assert!(fix.contains("UDP to 192.0.2.1:7882"), "{fix}");
}

#[test]
fn no_way_at_all_is_wrong_and_each_port_is_named() {
    let items = judge(&probes([
        Err(no_path(&["192.0.2.1:7882"], &[], None)),
        Err(no_path(&[], &["192.0.2.1:7881"], None)),
        Err(no_path(&[], &[], Some("turns:turn.example.com:443"))),
    ]));
    assert!(items.iter().all(|item| item.outcome == Outcome::Wrong));
    let text: String = items
        .iter()
        .map(|item| format!("{}{:?}", item.found, item.fix))
        .collect();
    for named in [
        "UDP to 192.0.2.1:7882",
        "TCP to 192.0.2.1:7881",
        "turns:turn.example.com:443",
    ] {
        assert!(text.contains(named), "{named}: {text}");
    }
}
