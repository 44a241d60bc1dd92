//! The timeline of one lost packet, from the loss to its delivery, on a simulated network.
//!
//! ```sh
//! cargo run -p rmc-core --features sim --example lost_packet
//! ```
//!
//! Change the constants, and see what becomes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt;
use std::time::Duration;

use rmc_core::Instant;
use rmc_core::packet::{Body, Flags, Packet};
use rmc_core::sim::{Datagram, Discard, Link, Loss, NodeId, PacketRef, Place, Record, Sim, Verdict, What};

/// How many receivers there are. The sender is n0, they are n1, n2 and so on.
const RECEIVERS: u32 = 3;
/// The number of the packet that is lost, from 1.
const LOST: u64 = 5;
/// The receivers that do not get it. None: it is lost for all, as if on the sender's own line.
const LOSERS: &[usize] = &[2];
/// How many messages are sent, and how long after each other.
const MESSAGES: u64 = 20;
const GAP: Duration = Duration::from_micros(100);
/// The way from node to node: how long it takes, and by how much longer at most.
const DELAY: Duration = Duration::from_micros(500);
const JITTER: Duration = Duration::ZERO;
/// What is lost besides, in per cent: of everything, on the way into each node.
const LOSS: u32 = 0;
/// Another seed is another network: another jitter, and other losses.
const SEED: u64 = 1;

fn main() -> Result<(), Box<dyn Error>> {
    print!("{}", Timeline::of(&play()?));
    Ok(())
}

/// Plays it all, and keeps what happened.
fn play() -> Result<Sim, Box<dyn Error>> {
    let mut sim = Sim::new(SEED);
    sim.record(1_000_000);
    sim.set_links(&Link::IDEAL, &Link::IDEAL.with_delay(DELAY).with_jitter(JITTER).with_loss(Loss::percent(LOSS)));
    let sender = sim.add(|_| {})?;
    for _ in 0..RECEIVERS {
        let receiver = sim.add(|_| {})?;
        sim.run_application(receiver, Discard);
    }
    sim.set_tap(|datagram: &Datagram<'_>, place: Place| {
        let is_the_one = datagram.packet().is_ok_and(|packet| is_first_transmission(&packet));
        let is_lost_here = match place {
            Place::Leaves => LOSERS.is_empty(),
            Place::Enters(node) => LOSERS.contains(&node.index()),
        };
        if is_the_one && is_lost_here { Verdict::Drop } else { Verdict::Pass }
    });
    for number in 1..=MESSAGES {
        sim.send(sender, format!("message {number}").as_bytes())?;
        sim.run_for(GAP);
    }
    sim.run_until_quiet(Duration::from_secs(60))?;
    Ok(sim)
}

fn is_first_transmission(packet: &Packet<'_>) -> bool {
    matches!(packet.body, Body::Data { .. }) && packet.seq == LOST && !packet.flags.contains(Flags::RESENT)
}

fn is_repair(packet: &Packet<'_>) -> bool {
    matches!(packet.body, Body::Data { .. }) && packet.seq == LOST && packet.flags.contains(Flags::RESENT)
}

/// Whether a packet asks for the one that was lost.
fn asks_for_it(packet: &Packet<'_>) -> bool {
    match packet.body {
        Body::Nack { ranges, .. } => ranges.iter(packet.seq).any(|range| range.contains(LOST)),
        _ => false,
    }
}

/// Whether a packet shows that the one that was lost exists.
fn shows_the_gap(packet: &Packet<'_>) -> bool {
    match packet.body {
        Body::Data { .. } => packet.seq > LOST,
        Body::Heartbeat { .. } => packet.seq >= LOST,
        _ => false,
    }
}

/// What happened to one packet.
struct Timeline<'a> {
    sim: &'a Sim,
    lines: Vec<(Instant, String)>,
    /// When it was lost.
    origin: Option<Instant>,
    /// Who lost it, and does not have it yet.
    without: BTreeSet<NodeId>,
    /// When each of them saw that it was missing.
    seen: BTreeMap<NodeId, Instant>,
    /// How long it took each of them from then on.
    took: Vec<(NodeId, Duration)>,
}

impl<'a> Timeline<'a> {
    fn of(sim: &'a Sim) -> Self {
        let mut timeline =
            Self { sim, lines: vec![], origin: None, without: BTreeSet::new(), seen: BTreeMap::new(), took: vec![] };
        for &record in sim.trace().records() {
            timeline.look_at(record);
        }
        timeline
    }

    fn look_at(&mut self, Record { at, what }: Record) {
        match what {
            What::Sent { from: Some(node), packet } => self.sent(at, node, packet),
            What::Dropped { to, packet, fate } => {
                let Some(bytes) = self.packet(packet) else { return };
                let who = to.map_or_else(|| String::from("nobody"), |node| node.to_string());
                let not = if to.is_some() { "does not get" } else { "gets" };
                if is_first_transmission(&bytes) {
                    self.origin.get_or_insert(at);
                    self.without.extend(to);
                    if to.is_none() {
                        self.without.extend(self.sim.nodes().skip(1));
                    }
                    self.note(at, format!("{who} {not} it: {}", fate.name()), None);
                } else if is_repair(&bytes) {
                    self.note(at, format!("{who} {not} the repair: {}", fate.name()), None);
                } else if asks_for_it(&bytes) {
                    self.note(at, format!("{who} {not} the NACK: {}", fate.name()), None);
                }
            }
            What::Arrived { to, packet } => self.arrived(at, to, packet),
            What::Message { node, seq, .. } if seq >= LOST => self.delivered(at, node, seq),
            _ => {}
        }
    }

