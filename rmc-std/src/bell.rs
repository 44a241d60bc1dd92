//! Waiting for a socket and for other threads at once.

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) use self::linux::Bell;

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) use self::elsewhere::Bell;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use std::net::UdpSocket;
    use std::os::fd::OwnedFd;
    use std::time::Duration;

    use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

    /// What ends a wait for a socket before anything comes there.
    #[derive(Debug)]
    pub(crate) struct Bell(OwnedFd);

    impl Bell {
        /// `None`: the system has none, and waiting for both is impossible.
        pub(crate) fn new() -> Option<Self> {
            eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC).ok().map(Self)
        }

        pub(crate) fn ring(&self) {
            // It fails only if it has rung without end, and so rings.
            let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
        }

        /// Waits until the socket has something, or the bell rings, at most so long. Returns whether the socket had, by
        /// what the system says.
        pub(crate) fn wait(&self, socket: &UdpSocket, timeout: Option<Duration>) -> bool {
            let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
            let mut asked = [PollFd::new(socket, PollFlags::IN), PollFd::new(&self.0, PollFlags::IN)];
            // Interrupted or not: who waits looks again.
            if poll(&mut asked, timeout.as_ref()).is_err() {
                return false;
            }
            if !asked[1].revents().is_empty() {
                let _ = rustix::io::read(&self.0, &mut [0; 8]);
            }
            !asked[0].revents().is_empty()
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod elsewhere {
    use std::net::UdpSocket;
    use std::time::Duration;

    /// Elsewhere threads that receive wait for the threads that read.
    #[derive(Debug)]
    pub(crate) struct Bell;

    impl Bell {
        pub(crate) const fn new() -> Option<Self> {
            None
        }

        pub(crate) const fn ring(&self) {}

        pub(crate) const fn wait(&self, _socket: &UdpSocket, _timeout: Option<Duration>) -> bool {
            false
        }
    }
}
