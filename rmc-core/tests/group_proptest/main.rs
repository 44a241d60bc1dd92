//! A few nodes on a bad network: under any loss, duplication and reordering each receiver delivers exactly the messages
//! that were sent, in order and intact, or reports exactly the numbers that nobody can repair any more. When the loss
//! has ended, everything that is kept for repair arrives. Receivers that do not wait for order, or not for ever, deliver
//! each message at most once and intact; the first kind everything that is kept, and the newest one.

mod history;
mod net;
mod settings;
mod tracker;

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use rmc_core::{Delivery, EndCause, JoinPolicy, Stream};

use net::Net;
use settings::{Role, Settings, Weather};

/// One thing that happens.
#[derive(Clone, Debug)]
enum Step {
    Send {
        node: usize,
        count: usize,
        len: usize,
    },
    Private {
        node: usize,
        to: usize,
        count: usize,
        len: usize,
    },
    /// Numbers are skipped before the next message (S18).
    Skip {
        node: usize,
        by: u64,
        len: usize,
    },
    Reset {
        node: usize,
    },
    /// The node is killed and starts again, with a newer epoch.
    Restart {
        node: usize,
    },
    /// The application takes nothing until the end.
    Pause {
        node: usize,
    },
    /// The node leaves the group, or joins it again (S30).
    Activate {
        node: usize,
        active: bool,
    },
    Wait {
        millis: u64,
    },
    Loss {
        per_mille: u32,
    },
}

/// A group, its network, and what happens.
#[derive(Clone, Debug)]
struct Plan {
    seed: u64,
    nodes: usize,
    roles: Vec<Role>,
    weather: Weather,
    backlog: usize,
    announce: bool,
    backoff: bool,
    steps: Vec<Step>,
}

fn step() -> impl Strategy<Value = Step> {
    let node = 0..5_usize;
    let len = prop_oneof![0..100_usize, 0..450_usize];
    prop_oneof![
        5 => (node.clone(), 1..30_usize, len.clone()).prop_map(|(node, count, len)| Step::Send { node, count, len }),
        2 => (node.clone(), node.clone(), 1..10_usize, len.clone())
            .prop_map(|(node, to, count, len)| Step::Private { node, to, count, len }),
        1 => (node.clone(), 1..20_u64, len).prop_map(|(node, by, len)| Step::Skip { node, by, len }),
        1 => node.clone().prop_map(|node| Step::Reset { node }),
        1 => node.clone().prop_map(|node| Step::Restart { node }),
        1 => node.clone().prop_map(|node| Step::Pause { node }),
        1 => (node, any::<bool>()).prop_map(|(node, active)| Step::Activate { node, active }),
        5 => (0..300_u64).prop_map(|millis| Step::Wait { millis }),
        1 => (0..700_u32).prop_map(|per_mille| Step::Loss { per_mille }),
    ]
}

fn plan() -> impl Strategy<Value = Plan> {
    let policy = prop_oneof![Just(JoinPolicy::FromStart), Just(JoinPolicy::Oldest)];
    let weather = (0..500_u32, 0..200_u32, 0..20_u64).prop_map(|(loss, duplication, jitter)| Weather {
        loss,
        duplication,
        delay: Duration::from_micros(200),
        jitter: Duration::from_millis(jitter),
    });
    let backlog = prop_oneof![Just(10_usize), Just(40), Just(1_000)];
    let delivery = prop_oneof![
        3 => Just(Delivery::Ordered),
        2 => Just(Delivery::Unordered),
        1 => Just(Delivery::Latest),
        1 => Just(Delivery::Deadline(Duration::from_millis(50))),
    ];
    let role = (policy, delivery).prop_map(|(policy, delivery)| Role { policy, delivery });
    let roles = proptest::collection::vec(role, 5);
    let steps = proptest::collection::vec(step(), 1..40);
    (any::<u64>(), 2..=5_usize, roles, weather, backlog, any::<(bool, bool)>(), steps).prop_map(
        |(seed, nodes, roles, weather, backlog, (announce, backoff), steps)| Plan {
            seed,
            nodes,
            roles,
            weather,
            backlog,
            announce,
            backoff,
            steps,
        },
    )
}

proptest! {
    // The same cases in every run; a failure prints its plan, seed included, shrunk.
    #![proptest_config(ProptestConfig {
        cases: 600,
        rng_seed: RngSeed::Fixed(0x1_2024),
        failure_persistence: None,
        max_shrink_iters: 2_000,
        ..ProptestConfig::default()
    })]

    // RMC-DATA-1, RMC-LOST-1, RMC-GAP-6, RMC-SEQ-2, RMC-EPOCH-3, RMC-END-4, RMC-MODE-1, RMC-MODE-2, RMC-MODE-3, RMC-MODE-4
    #[test]
    fn every_receiver_delivers_exactly_what_was_sent_or_reports_exactly_what_is_missing(plan in plan()) {
        run(&plan);
    }
}

fn run(plan: &Plan) {
    let Plan { backlog, announce, backoff, .. } = *plan;
    let mut net = Net::new(plan.seed, Settings { backlog, announce, backoff }, plan.weather, &plan.roles[..plan.nodes]);
    for step in &plan.steps {
        apply(&mut net, plan.nodes, step);
    }
    recovers(&mut net);
    ends(&mut net);
}

fn apply(net: &mut Net, nodes: usize, step: &Step) {
    match *step {
        Step::Send { node, count, len } => (0..count).for_each(|_| net.send(node % nodes, len)),
        Step::Private { node, to, count, len } if node % nodes != to % nodes => {
            (0..count).for_each(|_| net.send_to(node % nodes, to % nodes, len));
        }
        Step::Private { .. } => {}
        Step::Skip { node, by, len } => net.skip(node % nodes, by, len),
        Step::Reset { node } => net.reset(node % nodes),
        Step::Restart { node } => net.restart(node % nodes),
        Step::Pause { node } => net.pause(node % nodes),
        Step::Activate { node, active } => net.activate(node % nodes, active),
        Step::Wait { millis } => net.run_for(Duration::from_millis(millis)),
        Step::Loss { per_mille } => net.weather.loss = per_mille,
    }
}

/// The loss ends, everybody has joined, the applications read: everything that is kept for repair arrives, and every
/// stream is accounted for to its end.
fn recovers(net: &mut Net) {
    net.weather = Weather { loss: 0, duplication: 0, ..net.weather };
    net.resume();
    net.run_for(Duration::from_secs(20));
    for (receiver, sender) in net.pairs() {
        for stream in [Stream::Group, Stream::Private] {
            net.check_complete(receiver, sender, stream);
        }
    }
    net.check_held();
}

/// The nodes finish, one after the other: for those that are still there its stream ends in band.
fn ends(net: &mut Net) {
    for sender in 0..net.len() {
        net.finish(sender, Duration::from_secs(1));
        net.run_for(Duration::from_secs(3));
        for receiver in (sender + 1..net.len()).filter(|_| net.has_sent(sender)) {
            let ended = net.tracker(receiver, sender, Stream::Group).and_then(|tracker| tracker.ended());
            assert_eq!(ended, Some(EndCause::Finished), "node {receiver} of node {sender}");
        }
    }
}
