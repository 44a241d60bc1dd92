//! What happens beside the streams: the protocol's events, and the driver's own notices.

use std::fmt;
use std::io;
use std::net::SocketAddr;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The protocol says so.
    Protocol(rmc_core::Event),
    /// The driver says so.
    Notice(Notice),
}

/// What the driver has to say about its sockets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// The system gave a socket a smaller receive buffer than asked for (F28). A burst that it cannot hold is lost and
    /// must be repaired.
    ReceiveBufferSmall {
        /// How many bytes were asked for.
        asked: usize,
        /// How many the system gave.
        got: usize,
    },
    /// The system gave the unicast socket a smaller send buffer than asked for.
    SendBufferSmall {
        /// How many bytes were asked for.
        asked: usize,
        /// How many the system gave.
        got: usize,
    },
    /// A socket failed; it goes on being used. At most once a second for each operation and kind.
    SocketError {
        /// What failed.
        operation: SocketOperation,
        /// What kind of failure it is.
        kind: SocketErrorKind,
        /// The system's number for the last one, if it has one.
        code: Option<i32>,
        /// Where to, if sending failed.
        destination: Option<SocketAddr>,
        /// How many there were of this operation and kind since the last notice, at least 1.
        count: u64,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReceiveBufferSmall { asked, got } => write!(
                f,
                "the system gave a receive buffer of {got} bytes instead of {asked}: raise net.core.rmem_max (sysctl), or limit the rate of the senders"
            ),
            Self::SendBufferSmall { asked, got } => write!(
                f,
                "the system gave a send buffer of {got} bytes instead of {asked}: raise net.core.wmem_max (sysctl)"
            ),
            Self::SocketError { operation, kind, code, destination, count } => {
                write!(f, "{operation} failed")?;
                if let Some(destination) = destination {
                    write!(f, " to {destination}")?;
                }
                match code {
                    Some(code) => write!(f, ": {}", io::Error::from_raw_os_error(*code))?,
                    None => write!(f, ": {kind}")?,
                }
                write!(f, " ({count} times)")
            }
        }
    }
}

/// What a socket was asked to do when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SocketOperation {
    /// Sending.
    Send,
    /// Receiving.
    Receive,
}

impl fmt::Display for SocketOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Send => "sending",
            Self::Receive => "receiving",
        })
    }
}

/// Kinds of socket failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SocketErrorKind {
    /// No route, host or network down (`ENETUNREACH`, `EHOSTUNREACH`, `ENETDOWN`).
    Unreachable,
    /// The datagram is larger than the network takes (`EMSGSIZE`): lower `max_datagram`.
    TooLarge,
    /// The system's policy forbids it (`EPERM`, `EACCES`): look at the firewall.
    Denied,
    /// The system has no room for it now (`ENOBUFS`, `ENOMEM`, `EAGAIN`).
    NoBuffers,
    /// Nobody listens there (`ECONNREFUSED`, `ECONNRESET`).
    Refused,
    /// Anything else.
    Other,
}

impl SocketErrorKind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Unreachable, Self::TooLarge, Self::Denied, Self::NoBuffers, Self::Refused, Self::Other];
}

impl fmt::Display for SocketErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreachable => "unreachable",
            Self::TooLarge => "datagram too large",
            Self::Denied => "denied",
            Self::NoBuffers => "no buffers",
            Self::Refused => "refused",
            Self::Other => "other",
        })
    }
}

/// What became of the sockets' work that failed, and the sizes of their buffers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SocketStats {
    /// Failures of sending, by kind.
    pub send_errors: SocketErrorCounts,
    /// Failures of receiving, by kind.
    pub receive_errors: SocketErrorCounts,
    /// Datagrams that could not be sent at once and that the protocol was told to try again (F19).
    pub retries: u64,
    /// Events that nobody took in time: the ring was full (S35).
    pub events_dropped: u64,
    /// The unicast socket's receive buffer in bytes, as the system gave it.
    pub unicast_receive_buffer: usize,
    /// The multicast socket's, if there is one.
    pub multicast_receive_buffer: Option<usize>,
    /// The unicast socket's send buffer in bytes, as the system gave it.
    pub send_buffer: usize,
    /// Whether the system cuts one buffer into many datagrams (on Linux `UDP_SEGMENT`): `false` where it cannot, and
    /// once it has refused to for the group, until the unicast socket changes.
    pub segmentation: bool,
    /// Whether the system puts datagrams together that it receives (on Linux `UDP_GRO`).
    pub coalescing: bool,
    /// Calls that sent something.
    pub send_calls: u64,
    /// Calls that received something.
    pub receive_calls: u64,
    /// Datagrams that left together with others by one call.
    pub segments: u64,
    /// Datagrams that came together with others.
    pub coalesced: u64,
}

/// Counters by [`SocketErrorKind`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketErrorCounts([u64; SocketErrorKind::ALL.len()]);

impl SocketErrorCounts {
    /// How many there were of one kind.
    #[must_use]
    pub const fn of(&self, kind: SocketErrorKind) -> u64 {
        self.0[kind as usize]
    }

    /// How many there were in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    pub(crate) const fn count(&mut self, kind: SocketErrorKind) {
        self.0[kind as usize] += 1;
    }
}
