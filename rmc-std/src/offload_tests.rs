//! The system calls on their own, over loopback.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::time::Duration;

use super::{Receives, can_segment, coalesce, is_final, is_refusal, send_segments};

const LARGEST: usize = 65_536;

/// Two sockets of one family; `None`: this host has no such address.
fn pair(ip: IpAddr) -> Option<(UdpSocket, UdpSocket)> {
    let (from, to) = (UdpSocket::bind((ip, 0)).ok()?, UdpSocket::bind((ip, 0)).ok()?);
    to.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    (can_segment(&from) && coalesce(&to)).then_some((from, to))
}

/// (source is right, bytes of each datagram) of everything that came.
fn datagrams(receives: &Receives, from: &UdpSocket) -> Vec<Vec<u8>> {
    let own = from.local_addr().unwrap();
    let arrivals = receives.arrivals().iter();
    arrivals
        .flat_map(|arrival| {
            assert_eq!((arrival.source, arrival.truncated), (Some(own), false));
            receives.bytes_of(arrival).chunks(arrival.segment).map(<[u8]>::to_vec)
        })
        .collect()
}

#[test]
fn what_is_sent_as_one_is_received_as_many_over_ipv4_and_ipv6() {
    for ip in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
        let Some((from, to)) = pair(ip) else {
            eprintln!("SKIPPED: no UDP_SEGMENT and UDP_GRO at {ip}");
            continue;
        };
        let mut receives = Receives::new(4, LARGEST);
        // The second call must be as good as the first: the headers are renewed.
        for round in 0..5_u8 {
            let bytes: Vec<_> = (0..43_u8).flat_map(|number| [number ^ round; 1_472]).chain([99; 700]).collect();
            send_segments(&from, &bytes, 1_472, to.local_addr().unwrap(), true).unwrap();
            let mut got = Vec::new();
            while got.len() < 44 {
                receives.receive(&to, true).unwrap();
                got.extend(datagrams(&receives, &from));
            }
            assert_eq!(got.concat(), bytes, "{ip}, round {round}");
            assert!(got[..43].iter().all(|datagram| datagram.len() == 1_472) && got[43].len() == 700);
        }
    }
}

/// Sends what comes together, and receives it. Returns whether any of it was cut.
fn exchange(from: &UdpSocket, to: &UdpSocket, receives: &mut Receives) -> bool {
    let bytes: Vec<_> = (0..43_u8).flat_map(|number| [number; 1_472]).collect();
    send_segments(from, &bytes, 1_472, to.local_addr().unwrap(), true).unwrap();
    receives.receive(to, true).unwrap();
    if receives.arrivals().iter().any(|arrival| arrival.truncated) {
        return true;
    }
    let mut got = datagrams(receives, from);
    while got.len() < 43 {
        receives.receive(to, true).unwrap();
        got.extend(datagrams(receives, from));
    }
    assert!(got.concat() == bytes && got.iter().all(|datagram| datagram.len() == 1_472));
    false
}

/// Where it stands before the length of those that came together, that length has no room left; where it stands behind,
/// itself has none.
#[test]
fn what_other_options_make_the_system_tell_finds_room() {
    for early in [true, false] {
        let Some((from, to)) = pair(Ipv4Addr::LOCALHOST.into()) else { return };
        tell_more(&to, early);
        let mut receives = Receives::new(4, LARGEST);
        for _ in 0..5 {
            assert!(!exchange(&from, &to, &mut receives), "early: {early}");
        }
    }
}

/// What came together and nobody says how must never be taken for one datagram.
#[test]
fn what_finds_no_room_is_known_to_be_cut_and_finds_room_from_then_on() {
    for early in [true, false] {
        let Some((from, to)) = pair(Ipv4Addr::LOCALHOST.into()) else { return };
        let mut receives = Receives::new(4, LARGEST);
        assert!(!exchange(&from, &to, &mut receives));
        tell_more(&to, early);
        assert!(exchange(&from, &to, &mut receives), "early: {early}");
        while receives.receive(&to, false).is_ok() {}
        for _ in 0..5 {
            assert!(!exchange(&from, &to, &mut receives), "early: {early}");
        }
    }
}

/// The system tells the time before the length of those that came together, and the interface behind it.
fn tell_more(socket: &UdpSocket, early: bool) {
    use nix::sys::socket::{setsockopt, sockopt};
    if early {
        setsockopt(socket, sockopt::ReceiveTimestamp, &true).unwrap();
    } else {
        setsockopt(socket, sockopt::Ipv4PacketInfo, &true).unwrap();
    }
}

