//! An interface that is deleted and made again, or sends nothing. Needs root, `ip` and `tc`: each test has a network
//! namespace of its own, which goes with its thread.

use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::mpsc;

use nix::sched::{CloneFlags, unshare};
use rmc_std::{Endpoint, Received, SendError};

use super::fixture::{LONG, new_group};

const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 1);

/// Runs `ip` in the namespace of this thread.
fn ip(arguments: &str) -> Result<(), String> {
    let output = Command::new("ip").args(arguments.split_whitespace()).output().map_err(|error| error.to_string())?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

fn make_interface() -> Result<(), String> {
    ip("link add rmct0 type veth peer name rmct1")?;
    ip(&format!("addr add {ADDRESS}/24 dev rmct0"))?;
    ip("link set rmct0 up")?;
    ip("link set rmct1 up")
}

/// The next message that is this one: what was sent in vain before may be told in between.
fn expect(node: &Endpoint, payload: &[u8]) {
    loop {
        match node.recv_timeout(LONG).unwrap() {
            Received::Message(message) if message.payload == payload => return,
            _ => {}
        }
    }
}

/// In a namespace with an interface, on a thread of its own.
fn in_namespace(run: impl FnOnce() + Send + 'static) {
    let thread = std::thread::spawn(|| {
        let made = unshare(CloneFlags::CLONE_NEWNET).map_err(|error| error.to_string());
        match made.and_then(|()| ip("link set lo up")).and_then(|()| make_interface()) {
            Ok(()) => run(),
            Err(missing) => eprintln!("SKIPPED: no network namespace with an interface: {missing}"),
        }
    });
    thread.join().unwrap();
}

/// An interface that sends nothing: the thread that waits for room in the socket's buffer learns of the end.
#[test]
fn close_ends_the_wait_for_an_interface_that_does_not_send() {
    in_namespace(|| {
        let shaped = Command::new("tc")
            .args("qdisc add dev rmct0 root tbf rate 8bit burst 2kb limit 100mb".split_whitespace())
            .status();
        if !shaped.is_ok_and(|status| status.success()) {
            eprintln!("SKIPPED: no queue that holds what it is given");
            return;
        }
        let a = Endpoint::builder(new_group()).interface(ADDRESS).seed(1).send_buffer(10_000).build().unwrap();
        // The rest is left to the timer thread, which waits.
        while a.try_send(&[7; 1_000]) != Err(SendError::Full) {}
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            a.close();
            tell.send(())
        });
        told.recv_timeout(LONG).expect("it waits for the interface");
    });
}

/// Another one with the same address: what was set by the one before holds no more.
#[test]
fn activate_finds_an_interface_that_was_made_again() {
    in_namespace(|| {
        let group = new_group();
        let node = || Endpoint::builder(group).interface(ADDRESS).seed(1).build().unwrap();
        let (a, b) = (node(), node());
        a.send(b"first").unwrap();
        expect(&b, b"first");
        ip("link del rmct0").unwrap();
        make_interface().unwrap();
        for node in [&a, &b] {
            node.deactivate().unwrap();
            node.activate().unwrap();
        }
        a.send(b"deactivated and activated").unwrap();
        expect(&b, b"deactivated and activated");
        ip("link del rmct0").unwrap();
        // While there is none.
        b.deactivate().unwrap();
        assert!(b.activate().is_err());
        make_interface().unwrap();
        a.activate().unwrap();
        b.activate().unwrap();
        a.send(b"activated").unwrap();
        expect(&b, b"activated");
    });
}
