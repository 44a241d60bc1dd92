//! A node that lets several datagrams leave as one: the network gets each of them.

use rmc_core::Received;
use rmc_core::sim::{Link, Loss, NodeId, Sim};

use super::world::{MS, SECOND};

/// The messages that a receiver got, with their numbers.
type Messages = Vec<(u64, Vec<u8>)>;

/// What two receivers got of messages that were handed in 50 at a time, and how many datagrams with data left.
fn delivered(max_segments: usize, loss: &Loss) -> (Vec<Messages>, u64) {
    let mut sim = Sim::new(7);
    sim.set_links(&Link::IDEAL, &Link::IDEAL.with_delay(MS).with_loss(loss.clone()));
    let sender = sim
        .add(|config| {
            config.max_segments = max_segments;
            config.max_burst = 40;
            config.packing = false;
        })
        .expect("a valid configuration");
    let receivers = [0; 2].map(|_| sim.add(|_| {}).expect("a valid configuration"));
    for round in 0..20_u64 {
        let send_all = |protocol: &mut rmc_core::Protocol, now| {
            for number in 0..50_u8 {
                // Mostly of one length.
                let len = if number % 17 == 16 { 900 } else { 1_000 };
                let mut message = vec![number; len];
                message[..8].copy_from_slice(&(round * 50 + u64::from(number)).to_be_bytes());
                protocol.send(now, &message).expect("there is room");
            }
        };
        sim.with(sender, send_all).expect("it is up");
        sim.run_for(5 * MS);
    }
    sim.run_for(2 * SECOND);
    let mut got = |node: NodeId| {
        let mut messages = Vec::new();
        while let Some(item) = sim.recv(node) {
            let Received::Message { seq, payload, .. } = item else { panic!("{item:?}") };
            messages.push((seq, payload.to_vec()));
        }
        messages
    };
    let got = receivers.map(&mut got).into();
    (got, sim.protocol(sender).expect("it is up").stats().tx.data)
}

// RMC-SEND-7
#[test]
fn what_leaves_as_one_is_delivered_as_if_it_had_not() {
    for loss in [Loss::None, Loss::percent(5)] {
        let (alone, data) = delivered(1, &loss);
        assert!(data == 1_000 && alone.iter().all(|messages| messages.len() == 1_000), "{data} {loss:?}");
        for max_segments in [2, 16, 64] {
            assert_eq!(delivered(max_segments, &loss), (alone.clone(), data), "{max_segments} {loss:?}");
        }
    }
}
