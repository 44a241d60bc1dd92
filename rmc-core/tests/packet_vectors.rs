//! The golden vectors of `docs/vectors.json`, which were written from the wire format's text, not by this encoder.

mod packet_owned;

use std::cell::RefCell;
use std::collections::BTreeSet;

use packet_owned::{OwnedBody, OwnedPacket, encode};
use rmc_core::SeqRange;
use rmc_core::packet::{
    Body, DecodeError, Flags, IntervalsBuilder, Kind, Packet, RangesBuilder, records, write_data_header,
};
use serde_json::{Map, Value};

// RMC-ENC-1, RMC-ENC-5, RMC-KIND-2, RMC-EXT-1
#[test]
fn valid_vectors_decode_to_their_fields_and_encode_to_their_bytes() {
    let mut kinds = BTreeSet::new();
    for vector in vectors("valid") {
        let name = vector.string("name");
        let bytes = vector.datagram("hex", "zeros");
        let fields = Fields::new(vector.object("fields"), &name);
        let (expected, kind) = owned_packet(&fields);

        let decoded = Packet::decode(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(decoded, expected.packet(), "{name}");
        assert_eq!(decoded.kind().name(), kind, "{name}");
        assert_eq!(encode(&decoded), bytes, "{name}");
        assert_eq!(expected.to_bytes(), bytes, "{name}");
        check_views(&fields, &decoded);
        check_data_header(&decoded, &bytes);
        kinds.insert(decoded.kind());
        fields.finish();
        vector.finish();
    }
    assert!(kinds.iter().eq(&Kind::ALL), "every kind has a valid vector: {kinds:?}");
}

// RMC-ENC-2, RMC-ENC-3, RMC-ENC-4, RMC-KIND-1, RMC-KIND-2, RMC-KIND-3, RMC-FLAG-1, RMC-FLAG-2, RMC-EXT-3, RMC-PACK-1
#[test]
fn invalid_vectors_are_refused_for_their_reason() {
    let mut reasons = BTreeSet::new();
    for vector in vectors("invalid") {
        let name = vector.string("name");
        let bytes = vector.datagram("hex", "zeros");
        let error = vector.string("error");
        match Packet::decode(&bytes) {
            Ok(packet) => panic!("{name}: decodes as {packet}"),
            Err(found) => assert_eq!(found.name(), error, "{name}"),
        }
        reasons.insert(error);
        vector.finish();
    }
    for reason in DecodeError::ALL {
        assert!(reasons.contains(reason.name()), "no vector for {}", reason.name());
    }
}

/// Whatever is cut off a valid vector's end, except of a payload, no longer decodes.
// RMC-ENC-4
#[test]
fn valid_vectors_cut_short_are_refused() {
    for vector in vectors("valid") {
        let name = vector.string("name");
        let bytes = vector.datagram("hex", "zeros");
        let packet = Packet::decode(&bytes).expect("valid");
        // A payload ends where the datagram ends: cut, it can be another legal one.
        let must_be_whole = match packet.body {
            Body::Data { payload } => bytes.len() - payload.len(),
            _ => bytes.len(),
        };
        for len in 0..must_be_whole {
            let cut = bytes.get(..len).expect("shorter");
            assert!(Packet::decode(cut).is_err(), "{name} cut to {len}");
        }
    }
}

#[test]
fn reasons_have_distinct_names_and_indices() {
    let names: BTreeSet<_> = DecodeError::ALL.iter().map(|error| error.name()).collect();
    assert_eq!(names.len(), DecodeError::COUNT);
    for (index, reason) in DecodeError::ALL.iter().enumerate() {
        assert_eq!(reason.index(), index, "{}", reason.name());
    }
}

/// What the iterators say must agree with the vector as well, beside the comparison of encoded forms.
fn check_views(fields: &Fields, packet: &Packet<'_>) {
    let extension: Option<Vec<_>> =
        packet.extension.map(|extension| extension.records().map(|(kind, bytes)| (kind, bytes.to_vec())).collect());
    assert_eq!(fields.extension(), extension, "{}", fields.name);
    match packet.body {
        Body::Data { payload } if packet.flags.contains(Flags::PACKED) => {
            let expected: Vec<_> = fields.array("records").iter().map(hex_value).collect();
            assert!(records(payload).eq(expected.iter()), "{}", fields.name);
        }
        Body::HeartbeatTimes { intervals } => {
            let expected: Vec<_> = fields.intervals();
            assert_eq!(intervals.len(), expected.len(), "{}", fields.name);
            assert!(intervals.iter().eq(expected), "{}", fields.name);
        }
        Body::Nack { ranges, .. } | Body::Confirm { ranges, .. } => {
            let expected = fields.ranges();
            assert_eq!(ranges.len(), expected.len(), "{}", fields.name);
            assert!(ranges.iter(packet.seq).eq(expected), "{}", fields.name);
        }
        _ => {}
    }
}

/// The hot path's header writer agrees with the encoder.
fn check_data_header(packet: &Packet<'_>, bytes: &[u8]) {
    if packet.kind() != Kind::Data || packet.extension.is_some() {
        return;
    }
    let mut header = [0xa5; 16];
    write_data_header(&mut header, packet.flags, packet.heartbeat, packet.epoch, packet.seq);
    assert!(bytes.starts_with(&header));
}

fn owned_packet(fields: &Fields) -> (OwnedPacket, String) {
    let kind = fields.string("kind");
    let flags = fields.flags();
    let heartbeat = fields.small("heartbeat");
    let epoch = fields.u32("epoch");
    let seq = fields.u64("seq");
    let extension = fields.extension_block();
    let body = match kind.as_str() {
        "data" => OwnedBody::Data { payload: fields.datagram("payload", "payload_zeros") },
        "heartbeat" => OwnedBody::Plain(Body::Heartbeat {
            oldest: fields.u64("oldest"),
            interval: fields.u32("interval"),
            backoff: fields.u32("backoff"),
            group: fields.u32("group"),
            rtt: fields.u32("rtt"),
        }),
        "heartbeat_times" => OwnedBody::HeartbeatTimes { intervals: fields.intervals_builder() },
        "nack" => OwnedBody::Nack {
            target_epoch: fields.u32("target_epoch"),
            stamp: fields.u32("stamp"),
            cookie: fields.u32("cookie"),
            rtt: fields.u32("rtt"),
            ranges: fields.ranges_builder(seq),
        },
        "lost" => OwnedBody::Plain(Body::Lost { first: fields.u64("first"), stamp: fields.u32("stamp") }),
        "reset" => OwnedBody::Plain(Body::Reset { stamp: fields.u32("stamp") }),
        "ack" => OwnedBody::Plain(Body::Ack {
            target_epoch: fields.u32("target_epoch"),
            window: fields.u32("window"),
            rtt: fields.u32("rtt"),
        }),
        "confirm" => OwnedBody::Confirm {
            reason: fields.small("reason"),
            delay: fields.u32("delay"),
            stamp: fields.u32("stamp"),
            cookie: fields.u32("cookie"),
            ranges: fields.ranges_builder(seq),
        },
        other => panic!("unknown kind {other}"),
    };
    let packet = OwnedPacket { flags, heartbeat, epoch, seq, extension, body };
    (packet, kind)
}

fn vectors(section: &str) -> impl Iterator<Item = Fields> {
    let text = include_str!("../../docs/vectors.json");
    let file: Value = serde_json::from_str(text).expect("JSON");
    let vectors = file[section].as_array().expect("an array").clone();
    assert!(!vectors.is_empty());
    vectors.into_iter().map(|vector| {
        let name = vector["name"].as_str().expect("a name");
        Fields::new(vector.as_object().expect("an object").clone(), name)
    })
}

/// A JSON object that remembers which members were read, so that none can be overlooked.
struct Fields {
    members: Map<String, Value>,
    read: RefCell<BTreeSet<String>>,
    /// The vector's name, for messages.
    name: String,
}

impl Fields {
    fn new(members: Map<String, Value>, name: &str) -> Self {
        Self { members, read: RefCell::default(), name: name.to_owned() }
    }

    /// Every member has been read.
    fn finish(&self) {
        for key in self.members.keys() {
            assert!(self.read.borrow().contains(key), "{}: nobody reads {key}", self.name);
        }
    }

    fn get(&self, key: &str) -> &Value {
        self.read.borrow_mut().insert(key.to_owned());
        match self.members.get(key) {
            Some(value) => value,
            None => panic!("{}: no {key}", self.name),
        }
    }

    fn string(&self, key: &str) -> String {
        self.get(key).as_str().expect("a string").to_owned()
    }

    fn object(&self, key: &str) -> Map<String, Value> {
        self.get(key).as_object().expect("an object").clone()
    }

    fn array(&self, key: &str) -> &[Value] {
        self.get(key).as_array().expect("an array")
    }

    fn u64(&self, key: &str) -> u64 {
        decimal(self.get(key))
    }

    fn u32(&self, key: &str) -> u32 {
        number(self.get(key))
    }

    fn small(&self, key: &str) -> u8 {
        u8::try_from(self.u32(key)).expect("a byte")
    }

    fn datagram(&self, hex_key: &str, zeros_key: &str) -> Vec<u8> {
        let mut bytes = hex_value(self.get(hex_key));
        if self.members.contains_key(zeros_key) {
            let zeros = self.u32(zeros_key);
            bytes.resize(bytes.len() + usize::try_from(zeros).expect("small"), 0);
        }
        bytes
    }

    fn flags(&self) -> Flags {
        let mut flags = Flags::NONE;
        for name in self.array("flags") {
            flags |= match name.as_str().expect("a string") {
                "RESENT" => Flags::RESENT,
                "PRIVATE" => Flags::PRIVATE,
                "FIRST" => Flags::FIRST,
                "LAST" => Flags::LAST,
                "PACKED" => Flags::PACKED,
                "END" => Flags::END,
                other => panic!("unknown flag {other}"),
            };
        }
        flags
    }

    /// The records of the extension block.
    fn extension(&self) -> Option<Vec<(u8, Vec<u8>)>> {
        let records = self.get("extension").as_array()?;
        let record = |record: &Value| {
            let kind = u8::try_from(number(&record["type"])).expect("a byte");
            (kind, hex_value(&record["hex"]))
        };
        Some(records.iter().map(record).collect())
    }

    /// The bytes of the extension block.
    fn extension_block(&self) -> Option<Vec<u8>> {
        let mut block = Vec::new();
        for (kind, bytes) in self.extension()? {
            block.push(kind);
            block.push(u8::try_from(bytes.len()).expect("at most 255 bytes"));
            block.extend(bytes);
        }
        Some(block)
    }

    fn intervals(&self) -> Vec<u32> {
        self.array("intervals").iter().map(number).collect()
    }

    fn intervals_builder(&self) -> Box<IntervalsBuilder> {
        let mut builder = Box::new(IntervalsBuilder::new());
        for micros in self.intervals() {
            assert!(builder.push(micros), "{}", self.name);
        }
        builder
    }

    fn ranges(&self) -> Vec<SeqRange> {
        self.array("ranges")
            .iter()
            .map(|pair| SeqRange::new(decimal(&pair[0]), decimal(&pair[1])).expect("first <= last"))
            .collect()
    }

    fn ranges_builder(&self, base_seq: u64) -> Box<RangesBuilder> {
        let mut builder = Box::new(RangesBuilder::new(base_seq));
        for range in self.ranges() {
            assert!(builder.push(range), "{}: {range}", self.name);
        }
        builder
    }
}

fn decimal(value: &Value) -> u64 {
    let text = value.as_str().expect("a decimal string");
    text.parse().expect("a number")
}

fn number(value: &Value) -> u32 {
    let number = value.as_u64().expect("a number");
    u32::try_from(number).expect("32 bits")
}

fn hex_value(value: &Value) -> Vec<u8> {
    let text = value.as_str().expect("a string").as_bytes();
    let (pairs, rest) = text.as_chunks::<2>();
    assert!(rest.is_empty(), "an even number of digits");
    pairs
        .iter()
        .map(|pair| {
            let digits = std::str::from_utf8(pair).expect("ASCII");
            u8::from_str_radix(digits, 16).expect("hex digits")
        })
        .collect()
}
