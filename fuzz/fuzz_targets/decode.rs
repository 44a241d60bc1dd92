//! Any datagram is a packet or refused, and what decodes encodes back to the same bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rmc_core::packet::Packet;

fuzz_target!(|datagram: &[u8]| {
    let Ok(packet) = Packet::decode(datagram) else {
        return;
    };
    let mut bytes = vec![0xa5; packet.encoded_len()];
    assert_eq!(packet.encode(&mut bytes), Ok(datagram.len()), "{packet}");
    assert_eq!(bytes, datagram, "{packet}");
    // `format!` alone could be optimized away.
    assert!(packet.to_string().starts_with("RMC "));
});
