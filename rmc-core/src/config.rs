//! Every bound and default of a node, validated in one place.

mod choices;

use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use crate::error::{ConfigError, HeartbeatTimesError};
use crate::event::EventMask;
use crate::packet::{HEADER_LEN, MAX_DATAGRAM_LEN, MAX_INTERVALS};
use crate::protocol::MAX_SEGMENTS;
use crate::seq::MAX_SEQ;
pub use choices::{Congestion, Delivery, FlowControl, JoinPolicy, RepairMode};

/// The seed's heartbeat table, and the default (S22): 10, 20, 50, 50, 75, 100, 200, 250, 500 ms.
pub const DEFAULT_HEARTBEAT_TIMES: [Duration; 9] = [
    Duration::from_millis(10),
    Duration::from_millis(20),
    Duration::from_millis(50),
    Duration::from_millis(50),
    Duration::from_millis(75),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(250),
    Duration::from_millis(500),
];

/// A node's configuration. Take [`Config::new`] and change what you need; [`Protocol::new`](crate::Protocol::new)
/// validates it.
///
/// Everything that a packet can make grow has its bound here. Buffers grow with their content, never to the bound in
/// advance.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// The group's address. It may also be one node's unicast address (S02).
    pub group: SocketAddr,
    /// The addresses that this node's packets come from, at most 16, to know its own looped-back packets by (S03).
    /// Default: none, then only `set_local_addr` makes it know them.
    pub local_addrs: Vec<SocketAddr>,
    /// This incarnation of the node. A restart must use a newer one (RFC 1982 arithmetic, 32 bits).
    pub epoch: u32,
    /// The seed of all randomness (retry factors, stamps, hashes). Take it from the system's entropy, except in tests.
    pub seed: u64,

    /// Where to begin with a sender that is new (S10). Default [`JoinPolicy::Oldest`].
    pub join_policy: JoinPolicy,
    /// Never send anything (S28). Turns the join policy to `Now`. Default `false`.
    pub silent: bool,
    /// How long a silent node waits for somebody else's repair before it reports a gap as lost. 1 ms to 1 h, default
    /// 500 ms.
    pub silent_gap: Duration,
    /// Send heartbeats before the first data, so that others know of this node (S22). Default `false`.
    pub announce: bool,

    /// How many peers are known at most (S05). 1 to 1,048,576, default 16,384. Memory: at most 256 bytes for a peer
    /// without a stream, so 4 MiB, 128 more for one that acknowledges this node's, and as much again for peers that
    /// expired and may return.
    pub max_peers: usize,
    /// How many private streams this node sends at most (S18). 0 to 65,536, default 64. Memory: each holds at most a
    /// send queue and a backlog of its own.
    pub max_private: usize,
    /// The largest message in bytes, on sending and on receiving. 1 byte to 1 GiB, default 8 MiB. At most
    /// `send_queue_bytes`, `receive_window_bytes` and half of `backlog_bytes`; the send queue has to hold its fragments.
    pub max_message: usize,
    /// The largest datagram sent, in bytes. 64 to 65,507, default 1,472 for an IPv4 group, 1,452 for IPv6: what
    /// Ethernet carries in one frame. Larger ones are fragmented by IP, and lost if any fragment is.
    pub max_datagram: usize,

    /// How many packets of a stream are kept that the application has not taken: waiting in order, or cached behind a
    /// gap (S08). 1 to 2^30, at least `backlog_packets`, default 8,192. Memory: 200 bytes a packet besides the payload.
    pub receive_window_packets: usize,
    /// The same in bytes of payload, the message being reassembled included. At least `backlog_bytes` and
    /// `max_message`, default 16 MiB. Memory: a quarter more, for buffer sizes.
    pub receive_window_bytes: usize,
    /// How many packets all receive windows hold together; those that were delivered before their turn
    /// ([`Delivery::Unordered`]) count until their turn has come. At least one window, default 1,048,576. Memory: 200
    /// bytes a packet besides the payload.
    pub receive_total_packets: usize,
    /// The bytes of payload that all receive windows hold together; past that one stream at a time may still bring a
    /// message of at most `max_message` to its end, or none ever would. At least one window, default 256 MiB. Memory: a
    /// quarter more, for buffer sizes.
    pub receive_total_bytes: usize,

    /// How many sent packets are kept for repair, for each stream (S21). 1 to 2^30, at least `max_burst` and at most
    /// `receive_window_packets`, default 8,192.
    pub backlog_packets: usize,
    /// The same in bytes of payload. At least twice `max_message` and at most `receive_window_bytes`, default 16 MiB.
    /// Memory: a quarter more, for buffer sizes.
    pub backlog_bytes: usize,
    /// How long a sent packet is kept for repair. 1 ms to 24 h, default `None`: as long as there is room.
    pub backlog_age: Option<Duration>,
    /// How many packets wait to be sent for the first time, for each stream; past that `send` is `Full` (F15). 1 to
    /// 2^30, default 8,192.
    pub send_queue_packets: usize,
    /// The same in bytes of payload. At least `max_message`, default 16 MiB.
    pub send_queue_bytes: usize,

    /// Whose windows bound what this node sends to the group. Default [`FlowControl::Slowest`] with a `stall` of 5 s.
    /// A private stream waits for its one receiver, unless this is `None`. What waits fills the queue, and then
    /// `send` is `Full`.
    pub flow_control: FlowControl,
    /// Whether the rate adapts to what has to be repaired. Default [`Congestion::None`].
    pub congestion: Congestion,
    /// Tell the senders that are followed how far everything came and how much more this node can take; at most ten
    /// times a second where nothing much happens, and at each quarter of the window. Default `true`; `false`: no
    /// sender waits for this node, and what it has no room for it may lose.
    pub acknowledge: bool,
    /// How many packets the sockets' receive buffers hold: what this node tells its senders that it can take is at most
    /// so many beyond the highest number that has come, so that they do not overrun buffers that the core does not see. 16
    /// to 2^30, default 2^30: the receive window alone counts. `rmc-std` sets it to what the system gave.
    pub socket_packets: usize,
    /// Put small messages that wait to be sent into one datagram, up to `max_datagram`. Each is delivered as a message
    /// of its own. Nothing waits for it: where each leaves at once none is packed. Default `true`; `false`: each
    /// message has a number of its own.
    pub packing: bool,
    /// How long a message may wait for others to be packed with it, unless its datagram is full before. 0 to 1 s,
    /// default 0: not at all.
    pub flush_after: Duration,

    /// How many datagrams leave before the driver reads again (S20). 1 to 65,536, at most `backlog_packets`, default
    /// 10.
    pub max_burst: usize,
    /// How many datagrams of one size to one destination a `Transmit` holds at most, as their bounds in bytes, burst
    /// and rate allow. 1 to 128, default 1: every datagram is a `Transmit` of its own. More is right where the system
    /// sends many with one call (on Linux with `UDP_SEGMENT`, 64 on every kernel that has it). Memory: 64 KiB once it
    /// is above 1.
    pub max_segments: usize,
    /// The most bytes of datagrams a second, also where the rate adapts and its floor is higher. Default `None`: no limit.
    /// 1 to 2^50.
    pub max_rate: Option<u64>,
    /// How many bytes may leave at once under `max_rate` or an adaptive rate. At least `max_datagram`, default 65,536.
    pub rate_burst: usize,

    /// How long to wait for an answer to a NACK before the round trip to its sender is known (S11). 1 ms to 60 s,
    /// default 20 ms.
    pub nack_resend_time: Duration,
    /// When a gap that was asked for this long ago counts as new, so that its retries begin again with the short
    /// delays (S11). 1 ms to 1 h, at least `nack_resend_time`, default 5 s.
    pub nack_timeout: Duration,
    /// The longest delay between two NACKs for the same gap. 1 ms to 60 s, default 1 s.
    pub nack_max_delay: Duration,
    /// The longest random delay before the first NACK for a gap, whatever a sender advertises in its Heartbeats: in it
    /// another receiver may ask, and its repair serve both. 0 to 10 s, default 1 s. 0: asks at once, which is right
    /// where there are a few receivers only.
    pub max_nack_backoff: Duration,
    /// How often one stream is asked for new gaps where losses come thick: 8 NACKs may leave at once, then one in each
    /// such time, with all that is missing by then. 0 to 1 s, default 2 ms, with which a group on one host gets a fifth
    /// more through at 5 % loss than without; losses that come rarely do not wait. 0: a NACK whenever a backoff is over.
    pub nack_interval: Duration,
    /// After how long a number that is missing is given up and reported as lost. 1 ms to 24 h, default `None`: as long
    /// as its sender lives and does not say that it is lost.
    pub recovery_deadline: Option<Duration>,
    /// In which order messages are delivered. Default [`Delivery::Ordered`].
    pub delivery: Delivery,
    /// How many gaps of one stream are asked for at the same time, lowest first (S11, F05). 1 to 2^20, default 4,096.
    /// Memory: 120 bytes for a gap.
    pub max_nacks: usize,
    /// Whom repairs of the group's stream are sent to. Default [`RepairMode::Adaptive`].
    pub repair_mode: RepairMode,
    /// How much of what leaves repairs may be while data waits, in percent of the bytes; all while none does. With
    /// flow control, 90 for what several lack that are waited for, if that is more. Where several receivers are known
    /// one asker gets a part of the share while data flows: an eighth, or of fewer than 8 receivers each as much; and
    /// more step by step as long as its round trip does not grow (RMC-BUDGET-1, RMC-BUDGET-2). 1 to 99, default 50.
    pub repair_share: u8,
    /// Send repairs to an address alone only once it has proven that it receives there; until then to the group, so
    /// that nobody can make this node flood a third one. Default `true`; `false` where nobody can forge an address.
    pub verify_askers: bool,
    /// How many datagrams answer one NACK at most (F30). 1 to 2^20, default 1,024.
    pub max_repairs_per_nack: usize,
    /// How many addresses can be owed repairs at the same time, for each stream; a NACK past that is dropped and comes
    /// again. 1 to 2^20, default 1,024. Memory: 1,300 bytes each.
    pub max_askers: usize,

    /// The growing intervals of heartbeats after data; the last one is the idle floor, repeated (S22, F16). 1 to 128
    /// intervals of 1 ms to 60 s, the longest below `peer_timeout`, and as many as a datagram tells: 17 bytes and 4 for
    /// each are at most `max_datagram`. Default [`DEFAULT_HEARTBEAT_TIMES`].
    pub heartbeat_times: Vec<Duration>,
    /// How late a heartbeat may be before it counts as missed (F22). 0 to 1 h, default `None`: half its interval, at
    /// least 10 ms.
    pub heartbeat_tolerance: Option<Duration>,
    /// After how much silence a peer is given up (S26). 10 ms to 24 h, default 30 s.
    pub peer_timeout: Duration,
    /// The number past which `SequenceOverflow` warns (S29). 1 to 2^63 - 1, default 2,000,000,000.
    pub sequence_limit: u64,

    /// Which events are wanted (S35). Default [`EventMask::DEFAULT`]: those that do not come per packet.
    pub events: EventMask,
    /// How many events wait to be polled; past that they are counted only. 1 to 2^20, default 1,024. Memory: 100 bytes
    /// each.
    pub event_ring: usize,
}