#[test]
fn single_datagrams_of_any_size_and_empty_ones_come_as_they_are() {
    let Some((from, to)) = pair(Ipv4Addr::LOCALHOST.into()) else { return };
    let address = to.local_addr().unwrap();
    let mut receives = Receives::new(8, LARGEST);
    for len in [1, 16, 1_472, 65_507] {
        from.send_to(&vec![7; len], address).unwrap();
        receives.receive(&to, true).unwrap();
        assert_eq!(datagrams(&receives, &from), [vec![7; len]]);
    }
    from.send_to(&[], address).unwrap();
    let arrivals = receives.receive(&to, true).unwrap();
    assert_eq!((arrivals.len(), arrivals[0].len, arrivals[0].source), (1, 0, None));
    assert!(!crate::socket::is_shut_down(&to), "it was only empty");
}

#[test]
fn what_the_buffer_does_not_hold_is_known_to_be_cut() {
    let Some((from, to)) = pair(Ipv4Addr::LOCALHOST.into()) else { return };
    let mut receives = Receives::new(2, 1_000);
    from.send_to(&[7; 1_000], to.local_addr().unwrap()).unwrap();
    from.send_to(&[7; 1_001], to.local_addr().unwrap()).unwrap();
    let mut truncated = Vec::new();
    while truncated.len() < 2 {
        receives.receive(&to, true).unwrap();
        truncated.extend(receives.arrivals().iter().map(|arrival| arrival.truncated));
        assert!(receives.arrivals().iter().all(|arrival| receives.bytes_of(arrival).len() <= 1_000));
    }
    assert_eq!(truncated, [false, true]);
}

#[test]
fn a_call_makes_room_for_as_much_as_comes() {
    let Some((from, to)) = pair(Ipv4Addr::LOCALHOST.into()) else { return };
    let mut receives = Receives::new(32, 100);
    let mut counts = |sent: usize, calls: usize| {
        (0..sent).for_each(|_| assert_eq!(from.send_to(&[7; 100], to.local_addr().unwrap()).unwrap(), 100));
        (0..calls).map(|_| receives.receive(&to, false).map_or(0, <[_]>::len)).collect::<Vec<_>>()
    };
    assert_eq!(counts(90, 6), [1, 4, 16, 32, 32, 5]);
    assert_eq!(counts(30, 3), [16, 14, 0], "half the room, and then all there was");
    assert_eq!(counts(6, 3), [1, 4, 1], "nothing had come");
}

#[test]
fn nothing_is_waited_for_unless_asked() {
    let Some((_, to)) = pair(Ipv4Addr::LOCALHOST.into()) else { return };
    let error = Receives::new(1, 10).receive(&to, false).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
}

#[test]
fn a_socket_that_is_shut_down_ends_the_wait_and_says_so() {
    let Some((_, to)) = pair(Ipv4Addr::LOCALHOST.into()) else { return };
    let _ = socket2::SockRef::from(&to).shutdown(std::net::Shutdown::Read);
    let mut receives = Receives::new(4, 10);
    let arrivals = receives.receive(&to, true).unwrap();
    assert!(arrivals.iter().all(|arrival| (arrival.len, arrival.source) == (0, None)) && !arrivals.is_empty());
    assert!(crate::socket::is_shut_down(&to));
}

#[test]
fn refusals_are_told_from_failures_that_pass() {
    let refused = |code| is_refusal(&io::Error::from_raw_os_error(code));
    // EIO, EINVAL, EMSGSIZE, ENOPROTOOPT, EOPNOTSUPP; EPERM, EAGAIN, ENOBUFS, ENETUNREACH.
    assert!([5, 22, 90, 92, 95].into_iter().all(refused));
    assert!(![1, 11, 105, 101].into_iter().any(refused));
    assert!(!is_refusal(&io::ErrorKind::WouldBlock.into()));
    // Too long for one way only, or for the moment: EINVAL, EMSGSIZE.
    let is_final = |code| is_final(&io::Error::from_raw_os_error(code));
    assert!([5, 92, 95].into_iter().all(is_final) && ![22, 90].into_iter().any(is_final));
}

/// More segments than the kernel takes, and longer than they may be: it says so, and nothing is sent.
#[test]
fn too_many_and_too_long_segments_are_refused() {
    let Some((from, to)) = pair(Ipv4Addr::LOCALHOST.into()) else { return };
    let address = to.local_addr().unwrap();
    let error = send_segments(&from, &[0; 1_000], 1, address, true).unwrap_err();
    assert!(is_refusal(&error), "{error}");
    let error = send_segments(&from, &[0; 65_535], 70_000, address, true).unwrap_err();
    assert!(is_refusal(&error), "{error}");
    assert_eq!(Receives::new(1, 10).receive(&to, false).unwrap_err().kind(), io::ErrorKind::WouldBlock);
}
