//! What all tests need: groups that no other test uses, payloads that can be checked, waits.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use rmc_std::{Builder, Endpoint, Event, Message, Notice, Received, RecvTimeoutError};

/// Longer than anything takes, so that only what never happens fails by it.
pub(crate) const LONG: Duration = Duration::from_secs(60);

pub(crate) const LO: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// A group of its own for each test, also for those of other processes that run at the same time.
pub(crate) fn new_group() -> SocketAddr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let process = u8::try_from(std::process::id() % 256).unwrap();
    let ip = Ipv4Addr::new(239, 255, process, NEXT.fetch_add(1, Ordering::Relaxed));
    SocketAddr::new(ip.into(), free_port())
}

pub(crate) fn free_port() -> u16 {
    UdpSocket::bind((LO, 0)).unwrap().local_addr().unwrap().port()
}

pub(crate) fn on_lo(group: SocketAddr) -> Builder {
    Endpoint::builder(group).interface(LO).seed(1)
}

pub(crate) fn node(group: SocketAddr) -> Endpoint {
    on_lo(group).build().unwrap()
}

/// A plain socket that hears the group.
pub(crate) fn node_like_socket(group: SocketAddr) -> UdpSocket {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.set_recv_buffer_size(1 << 20).unwrap();
    socket.bind(&group.into()).unwrap();
    let IpAddr::V4(ip) = group.ip() else { panic!("{group}") };
    socket.join_multicast_v4(&ip, &LO).unwrap();
    socket.set_read_timeout(Some(LONG)).unwrap();
    socket.into()
}

/// The payload number `number` of the sender `tag`.
pub(crate) fn payload(tag: u8, number: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![tag];
    bytes.extend_from_slice(&number.to_be_bytes());
    let mut state = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ u64::from(tag);
    while bytes.len() < len {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        bytes.push(state.to_be_bytes()[0]);
    }
    bytes
}

/// The next message of anybody. What is no message fails the test.
pub(crate) fn next_message(node: &Endpoint) -> Message {
    match node.recv_timeout(LONG) {
        Ok(Received::Message(message)) => message,
        other => panic!("{other:?} instead of a message; {:?}", node.stats()),
    }
}

/// The next event. What this machine allows for buffers is none that a test waits for.
pub(crate) fn next_event(node: &Endpoint) -> Event {
    loop {
        match node.next_event_timeout(LONG).unwrap() {
            Event::Notice(Notice::ReceiveBufferSmall { .. } | Notice::SendBufferSmall { .. }) => {}
            event => return event,
        }
    }
}

/// Checks that exactly the payloads 0 to `count` - 1 of each sender come, in order. `senders`: address and tag.
pub(crate) fn expect_all(node: &Endpoint, senders: &[(SocketAddr, u8)], count: u64, len: usize) {
    let mut next: BTreeMap<SocketAddr, u64> = senders.iter().map(|&(peer, _)| (peer, 0)).collect();
    while next.values().any(|&next| next < count) {
        let message = next_message(node);
        let tag = senders.iter().find(|(peer, _)| *peer == message.peer).expect("a sender of this group").1;
        let number = next.get_mut(&message.peer).unwrap();
        assert!(message.payload == payload(tag, *number, len), "message {number} of {tag} at {}", node.local_addr());
        *number += 1;
    }
}

pub(crate) fn send_all(node: &Endpoint, tag: u8, count: u64, len: usize) {
    for number in 0..count {
        node.send(&payload(tag, number, len)).unwrap();
    }
}

/// Waits until something holds.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + LONG;
    while !holds() {
        assert!(Instant::now() < end, "{what}: not within {LONG:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Waits until a node is known to another one.
pub(crate) fn eventually_knows(node: &Endpoint, peer: &Endpoint) {
    eventually("a peer is known", || node.peer(peer.local_addr()).is_some());
}

/// Takes everything until `quiet` has passed without anything.
pub(crate) fn take_until_quiet(node: &Endpoint, quiet: Duration) -> Vec<Received> {
    let mut all = Vec::new();
    loop {
        match node.recv_timeout(quiet) {
            Ok(received) => all.push(received),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return all,
        }
    }
}