impl Config {
    /// The defaults, for a node of `group` in incarnation `epoch`, with `seed` for its randomness.
    #[must_use]
    pub fn new(group: SocketAddr, epoch: u32, seed: u64) -> Self {
        Self {
            group,
            local_addrs: Vec::new(),
            epoch,
            seed,
            join_policy: JoinPolicy::default(),
            silent: false,
            silent_gap: Duration::from_millis(500),
            announce: false,
            max_peers: 16_384,
            max_private: 64,
            max_message: 8 * MIB,
            max_datagram: if group.is_ipv4() { 1_472 } else { 1_452 },
            receive_window_packets: 8_192,
            receive_window_bytes: 16 * MIB,
            receive_total_packets: 1 << 20,
            receive_total_bytes: 256 * MIB,
            backlog_packets: 8_192,
            backlog_bytes: 16 * MIB,
            backlog_age: None,
            send_queue_packets: 8_192,
            send_queue_bytes: 16 * MIB,
            flow_control: FlowControl::default(),
            congestion: Congestion::default(),
            acknowledge: true,
            socket_packets: MAX_SOCKET_PACKETS,
            packing: true,
            flush_after: Duration::ZERO,
            max_burst: 10,
            max_segments: 1,
            max_rate: None,
            rate_burst: 65_536,
            nack_resend_time: Duration::from_millis(20),
            nack_timeout: Duration::from_secs(5),
            nack_max_delay: Duration::from_secs(1),
            max_nack_backoff: Duration::from_secs(1),
            nack_interval: Duration::from_millis(2),
            recovery_deadline: None,
            delivery: Delivery::default(),
            max_nacks: 4_096,
            repair_mode: RepairMode::default(),
            repair_share: 50,
            verify_askers: true,
            max_repairs_per_nack: 1_024,
            max_askers: 1_024,
            heartbeat_times: DEFAULT_HEARTBEAT_TIMES.to_vec(),
            heartbeat_tolerance: None,
            peer_timeout: Duration::from_secs(30),
            sequence_limit: 2_000_000_000,
            events: EventMask::DEFAULT,
            event_ring: 1_024,
        }
    }

