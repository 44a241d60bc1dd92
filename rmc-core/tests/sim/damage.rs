//! Flipped bits and cut datagrams.

use std::collections::BTreeMap;
use std::time::Duration;

use rmc_core::packet::{DecodeError, Packet};
use rmc_core::sim::{Chance, Datagram, Discard, Link, NodeId, Observer, Sim};
use rmc_core::{JoinPolicy, Protocol};

use super::world::{MS, SECOND, silent};

/// The datagrams that one node sent, and those that came.
#[derive(Default)]
struct Bytes {
    sent: Vec<Vec<u8>>,
    arrived: Vec<Vec<u8>>,
    /// How many that are no packets came to each node, by what is wrong with them.
    malformed: BTreeMap<NodeId, [u64; DecodeError::COUNT]>,
}

impl Observer for Bytes {
    fn sent(&mut self, datagram: &Datagram<'_>) {
        self.sent.push(datagram.bytes.to_vec());
    }

    fn arrived(&mut self, datagram: &Datagram<'_>, node: NodeId, protocol: &Protocol) {
        self.arrived.push(datagram.bytes.to_vec());
        let malformed = self.malformed.entry(node).or_insert([0; DecodeError::COUNT]);
        if let Err(error) = Packet::decode(datagram.bytes) {
            malformed[error.index()] += 1;
        }
        // RMC-SEC-3
        assert_eq!(protocol.stats().dropped.malformed, *malformed, "{node} counts otherwise");
    }
}

/// One sender and one silent receiver, over a link that damages everything in this way.
fn damaged(seed: u64, bit_flips: Chance, truncation: Chance) -> Sim {
    let mut sim = Sim::new(seed);
    sim.set_observer(Bytes::default());
    sim.set_links(&Link::IDEAL.with_damage(bit_flips, truncation), &Link::IDEAL);
    let sender = sim.add(|_| {}).expect("a valid configuration");
    silent(&mut sim);
    for index in 0..500_u32 {
        sim.send(sender, &index.to_be_bytes().repeat(5)).expect("there is room");
        sim.run_for(MS);
    }
    sim
}

#[test]
fn one_to_three_bits_are_flipped_and_the_length_stays() {
    let sim = damaged(1, Chance::ALWAYS, Chance::NEVER);
    let bytes: &Bytes = sim.observer().expect("it was set");
    assert_eq!(bytes.sent.len(), bytes.arrived.len());
    let mut counts = [0; 4];
    for (sent, arrived) in bytes.sent.iter().zip(&bytes.arrived) {
        assert_eq!(sent.len(), arrived.len());
        let flipped: u32 = sent.iter().zip(arrived).map(|(one, other)| (one ^ other).count_ones()).sum();
        counts[flipped as usize] += 1;
    }
    assert_eq!(counts[0], 0);
    assert!(counts[1..].iter().all(|count| *count > 100), "{counts:?}");
}

#[test]
fn a_cut_datagram_is_the_beginning_of_what_was_sent() {
    let sim = damaged(2, Chance::NEVER, Chance::ALWAYS);
    let bytes: &Bytes = sim.observer().expect("it was set");
    assert_eq!(bytes.sent.len(), bytes.arrived.len());
    let is_cut = |(sent, arrived): (&Vec<u8>, &Vec<u8>)| arrived.len() < sent.len() && sent.starts_with(arrived);
    assert!(bytes.sent.iter().zip(&bytes.arrived).all(is_cut));
    let lengths: std::collections::BTreeSet<_> = bytes.arrived.iter().map(Vec::len).collect();
    assert!(lengths.into_iter().eq(0..36), "every length occurs");
}

#[test]
fn damage_comes_as_often_as_asked_for() {
    let sim = damaged(3, Chance::percent(20), Chance::percent(10));
    let bytes: &Bytes = sim.observer().expect("it was set");
    let cut = bytes.sent.iter().zip(&bytes.arrived).filter(|(sent, arrived)| sent.len() != arrived.len()).count();
    let whole = bytes.sent.iter().zip(&bytes.arrived).filter(|(sent, arrived)| sent == arrived).count();
    assert!((35..65).contains(&cut), "{cut} cut");
    // 72 % have neither.
    assert!((330..390).contains(&whole), "{whole} whole");
}

/// Damage at all links of a busy group: what is no packet is counted by its receiver, as `Bytes` checks, and nobody
/// panics. (What is a packet all the same is taken for one: a real UDP checksum stands before that.)
#[test]
fn a_group_survives_any_damage() {
    for seed in 1..=10 {
        let mut sim = Sim::new(seed);
        sim.set_observer(Bytes::default());
        let bad = Link::IDEAL.with_delay(MS).with_damage(Chance::percent(10), Chance::percent(10));
        sim.set_links(&bad, &bad);
        let policies = [JoinPolicy::Now, JoinPolicy::Oldest, JoinPolicy::FromStart];
        let nodes = policies.map(|policy| sim.add(|config| config.join_policy = policy).expect("a valid one"));
        for node in nodes {
            sim.run_application(node, Discard);
        }
        for index in 0..100_usize {
            let (node, other) = (nodes[index % 3], nodes[(index + 1) % 3]);
            // A forged restart or end may be in the way.
            let _ = sim.send(node, &vec![7; index * 50]);
            let _ = sim.send_to(node, other, b"private");
            sim.run_for(Duration::from_millis(3));
        }
        sim.run_for(2 * SECOND);
        let bytes: &Bytes = sim.observer().expect("it was set");
        let malformed: u64 = bytes.malformed.values().flatten().sum();
        assert!(malformed > 50, "seed {seed}: {malformed} are no packets");
    }
}
