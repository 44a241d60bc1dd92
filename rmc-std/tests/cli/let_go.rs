//! What senders say of a receiver that was let go.

use std::io::Write as _;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use rmc_std::Endpoint;

use crate::program::{Done, LONG, Program, group, run};

/// What the stuck receiver has room for.
const ROOM: usize = 64;
/// Each needs a packet of its own, and so they are more than that.
const LINES: usize = 200;
const LINE: usize = 1_000;

/// A receiver in this process, whose application takes nothing.
struct Stuck(Endpoint);

impl Stuck {
    fn new(group: &str) -> Self {
        let group: SocketAddr = group.parse().expect("it is an address");
        let builder = Endpoint::builder(group).interface([127, 0, 0, 1].into()).announce(true).config(|config| {
            (config.max_message, config.backlog_packets, config.receive_window_packets) = (LINE, ROOM, ROOM);
        });
        Self(builder.build().expect("it can be built"))
    }

    fn address(&self) -> String {
        self.0.local_addr().to_string()
    }

    /// Waits until its sender has heard it: what goes to its address behind the first Ack is acknowledged.
    fn wait_until_it_counts(&self) {
        self.wait("its first Ack", || self.0.stats().tx.acks > 0);
        let sender = self.0.peers()[0].address;
        self.0.send_to(sender, b"here").expect("there is room");
        self.wait("the sender's Ack", || self.0.stats().rx.acks > 0);
    }

    fn wait(&self, what: &str, holds: impl Fn() -> bool) {
        let deadline = Instant::now() + LONG;
        while !holds() {
            assert!(Instant::now() < deadline, "{what} does not come: {:?}", self.0.stats());
            thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Sends lines to a receiver that takes none, from its first Ack on more than it has room for, which begin when it is
/// `ready`.
fn send_to_a_stuck_one(test: u8, options: &str, ready: impl FnOnce(&Stuck, &Program)) -> (Done, String) {
    let group = group(test);
    let stuck = Stuck::new(&group);
    let (input, mut typed) = std::io::pipe().expect("a pipe can be made");
    let arguments = format!("send - --lines --wait 1 --linger 0s --group {group} {options}");
    let sender = Program::start_with(&arguments, input.into());
    typed.write_all(b"first\n").expect("the program reads");
    stuck.wait_until_it_counts();
    ready(&stuck, &sender);
    let line = [vec![b'x'; LINE - 1], vec![b'\n']].concat();
    typed.write_all(&line.repeat(LINES)).expect("the program reads");
    drop(typed);
    (sender.done(), stuck.address())
}

/// That it is told on standard error: who it was, what it means and what to do.
fn assert_names(done: &Done, receiver: &str) {
    let hints = [receiver, "let go", "as long as that is kept", "send it again what is lost"];
    assert!(hints.iter().all(|hint| done.stderr.contains(hint)), "{hints:?} are not all in {:?}", done.stderr);
}

#[test]
fn send_names_it_and_ends_with_a_status_of_its_own() {
    let (done, stuck) = send_to_a_stuck_one(71, "--quiet --json", |_, _| {});
    assert_names(&done, &stuck);
    let summary = done.summary();
    assert_eq!((done.status, &summary["ok"], &summary["let_go"]), (Some(3), &false.into(), &1.into()), "{summary}");
    assert_eq!((&summary["messages"], &summary["interrupted"]), (&(LINES + 1).into(), &false.into()), "{summary}");
}

#[test]
fn send_tells_people_too() {
    let (done, stuck) = send_to_a_stuck_one(72, "", |_, _| {});
    assert_names(&done, &stuck);
    assert_eq!(done.status, Some(3));
    assert!(done.stdout.len() == 1 && done.stdout[0].ends_with(" told lost, 1 let go"), "{:?}", done.stdout);
}

/// It pleased to leave, and knows what it has: told, but no fault of this send.
#[test]
fn one_that_has_told_its_end_is_none_that_was_let_go() {
    let (done, stuck) = send_to_a_stuck_one(73, "--json", |stuck, sender| {
        stuck.0.start_finish(Duration::ZERO);
        sender.wait_for("\"event\":\"peer_finished\"");
    });
    assert!(done.stderr.contains(&format!("rmc: {stuck} has ended: it had acknowledged everything up to packet")));
    let summary = done.summary();
    assert_eq!((done.status, &summary["ok"], &summary["let_go"]), (Some(0), &true.into(), &0.into()), "{summary}");
    assert_eq!(summary["stats"]["tx"]["let_go"], 1);
}

/// The stuck one has room for 64 messages and takes none, so that the rest waits for it. All of them need 7 s: longer than
/// its first Ack by far, and hardly longer than until it is let go.
#[test]
fn bench_says_that_not_all_was_acknowledged() {
    let group = group(74);
    let stuck = Stuck::new(&group);
    let done = run(&format!("bench --role send --messages 700 --rate 100 --size {LINE} --json --group {group}"));
    let summary = done.summary();
    assert_eq!((done.status, &summary["ok"]), (Some(1), &false.into()), "{summary}");
    let sender = &summary["sender"];
    assert_eq!((&sender["messages"], &sender["acknowledged"]), (&700.into(), &false.into()), "{summary}");
    assert_eq!(sender["let_go"], 1, "{summary}");
    assert_names(&done, &stuck.address());
}
