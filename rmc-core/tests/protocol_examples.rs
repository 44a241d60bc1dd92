//! The example exchanges of docs/protocol.md are packets, byte for byte, and mean what stands below them.

use rmc_core::packet::Packet;

const PROTOCOL: &str = include_str!("../../docs/protocol.md");

#[test]
fn the_examples_of_the_specification_decode_to_what_they_say() {
    let mut packets = 0;
    for block in PROTOCOL.split("```packets\n").skip(1) {
        let mut lines = block.lines().take_while(|line| *line != "```");
        while let Some(line) = lines.next() {
            let (_, digits) = line.split_once(' ').expect("from>to hex");
            let packet = hex(digits);
            let packet = Packet::decode(&packet).unwrap_or_else(|error| panic!("{line}: {error}"));
            assert_eq!(lines.next().map(str::trim), Some(packet.to_string().as_str()), "{line}");
            packets += 1;
        }
    }
    assert_eq!(packets, 16, "packets in the examples of docs/protocol.md");
}

fn hex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| {
            let pair = str::from_utf8(pair).expect("ASCII");
            u8::from_str_radix(pair, 16).unwrap_or_else(|error| panic!("{pair} in {digits}: {error}"))
        })
        .collect()
}
