//! The fields of the configuration.

use super::Shown;
use super::Shown::{Nowhere, Pairs};

/// Every field of `Config`. The bounds of the values themselves are those of tests/config.rs.
pub(crate) const CONFIG: &[(&str, Shown)] = &[
    ("group", Nowhere("an address")),
    (
        "local_addrs",
        Pairs(&[("seed_s03_sixteen_own_addresses_are_all_known", "seed_s03_seventeen_own_addresses_are_refused")]),
    ),
    ("epoch", Pairs(&[("epoch_half_the_circle_less_one_ahead_is_newer", "epoch_half_the_circle_ahead_is_not_newer")])),
    ("seed", Nowhere("any number is as good as any other")),
    (
        "join_policy",
        Pairs(&[(
            "join_policy_what_is_at_the_start_is_delivered",
            "join_policy_what_is_one_below_the_start_is_not_delivered",
        )]),
    ),
    ("silent", Nowhere("yes or no")),
    (
        "silent_gap",
        Pairs(&[(
            "seed_s28_within_the_silent_gap_somebody_else_s_repair_is_waited_for",
            "seed_s28_past_the_silent_gap_the_range_is_reported_and_the_stream_goes_on",
        )]),
    ),
    ("announce", Nowhere("yes or no")),
    (
        "max_peers",
        Pairs(&[
            ("seed_s05_up_to_max_peers_every_sender_is_a_peer", "seed_s05_past_max_peers_data_is_dropped_and_counted"),
            (
                "max_peers_four_times_as_many_are_remembered",
                "max_peers_four_times_as_many_and_not_one_more_are_remembered",
            ),
            (
                "as_many_items_without_a_message_wait_as_the_peers_allow",
                "as_many_items_without_a_message_wait_and_not_one_more",
            ),
        ]),
    ),
    (
        "max_private",
        Pairs(&[("seed_s18_there_are_max_private_streams", "seed_s18_there_is_not_one_private_stream_more")]),
    ),
    (
        "max_message",
        Pairs(&[
            ("max_message_of_as_many_bytes_is_taken", "max_message_of_one_byte_more_is_refused"),
            ("max_message_in_parts_of_as_many_bytes_is_delivered", "max_message_in_parts_of_one_byte_more_is_lost"),
        ]),
    ),
    (
        "max_datagram",
        Pairs(&[
            (
                "max_datagram_a_message_that_fills_it_leaves_in_one",
                "max_datagram_a_message_of_one_byte_more_leaves_in_two",
            ),
            (
                "a_range_that_fills_the_datagram_exactly_stands_in_the_nack",
                "a_range_that_is_a_byte_too_long_for_the_datagram_waits_for_the_next_nack",
            ),
        ]),
    ),
    (
        "receive_window_packets",
        Pairs(&[
            (
                "seed_s08_the_window_holds_its_packets",
                "seed_s08_the_window_holds_not_one_packet_more_and_asks_for_it_later",
            ),
            ("a_window_of_losses_waits_to_be_taken", "a_window_of_losses_and_not_one_more_waits_to_be_taken"),
            (
                "a_new_epoch_is_followed_while_less_than_a_window_is_unread",
                "a_new_epoch_is_dropped_while_a_whole_window_is_unread",
            ),
        ]),
    ),
    (
        "receive_window_bytes",
        Pairs(&[(
            "seed_s08_the_window_holds_its_bytes",
            "seed_s08_the_window_holds_not_one_byte_more_and_asks_for_it_later",
        )]),
    ),
    (
        "receive_total_packets",
        Pairs(&[("receive_total_packets_holds_as_many", "receive_total_packets_holds_not_one_more")]),
    ),
    (
        "receive_total_bytes",
        Pairs(&[
            ("receive_total_bytes_holds_as_many", "receive_total_bytes_holds_not_one_more"),
            (
                "receive_total_bytes_are_exceeded_by_one_message",
                "receive_total_bytes_are_exceeded_by_not_one_byte_more",
            ),
        ]),
    ),
    (
        "backlog_packets",
        Pairs(&[(
            "seed_fault_f11_the_backlog_holds_max_backlog_packets",
            "seed_fault_f11_the_backlog_holds_not_one_packet_more",
        )]),
    ),
    ("backlog_bytes", Pairs(&[("backlog_bytes_holds_as_many", "backlog_bytes_holds_not_one_more")])),
    (
        "backlog_age",
        Pairs(&[("backlog_age_a_tick_before_it_a_packet_is_repaired", "backlog_age_at_its_end_a_packet_is_gone")]),
    ),
    ("send_queue_packets", Pairs(&[("send_queue_packets_holds_as_many", "send_queue_packets_holds_not_one_more")])),
    ("send_queue_bytes", Pairs(&[("send_queue_bytes_holds_as_many", "send_queue_bytes_holds_not_one_more")])),
    (
        "flow_control",
        Pairs(&[
            (
                "stall_to_the_end_of_it_a_receiver_is_waited_for",
                "stall_when_it_is_over_the_receiver_is_let_go_and_named",
            ),
            ("stall_for_as_long_it_does_not_count", "stall_after_it_it_counts_again"),
            (
                "flow_control_a_receiver_that_is_half_of_what_is_kept_behind_counts",
                "flow_control_a_receiver_that_is_further_behind_does_not_count",
            ),
        ]),
    ),
    (
        "congestion",
        Pairs(&[(
            "congestion_brings_the_rate_down_to_the_floor",
            "congestion_keeps_it_above_the_floor_and_below_the_ceiling",
        )]),
    ),
    ("acknowledge", Nowhere("yes or no")),
    (
        "socket_packets",
        Pairs(&[(
            "socket_packets_so_many_are_told_beyond_what_came",
            "socket_packets_no_more_than_the_window_is_told",
        )]),
    ),
    (
        "packing",
        Pairs(&[(
            "packing_what_fills_the_datagram_exactly_is_packed",
            "packing_one_byte_more_than_the_datagram_holds_leaves_in_two",
        )]),
    ),
    (
        "flush_after",
        Pairs(&[("flush_after_a_message_waits_until_then", "flush_after_the_time_since_the_first_message_it_leaves")]),
    ),
    (
        "max_burst",
        Pairs(&[(
            "a_burst_that_ends_exactly_arms_no_deadline_at_once",
            "a_burst_has_max_burst_datagrams_and_arms_a_deadline_that_is_reached",
        )]),
    ),
    ("max_segments", Pairs(&[("max_segments_as_many_leave_as_one", "max_segments_and_not_one_more")])),
    (
        "max_rate",
        Pairs(&[(
            "max_rate_a_tick_before_its_bytes_are_earned_a_datagram_waits",
            "max_rate_as_soon_as_its_bytes_are_earned_a_datagram_leaves",
        )]),
    ),
    (
        "rate_burst",
        Pairs(&[("rate_burst_lets_as_many_bytes_leave_at_once", "rate_burst_lets_not_one_byte_more_leave_at_once")]),
    ),
    (
        "nack_resend_time",
        Pairs(&[(
            "nack_resend_time_a_tick_before_its_end_nothing_is_asked_again",
            "nack_resend_time_at_its_end_the_gap_is_asked_for_again",
        )]),
    ),
    (
        "nack_timeout",
        Pairs(&[(
            "nack_timeout_a_tick_before_its_end_the_delays_go_on_growing",
            "nack_timeout_at_its_end_the_gap_counts_as_new",
        )]),
    ),
    (
        "nack_max_delay",
        Pairs(&[(
            "nack_max_delay_a_tick_before_its_end_nothing_is_asked_again",
            "nack_max_delay_at_its_end_the_gap_is_asked_for_again",
        )]),
    ),
    (
        "max_nack_backoff",
        Pairs(&[(
            "max_nack_backoff_as_long_a_backoff_counts_whole",
            "max_nack_backoff_a_longer_backoff_counts_as_that",
        )]),
    ),
    (
        "nack_interval",
        Pairs(&[(
            "nack_interval_a_tick_before_its_end_a_new_gap_is_not_asked_for",
            "nack_interval_at_its_end_a_new_gap_is_asked_for",
        )]),
    ),
    (
        "recovery_deadline",
        Pairs(&[(
            "recovery_deadline_a_tick_before_its_end_nothing_is_given_up",
            "recovery_deadline_at_its_end_what_is_missing_is_given_up",
        )]),
    ),
    (
        "delivery",
        Pairs(&[(
            "delivery_a_tick_before_its_deadline_nothing_is_given_up",
            "delivery_at_its_deadline_what_is_missing_is_given_up",
        )]),
    ),
    (
        "max_nacks",
        Pairs(&[("seed_s11_max_nacks_gaps_are_asked_for", "seed_s11_not_one_gap_more_than_max_nacks_is_asked_for")]),
    ),
    ("repair_mode", Nowhere("a choice")),
    (
        "repair_share",
        Pairs(&[("repairs_take_half_of_a_burst", "repairs_take_not_two_datagrams_more_than_half_of_a_burst")]),
    ),
    ("verify_askers", Nowhere("yes or no")),
    (
        "max_repairs_per_nack",
        Pairs(&[("max_repairs_per_nack_are_sent_for_one", "max_repairs_per_nack_not_one_more_is_sent_for_one")]),
    ),
    (
        "max_askers",
        Pairs(&[(
            "rmc_repair_9_max_askers_are_owed_at_the_same_time",
            "rmc_repair_9_one_asker_more_is_dropped_and_may_ask_again",
        )]),
    ),
    (
        "heartbeat_times",
        Pairs(&[
            (
                "heartbeat_times_a_tick_before_an_interval_ends_no_heartbeat_leaves",
                "heartbeat_times_at_the_end_of_an_interval_a_heartbeat_leaves",
            ),
            (
                "the_shortest_interval_a_tick_before_its_end_there_is_no_second_answer",
                "the_shortest_interval_at_its_end_there_is_a_second_answer",
            ),
        ]),
    ),
    (
        "heartbeat_tolerance",
        Pairs(&[(
            "heartbeat_tolerance_a_tick_before_its_end_nothing_is_missed",
            "heartbeat_tolerance_at_its_end_a_heartbeat_is_missed",
        )]),
    ),
    (
        "peer_timeout",
        Pairs(&[
            (
                "seed_s26_a_peer_that_is_silent_for_less_than_the_timeout_stays",
                "seed_s26_a_peer_that_is_silent_for_the_timeout_expires",
            ),
            (
                "peer_timeout_a_tick_before_its_end_a_private_stream_is_kept",
                "peer_timeout_at_its_end_a_private_stream_is_abandoned",
            ),
            (
                "announcements_may_be_as_rare_as_a_third_of_the_peer_timeout",
                "announcements_are_not_a_tick_rarer_than_a_third_of_the_peer_timeout",
            ),
        ]),
    ),
    (
        "sequence_limit",
        Pairs(&[("seed_s29_up_to_the_limit_nothing_is_told", "seed_s29_past_the_limit_it_is_told_once")]),
    ),
    ("events", Nowhere("a set of kinds")),
    (
        "event_ring",
        Pairs(&[(
            "seed_s35_a_ring_of_1024_events_keeps_all_up_to_its_bound",
            "seed_s35_what_does_not_fit_the_ring_is_counted_and_told",
        )]),
    ),
];
