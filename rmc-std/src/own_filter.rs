//! Lets the system throw away what loops back of a node's own datagrams before anybody wakes up for it: at full speed
//! that is half of all that a sender's sockets get.
//!
//! Only what the node would drop as its own is thrown away: the same address, port and epoch (RMC-PEER-2). A packet of
//! another epoch from its address still comes in, as it shows that two nodes share one.

use std::net::{SocketAddr, UdpSocket};

/// Asks for it. Where it cannot be had the node itself drops its own packets, so a failure does not matter.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn drop_own(socket: &UdpSocket, own: SocketAddr, epoch: u32) {
    use socket2::SockFilter;
    let program = linux::program(own, epoch);
    let program: Vec<_> =
        program.iter().map(|&linux::Step(code, yes, no, value)| SockFilter::new(code, yes, no, value)).collect();
    let _ = socket2::SockRef::from(socket).attach_filter(&program);
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn drop_own(_socket: &UdpSocket, _own: SocketAddr, _epoch: u32) {}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use std::net::{IpAddr, SocketAddr};

    /// An instruction of the classic packet filter: code, how many to skip if it is so, and if not, value.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Step(pub(super) u16, pub(super) u8, pub(super) u8, pub(super) u32);

    const LOAD_HALF: u16 = 0x28;
    const LOAD_WORD: u16 = 0x20;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    /// Offsets from here on count from the IP header; others from that of UDP.
    const IP_HEADER: u32 = 0xFFF0_0000;
    const UDP_HEADER: u32 = 8;
    const EPOCH: u32 = UDP_HEADER + 4;

    /// Keeps everything but packets of this address and epoch.
    pub(super) fn program(own: SocketAddr, epoch: u32) -> Vec<Step> {
        let mut tests = vec![(LOAD_HALF, 0, u32::from(own.port()))];
        match own.ip() {
            IpAddr::V4(ip) => tests.push((LOAD_WORD, IP_HEADER + 12, ip.to_bits())),
            IpAddr::V6(ip) => {
                let octets = ip.octets();
                let (words, _) = octets.as_chunks::<4>();
                let places = (IP_HEADER + 8..).step_by(4);
                tests.extend(places.zip(words).map(|(at, &word)| (LOAD_WORD, at, u32::from_be_bytes(word))));
            }
        }
        tests.push((LOAD_WORD, EPOCH, epoch));
        let mut program = Vec::new();
        for (done, &(load, at, value)) in (1_u8..).zip(&tests) {
            let left = u8::try_from(tests.len()).unwrap_or(done) - done;
            program.push(Step(load, 0, 0, at));
            // Behind the other tests and the verdict 'own'.
            program.push(Step(JUMP_IF_EQUAL, 0, 2 * left + 1, value));
        }
        program.push(Step(RETURN, 0, 0, 0));
        program.push(Step(RETURN, 0, 0, u32::MAX));
        program
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn every_test_that_fails_leads_to_the_end_that_keeps() {
            for own in ["10.1.2.3:8000", "[fe80::1]:8000"] {
                let program = program(own.parse().expect("an address"), 0x6a00_0001);
                let last = program.len() - 1;
                assert_eq!((program[last], program[last - 1]), (Step(RETURN, 0, 0, u32::MAX), Step(RETURN, 0, 0, 0)));
                let jumps = program.iter().enumerate().filter(|(_, step)| step.0 == JUMP_IF_EQUAL);
                for (place, step) in jumps {
                    assert_eq!(place + 1 + usize::from(step.2), last, "{own}");
                }
            }
            let program = program("10.1.2.3:8000".parse().expect("an address"), 7);
            assert_eq!(program.len(), 8);
            assert_eq!(program[2..4], [Step(0x20, 0, 0, 0xFFF0_000C), Step(0x15, 0, 3, 0x0A01_0203)]);
        }
    }
}
