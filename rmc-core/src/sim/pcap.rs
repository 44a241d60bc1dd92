//! A trace as a capture file, for tcpdump and Wireshark.

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use super::node::NodeId;
use super::trace::{PacketRef, Trace, TracedPacket, What};
use crate::time::Instant;

/// What a capture shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capture {
    /// Every datagram once, when it is sent, whether it arrives anywhere or not.
    Sent,
    /// What one node sends and gets, as its own network card would see it.
    At(NodeId),
}

/// The magic number of captures with times in nanoseconds.
const MAGIC: u32 = 0xa1b2_3c4d;
/// Each packet begins with its IP header.
const LINKTYPE_RAW: u32 = 101;
const UDP: u8 = 17;
const UDP_LEN: usize = 8;
const TTL: u8 = 1;

impl Trace {
    /// What was recorded, as a capture file (pcap, times in nanoseconds since the origin), with IP and UDP headers made
    /// up from the nodes' addresses.
    #[must_use]
    pub fn pcap(&self, capture: Capture) -> Vec<u8> {
        let mut file = Vec::new();
        for word in [MAGIC, 4 << 16 | 2, 0, 0, 0x4_0000, LINKTYPE_RAW] {
            file.extend_from_slice(&word.to_le_bytes());
        }
        for record in self.records() {
            if let Some(packet) = shown(record.what, capture).and_then(|packet| self.packet(packet)) {
                write_record(&mut file, record.at, &packet);
            }
        }
        file
    }
}

fn shown(what: What, capture: Capture) -> Option<PacketRef> {
    match (what, capture) {
        (What::Sent { packet, .. }, Capture::Sent) => Some(packet),
        (What::Sent { from, packet }, Capture::At(node)) if from == Some(node) => Some(packet),
        (What::Arrived { to, packet }, Capture::At(node)) if to == node => Some(packet),
        _ => None,
    }
}

fn write_record(file: &mut Vec<u8>, at: Instant, packet: &TracedPacket<'_>) {
    let datagram = datagram(packet);
    let nanos = at.as_nanos();
    let len = datagram.len() as u64;
    for word in [nanos / 1_000_000_000, nanos % 1_000_000_000, len, len] {
        file.extend_from_slice(&u32::try_from(word).unwrap_or(u32::MAX).to_le_bytes());
    }
    file.extend_from_slice(&datagram);
}

/// The IP packet that the datagram would be. Families that do not match are both written as IPv6.
fn datagram(packet: &TracedPacket<'_>) -> Vec<u8> {
    let udp_len = u16::try_from(UDP_LEN + packet.bytes.len()).unwrap_or(u16::MAX);
    let mut ip = match (packet.source.ip(), packet.destination.ip()) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let total = udp_len.saturating_add(20);
            let mut header = [0x45, 0, 0, 0, 0, 0, 0x40, 0, TTL, UDP, 0, 0].to_vec();
            header[2..4].copy_from_slice(&total.to_be_bytes());
            header.extend_from_slice(&source.octets());
            header.extend_from_slice(&destination.octets());
            let checksum = !sum(&header, 0);
            header[10..12].copy_from_slice(&checksum.to_be_bytes());
            header
        }
        (source, destination) => {
            let mut header = [0x60, 0, 0, 0, 0, 0, UDP, TTL].to_vec();
            header[4..6].copy_from_slice(&udp_len.to_be_bytes());
            header.extend_from_slice(&as_v6(source));
            header.extend_from_slice(&as_v6(destination));
            header
        }
    };
    let addresses = if ip[0] == 0x45 { 12 } else { 8 };
    let pseudo = sum(&ip[addresses..], u32::from(UDP) + u32::from(udp_len));
    let mut udp = udp_header(packet.source, packet.destination, udp_len).to_vec();
    udp.extend_from_slice(packet.bytes);
    // A checksum of 0 would mean that there is none.
    let checksum = match !sum(&udp, u32::from(pseudo)) {
        0 => u16::MAX,
        checksum => checksum,
    };
    udp[6..8].copy_from_slice(&checksum.to_be_bytes());
    ip.extend_from_slice(&udp);
    ip
}

fn udp_header(source: SocketAddr, destination: SocketAddr, len: u16) -> [u8; UDP_LEN] {
    let mut header = [0; UDP_LEN];
    header[..2].copy_from_slice(&source.port().to_be_bytes());
    header[2..4].copy_from_slice(&destination.port().to_be_bytes());
    header[4..6].copy_from_slice(&len.to_be_bytes());
    header
}

fn as_v6(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// The sum in ones' complement of 16-bit words (RFC 1071).
fn sum(bytes: &[u8], start: u32) -> u16 {
    let mut sum = bytes.chunks(2).fold(start, |sum, pair| {
        let word = u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]);
        sum + u32::from(word)
    });
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    u16::try_from(sum).unwrap_or(u16::MAX)
}
