//! Threshold pairs of sending: each bound of queue, backlog and answers holds exactly as much as it says.

use rmc_core::{Config, Path, SendError};

use crate::given::{backlog_of_ten, sender, sent_to};
use crate::lone::{Lone, Sent, group, peer};
use crate::observed::queue;
use crate::packets::nack;

/// What `send` says of messages of these lengths, handed in one after the other before anything leaves.
fn sends(lengths: &[usize], change: impl FnOnce(&mut Config)) -> Vec<Result<u64, SendError>> {
    let mut lone = Lone::new(change);
    lengths.iter().map(|&len| lone.node.send(lone.instant(), &vec![0; len])).collect()
}

fn short_messages(config: &mut Config) {
    config.max_datagram = 116;
    config.max_message = 1_000;
}

// RMC-SEND-6
#[test]
fn max_message_of_as_many_bytes_is_taken() {
    assert_eq!(sends(&[999, 1_000], short_messages), [Ok(10), Ok(20)]);
}

// RMC-SEND-6
#[test]
fn max_message_of_one_byte_more_is_refused() {
    assert_eq!(sends(&[1_001], short_messages), [Err(SendError::TooLarge { len: 1_001, max: 1_000 })]);
}

/// How long the datagrams of a message of so many bytes are.
fn datagrams(len: usize) -> Vec<usize> {
    let mut lone = Lone::new(short_messages);
    lone.node.send(lone.instant(), &vec![0; len]).expect("there is room");
    lone.settle();
    lone.sent.iter().map(|sent| sent.bytes.len()).collect()
}

// RMC-FRAG-1, RMC-ENC-6
#[test]
fn max_datagram_a_message_that_fills_it_leaves_in_one() {
    assert_eq!((datagrams(100), datagrams(200)), (vec![116], vec![116; 2]));
}

// RMC-FRAG-1, RMC-ENC-6
#[test]
fn max_datagram_a_message_of_one_byte_more_leaves_in_two() {
    assert_eq!((datagrams(101), datagrams(201)), (vec![116, 17], vec![116, 116, 17]));
}

fn short_queue(config: &mut Config) {
    config.max_message = 500;
    config.send_queue_packets = 16;
    config.send_queue_bytes = 1_000;
}

// RMC-SEND-6
#[test]
fn send_queue_packets_holds_as_many() {
    assert!(sends(&[1; 16], short_queue).iter().all(Result::is_ok));
}

// RMC-SEND-6
#[test]
fn send_queue_packets_holds_not_one_more() {
    assert_eq!(sends(&[1; 17], short_queue)[15..], [Ok(16), Err(SendError::Full)]);
}

// RMC-SEND-6
#[test]
fn send_queue_bytes_holds_as_many() {
    assert_eq!(sends(&[500, 499, 1], short_queue), [Ok(1), Ok(2), Ok(3)]);
}

// RMC-SEND-6
#[test]
fn send_queue_bytes_holds_not_one_more() {
    assert_eq!(sends(&[500, 499, 2], short_queue)[2], Err(SendError::Full));
    assert_eq!(sends(&[500, 500, 1, 0], short_queue)[2..], [Err(SendError::Full), Ok(3)]);
}

/// The answer to a NACK for 1, after messages of these lengths have left.
fn answer_after(lengths: &[usize]) -> Vec<Sent> {
    let mut lone = Lone::new(|config| {
        config.max_message = 500;
        config.backlog_bytes = 1_000;
    });
    for &len in lengths {
        lone.node.send(lone.instant(), &vec![0; len]).expect("there is room");
        lone.settle();
    }
    assert!(lone.node.stats().held.backlog_bytes <= 1_000);
    lone.sent.clear();
    lone.hear_unicast(peer(1), &nack(1, &[(1, 1)]));
    lone.sent()
}

// RMC-SEND-2
#[test]
fn backlog_bytes_holds_as_many() {
    assert_eq!(answer_after(&[500, 499, 1, 0]), [Sent::Repair(1)]);
}

// RMC-SEND-2
#[test]
fn backlog_bytes_holds_not_one_more() {
    assert_eq!(answer_after(&[500, 499, 2]), [Sent::Lost(1, 1)]);
}

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

/// How many of so many peers get the Heartbeat that they ask for before the node can answer, and whether the last one
/// does.
fn heartbeats_for(peers: u16) -> (usize, bool) {
    let mut lone = sender(3, |_| {});
    for index in 0..peers {
        lone.feed(peer(index), Path::Unicast, &nack(1, &[(4, 9)]));
    }
    lone.settle();
    let told = sent_to(&mut lone);
    assert!(told.iter().all(|(_, sent)| matches!(sent, Sent::Heartbeat { .. })));
    (told.len(), told.iter().any(|&(to, _)| to == peer(peers - 1)))
}

// RMC-REPAIR-6, RMC-SEC-1
#[test]
fn max_asides_answers_wait_at_the_same_time() {
    assert_eq!(heartbeats_for(1_024), (1_024, true));
}

// RMC-REPAIR-6, RMC-SEC-1
#[test]
fn max_asides_not_one_answer_more_waits() {
    assert_eq!(heartbeats_for(1_025), (1_024, false));
}

/// The last numbers that an asker of every other number is answered, in NACKs of at most 32 ranges.
fn last_repairs(ranges: u64) -> (usize, Option<Sent>) {
    let mut lone = sender(200, |_| {});
    let odd: Vec<_> = (0..ranges).map(|index| (2 * index + 1, 2 * index + 1)).collect();
    for part in odd.chunks(32) {
        lone.feed(peer(1), Path::Unicast, &nack(1, part));
    }
    lone.settle();
    let mut sent = lone.sent();
    (sent.len(), sent.pop())
}

// RMC-REPAIR-7, RMC-SEC-1
#[test]
fn one_asker_is_owed_64_ranges() {
    assert_eq!(last_repairs(64), (64, Some(Sent::Repair(127))));
}

// RMC-REPAIR-7, RMC-SEC-1
#[test]
fn one_asker_is_owed_not_one_range_more() {
    assert_eq!(last_repairs(65), (64, Some(Sent::Repair(127))));
}

/// (repairs, first transmissions) of the next burst, while both wait.
fn burst_of(max_burst: usize) -> (usize, usize) {
    let mut lone = Lone::new(|config| config.max_burst = max_burst);
    lone.send_all(100);
    lone.sent.clear();
    queue(&mut lone, 100);
    lone.feed(peer(1), Path::Unicast, &nack(1, &[(1, 100)]));
    lone.tick();
    let repairs = lone.sent.iter().filter(|sent| matches!(sent.what, Sent::Repair(_))).count();
    let data = lone.sent.iter().filter(|sent| sent.to == group()).count();
    (repairs, data)
}

// RMC-REPAIR-10, RMC-PACE-1
#[test]
fn repairs_take_half_of_a_burst() {
    assert_eq!((burst_of(2), burst_of(10)), ((1, 1), (5, 5)));
}

/// Shares are of bytes, whatever burst they leave in: the odd one is the first one, a repair.
// RMC-REPAIR-10, RMC-PACE-1
#[test]
fn repairs_take_not_two_datagrams_more_than_half_of_a_burst() {
    assert_eq!((burst_of(3), burst_of(11)), ((2, 1), (6, 5)));
}
