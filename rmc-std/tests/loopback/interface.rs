//! An interface that is deleted and made again. Needs root and `ip`: the test has a network namespace of its own, which goes
//! with its thread.

use std::net::Ipv4Addr;
use std::process::Command;

use nix::sched::{CloneFlags, unshare};
use rmc_std::{Endpoint, Received};

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

/// Another one with the same address: what was set by the one before holds no more.
#[test]
fn activate_finds_an_interface_that_was_made_again() {
    let run = || {
        let made = unshare(CloneFlags::CLONE_NEWNET).map_err(|error| error.to_string());
        if let Err(missing) = made.and_then(|()| ip("link set lo up")).and_then(|()| make_interface()) {
            eprintln!("SKIPPED: no network namespace with an interface: {missing}");
            return;
        }
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
    };
    std::thread::spawn(run).join().unwrap();
}
