//! Options that cannot work say why, and what to do.

use std::net::UdpSocket;

use crate::program::{group, run};

pub(crate) fn refused(arguments: &str, hints: &[&str]) {
    let done = run(arguments);
    assert_eq!(done.status, Some(2), "{arguments}: {}", done.stderr);
    for hint in hints {
        assert!(done.stderr.contains(hint), "{arguments}: {hint:?} is not in {}", done.stderr);
    }
    assert!(done.stdout.is_empty(), "{:?}", done.stdout);
}

#[test]
fn values_out_of_bounds_are_refused() {
    refused("recv --drop 1.5", &["--drop", "between 0 and 1"]);
    refused("recv --timeout 5", &["5 has no unit"]);
    refused("recv --join late", &["now", "oldest", "start"]);
    refused("send --generate 5 --size 11", &["at least 12 bytes"]);
    refused("send --generate 5 --size 9Mi", &["1 to 8388608"]);
    refused("send --generate 5 --max-rate 0", &["--max-rate"]);
    refused("send --generate 5 --backlog 0", &["--backlog"]);
    refused("demo --receivers 0", &["--receivers"]);
}

#[test]
fn json_and_payloads_cannot_both_have_standard_output() {
    refused("recv --output - --json", &["--output -", "--json", "name a file"]);
}

#[test]
fn what_the_system_refuses_is_explained() {
    let taken = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("it has one");
    refused(&format!("recv --group {} --bind {address}", group(31)), &["in use", "bind another port"]);
    refused(&format!("recv --group {} --interface 192.0.2.77", group(32)), &["192.0.2.77", "ip addr"]);
    refused("recv --group 239.255.91.33:0", &["port"]);
    refused("send /no/such/file --group 239.255.91.34:21034", &["/no/such/file"]);
    refused("recv --group [ff15::91]:21035", &["index"]);
}

#[test]
fn quiet_says_nothing_that_is_not_wrong() {
    let done = run(&format!("send --generate 10 --group {} --linger 10ms --quiet", group(36)));
    assert_eq!((done.status, done.stdout.len(), done.stderr.as_str()), (Some(0), 0, ""));
}

#[test]
fn quiet_says_what_is_wrong() {
    let done = run(&format!("recv --group {} --timeout 300ms --quiet", group(37)));
    assert_eq!((done.status, done.stdout.len()), (Some(1), 0));
    assert_eq!(done.stderr, "rmc: the time ran out (--timeout)\n");
}

/// The names of all options as the documentation has them, each with a value: none is refused.
#[test]
fn every_option_is_taken() {
    let common = format!(
        "--group {} --interface 127.0.0.1 --bind 127.0.0.1:0 --ttl 1 --max-rate 1M --drop 0.01 --seed 7 --json --quiet",
        group(38)
    );
    let sent = run(&format!("send --generate 3 --size 12 --rate 1000 --wait 0 --linger 500us --backlog 10 {common}"));
    assert_eq!((sent.status, sent.stderr.as_str()), (Some(0), ""));
    let received = run(&format!(
        "recv --output /dev/null --from 127.0.0.1:9 --expect 5 --join start --timeout 20ms --payload {common}"
    ));
    assert_eq!((received.status, received.stderr.as_str()), (Some(1), ""));
    let shown = run(&format!("demo --receivers 1 --messages 10 --size 12 {common}"));
    assert_eq!((shown.status, shown.stderr.as_str()), (Some(0), ""));
}
