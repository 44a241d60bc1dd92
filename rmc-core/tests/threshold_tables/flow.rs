//! The constants of flow control, of packing and of the adaptive rate.

use super::Shown::{self, BothIn, Nowhere, Pairs};

/// (path below src, name, how it is shown).
pub(crate) const OF_FLOW: &[(&str, &str, Shown)] = &[
    ("receiver/acks.rs", "LEAST_KEPT", BothIn("rmc_ack_4_a_small_backlog_is_acknowledged_by_its_quarters")),
    ("receiver/acks.rs", "PAUSE", BothIn("rmc_ack_7_a_pause_is_used_to_acknowledge")),
    (
        "receiver/acks.rs",
        "QUARTER",
        Pairs(&[("acks_up_to_a_quarter_of_the_window_there_is_none", "acks_at_a_quarter_of_the_window_there_is_one")]),
    ),
    ("receiver/acks.rs", "REPEATS", BothIn("rmc_ack_6_that_there_is_room_again_is_repeated_twice")),
    ("receiver/acks.rs", "USUALLY_KEPT", BothIn("rmc_ack_4_before_anything_is_seen_a_backlog_has_the_usual_size")),
    ("receiver/acks.rs", "SPREAD", BothIn("rmc_ack_5_acks_are_spread_over_a_millisecond_for_each_receiver")),
    ("sender/ackers.rs", "ACKS_A_SECOND", BothIn("the_interval_grows_with_the_group")),
    (
        "sender/ackers.rs",
        "ACK_INTERVAL",
        Pairs(&[
            ("ack_interval_two_of_them_are_waited_for", "ack_interval_past_two_of_them_it_is_let_go"),
            (
                "ack_interval_within_it_a_heartbeat_is_not_answered",
                "ack_interval_after_it_a_heartbeat_that_brings_nothing_new_is_answered",
            ),
        ]),
    ),
    (
        "sender/ackers.rs",
        "DISTRUST",
        BothIn("rmc_flow_10_after_one_that_was_not_proven_no_new_ones_count_for_twelve_stalls"),
    ),
    (
        "sender/ackers.rs",
        "MOST_DENSE",
        Pairs(&[
            (
                "flow_control_up_to_a_hundred_receivers_are_all_heeded",
                "flow_control_of_more_than_a_hundred_those_with_room_are_not",
            ),
            (
                "acks_of_a_hundred_receivers_come_at_each_quarter",
                "acks_of_more_than_a_hundred_receivers_come_each_second",
            ),
            (
                "acks_while_half_of_the_window_is_free_are_not_urgent",
                "acks_when_less_than_half_of_the_window_is_free_are_urgent",
            ),
        ]),
    ),
    ("sender/ackers.rs", "MOST_DOUBLINGS", BothIn("who_is_let_go_again_and_again_comes_back_later_and_later")),
    ("sender/ackers.rs", "QUORUM_STALL", BothIn("rmc_flow_4_a_quorum_waits_for_5_s")),
    ("sender/ackers.rs", "SPARSE_INTERVAL", BothIn("the_interval_grows_with_the_group")),
    (
        "sender/ackers.rs",
        "START_WAIT",
        Pairs(&[(
            "flow_control_at_the_start_what_is_kept_leaves_and_waits",
            "flow_control_at_the_start_for_no_longer_than_200_ms",
        )]),
    ),
    (
        "sender/clocks.rs",
        "LEAVING_WAIT",
        Pairs(&[("leaving_wait_to_the_end_of_it_who_ended_is_waited_for", "leaving_wait_past_it_who_ended_is_let_go")]),
    ),
    (
        "sender/clocks.rs",
        "QUIET_INTERVALS",
        Pairs(&[(
            "quiet_intervals_to_the_end_of_them_who_has_room_is_waited_for",
            "quiet_intervals_past_them_it_is_let_go",
        )]),
    ),
    ("sender/congestion.rs", "FALL", BothIn("it_falls_by_an_eighth_when_more_than_one_in_two_hundred_is_repaired")),
    ("sender/congestion.rs", "FEW", BothIn("one_in_two_hundred_changes_nothing")),
    (
        "sender/congestion.rs",
        "LEAST_INTERVAL",
        BothIn("an_interval_has_four_round_trips_and_two_hundred_packets_at_least"),
    ),
    (
        "sender/congestion.rs",
        "LEAST_PACKETS",
        BothIn("an_interval_has_four_round_trips_and_two_hundred_packets_at_least"),
    ),
    ("sender/congestion.rs", "RISE", BothIn("one_in_two_hundred_changes_nothing")),
    (
        "sender/congestion.rs",
        "ROUND_TRIPS",
        BothIn("an_interval_has_four_round_trips_and_two_hundred_packets_at_least"),
    ),
    (
        "sender/congestion.rs",
        "TOO_MANY",
        Pairs(&[(
            "one_in_two_hundred_changes_nothing",
            "it_falls_by_an_eighth_when_more_than_one_in_two_hundred_is_repaired",
        )]),
    ),
    ("sender/log.rs", "CONTENT", Nowhere("a place")),
    ("sender/log.rs", "LENGTH_LEN", Nowhere("a length of the wire format")),
];
