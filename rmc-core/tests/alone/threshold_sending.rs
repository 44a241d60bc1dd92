//! Threshold pairs of sending: each bound of queue, backlog and answers holds exactly as much as it says.

use crate::given::{backlog_of_ten, sender};
use crate::lone::{Sent, peer};
use crate::packets::nack;

/// What a NACK for these ranges is answered with, by a node that has kept 21 to 30 of 30 messages and sends eight
/// datagrams for a NACK.
fn answered(ranges: &[(u64, u64)]) -> Vec<Sent> {
    let mut lone = sender(30, |config| {
        backlog_of_ten(config);
        config.max_repairs_per_nack = 8;
    });
    lone.hear_unicast(peer(1), &nack(1, ranges));
    lone.settle();
    lone.sent()
}

// RMC-REPAIR-8
#[test]
fn max_repairs_per_nack_are_sent_for_one() {
    assert_eq!(answered(&[(21, 28)]), (21..=28).map(Sent::Repair).collect::<Vec<_>>());
    assert_eq!(answered(&[(21, 24), (26, 29)]).len(), 8);
}

// RMC-REPAIR-8
#[test]
fn max_repairs_per_nack_not_one_more_is_sent_for_one() {
    assert_eq!(answered(&[(21, 29)]), (21..=28).map(Sent::Repair).collect::<Vec<_>>());
    assert_eq!(answered(&[(21, 24), (26, 30)]).last(), Some(&Sent::Repair(29)));
}

/// A Lost is a datagram too.
// RMC-REPAIR-8, RMC-REPAIR-3
#[test]
fn max_repairs_per_nack_count_a_lost() {
    let expected: Vec<_> = [Sent::Lost(1, 20)].into_iter().chain((21..=27).map(Sent::Repair)).collect();
    assert_eq!(answered(&[(1, 27)]), expected);
    assert_eq!(answered(&[(1, 28)]), expected);
    assert_eq!(answered(&[(3, 4), (9, 9), (21, 30)]), expected);
}

// RMC-REPAIR-8, RMC-REPAIR-3
#[test]
fn max_repairs_per_nack_of_one_may_be_a_lost() {
    let mut lone = sender(30, |config| {
        backlog_of_ten(config);
        config.max_repairs_per_nack = 1;
    });
    for (ranges, expected) in [
        (&[(20, 30)][..], Sent::Lost(1, 20)),
        (&[(20, 20), (22, 22)], Sent::Lost(1, 20)),
        (&[(21, 30)], Sent::Repair(21)),
    ] {
        lone.hear_unicast(peer(1), &nack(1, ranges));
        lone.settle();
        assert_eq!(lone.sent(), [expected], "{ranges:?}");
    }
}
