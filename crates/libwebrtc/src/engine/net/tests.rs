use super::interfaces::reachable_addresses;
use super::*;
use crate::engine::clock;

#[tokio::test]
async fn loopback_is_bound_when_the_other_side_is_there() {
    let mut net = Net::closed();
    net.bind(&reachable_addresses(clock::now()));
    assert!(net.reach("192.0.2.77".parse().unwrap()).is_none());
    let bound = net.reach(Ipv4Addr::LOCALHOST.into());
    assert!(bound.is_some());
    assert!(net.reach(Ipv4Addr::LOCALHOST.into()).is_none());
}

#[tokio::test]
async fn datagrams_carry_both_addresses() {
    let mut net = Net::closed();
    net.bind(&reachable_addresses(clock::now()));
    net.reach(Ipv4Addr::LOCALHOST.into());
    let local = net
        .addresses()
        .find(|address| address.ip() == Ipv4Addr::LOCALHOST)
        .unwrap();
    let other = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    other.send_to(b"hello", local).await.unwrap();
    let arrived = net.receive().await;
    assert_eq!(arrived.source, other.local_addr().unwrap());
    assert_eq!(arrived.destination, local);
    assert_eq!(net.datagram(arrived.length), b"hello");
    net.send(local, arrived.source, b"back");
    let mut buffer = [0; 16];
    let (length, source) = other.recv_from(&mut buffer).await.unwrap();
    assert_eq!((&buffer[..length], source), (&b"back"[..], local));
}
