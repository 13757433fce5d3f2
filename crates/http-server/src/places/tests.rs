use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;

const LIMITS: Limits = Limits {
    all: 4,
    network: 2,
    reserved: 1,
};

struct Hall {
    places: Places,
    now: Instant,
}

impl Hall {
    fn new() -> Self {
        Self {
            places: Places::new(LIMITS),
            now: sidetone_base::clock::now(),
        }
    }

    fn enter(&mut self, network: Option<u8>) -> (Admission, CancellationToken) {
        let closed = CancellationToken::new();
        let network = network.map(|n| Network::of(Ipv4Addr::new(192, 0, 2, n).into()));
        let admission = self.places.enter(self.now, network, closed.clone());
        (admission, closed)
    }

    fn seat(&mut self, network: Option<u8>) -> (Id, CancellationToken) {
        match self.enter(network) {
            (Admission::Seat(id), closed) => (id, closed),
            (other, _) => panic!("{other:?}"),
        }
    }

    fn busy(&mut self, network: Option<u8>) -> Id {
        let (id, _) = self.seat(network);
        self.places.is_busy(id, true, self.now);
        id
    }

    fn later(&mut self) {
        self.now += ON_ITS_WAY;
    }
}

#[test]
fn places_follow_the_files_that_the_process_may_open() {
    assert_eq!(Limits::of(1_024).all, 256);
    assert_eq!(Limits::of(1_024).network, 16);
    assert_eq!(Limits::of(u64::MAX).network, 256);
    assert_eq!(Limits::of(0).all, 32);
    assert_eq!(Limits::of(u64::MAX).all, 4_096);
}

#[test]
fn one_network_cannot_take_the_places_of_others() {
    let mut hall = Hall::new();
    hall.busy(Some(1));
    hall.busy(Some(1));
    let (third, _) = hall.enter(Some(1));
    assert!(matches!(third, Admission::Reserved(_)), "{third:?}");
    hall.busy(Some(2));
    // A proxy's connections belong to many people: only the total limit applies.
    hall.busy(None);
    assert_eq!(hall.places.by_network.len(), 2);
}

#[test]
fn whoever_asks_nothing_makes_room_oldest_first() {
    let mut hall = Hall::new();
    let (_, first) = hall.seat(Some(1));
    let (_, second) = hall.seat(Some(1));
    // Its request may be on its way.
    assert!(matches!(hall.enter(Some(1)).0, Admission::Reserved(_)));
    hall.later();
    hall.seat(Some(1));
    assert!(first.is_cancelled() && !second.is_cancelled());
    for network in [2, 3] {
        hall.busy(Some(network));
    }
    // All places are taken: the oldest idle one of any network goes, but none of a proxy.
    hall.seat(Some(4));
    assert!(second.is_cancelled());
}

#[test]
fn a_request_under_way_is_never_cut_off_and_the_reserve_turns_over_at_once() {
    let mut hall = Hall::new();
    for network in 1..=4 {
        hall.busy(Some(network));
    }
    hall.later();
    let (admission, stranger) = hall.enter(Some(5));
    assert!(matches!(admission, Admission::Reserved(_)));
    let (admission, probe) = hall.enter(Some(6));
    let Admission::Reserved(id) = admission else {
        panic!("{admission:?}");
    };
    assert!(stranger.is_cancelled(), "a health check needs no patience");
    hall.places.is_busy(id, true, hall.now);
    assert_eq!(hall.enter(Some(7)).0, Admission::Refused);
    assert!(!probe.is_cancelled());
    hall.places.leave(id);
    assert!(matches!(hall.enter(Some(7)).0, Admission::Reserved(_)));
}

proptest! {
    #[test]
    fn no_limit_is_ever_passed_and_all_that_left_is_forgotten(
        steps in prop::collection::vec((0_u8..4, 0_u8..6, any::<u8>()), 0..200)
    ) {
        let mut hall = Hall::new();
        let mut ids = Vec::new();
        for (what, network, pick) in steps {
            match what {
                0 | 1 => {
                    let admitted = hall.enter((network > 0).then_some(network)).0;
                    if let Admission::Seat(id) | Admission::Reserved(id) = admitted {
                        ids.push(id);
                    }
                }
                2 if !ids.is_empty() => {
                    let id = ids[usize::from(pick) % ids.len()];
                    hall.places.is_busy(id, pick % 2 == 0, hall.now);
                }
                3 if !ids.is_empty() => {
                    let id = ids.swap_remove(usize::from(pick) % ids.len());
                    hall.places.leave(id);
                }
                _ => hall.later(),
            }
            let places = &hall.places;
            prop_assert!(places.reserved <= LIMITS.reserved);
            prop_assert!(places.connections.len() - places.reserved <= LIMITS.all);
            prop_assert!(places.by_network.values().all(|count| (1..=LIMITS.network).contains(count)));
        }
        for id in ids {
            hall.places.leave(id);
        }
        prop_assert!(hall.places.connections.is_empty() && hall.places.by_network.is_empty());
        prop_assert_eq!(hall.places.reserved, 0);
    }
}
