//! The bounds of what a node holds.

use rmc_core::Protocol;

/// The node holds no more than its configuration says, whatever came in.
pub(super) fn hold(node: &Protocol) {
    let (config, held) = (node.config(), node.stats().held);
    let streams = 1 + held.private_streams;
    assert!(held.peers <= config.max_peers, "{held:?}");
    assert!(held.private_streams <= config.max_private, "{held:?}");
    assert!(held.queued_packets <= streams * config.send_queue_packets, "{held:?}");
    assert!(held.queued_bytes <= streams * config.send_queue_bytes, "{held:?}");
    assert!(held.backlog_packets <= streams * config.backlog_packets, "{held:?}");
    assert!(held.backlog_bytes <= streams * config.backlog_bytes, "{held:?}");
    // One message at a time may exceed it, to be brought to its end (RMC-WIN-7).
    assert!(held.receive_bytes <= config.receive_total_bytes + config.max_message, "{held:?}");
    assert!(held.receive_packets <= config.receive_total_packets + 1, "{held:?}");
    assert_eq!(node.peers().count(), held.peers);
    for peer in node.peers() {
        assert_eq!(node.peer(peer.address), Some(peer));
        for stream in [peer.group, peer.private].into_iter().flatten() {
            assert!(stream.held_bytes <= config.receive_window_bytes, "{peer:?}");
            // The lowest number of the window is missing, or nothing would be cached.
            assert!(stream.cached_packets < config.receive_window_packets, "{peer:?}");
            // Gaps may touch, each with its own history, but hold a number of the window each; what is gone behind it
            // is one.
            assert!(stream.gaps <= config.receive_window_packets + 1, "{peer:?}");
            assert!(stream.delivered <= stream.known, "{peer:?}");
        }
    }
    let capacity = node.send_capacity();
    assert!(capacity.packets <= config.send_queue_packets && capacity.bytes <= config.send_queue_bytes, "{capacity:?}");
}
