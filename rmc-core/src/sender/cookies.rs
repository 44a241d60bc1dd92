//! What proves that an asker receives at its address (RMC-PROOF-1): made again for each NACK, so that nothing has to be
//! kept for addresses that may be forged.

use core::hash::Hasher as _;
use core::net::{IpAddr, SocketAddr};

use siphasher::sip::SipHasher24;

/// Makes the cookies of one node.
#[derive(Clone, Copy)]
pub(crate) struct Cookies {
    key: u64,
}

/// The other half of the key: it keeps these hashes apart from all others that the seed is used for.
const PURPOSE: u64 = u64::from_be_bytes(*b"rmc ask?");

impl Cookies {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { key: seed }
    }

    /// The cookie for the asker at `address` in its incarnation `epoch`; never 0.
    pub(crate) fn cookie(self, address: SocketAddr, epoch: u32) -> u32 {
        let mut hasher = SipHasher24::new_with_keys(self.key, PURPOSE);
        match address.ip() {
            IpAddr::V4(ip) => hasher.write(&ip.octets()),
            IpAddr::V6(ip) => hasher.write(&ip.octets()),
        }
        hasher.write(&address.port().to_be_bytes());
        hasher.write(&epoch.to_be_bytes());
        let [_, _, _, _, cookie @ ..] = hasher.finish().to_be_bytes();
        u32::from_be_bytes(cookie).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(host: u8, port: u16) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, host], port))
    }

    // RMC-PROOF-1
    #[test]
    fn it_is_of_this_address_this_epoch_and_this_node_only() {
        let cookies = Cookies::new(7);
        let own = cookies.cookie(address(1, 5_000), 3);
        assert_eq!(cookies.cookie(address(1, 5_000), 3), own);
        let others = [
            cookies.cookie(address(2, 5_000), 3),
            cookies.cookie(address(1, 5_001), 3),
            cookies.cookie(address(1, 5_000), 4),
            Cookies::new(8).cookie(address(1, 5_000), 3),
            cookies.cookie(SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 5_000)), 3),
        ];
        assert!(others.iter().all(|&other| other != own && other != 0), "{own:#x} {others:x?}");
    }

    /// The same on every platform: SipHash-2-4 of these ten bytes.
    #[test]
    fn it_does_not_depend_on_the_platform() {
        assert_eq!(Cookies::new(7).cookie(address(1, 5_000), 3), 0x6bf1_5422);
    }
}
