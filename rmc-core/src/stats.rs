//! Counters: plain `Copy` structs, grouped by direction, that only grow.

use core::net::SocketAddr;
use core::time::Duration;

use crate::packet::DecodeError;

/// What a node has done since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// What was sent.
    pub tx: TxStats,
    /// What was received.
    pub rx: RxStats,
    /// What recovery did, on both sides.
    pub repair: RepairStats,
    /// What was received and not used, by reason.
    pub dropped: DroppedStats,
    /// What is held now.
    pub held: HeldStats,
}

/// What was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TxStats {
    /// Messages taken by `send`, `send_at` and `send_to`.
    pub messages: u64,
    /// Those of them that were packed into a datagram with others before them.
    pub packed: u64,
    /// Datagrams handed to the driver.
    pub packets: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Data packets sent for the first time.
    pub data: u64,
    /// Heartbeats.
    pub heartbeats: u64,
    /// Heartbeat tables.
    pub heartbeat_times: u64,
    /// Acks.
    pub acks: u64,
    /// Transmissions that the driver reported as failed.
    pub failed: u64,
    /// Receivers that were let go, as they did not advance (`PeerEvicted`).
    pub let_go: u64,
}

/// What was received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RxStats {
    /// Datagrams handed in.
    pub packets: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Data packets that brought something new.
    pub data: u64,
    /// Messages that became deliverable.
    pub messages: u64,
    /// Bytes of payload in them.
    pub message_bytes: u64,
    /// Heartbeats.
    pub heartbeats: u64,
    /// Heartbeat tables.
    pub heartbeat_times: u64,
    /// Acks.
    pub acks: u64,
    /// Confirms.
    pub confirms: u64,
    /// Data packets that had come before (S09).
    pub duplicates: u64,
    /// Numbers that were given up.
    pub lost: u64,
    /// Ends that turned out to be none: their sender went on.
    pub ends_withdrawn: u64,
}

/// What recovery did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RepairStats {
    /// Gaps that opened.
    pub gaps: u64,
    /// NACK datagrams sent.
    pub nacks_sent: u64,
    /// NACK datagrams received.
    pub nacks_received: u64,
    /// Numbers asked for, repetitions included.
    pub numbers_asked: u64,
    /// Repairs sent.
    pub repairs_sent: u64,
    /// Those of them that went to the group.
    pub multicast: u64,
    /// Numbers asked for that were taken as answered, as their repair had just left.
    pub held_off: u64,
    /// Confirms sent.
    pub confirms_sent: u64,
    /// Repairs received that filled a gap.
    pub repaired: u64,
    /// LOST sent.
    pub lost_sent: u64,
    /// LOST received.
    pub lost_received: u64,
    /// RESET sent.
    pub resets_sent: u64,
    /// RESET received.
    pub resets_received: u64,
}

/// What was received and not used, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DroppedStats {
    /// Datagrams that do not decode, by [`DecodeError::index`].
    pub malformed: [u64; DecodeError::COUNT],
    /// This node's own packets, looped back (S03).
    pub own: u64,
    /// Packets from this node's address with another epoch (S03).
    pub address_in_use: u64,
    /// Packets of unknown addresses while the peer table is full (S05).
    pub peers_full: u64,
    /// Packets of an epoch that is not the one followed (S37).
    pub stale_epoch: u64,
    /// Nacks and Acks to another epoch of this node.
    pub wrong_target: u64,
    /// Nacks, Acks and private packets that came by multicast.
    pub wrong_path: u64,
    /// Data past the receive window or its bytes: asked for again later (S08).
    pub window: u64,
    /// Data for which all receive windows together have no room.
    pub total: u64,
    /// Packets of streams while the node is deactivated (S30).
    pub inactive: u64,
    /// NACKs of more askers than `max_askers`.
    pub askers_full: u64,
    /// Acks beyond the last number sent.
    pub ack_beyond: u64,
    /// Packets whose consequences the application must take from `recv` first.
    pub unread: u64,
    /// Packets that came after `close`.
    pub closed: u64,
    /// Packets of a newer epoch while the known one still speaks (S37).
    pub early_epoch: u64,
    /// Peers that had to make room for others.
    pub evicted_peers: u64,
    /// Events for which the ring had no room (S35).
    pub events: u64,
}

/// What is held now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeldStats {
    /// Peers known.
    pub peers: usize,
    /// Private streams being sent.
    pub private_streams: usize,
    /// Packets waiting to be sent for the first time, over all streams.
    pub queued_packets: usize,
    /// Bytes of payload in them.
    pub queued_bytes: usize,
    /// Packets kept for repair, over all streams.
    pub backlog_packets: usize,
    /// Bytes of payload in them.
    pub backlog_bytes: usize,
    /// Packets received and not taken, over all streams: in order and behind gaps.
    pub receive_packets: usize,
    /// Bytes of payload received and not taken, over all streams: in order, behind gaps, and being reassembled.
    pub receive_bytes: usize,
    /// Items that `recv` has ready.
    pub readable: usize,
}

/// What a node knows of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerInfo {
    /// Its address, which is its identity (S01).
    pub address: SocketAddr,
    /// Its epoch.
    pub epoch: u32,
    /// How long it has been silent.
    pub silence: Duration,
    /// The round trip to it, once a NACK was answered.
    pub rtt: Option<Duration>,
    /// Its stream to the group, once it has one.
    pub group: Option<StreamInfo>,
    /// Its private stream to this node, once it has one.
    pub private: Option<StreamInfo>,
}

/// Where a followed stream stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamInfo {
    /// The highest number with nothing missing before it: all up to here is delivered, ready for `recv`, or reported
    /// lost.
    pub delivered: u64,
    /// The highest number known to exist.
    pub known: u64,
    /// How many gaps are open within the receive window.
    pub gaps: usize,
    /// How many packets are cached behind a gap.
    pub cached_packets: usize,
    /// Bytes of payload cached behind a gap, being reassembled, or not taken.
    pub held_bytes: usize,
    /// How many heartbeats in a row are overdue.
    pub missed_heartbeats: u32,
    /// Whether the sender has finished.
    pub finished: bool,
}

/// How much the group's send queue takes now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SendCapacity {
    /// Datagrams.
    pub packets: usize,
    /// Bytes of payload.
    pub bytes: usize,
}