    fn sent(&mut self, at: Instant, node: NodeId, reference: PacketRef) {
        let Some(packet) = self.packet(reference) else { return };
        if is_first_transmission(&packet) {
            self.note(at, format!("{node} sends {LOST} to the group"), Some(reference));
        } else if is_repair(&packet) {
            let to = self.destination(reference).map_or_else(|| String::from("the group"), |to| to.to_string());
            self.note(at, format!("{node} sends {LOST} again, to {to}"), Some(reference));
        } else if asks_for_it(&packet) {
            self.note(at, format!("{node} asks for it"), Some(reference));
        }
    }

    fn arrived(&mut self, at: Instant, node: NodeId, reference: PacketRef) {
        let Some(packet) = self.packet(reference) else { return };
        if asks_for_it(&packet) {
            let from = self.source(reference).map_or_else(|| String::from("somebody"), |from| from.to_string());
            self.note(at, format!("{node} gets the NACK of {from}"), None);
        } else if self.without.contains(&node) && is_repair(&packet) {
            self.note(at, format!("{node} gets the repair"), None);
        } else if self.without.contains(&node) && !self.seen.contains_key(&node) && shows_the_gap(&packet) {
            self.seen.insert(node, at);
            self.note(at, format!("{node} sees the gap"), Some(reference));
        }
    }

    fn delivered(&mut self, at: Instant, node: NodeId, seq: u64) {
        if seq == LOST && self.without.remove(&node) {
            self.note(at, format!("{node} delivers {LOST}"), None);
            let since = self.seen.get(&node).copied().unwrap_or(at);
            self.took.push((node, at.saturating_since(since)));
        } else if let Some((last_at, line)) = self.lines.last_mut()
            && *last_at == at
            && line.starts_with(&format!("{node} delivers {LOST}"))
        {
            // What had waited behind it comes with it.
            *line = format!("{node} delivers {LOST} to {seq}");
        }
    }

    fn note(&mut self, at: Instant, text: String, shown: Option<PacketRef>) {
        let packet = shown.and_then(|packet| self.packet(packet));
        let line = match packet {
            Some(packet) => format!("{text:28} {packet}"),
            None => text,
        };
        self.lines.push((at, line));
    }

    fn packet(&self, packet: PacketRef) -> Option<Packet<'a>> {
        let sim: &'a Sim = self.sim;
        Packet::decode(sim.trace().packet(packet)?.bytes).ok()
    }

    fn source(&self, packet: PacketRef) -> Option<NodeId> {
        self.sim.node_at(self.sim.trace().packet(packet)?.source)
    }

    fn destination(&self, packet: PacketRef) -> Option<NodeId> {
        self.sim.node_at(self.sim.trace().packet(packet)?.destination)
    }
}

impl fmt::Display for Timeline<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(origin) = self.origin else {
            return writeln!(f, "Packet {LOST} was not lost: is it one of {MESSAGES}, and are there such receivers?");
        };
        writeln!(f, "Packet {LOST} is lost; {DELAY:?} each way, one packet each {GAP:?}. Times since the loss:")?;
        for (at, line) in &self.lines {
            writeln!(f, "{:>10} ms  {line}", since(origin, *at))?;
        }
        for (node, took) in &self.took {
            writeln!(f, "{node} had to wait {took:?} from the gap to the delivery.")?;
        }
        self.without.iter().try_for_each(|node| writeln!(f, "{node} never gets it."))
    }
}

/// Milliseconds, with three decimals; before the loss they are negative.
fn since(origin: Instant, at: Instant) -> String {
    let (sign, duration) =
        if at < origin { ('-', origin.saturating_since(at)) } else { ('+', at.saturating_since(origin)) };
    let micros = duration.as_micros();
    format!("{sign}{}.{:03}", micros / 1_000, micros % 1_000)
}

#[test]
fn the_timeline_is_complete() -> Result<(), Box<dyn Error>> {
    let text = Timeline::of(&play()?).to_string();
    let steps = [
        "+0.000 ms  n0 sends 5 to the group",
        "+0.000 ms  n2 does not get it",
        "+0.600 ms  n2 sees the gap",
        "n2 asks for it",
        "n0 gets the NACK of n2",
        "n0 sends 5 again, to the group",
        "n2 gets the repair",
        "n2 delivers 5 to ",
        "n2 had to wait ",
    ];
    let lines: Vec<_> = text.lines().skip(1).collect();
    assert_eq!(lines.len(), steps.len(), "{text}");
    for (line, step) in lines.into_iter().zip(steps) {
        assert!(line.contains(step), "{step:?} is missing in\n{text}");
    }
    Ok(())
}