    /// The most payload that one datagram carries, in bytes.
    #[must_use]
    pub const fn max_payload(&self) -> usize {
        self.max_datagram.saturating_sub(HEADER_LEN)
    }

    /// How long what is missing is waited for; `None`: no longer than its sender lives.
    pub(crate) fn patience(&self) -> Option<Duration> {
        match (self.delivery, self.recovery_deadline) {
            (Delivery::Deadline(own), Some(deadline)) => Some(own.min(deadline)),
            (Delivery::Deadline(own), None) => Some(own),
            (Delivery::Ordered | Delivery::Unordered | Delivery::Latest, deadline) => deadline,
        }
    }

    /// Checks every bound and every relation between options.
    ///
    /// # Errors
    ///
    /// The first rule that is broken, with what to change.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.validate_bounds()?;
        validate_heartbeat_times(&self.heartbeat_times, 0, self.peer_timeout, self.max_datagram).map_err(|error| {
            match error {
                HeartbeatTimesError::AboveTimeout { interval, peer_timeout } => {
                    ConfigError::TimeoutBelowHeartbeat { peer_timeout, interval }
                }
                other => ConfigError::HeartbeatTimes(other),
            }
        })?;
        self.validate_addresses()?;
        self.validate_relations()
    }

    fn validate_bounds(&self) -> Result<(), ConfigError> {
        within("max_peers", self.max_peers, 1, 1 << 20)?;
        within("max_private", self.max_private, 0, 1 << 16)?;
        within("max_message", self.max_message, 1, 1 << 30)?;
        within("max_datagram", self.max_datagram, 64, MAX_DATAGRAM_LEN)?;
        within("receive_window_packets", self.receive_window_packets, 1, 1 << 30)?;
        within("backlog_packets", self.backlog_packets, 1, 1 << 30)?;
        within("send_queue_packets", self.send_queue_packets, 1, 1 << 30)?;
        within("max_burst", self.max_burst, 1, 1 << 16)?;
        within("socket_packets", self.socket_packets, MIN_SOCKET_PACKETS as u64, MAX_SOCKET_PACKETS)?;
        within("max_segments", self.max_segments, 1, MAX_SEGMENTS)?;
        within("max_nacks", self.max_nacks, 1, 1 << 20)?;
        within("max_repairs_per_nack", self.max_repairs_per_nack, 1, 1 << 20)?;
        within("max_askers", self.max_askers, 1, 1 << 20)?;
        bounded("repair_share", self.repair_share.into(), 1, 99)?;
        within("event_ring", self.event_ring, 1, 1 << 20)?;
        if let Some(rate) = self.max_rate {
            bounded("max_rate", rate, 1, 1 << 50)?;
        }
        bounded("sequence_limit", self.sequence_limit, 1, MAX_SEQ)?;
        lasting("silent_gap", self.silent_gap, MS, 3_600 * SECOND)?;
        match self.flow_control {
            FlowControl::None => {}
            FlowControl::Slowest { stall } => lasting("flow_control", stall, 10 * MS, 3_600 * SECOND)?,
            FlowControl::Quorum { n } => within("flow_control", n, 1, 1 << 20)?,
        }
        if let Congestion::Adaptive { floor, ceiling } = self.congestion {
            bounded("congestion", ceiling, 1, 1 << 50)?;
            bounded("congestion", floor, 1, ceiling)?;
        }
        lasting("flush_after", self.flush_after, Duration::ZERO, SECOND)?;
        lasting("nack_resend_time", self.nack_resend_time, MS, 60 * SECOND)?;
        lasting("nack_timeout", self.nack_timeout, MS, 3_600 * SECOND)?;
        lasting("nack_max_delay", self.nack_max_delay, MS, 60 * SECOND)?;
        lasting("max_nack_backoff", self.max_nack_backoff, Duration::ZERO, 10 * SECOND)?;
        lasting("nack_interval", self.nack_interval, Duration::ZERO, SECOND)?;
        if let Some(deadline) = self.recovery_deadline {
            lasting("recovery_deadline", deadline, MS, 86_400 * SECOND)?;
        }
        if let Delivery::Deadline(deadline) = self.delivery {
            lasting("delivery", deadline, MS, 86_400 * SECOND)?;
        }
        lasting("peer_timeout", self.peer_timeout, 10 * MS, 86_400 * SECOND)?;
        if let Some(tolerance) = self.heartbeat_tolerance {
            lasting("heartbeat_tolerance", tolerance, Duration::ZERO, 3_600 * SECOND)?;
        }
        if let Some(age) = self.backlog_age {
            lasting("backlog_age", age, MS, 86_400 * SECOND)?;
        }
        Ok(())
    }

    fn validate_addresses(&self) -> Result<(), ConfigError> {
        if self.local_addrs.len() > MAX_LOCAL_ADDRS {
            return Err(ConfigError::TooManyLocalAddresses(self.local_addrs.len()));
        }
        if self.group.port() == 0 {
            return Err(ConfigError::GroupWithoutPort(self.group));
        }
        Ok(())
    }

    fn validate_relations(&self) -> Result<(), ConfigError> {
        let max_message = self.max_message;
        if max_message > self.send_queue_bytes {
            return Err(ConfigError::MessageAboveSendQueue { max_message, send_queue_bytes: self.send_queue_bytes });
        }
        let fragments = max_message.div_ceil(self.max_payload());
        if fragments > self.send_queue_packets {
            return Err(ConfigError::FragmentsAboveSendQueue {
                fragments,
                send_queue_packets: self.send_queue_packets,
            });
        }
        if max_message > self.backlog_bytes / 2 {
            return Err(ConfigError::MessageAboveBacklog { max_message, backlog_bytes: self.backlog_bytes });
        }
        if max_message > self.receive_window_bytes {
            return Err(ConfigError::MessageAboveReceiveWindow {
                max_message,
                receive_window_bytes: self.receive_window_bytes,
            });
        }
        if self.backlog_packets < self.max_burst {
            return Err(ConfigError::BacklogBelowBurst {
                backlog_packets: self.backlog_packets,
                max_burst: self.max_burst,
            });
        }
        window_holds("receive_window_packets", self.receive_window_packets, "backlog_packets", self.backlog_packets)?;
        window_holds("receive_window_bytes", self.receive_window_bytes, "backlog_bytes", self.backlog_bytes)?;
        if self.receive_total_packets < self.receive_window_packets {
            return Err(ConfigError::TotalPacketsBelowWindow {
                total: self.receive_total_packets,
                window: self.receive_window_packets,
            });
        }
        if self.receive_total_bytes < self.receive_window_bytes {
            return Err(ConfigError::TotalBelowWindow {
                total: self.receive_total_bytes,
                window: self.receive_window_bytes,
            });
        }
        let has_rate = self.max_rate.is_some() || self.congestion != Congestion::None;
        if has_rate && self.rate_burst < self.max_datagram {
            return Err(ConfigError::RateBurstBelowDatagram {
                rate_burst: self.rate_burst,
                max_datagram: self.max_datagram,
            });
        }
        if self.nack_timeout < self.nack_resend_time {
            return Err(ConfigError::NackTimeoutBelowResend {
                nack_timeout: self.nack_timeout,
                nack_resend_time: self.nack_resend_time,
            });
        }
        Ok(())
    }
}

