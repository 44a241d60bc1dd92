//! What a wrong call of the API is answered with. Packets never cause an error: they move counters.

use core::net::SocketAddr;
use core::time::Duration;

use thiserror::Error;

/// A configuration that cannot work, and what to change. One variant per rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// An option lies outside its bounds.
    #[error("{option} is {value}, but must be from {min} to {max}")]
    OutOfBounds {
        /// The option's name in `Config`.
        option: &'static str,
        /// Its value (durations in microseconds).
        value: u64,
        /// The lowest value that works.
        min: u64,
        /// The highest value that works.
        max: u64,
    },
    /// A message of the largest size could never be queued.
    #[error(
        "max_message ({max_message}) is above send_queue_bytes ({send_queue_bytes}): raise the queue or lower max_message"
    )]
    MessageAboveSendQueue {
        /// `Config::max_message`.
        max_message: usize,
        /// `Config::send_queue_bytes`.
        send_queue_bytes: usize,
    },
    /// The fragments of a message of the largest size could never be queued.
    #[error(
        "max_message needs {fragments} datagrams, above send_queue_packets ({send_queue_packets}): raise the queue or max_datagram, or lower max_message"
    )]
    FragmentsAboveSendQueue {
        /// How many datagrams a message of the largest size takes.
        fragments: usize,
        /// `Config::send_queue_packets`.
        send_queue_packets: usize,
    },
    /// A message of the largest size would push itself out of the backlog before it can be repaired.
    #[error(
        "max_message ({max_message}) is above half of backlog_bytes ({backlog_bytes}): raise backlog_bytes to at least twice max_message, or lower max_message"
    )]
    MessageAboveBacklog {
        /// `Config::max_message`.
        max_message: usize,
        /// `Config::backlog_bytes`.
        backlog_bytes: usize,
    },
    /// A message of the largest size could never be reassembled.
    #[error(
        "max_message ({max_message}) is above receive_window_bytes ({receive_window_bytes}): raise the window or lower max_message"
    )]
    MessageAboveReceiveWindow {
        /// `Config::max_message`.
        max_message: usize,
        /// `Config::receive_window_bytes`.
        receive_window_bytes: usize,
    },
    /// What one burst sends could not be repaired as a whole.
    #[error(
        "backlog_packets ({backlog_packets}) is below max_burst ({max_burst}): raise the backlog or lower the burst"
    )]
    BacklogBelowBurst {
        /// `Config::backlog_packets`.
        backlog_packets: usize,
        /// `Config::max_burst`.
        max_burst: usize,
    },
    /// A receiver could not hold what a sender with the same configuration can repair.
    #[error("{window} ({window_value}) is below {backlog} ({backlog_value}): raise the window or lower the backlog")]
    WindowBelowBacklog {
        /// The window's option.
        window: &'static str,
        /// Its value.
        window_value: usize,
        /// The backlog's option.
        backlog: &'static str,
        /// Its value.
        backlog_value: usize,
    },
    /// All receive windows together hold fewer packets than one.
    #[error(
        "receive_total_packets ({total}) is below receive_window_packets ({window}): raise the total or lower the window"
    )]
    TotalPacketsBelowWindow {
        /// `Config::receive_total_packets`.
        total: usize,
        /// `Config::receive_window_packets`.
        window: usize,
    },
    /// All receive windows together are smaller than one.
    #[error(
        "receive_total_bytes ({total}) is below receive_window_bytes ({window}): raise the total or lower the window"
    )]
    TotalBelowWindow {
        /// `Config::receive_total_bytes`.
        total: usize,
        /// `Config::receive_window_bytes`.
        window: usize,
    },
    /// The token bucket can never hold one datagram.
    #[error(
        "rate_burst ({rate_burst}) is below max_datagram ({max_datagram}): raise the burst to at least one datagram"
    )]
    RateBurstBelowDatagram {
        /// `Config::rate_burst`.
        rate_burst: usize,
        /// `Config::max_datagram`.
        max_datagram: usize,
    },
    /// Repair would be given up before it was asked for a second time.
    #[error("nack_timeout ({nack_timeout:?}) is below nack_resend_time ({nack_resend_time:?}): raise nack_timeout")]
    NackTimeoutBelowResend {
        /// `Config::nack_timeout`.
        nack_timeout: Duration,
        /// `Config::nack_resend_time`.
        nack_resend_time: Duration,
    },
    /// A peer would expire between two of its heartbeats.
    #[error(
        "peer_timeout ({peer_timeout:?}) is not above the longest heartbeat interval ({interval:?}): raise peer_timeout or shorten heartbeat_times"
    )]
    TimeoutBelowHeartbeat {
        /// `Config::peer_timeout`.
        peer_timeout: Duration,
        /// The longest entry of `Config::heartbeat_times`.
        interval: Duration,
    },
    /// The heartbeat table is empty, too long, or holds an interval outside 1 ms to 60 s (seed fault F17).
    #[error(transparent)]
    HeartbeatTimes(#[from] HeartbeatTimesError),
    /// More local addresses than a node can have.
    #[error("{0} local addresses, at most 16 are possible: name only those that the sockets send from")]
    TooManyLocalAddresses(usize),
    /// The group's address has port 0.
    #[error("the group's address {0} has port 0: name the port that the group uses")]
    GroupWithoutPort(SocketAddr),
}

