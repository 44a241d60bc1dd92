//! What only shows from inside: threads that must not wait, and who does the work then.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use super::Shared;
use super::drain::{Effort, Outlet};
use super::reader::{self, Gear, Reading};
use crate::endpoint::Endpoint;
use crate::error::RecvError;
use crate::lock::{lock, try_lock};
use crate::received::Received;

/// Linux's numbers.
mod libc_code {
    pub(super) const EIO: i32 = 5;
    pub(super) const EINVAL: i32 = 22;
    pub(super) const EMSGSIZE: i32 = 90;
    pub(super) const ENOPROTOOPT: i32 = 92;
    pub(super) const ENOBUFS: i32 = 105;
}

const LONG: Duration = Duration::from_secs(60);
const LO: Ipv4Addr = Ipv4Addr::LOCALHOST;

fn two_nodes(group_ip: [u8; 4]) -> (Endpoint, Endpoint) {
    let port = UdpSocket::bind((LO, 0)).unwrap().local_addr().unwrap().port();
    let node = || Endpoint::builder((group_ip, port).into()).interface(LO).seed(1).build().unwrap();
    (node(), node())
}

fn shared(node: &Endpoint) -> Arc<Shared> {
    node.sender().owner.shared_for_tests()
}

/// Whether somebody keeps a lock, and not for a moment.
fn is_kept<T>(mutex: &Mutex<T>, most: u32) -> bool {
    let mut looks = 0;
    for _ in 0..most {
        looks = if try_lock(mutex).is_none() { looks + 1 } else { 0 };
        if looks == 20 {
            return true;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    false
}

/// A full send buffer must not stall receiving: the outlet is taken all the time, as by a thread that waits for the
/// socket.
#[test]
fn what_comes_is_received_while_another_thread_waits_to_send() {
    let (a, b) = two_nodes([239, 255, 254, 1]);
    let shared = shared(&b);
    let outlet = lock(&shared.outlet);
    let (tell, told) = mpsc::channel();
    std::thread::spawn({
        let b = b.clone();
        move || tell.send(b.recv())
    });
    while shared.state().receivers_waiting == 0 {
        std::thread::yield_now();
    }
    a.send(b"through").unwrap();
    let Ok(Ok(Received::Message(message))) = told.recv_timeout(LONG) else { panic!("nothing came") };
    assert_eq!(message.payload, b"through");
    // What b has to send meanwhile waits, and leaves when the outlet is free.
    b.try_send(b"back").unwrap();
    assert_eq!(b.stats().held.queued_packets, 1);
    drop(outlet);
    shared.drain(Effort::Burst);
    let Ok(Received::Message(message)) = a.recv_timeout(LONG) else { panic!("nothing came") };
    assert_eq!(message.payload, b"back");
}

/// A node that knows a peer which is gone, and a thread that waits in its `recv`: nothing comes that could wake it.
fn one_that_waits(group_ip: [u8; 4]) -> (Endpoint, SocketAddr, mpsc::Receiver<Result<Received, RecvError>>) {
    let (a, b) = two_nodes(group_ip);
    a.send(b"known").unwrap();
    while b.try_recv().is_err() {
        std::thread::yield_now();
    }
    a.close();
    let (tell, told) = mpsc::channel();
    std::thread::spawn({
        let b = b.clone();
        move || tell.send(b.recv())
    });
    while shared(&b).state().receivers_waiting == 0 {
        std::thread::yield_now();
    }
    (b, a.local_addr(), told)
}

#[test]
fn the_end_of_a_removed_peer_is_told_while_another_thread_waits_to_send() {
    let (b, peer, told) = one_that_waits([239, 255, 254, 8]);
    let shared = shared(&b);
    let outlet = lock(&shared.outlet);
    assert!(b.remove_peer(peer));
    let Ok(Ok(Received::Ended { .. })) = told.recv_timeout(LONG) else { panic!("not told") };
    drop(outlet);
}

/// What is held back leaves before the protocol is polled, by a thread that may wait for the socket.
#[test]
fn what_there_is_to_receive_is_told_before_what_was_held_back_leaves() {
    let (b, peer, told) = one_that_waits([239, 255, 254, 9]);
    let shared = shared(&b);
    let mut outlet = lock(&shared.outlet);
    let (room, full) = mpsc::channel();
    outlet.hold_for_tests(b"held", peer);
    outlet.fill_up_for_tests(full);
    drop(outlet);
    shared.input(Effort::Burst, |protocol, now| protocol.remove_peer(now, peer));
    let Ok(Ok(Received::Ended { .. })) = told.recv_timeout(LONG) else { panic!("not told") };
    drop(room);
}

/// Who drains sets the alarm before it lets the protocol go: who then brings a message that is to gather sets it after.
#[test]
fn a_message_that_gathers_sets_the_alarm_after_who_drained_before_it() {
    let (a, _b) = two_nodes([239, 255, 254, 10]);
    let shared = shared(&a);
    let alarm = shared.alarm.hold_for_tests();
    std::thread::scope(|scope| {
        let drains = scope.spawn(|| shared.drain(Effort::Much));
        let kept = is_kept(&shared.state, 10_000);
        drop(alarm);
        drains.join().unwrap();
        assert!(kept, "the protocol is free, and the alarm not set");
    });
}

/// Who closes waits for the threads, also if somebody else does already.
#[test]
fn two_that_close_wait_for_a_thread_that_has_not_ended() {
    let (a, b) = two_nodes([239, 255, 254, 12]);
    let shared = shared(&a);
    let mut outlet = lock(&shared.outlet);
    let (room, full) = mpsc::channel();
    outlet.hold_for_tests(b"held", b.local_addr());
    outlet.fill_up_for_tests(full);
    drop(outlet);
    // The timer thread waits for the socket. It may find the outlet taken by who looks for that.
    while !is_kept(&shared.outlet, 1_000) {
        shared.alarm.ring();
    }
    let (tell, told) = mpsc::channel();
    for _ in 0..2 {
        let (a, tell) = (a.clone(), tell.clone());
        std::thread::spawn(move || {
            a.close();
            tell.send(())
        });
    }
    assert!(told.recv_timeout(Duration::from_millis(50)).is_err(), "one does not wait");
    drop(room);
    (0..2).for_each(|_| told.recv_timeout(LONG).expect("one waits for ever"));
}

/// A datagram that a thread could not send without waiting stays in the outlet, and is the next to leave, by the timer
/// thread at the latest.
#[test]
fn what_could_not_leave_is_the_next_to_leave() {
    let (a, _b) = two_nodes([239, 255, 254, 2]);
    let listener = UdpSocket::bind((LO, 0)).unwrap();
    listener.set_read_timeout(Some(LONG)).unwrap();
    let shared = shared(&a);
    let mut outlet = lock(&shared.outlet);
    outlet.hold_for_tests(b"held", listener.local_addr().unwrap());
    drop(outlet);
    shared.alarm.ring();
    let mut buffer = [0; 16];
    let (len, source) = listener.recv_from(&mut buffer).unwrap();
    assert_eq!((&buffer[..len], source), (b"held".as_slice(), a.local_addr()));
}

/// S32: packets from the former address may still be on their way, and are the node's own; a while later another node
/// may have it.
#[test]
fn seed_s32_the_former_address_is_known_for_a_while() {
    let (a, _b) = two_nodes([239, 255, 254, 4]);
    let shared = shared(&a);
    let known = || a.config().local_addrs;
    let old = a.local_addr();
    a.set_unicast_socket(UdpSocket::bind((LO, 0)).unwrap()).unwrap();
    let new = a.local_addr();
    assert_eq!(known(), [new, old]);
    let mut state = shared.state();
    let until = state.former_until.unwrap();
    state.forget_former(rmc_core::Instant::from_nanos(until.as_nanos() - 1));
    assert_eq!(state.protocol.config().local_addrs, [new, old]);
    state.forget_former(until);
    drop(state);
    assert_eq!(known(), [new]);
}

/// Two threads may change the socket at once: no call comes between the change of the socket and that of the thread that
/// reads it, or one would wait for a thread that goes on reading.
#[test]
fn the_socket_and_the_thread_that_reads_it_change_as_one() {
    let (a, b) = two_nodes([239, 255, 254, 7]);
    let (owner, shared, before) = (a.sender().owner, shared(&a), a.local_addr());
    let threads = owner.hold_threads_for_tests();
    std::thread::scope(|scope| {
        let change = scope.spawn(|| a.set_unicast_socket(UdpSocket::bind((LO, 0)).unwrap()));
        while a.local_addr() == before {
            std::thread::yield_now();
        }
        for _ in 0..20 {
            std::thread::sleep(Duration::from_millis(1));
            assert!(try_lock(&shared.sockets).is_none(), "another call may come");
        }
        drop(threads);
        change.join().unwrap().unwrap();
    });
    b.send_to(a.local_addr(), b"read").unwrap();
    let Ok(Received::Message(message)) = a.recv_timeout(LONG) else { panic!("nobody reads it") };
    assert_eq!(message.payload, b"read");
}

/// A thread that changes the socket waits for one that sends, and keeps nobody else from what they ask of the sockets.
#[test]
fn who_waits_to_change_the_socket_keeps_no_other_lock() {
    let (a, _b) = two_nodes([239, 255, 254, 13]);
    let shared = shared(&a);
    let outlet = lock(&shared.outlet);
    std::thread::scope(|scope| {
        let change = scope.spawn(|| a.set_unicast_socket(UdpSocket::bind((LO, 0)).unwrap()));
        let kept = is_kept(&shared.sockets, 100);
        drop(outlet);
        change.join().unwrap().unwrap();
        assert!(!kept);
    });
}

/// The kernel or the network card will not cut buffers: everything leaves one by one from then on, the datagrams of the
/// refused call included, and the node says so. Another socket is another chance.
#[test]
fn what_the_system_refuses_to_cut_leaves_one_by_one() {
    for code in [libc_code::EIO, libc_code::EINVAL, libc_code::ENOPROTOOPT] {
        let (a, b) = two_nodes([239, 255, 254, 5]);
        let shared = shared(&a);
        if !a.socket_stats().segmentation {
            return;
        }
        lock(&shared.outlet).refuse_for_tests(code);
        let outlet = lock(&shared.outlet);
        for number in 0..500_u32 {
            a.try_send(&[number.to_be_bytes().as_slice(), &[7; 1_396]].concat()).unwrap();
        }
        drop(outlet);
        shared.drain(Effort::Much);
        for number in 0..500_u32 {
            let Ok(Received::Message(message)) = b.recv_timeout(LONG) else { panic!("{number} did not come") };
            assert_eq!((&message.payload[..4], message.payload.len()), (number.to_be_bytes().as_slice(), 1_400));
        }
        let stats = a.socket_stats();
        assert!(!stats.segmentation, "error {code}");
        assert_eq!((stats.segments, stats.send_errors.total(), a.stats().tx.failed), (0, 0, 0));
        assert!(stats.send_calls >= 500, "{} calls", stats.send_calls);
        assert_eq!((a.config().max_segments, b.config().max_segments), (1, 64));
        a.set_unicast_socket(UdpSocket::bind((LO, 0)).unwrap()).unwrap();
        assert_eq!((a.config().max_segments, a.socket_stats().segmentation), (64, true));
    }
}

/// One node's way may take less than the group's, and the group's way less than before for a moment: only what was
/// refused leaves one by one.
#[test]
fn what_is_refused_for_one_node_or_for_a_moment_is_cut_for_others_and_later() {
    for code in [libc_code::EIO, libc_code::EMSGSIZE] {
        let (a, b) = two_nodes([239, 255, 254, 8]);
        let shared = shared(&a);
        if !a.socket_stats().segmentation {
            return;
        }
        let private = code == libc_code::EIO;
        let send_ten = || {
            let outlet = lock(&shared.outlet);
            for number in 0..10 {
                let message = [number; 1_400];
                if private { a.try_send_to(b.local_addr(), &message) } else { a.try_send(&message) }.unwrap();
            }
            drop(outlet);
            shared.drain(Effort::Much);
            for number in 0..10 {
                let Ok(Received::Message(message)) = b.recv_timeout(LONG) else { panic!("{number} did not come") };
                assert_eq!(message.payload[0], number);
            }
        };
        lock(&shared.outlet).refuse_for_tests(code);
        for _ in 0..if private { 20 } else { 5 } {
            send_ten();
        }
        assert_eq!((a.socket_stats().segmentation, a.socket_stats().segments), (true, 0), "error {code}");
        lock(&shared.outlet).accept_for_tests();
        send_ten();
        assert!(a.socket_stats().segmentation && a.socket_stats().segments > 1, "error {code}");
    }
}

/// What the system has no room for comes again, datagram by datagram (F19).
#[test]
fn seed_fault_f19_many_at_once_that_the_system_has_no_room_for_come_again() {
    let (a, b) = two_nodes([239, 255, 254, 6]);
    let shared = shared(&a);
    if !a.socket_stats().segmentation {
        return;
    }
    lock(&shared.outlet).refuse_for_tests(libc_code::ENOBUFS);
    let outlet = lock(&shared.outlet);
    for number in 0..100_u32 {
        a.try_send(&[number.to_be_bytes().as_slice(), &[7; 1_396]].concat()).unwrap();
    }
    drop(outlet);
    shared.drain(Effort::Much);
    lock(&shared.outlet).accept_for_tests();
    for number in 0..100_u32 {
        let Ok(Received::Message(message)) = b.recv_timeout(LONG) else { panic!("{number} did not come") };
        assert_eq!(message.payload[..4], number.to_be_bytes());
    }
    let stats = a.socket_stats();
    assert!(stats.segmentation && stats.retries > 0);
    assert!(a.stats().tx.failed > 1, "all datagrams of the call");
}

/// Of many that leave one by one only those come again that have not left.
#[test]
fn seed_fault_f19_what_has_left_of_many_does_not_come_again() {
    let (a, b) = two_nodes([239, 255, 254, 7]);
    let shared = shared(&a);
    if !a.socket_stats().segmentation {
        return;
    }
    let mut outlet = lock(&shared.outlet);
    outlet.refuse_for_tests(libc_code::EINVAL);
    outlet.fail_after_for_tests(3, libc_code::ENOBUFS);
    for number in 0..10_u32 {
        a.try_send(&[number.to_be_bytes().as_slice(), &[7; 1_396]].concat()).unwrap();
    }
    drop(outlet);
    shared.drain(Effort::Much);
    for number in 0..10_u32 {
        let Ok(Received::Message(message)) = b.recv_timeout(LONG) else { panic!("{number} did not come") };
        assert_eq!(message.payload[..4], number.to_be_bytes());
    }
    // It is counted behind the call that sends.
    while a.stats().tx.data < 10 {
        std::thread::yield_now();
    }
    assert_eq!((a.stats().tx.failed, a.stats().tx.data), (7, 10));
}

/// What failed and was to come again is dropped when the node falls silent: nothing leaves that would end the wait for it.
#[test]
fn flush_does_not_wait_for_what_was_dropped_in_silence() {
    let port = UdpSocket::bind((LO, 0)).unwrap().local_addr().unwrap().port();
    let a = Endpoint::builder(([239, 255, 254, 11], port).into()).interface(LO).seed(1).build().unwrap();
    let shared = shared(&a);
    if !a.socket_stats().segmentation {
        return;
    }
    let mut outlet = lock(&shared.outlet);
    outlet.refuse_for_tests(libc_code::ENOBUFS);
    for _ in 0..4 {
        a.try_send(&[7; 1_400]).unwrap();
    }
    drop(outlet);
    shared.drain(Effort::Much);
    assert!(a.stats().tx.failed > 0 && a.stats().held.queued_packets == 0);
    a.set_silent(true);
    assert_eq!(a.flush(Some(LONG)), Ok(()));
    a.set_silent(false);
    assert_eq!(a.flush(Some(LONG)), Ok(()));
}

/// F19: what may pass is tried again, but not for ever; and one node that cannot be reached does not hold up the group.
#[test]
fn seed_fault_f19_only_what_may_help_is_tried_again() {
    let socket = Arc::new(UdpSocket::bind((LO, 0)).unwrap());
    let group: SocketAddr = "239.255.254.3:9".parse().unwrap();
    let node: SocketAddr = "192.0.2.1:9".parse().unwrap();
    let mut outlet = Outlet::new(socket, group, 64);
    let unreachable = io::ErrorKind::NetworkUnreachable.into();
    let full = io::ErrorKind::WouldBlock.into();
    let denied = io::ErrorKind::PermissionDenied.into();
    outlet.hold_for_tests(b"", group);
    assert!(outlet.worth_retrying(&unreachable) && outlet.worth_retrying(&full));
    assert!(!outlet.worth_retrying(&denied));
    outlet.hold_for_tests(b"", node);
    assert!(!outlet.worth_retrying(&unreachable) && outlet.worth_retrying(&full));
    outlet.fail_for_tests(99);
    assert!(outlet.worth_retrying(&full));
    outlet.fail_for_tests(100);
    assert!(!outlet.worth_retrying(&full), "the retries have an end");
}

/// Where nothing wakes a thread that reads for sure, its waiting has an end: that is no failure, and it stops by itself.
#[test]
fn a_thread_whose_waiting_has_an_end_stops_without_being_woken() {
    let (a, _b) = two_nodes([239, 255, 254, 9]);
    for retire in [true, false] {
        let socket = UdpSocket::bind((LO, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        let reading = Reading { socket: Arc::new(socket), path: rmc_core::Path::Unicast, stop: Arc::default() };
        let (tell, told) = mpsc::channel();
        std::thread::spawn({
            let (shared, reading) = (shared(&a), reading.clone());
            move || {
                reader::run(&shared, &reading, &Mutex::new(Gear::new(Duration::ZERO, None)));
                tell.send(())
            }
        });
        // Time for some of its waits to end.
        assert!(told.recv_timeout(Duration::from_millis(50)).is_err(), "it goes on");
        let stop = if retire { &reading.stop.retired } else { &reading.stop.closed };
        stop.store(true, Ordering::SeqCst);
        told.recv_timeout(LONG).unwrap();
        assert_eq!(a.socket_stats().receive_errors.total(), 0);
    }
}