/// How many addresses a node may have.
pub(crate) const MAX_LOCAL_ADDRS: usize = 16;

/// With fewer a sender would wait for each of its bursts.
pub(crate) const MIN_SOCKET_PACKETS: usize = 16;
pub(crate) const MAX_SOCKET_PACKETS: usize = 1 << 30;
const MIB: usize = 1 << 20;
const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// Checks a heartbeat table and the index to begin with (F17).
pub(crate) fn validate_heartbeat_times(
    times: &[Duration],
    index: usize,
    peer_timeout: Duration,
    max_datagram: usize,
) -> Result<(), HeartbeatTimesError> {
    let count = times.len();
    if count == 0 || count > MAX_INTERVALS {
        return Err(HeartbeatTimesError::Count(count));
    }
    if HEADER_LEN + 1 + 4 * count > max_datagram {
        return Err(HeartbeatTimesError::AboveDatagram { count, max_datagram });
    }
    if index >= count {
        return Err(HeartbeatTimesError::Index { index, count });
    }
    for (index, &interval) in times.iter().enumerate() {
        if interval < MS || interval > 60 * SECOND {
            return Err(HeartbeatTimesError::Interval { index, interval });
        }
        if interval >= peer_timeout {
            return Err(HeartbeatTimesError::AboveTimeout { interval, peer_timeout });
        }
    }
    Ok(())
}

fn within(option: &'static str, value: usize, min: u64, max: usize) -> Result<(), ConfigError> {
    bounded(option, value as u64, min, max as u64)
}

fn bounded(option: &'static str, value: u64, min: u64, max: u64) -> Result<(), ConfigError> {
    if value < min || value > max {
        return Err(ConfigError::OutOfBounds { option, value, min, max });
    }
    Ok(())
}

/// To the nanosecond; what is told is rounded away from the bounds, so that it does not look as if it were within.
fn lasting(option: &'static str, value: Duration, min: Duration, max: Duration) -> Result<(), ConfigError> {
    let micros = |nanos: u128| u64::try_from(nanos / 1_000).unwrap_or(u64::MAX);
    let (low, high) = (micros(min.as_nanos()), micros(max.as_nanos()));
    let told = if value > max { value.as_nanos().next_multiple_of(1_000) } else { value.as_nanos() };
    bounded(option, micros(told), low, high)
}

fn window_holds(
    window: &'static str,
    window_value: usize,
    backlog: &'static str,
    backlog_value: usize,
) -> Result<(), ConfigError> {
    if window_value < backlog_value {
        return Err(ConfigError::WindowBelowBacklog { window, window_value, backlog, backlog_value });
    }
    Ok(())
}