/// A heartbeat table that cannot work (seed fault F17).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HeartbeatTimesError {
    /// No interval, or more than 128.
    #[error("a heartbeat table has 1 to 128 intervals, not {0}")]
    Count(usize),
    /// An interval that the wire cannot carry.
    #[error("heartbeat interval {index} is {interval:?}, but must be from 1 ms to 60 s")]
    Interval {
        /// Which entry.
        index: usize,
        /// Its value.
        interval: Duration,
    },
    /// The table does not fit into one datagram.
    #[error("a heartbeat table of {count} intervals does not fit into max_datagram ({max_datagram})")]
    AboveDatagram {
        /// The table's length.
        count: usize,
        /// `Config::max_datagram`.
        max_datagram: usize,
    },
    /// The index to begin with lies outside the table.
    #[error("heartbeat index {index} lies outside a table of {count}")]
    Index {
        /// The index asked for.
        index: usize,
        /// The table's length.
        count: usize,
    },
    /// The longest interval reaches the time after which a peer expires.
    #[error("heartbeat interval {interval:?} is not below peer_timeout ({peer_timeout:?})")]
    AboveTimeout {
        /// The interval.
        interval: Duration,
        /// `Config::peer_timeout`.
        peer_timeout: Duration,
    },
}

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SendError {
    /// The send queue has no room now: poll what waits, then try again (seed fault F15).
    #[error("the send queue is full: transmit what waits, then try again")]
    Full,
    /// The message can never be sent.
    #[error("the message has {len} bytes, more than max_message ({max})")]
    TooLarge {
        /// The message's length in bytes.
        len: usize,
        /// `Config::max_message`.
        max: usize,
    },
    /// The node is silent: it never sends (S28).
    #[error("the node is silent: it never sends")]
    Silent,
    /// `finish` or `close` was called.
    #[error("the node has finished: it takes no more messages")]
    Finished,
    /// `send_at` with a number that is not above the last one given (S18, `InvalidPacketSequence` in the seed).
    #[error("number {seq} is below the next one ({next})")]
    SequencePassed {
        /// The number asked for.
        seq: u64,
        /// The lowest number that is still free.
        next: u64,
    },
    /// The stream has used up its numbers, or would with this message.
    #[error("the stream would pass the highest sequence number, 2^63 - 1: restart the node with a new epoch")]
    SequenceExhausted,
    /// All `max_private` private streams are in use.
    #[error("all {0} private streams wait for acknowledgement: raise max_private or wait")]
    TooManyPrivate(usize),
    /// A private message to this node itself or to the group.
    #[error("{0} is this node itself or the group: a private message goes to one other node")]
    InvalidDestination(SocketAddr),
}
