//! Thresholds that are neither a field of `Config` nor a constant, and what the rows of the document mean.

use super::Pair;

/// What is neither a field nor a constant.
pub(crate) const OTHERS: &[(&str, Pair)] = &[
    ("linger", ("linger_a_tick_before_its_end_the_node_is_open_and_serves", "linger_at_its_end_the_node_is_closed")),
    (
        "how long a repair puts the rest of its gap off",
        (
            "a_repair_puts_the_rest_off_and_a_tick_before_rto_it_is_not_asked_for",
            "a_repair_puts_the_rest_off_and_at_rto_it_is_asked_for",
        ),
    ),
    (
        "how long a newer epoch waits",
        (
            "rmc_epoch_6_a_newer_epoch_waits_for_as_long_as_the_known_one_promised_to_speak",
            "rmc_epoch_6_a_newer_epoch_takes_over_one_tick_past_the_promise",
        ),
    ),
    (
        "how long a Confirm holds what it names",
        (
            "rmc_gap_13_a_confirm_holds_what_it_names_up_to_a_tick_before_its_delay",
            "rmc_gap_13_a_confirm_holds_what_it_names_for_its_delay_and_no_longer",
        ),
    ),
    (
        "how long a sender is kept when the table is full",
        (
            "rmc_peer_10_a_sender_that_is_not_overdue_makes_room_for_nobody",
            "rmc_peer_10_a_sender_that_is_overdue_makes_room_for_another_one",
        ),
    ),
    (
        "how far news counts that nobody asked for",
        (
            "seed_s15_an_unasked_lost_up_to_the_window_s_limit_counts",
            "seed_s15_an_unasked_lost_one_past_the_window_s_limit_is_a_hint",
        ),
    ),
];

/// What the rows of section 20 of docs/protocol.md mean that do not give a name of `Config`.
pub(crate) const ROWS: &[(&str, &[&str])] = &[
    ("heartbeat table", &["heartbeat_times"]),
    ("retry after a failed send", &["RETRY_DELAY"]),
    ("backlog", &["backlog_packets", "backlog_bytes", "backlog_age"]),
];
