//! Failures of the sockets: they never end a loop, but are counted, and told at most once a second for each kind.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rmc_core::Instant;

use crate::event::{Notice, SocketErrorCounts, SocketErrorKind, SocketOperation};

#[derive(Debug, Default)]
pub(crate) struct Failures {
    pub(crate) send: SocketErrorCounts,
    pub(crate) receive: SocketErrorCounts,
    pub(crate) retries: u64,
    /// By operation and kind.
    told: [[Told; SocketErrorKind::ALL.len()]; 2],
}

#[derive(Clone, Copy, Debug, Default)]
struct Told {
    last: Option<Instant>,
    untold: u64,
}

const TELL_EVERY: Duration = Duration::from_secs(1);

impl Failures {
    /// Counts one, and says what to tell, if it is time to.
    pub(crate) fn record(
        &mut self,
        now: Instant,
        operation: SocketOperation,
        error: &io::Error,
        destination: Option<SocketAddr>,
    ) -> Option<Notice> {
        let kind = kind_of(error);
        match operation {
            SocketOperation::Send => self.send.count(kind),
            SocketOperation::Receive => self.receive.count(kind),
        }
        let told = &mut self.told[operation as usize][kind as usize];
        told.untold += 1;
        if told.last.is_some_and(|last| now.saturating_since(last) < TELL_EVERY) {
            return None;
        }
        told.last = Some(now);
        let count = std::mem::take(&mut told.untold);
        Some(Notice::SocketError { operation, kind, code: error.raw_os_error(), destination, count })
    }
}

pub(crate) fn kind_of(error: &io::Error) -> SocketErrorKind {
    match error.kind() {
        io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkDown
        | io::ErrorKind::AddrNotAvailable => SocketErrorKind::Unreachable,
        io::ErrorKind::PermissionDenied => SocketErrorKind::Denied,
        io::ErrorKind::WouldBlock | io::ErrorKind::OutOfMemory => SocketErrorKind::NoBuffers,
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => SocketErrorKind::Refused,
        io::ErrorKind::FileTooLarge => SocketErrorKind::TooLarge,
        _ => kind_of_code(error.raw_os_error()),
    }
}

/// Kinds that std has no name for.
#[cfg(unix)]
fn kind_of_code(code: Option<i32>) -> SocketErrorKind {
    use rustix::io::Errno;
    match code.map(Errno::from_raw_os_error) {
        Some(Errno::MSGSIZE) => SocketErrorKind::TooLarge,
        Some(Errno::NOBUFS) => SocketErrorKind::NoBuffers,
        _ => SocketErrorKind::Other,
    }
}

#[cfg(windows)]
fn kind_of_code(code: Option<i32>) -> SocketErrorKind {
    const WSAEMSGSIZE: i32 = 10_040;
    const WSAENOBUFS: i32 = 10_055;
    match code {
        Some(WSAEMSGSIZE) => SocketErrorKind::TooLarge,
        Some(WSAENOBUFS) => SocketErrorKind::NoBuffers,
        _ => SocketErrorKind::Other,
    }
}

#[cfg(not(any(unix, windows)))]
fn kind_of_code(_code: Option<i32>) -> SocketErrorKind {
    SocketErrorKind::Other
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(notice: Option<Notice>) -> Option<u64> {
        match notice? {
            Notice::SocketError { count, .. } => Some(count),
            Notice::ReceiveBufferSmall { .. } | Notice::SendBufferSmall { .. } => None,
        }
    }

    #[test]
    fn a_kind_is_told_at_most_once_a_second_with_what_came_in_between() {
        let mut failures = Failures::default();
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let mut record = |ms: u64, operation, error| {
            count(failures.record(Instant::from_nanos(ms * 1_000_000), operation, error, None))
        };
        assert_eq!(record(0, SocketOperation::Send, &denied), Some(1));
        assert_eq!(record(1, SocketOperation::Send, &denied), None);
        assert_eq!(record(999, SocketOperation::Send, &denied), None);
        assert_eq!(record(999, SocketOperation::Send, &refused), Some(1), "another kind");
        assert_eq!(record(999, SocketOperation::Receive, &denied), Some(1), "another operation");
        assert_eq!(record(1_000, SocketOperation::Send, &denied), Some(3));
        assert_eq!(failures.send.of(SocketErrorKind::Denied), 4);
        assert_eq!(failures.send.total(), 5);
        assert_eq!(failures.receive.total(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn kinds_are_told_apart() {
        use rustix::io::Errno;
        for (code, kind) in [
            (Errno::NETUNREACH, SocketErrorKind::Unreachable),
            (Errno::HOSTUNREACH, SocketErrorKind::Unreachable),
            (Errno::NETDOWN, SocketErrorKind::Unreachable),
            (Errno::MSGSIZE, SocketErrorKind::TooLarge),
            (Errno::PERM, SocketErrorKind::Denied),
            (Errno::ACCESS, SocketErrorKind::Denied),
            (Errno::NOBUFS, SocketErrorKind::NoBuffers),
            (Errno::NOMEM, SocketErrorKind::NoBuffers),
            (Errno::AGAIN, SocketErrorKind::NoBuffers),
            (Errno::CONNREFUSED, SocketErrorKind::Refused),
            (Errno::BADF, SocketErrorKind::Other),
        ] {
            assert_eq!(kind_of(&code.into()), kind, "{code}");
        }
    }
}
