//! Many datagrams with one system call, where the system can: one buffer that it cuts (`UDP_SEGMENT`), and many
//! receives at once of datagrams that it has put together (`recvmmsg`, `UDP_GRO`). Linux only; elsewhere it says that
//! it cannot.

use std::io;
use std::net::SocketAddr;

/// How many datagrams one call sends at most: every kernel that can do it at all takes 64, newer ones 128.
pub(crate) const MAX_SEGMENTS: usize = 64;

/// One receive: a datagram, or several of one size that came together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    /// `None`: the system named none, as it does not for an empty datagram and when the socket is shut down.
    pub(crate) source: Option<SocketAddr>,
    /// Where it begins in the buffer.
    pub(crate) start: usize,
    pub(crate) len: usize,
    /// The length of each datagram but the last, which may be shorter.
    pub(crate) segment: usize,
    /// The buffer was too short, and the rest is lost; or where one datagram ends and the next begins is not known.
    pub(crate) truncated: bool,
}

/// Whether a failure says that the system will not cut this buffer.
pub(crate) fn is_refusal(error: &io::Error) -> bool {
    is_final(error) || size_code(error.raw_os_error())
}

/// Whether it says that it will cut none on this way: it does not know how, or its network card cannot.
pub(crate) fn is_final(error: &io::Error) -> bool {
    refusal_code(error.raw_os_error())
}

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) use self::linux::{Receives, can_segment, coalesce, send_segments};

#[cfg(any(target_os = "linux", target_os = "android"))]
use self::linux::{refusal_code, size_code};

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use std::io::{self, IoSlice, IoSliceMut};
    use std::net::{SocketAddr, UdpSocket};
    use std::os::fd::AsRawFd;

    use nix::errno::Errno;
    use nix::sys::socket::{
        ControlMessage, ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrStorage, getsockopt, recvmmsg, recvmsg,
        sendmsg, setsockopt, sockopt,
    };

    use super::Arrival;

    /// Whether the kernel knows `UDP_SEGMENT` (since 4.18). Whether the way to the network does, only sending shows.
    pub(crate) fn can_segment(socket: &UdpSocket) -> bool {
        getsockopt(socket, sockopt::UdpGsoSegment).is_ok()
    }

    /// Asks for datagrams of one size and source to be received together (`UDP_GRO`, since Linux 5.0). Returns whether
    /// they will be.
    pub(crate) fn coalesce(socket: &UdpSocket) -> bool {
        setsockopt(socket, sockopt::UdpGroSegment, &true).is_ok()
    }

    pub(super) fn refusal_code(code: Option<i32>) -> bool {
        let code = code.map(Errno::from_raw);
        matches!(code, Some(Errno::EIO | Errno::ENOPROTOOPT | Errno::EOPNOTSUPP))
    }

    /// The way takes only smaller datagrams, which the system would have to cut once more.
    pub(super) fn size_code(code: Option<i32>) -> bool {
        matches!(code.map(Errno::from_raw), Some(Errno::EINVAL | Errno::EMSGSIZE))
    }

    /// Sends `bytes` as datagrams of `segment` bytes, the last of which may be shorter: all or none.
    pub(crate) fn send_segments(
        socket: &UdpSocket,
        bytes: &[u8],
        segment: usize,
        destination: SocketAddr,
        wait: bool,
    ) -> io::Result<()> {
        let segment = u16::try_from(segment).map_err(|_| io::Error::from(Errno::EINVAL))?;
        let flags = if wait { MsgFlags::empty() } else { MsgFlags::MSG_DONTWAIT };
        let control = [ControlMessage::UdpGsoSegments(&segment)];
        let to = SockaddrStorage::from(destination);
        let sent = sendmsg(socket.as_raw_fd(), &[IoSlice::new(bytes)], &control, flags, Some(&to))?;
        if sent < bytes.len() { Err(io::ErrorKind::WriteZero.into()) } else { Ok(()) }
    }

    /// Room for as many receives as one call makes.
    #[derive(Debug)]
    pub(crate) struct Receives {
        buffer: Vec<u8>,
        each: usize,
        arrivals: Vec<Arrival>,
        /// How many receives the next call makes room for: preparing many for one datagram that comes alone would take
        /// as long as receiving it.
        expected: usize,
        /// Room for what the system tells beside one datagram.
        control: Vec<u8>,
        /// It tells more than was asked for: the socket came with other options, and each receive needs room for those.
        tells_more: bool,
    }

    /// How much more the next call makes room for when one has filled all there was.
    const GROWTH: usize = 4;
    /// Bytes that hold what the usual options of a socket make the system tell beside a datagram, all of them at once.
    const TELLS_MORE: usize = 1_024;
    /// Between buffers, so that their beginnings do not share the same lines of a cache.
    const STAGGER: usize = 2_112;

    impl Receives {
        /// `count` receives of at most `each` bytes. Memory that nothing is received into stays untouched.
        pub(crate) fn new(count: usize, each: usize) -> Self {
            let arrivals = Vec::with_capacity(count);
            Self {
                buffer: vec![0; count * (each + STAGGER)],
                each,
                arrivals,
                expected: 1,
                control: vec![0; TELLS_MORE],
                tells_more: false,
            }
        }

        /// Takes what is there, at least one datagram: `wait`s for that, or says `WouldBlock`.
        pub(crate) fn receive(&mut self, socket: &UdpSocket, wait: bool) -> io::Result<&[Arrival]> {
            self.arrivals.clear();
            let stride = self.each + STAGGER;
            let room = std::mem::replace(&mut self.expected, 1);
            if room == 1 {
                self.receive_one(socket, wait)?;
                self.expected = GROWTH.min(self.buffer.len() / stride);
                return Ok(&self.arrivals);
            }
            let chunks = self.buffer.chunks_exact_mut(stride).take(room);
            let mut slices: Vec<_> = chunks.map(|chunk| [IoSliceMut::new(&mut chunk[..self.each])]).collect();
            let control = if self.tells_more { vec![0; TELLS_MORE] } else { nix::cmsg_space!(i32) };
            // Made anew for each call: nix does not renew the lengths that the system has written over.
            let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(slices.len(), Some(control));
            let flags = if wait { MsgFlags::MSG_WAITFORONE } else { MsgFlags::MSG_DONTWAIT };
            let received = recvmmsg(socket.as_raw_fd(), &mut headers, slices.iter_mut(), flags, None)?;
            for (index, message) in received.enumerate() {
                let told = Told::from(message.cmsgs());
                self.tells_more |= told.more;
                self.arrivals.push(arrival(message.bytes, index * stride, message.address, told, message.flags));
            }
            let came = self.arrivals.len();
            self.expected =
                if came < room { came.max(room / 2) } else { (room * GROWTH).min(self.buffer.len() / stride) };
            Ok(&self.arrivals)
        }

        /// The same for a datagram that probably comes alone: nothing has to be allocated for it.
        fn receive_one(&mut self, socket: &UdpSocket, wait: bool) -> io::Result<()> {
            let mut slices = [IoSliceMut::new(&mut self.buffer[..self.each])];
            let flags = if wait { MsgFlags::empty() } else { MsgFlags::MSG_DONTWAIT };
            let control = Some(&mut self.control[..]);
            let message = recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut slices, control, flags)?;
            let told = Told::from(message.cmsgs());
            self.tells_more |= told.more;
            self.arrivals.push(arrival(message.bytes, 0, message.address, told, message.flags));
            Ok(())
        }

        /// What was received last.
        pub(crate) fn arrivals(&self) -> &[Arrival] {
            &self.arrivals
        }

        pub(crate) fn bytes_of(&self, arrival: &Arrival) -> &[u8] {
            &self.buffer[arrival.start..arrival.start + arrival.len.min(self.each)]
        }
    }

    /// What the system told beside a datagram.
    #[derive(Clone, Copy, Debug, Default)]
    struct Told {
        /// The length of each of those that came together.
        segment: Option<usize>,
        /// Something that was not asked for.
        more: bool,
        /// There was no room for all of it: several may have come together, and nobody says of what length.
        cut: bool,
    }

    impl Told {
        fn from(controls: nix::Result<impl Iterator<Item = ControlMessageOwned>>) -> Self {
            let Ok(controls) = controls else { return Self { segment: None, more: true, cut: true } };
            let mut told = Self::default();
            for control in controls {
                match control {
                    ControlMessageOwned::UdpGroSegments(size) => told.segment = usize::try_from(size).ok(),
                    _ => told.more = true,
                }
            }
            told
        }
    }

    fn arrival(len: usize, start: usize, storage: Option<SockaddrStorage>, told: Told, flags: MsgFlags) -> Arrival {
        // An address that the system has not written must not be read.
        let source = if len == 0 { None } else { storage.and_then(address) };
        let segment = told.segment.filter(|&size| size > 0).unwrap_or(len).max(1);
        Arrival { source, start, len, segment, truncated: told.cut || flags.contains(MsgFlags::MSG_TRUNC) }
    }

    fn address(storage: SockaddrStorage) -> Option<SocketAddr> {
        if let Some(v4) = storage.as_sockaddr_in() {
            return Some((*v4).into());
        }
        storage.as_sockaddr_in6().map(|v6| (*v6).into())
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) use self::elsewhere::{Receives, can_segment, coalesce, send_segments};

