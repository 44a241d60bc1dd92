//! What was held leaves no memory behind.

use std::net::{Ipv4Addr, SocketAddr};

use allocation_counter::measure;
use rmc_core::packet::{Body, Flags};
use rmc_core::{Delivery, Path};

use crate::node::Node;

/// What was assembled of a message that is lost counts in no window any more, so its memory must not stay with the
/// stream: a peer after another could take as much.
// RMC-SEC-1
#[test]
fn messages_that_were_lost_leave_no_memory_behind() {
    const MIB: usize = 1 << 20;
    for lose in [true, false] {
        let mut node = Node::new(|config| {
            config.max_message = MIB;
            config.backlog_bytes = 2 * MIB;
            (config.receive_window_bytes, config.receive_total_bytes) = (2 * MIB, 2 * MIB);
        });
        let fragment = [7; 1_400];
        let cost = measure(|| {
            for index in 0..100_u8 {
                let peer = SocketAddr::from((Ipv4Addr::new(10, 1, 0, index), 5000));
                // One fewer than fit, or one more.
                let count = MIB as u64 / 1_400 + u64::from(!lose);
                for seq in 1..=count {
                    let flags = if seq == 1 { Flags::FIRST } else { Flags::NONE };
                    node.handle_from(peer, Path::Multicast, flags, seq, Body::Data { payload: &fragment });
                }
                if lose {
                    let body = Body::Lost { first: count + 1, stamp: 0 };
                    node.handle_from(peer, Path::Multicast, Flags::NONE, count + 2, body);
                }
                while node.protocol.recv().is_some() {}
                node.step(|_| {});
            }
        });
        assert_eq!((node.protocol.stats().held.receive_bytes, node.protocol.stats().rx.data > 70_000), (0, true));
        // Idle buffers for all, of at most 16 MiB.
        let held = usize::try_from(cost.bytes_current).expect("more is taken than given back");
        assert!(held < 20 * MIB, "{} MiB", held / MIB);
    }
}

/// Nor does the memory of a window that was full stay with a stream of which nothing is missing any more.
// RMC-SEC-1
#[test]
fn windows_that_were_full_leave_no_memory_behind() {
    for delivery in [Delivery::Ordered, Delivery::Unordered] {
        windows_that_were_full(delivery);
    }
}

fn windows_that_were_full(delivery: Delivery) {
    let mut node = Node::new(|config| config.delivery = delivery);
    let body = Body::Data { payload: &[1; 10] };
    let cost = measure(|| {
        for index in 0..40_u8 {
            let peer = SocketAddr::from((Ipv4Addr::new(10, 1, 0, index), 5000));
            for seq in (2..=8_000).step_by(2) {
                node.handle_from(peer, Path::Multicast, Flags::FIRST | Flags::LAST, seq, body);
                while node.protocol.recv().is_some() {}
            }
            node.handle_from(peer, Path::Multicast, Flags::NONE, 8_000, Body::Lost { first: 1, stamp: 0 });
            while node.protocol.recv().is_some() {}
            node.step(|_| {});
        }
    });
    assert_eq!(node.protocol.stats().rx.data, 40 * 4_000);
    // Besides what the node keeps for all: the inbox, and idle buffers.
    let held = usize::try_from(cost.bytes_current).expect("more is taken than given back");
    assert!(held < 40 * 4_096 + 2 * (1 << 20), "{held} bytes");
}