#[cfg(not(any(target_os = "linux", target_os = "android")))]
use self::elsewhere::{refusal_code, size_code};

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod elsewhere {
    use std::io;
    use std::net::{SocketAddr, UdpSocket};

    use super::Arrival;
    use crate::socket;

    pub(crate) fn can_segment(_socket: &UdpSocket) -> bool {
        false
    }

    pub(crate) fn coalesce(_socket: &UdpSocket) -> bool {
        false
    }

    pub(super) fn refusal_code(_code: Option<i32>) -> bool {
        true
    }

    pub(super) fn size_code(_code: Option<i32>) -> bool {
        false
    }

    pub(crate) fn send_segments(
        _socket: &UdpSocket,
        _bytes: &[u8],
        _segment: usize,
        _destination: SocketAddr,
        _wait: bool,
    ) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Room for one receive.
    #[derive(Debug)]
    pub(crate) struct Receives {
        buffer: Vec<u8>,
        arrivals: Vec<Arrival>,
    }

    impl Receives {
        pub(crate) fn new(_count: usize, each: usize) -> Self {
            Self { buffer: vec![0; each], arrivals: Vec::with_capacity(1) }
        }

        /// Only ever called to wait.
        pub(crate) fn receive(&mut self, socket: &UdpSocket, _wait: bool) -> io::Result<&[Arrival]> {
            self.arrivals.clear();
            let received = socket::receive(socket, &mut self.buffer)?;
            let (len, source) = received.ok_or(io::ErrorKind::NotConnected)?;
            self.arrivals.push(Arrival { source: Some(source), start: 0, len, segment: len.max(1), truncated: false });
            Ok(&self.arrivals)
        }

        pub(crate) fn arrivals(&self) -> &[Arrival] {
            &self.arrivals
        }

        pub(crate) fn bytes_of(&self, arrival: &Arrival) -> &[u8] {
            &self.buffer[arrival.start..arrival.start + arrival.len]
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
#[path = "offload_tests.rs"]
mod tests;
