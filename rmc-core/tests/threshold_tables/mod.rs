//! Which tests show which threshold.

mod asking;
mod config;
mod flow;
mod others;

pub(crate) use asking::OF_ASKING;
pub(crate) use config::CONFIG;
pub(crate) use flow::OF_FLOW;
pub(crate) use others::{OTHERS, ROWS};

/// How the threshold of something is shown.
pub(crate) enum Shown {
    /// By pairs of tests: one that holds at the limit, and one a tick or a unit past it. A tick is a nanosecond.
    Pairs(&'static [Pair]),
    /// By one test that has both sides of each bound in its table.
    BothIn(&'static str),
    /// There is none, and why.
    Nowhere(&'static str),
}

/// The test at the limit, and the one past it. Of a deadline it is the last moment at which nothing happens, and the
/// deadline itself.
pub(crate) type Pair = (&'static str, &'static str);

use Shown::{BothIn, Nowhere, Pairs};

/// Every number and every time that the core's sources name as a constant, by file.
pub(crate) const CONSTANTS: &[(&str, &str, Shown)] = &[
    (
        "config.rs",
        "MAX_LOCAL_ADDRS",
        Pairs(&[("seed_s03_sixteen_own_addresses_are_all_known", "seed_s03_seventeen_own_addresses_are_refused")]),
    ),
    ("config.rs", "MIB", Nowhere("a unit")),
    ("config.rs", "MAX_SOCKET_PACKETS", Nowhere("the bound of an option, which tests/config.rs has")),
    ("config.rs", "MIN_SOCKET_PACKETS", Nowhere("the bound of an option, which tests/config.rs has")),
    ("config.rs", "MS", Nowhere("a unit")),
    ("config.rs", "SECOND", Nowhere("a unit")),
    ("packet/body.rs", "MAX_DELAY_MICROS", BothIn("rmc_kind_2_intervals_delays_and_round_trips_have_bounds")),
    ("packet/body.rs", "MAX_RTT_MICROS", BothIn("rmc_kind_2_intervals_delays_and_round_trips_have_bounds")),
    ("packet/body.rs", "OPEN_WINDOW", BothIn("flow_control_of_more_than_a_hundred_those_with_room_are_not")),
    (
        "packet/extension.rs",
        "FIRST_MANDATORY_TYPE",
        BothIn("rmc_ext_2_a_type_below_128_is_skipped_and_one_from_128_on_is_refused"),
    ),
    ("packet/header.rs", "EXT", Nowhere("a flag")),
    ("packet/header.rs", "HEADER_LEN", BothIn("rmc_enc_2_a_datagram_has_16_to_65507_bytes")),
    ("packet/header.rs", "MAGIC", Nowhere("a mark")),
    ("packet/header.rs", "MAGIC_SEALED", Nowhere("a mark")),
    ("packet/header.rs", "NO_PROMISE", BothIn("seed_s23_255_promises_nothing")),
    ("packet/header.rs", "RESERVED", Nowhere("a flag")),
    ("packet/header.rs", "VERSION", Nowhere("a mark")),
    ("packet/heartbeat.rs", "MAX_INTERVALS", BothIn("rmc_kind_2_a_table_has_1_to_128_intervals")),
    ("packet/heartbeat.rs", "MAX_INTERVAL_MICROS", BothIn("rmc_kind_2_intervals_delays_and_round_trips_have_bounds")),
    ("packet/heartbeat.rs", "MIN_INTERVAL_MICROS", BothIn("rmc_kind_2_intervals_delays_and_round_trips_have_bounds")),
    ("packet/mod.rs", "MAX_DATAGRAM_LEN", BothIn("rmc_enc_2_a_datagram_has_16_to_65507_bytes")),
    (
        "packet/ranges.rs",
        "MAX_RANGES",
        Pairs(&[("seed_s13_one_nack_carries_32_ranges", "seed_s13_the_33rd_range_goes_into_a_second_nack")]),
    ),
    ("pool.rs", "CLASSES", Nowhere("what is larger does not exist")),
    ("pool.rs", "MIN_SHIFT", Nowhere("how memory is cut")),
    ("pool.rs", "RETAINED_BYTES", BothIn("idle_buffers_are_bounded")),
    (
        "protocol/finish.rs",
        "MAX_LINGERS",
        Pairs(&[(
            "ten_lingers_a_tick_before_their_end_the_node_is_open",
            "ten_lingers_at_their_end_the_node_is_closed",
        )]),
    ),
    (
        "protocol/output.rs",
        "ANNOUNCE_SPACING",
        Pairs(&[(
            "announcements_of_50_peers_are_no_rarer_than_heartbeats",
            "announcements_of_one_peer_more_are_rarer_by_10_ms",
        )]),
    ),
    (
        "protocol/output.rs",
        "MAX_ANNOUNCE_INTERVAL",
        Pairs(&[(
            "announcements_of_1000_peers_come_every_10_s",
            "announcements_of_one_peer_more_are_no_rarer_than_every_10_s",
        )]),
    ),
    (
        "protocol/outgoing.rs",
        "MAX_ASIDES",
        Pairs(&[("max_asides_answers_wait_at_the_same_time", "max_asides_not_one_answer_more_waits")]),
    ),
    (
        "protocol/output.rs",
        "RETRY_DELAY",
        Pairs(&[("retry_delay_a_tick_before_its_end_nothing_leaves", "retry_delay_at_its_end_the_packet_comes_back")]),
    ),
    (
        "protocol/segments.rs",
        "MAX_BYTES",
        Pairs(&[(
            "segments_of_as_many_bytes_as_a_datagram_may_have_leave_as_one",
            "segments_of_one_byte_more_than_a_datagram_may_have_do_not_leave_as_one",
        )]),
    ),
    (
        "protocol/segments.rs",
        "TURN_OF_SEGMENTS",
        Pairs(&[("while_a_repair_waits_a_quarter_leaves_as_one", "while_a_repair_waits_not_one_more_leaves_as_one")]),
    ),
    ("protocol/segments.rs", "MAX_SEGMENTS", Nowhere("the bound of an option, which tests/config.rs has")),
    ("protocol/outgoing.rs", "SCRATCH_LEN", Nowhere("the longest control packet that there is")),
    ("receiver/backoff.rs", "E", Nowhere("a number of mathematics")),
    ("receiver/backoff.rs", "LN_2", Nowhere("a number of mathematics")),
    ("receiver/backoff.rs", "MAX_GROUP", Nowhere("a group larger by one changes no backoff by a nanosecond")),
    ("receiver/backoff.rs", "ONE", Nowhere("a unit")),
    (
        "receiver/backoff.rs",
        "UNKNOWN_GROUP",
        Pairs(&[(
            "rmc_gap_1_an_unknown_group_counts_as_a_thousand",
            "rmc_gap_1_an_unknown_group_does_not_count_as_one_more",
        )]),
    ),
    (
        "receiver/grace.rs",
        "LEAST",
        Pairs(&[(
            "rmc_gap_12_a_grace_of_20_us_is_waited_for",
            "rmc_gap_12_a_grace_of_less_than_20_us_is_not_waited_for",
        )]),
    ),
    (
        "receiver/grace.rs",
        "MOST",
        Pairs(&[("rmc_gap_12_the_grace_grows_up_to_100_ms", "rmc_gap_12_the_grace_does_not_grow_past_100_ms")]),
    ),
    (
        "receiver/liveness.rs",
        "MIN_TOLERANCE",
        Pairs(&[(
            "seed_fault_f22_a_heartbeat_within_its_tolerance_is_not_missed",
            "seed_fault_f22_a_heartbeat_past_its_tolerance_is_missed",
        )]),
    ),
    (
        "receiver/moderation.rs",
        "BURST",
        Pairs(&[(
            "rmc_gap_15_eight_nacks_leave_at_once",
            "rmc_gap_15_the_ninth_waits_and_asks_for_all_that_is_missing_by_then",
        )]),
    ),
    (
        "receiver/nack.rs",
        "FIXED_LEN",
        Pairs(&[(
            "a_range_that_fills_the_datagram_exactly_stands_in_the_nack",
            "a_range_that_is_a_byte_too_long_for_the_datagram_waits_for_the_next_nack",
        )]),
    ),
    (
        "receiver/nack.rs",
        "LEAST_MARGIN",
        Pairs(&[(
            "rmc_rtt_4_at_least_1_ms_is_allowed_beyond_the_round_trip_of_the_group",
            "rmc_rtt_4_past_2_ms_half_of_it_is_allowed_beyond_the_round_trip_of_the_group",
        )]),
    ),
    (
        "receiver/nack.rs",
        "MAX_HELD",
        Pairs(&[("rmc_gap_13_one_confirm_holds_64_gaps", "rmc_gap_13_one_confirm_holds_not_one_gap_more")]),
    ),
    (
        "receiver/nack.rs",
        "RANGE_LEN",
        Pairs(&[(
            "a_range_that_fills_the_datagram_exactly_stands_in_the_nack",
            "a_range_that_is_a_byte_too_long_for_the_datagram_waits_for_the_next_nack",
        )]),
    ),
    (
        "receiver/nack.rs",
        "STEADY_ATTEMPTS",
        Pairs(&[(
            "the_second_ask_is_the_last_whose_delay_is_the_first_one",
            "the_third_ask_is_the_first_whose_delay_is_doubled",
        )]),
    ),
    (
        "receiver/peer.rs",
        "MAX_PATIENCE",
        Pairs(&[(
            "seed_s37_another_epoch_is_dropped_while_the_known_one_is_heard",
            "seed_s37_another_epoch_takes_over_when_the_known_one_is_silent",
        )]),
    ),
    (
        "receiver/peers/room.rs",
        "MAX_LOOKED_AT",
        Pairs(&[(
            "rmc_peer_10_255_peers_are_brought_up_to_date_for_one_packet",
            "rmc_peer_10_not_more_are_brought_up_to_date_for_one_packet",
        )]),
    ),
    (
        "receiver/rtt.rs",
        "MAX_SAMPLE_NANOS",
        Pairs(&[("a_sample_of_60_s_counts_whole", "a_sample_a_tick_past_60_s_counts_as_60_s")]),
    ),
    (
        "receiver/rtt.rs",
        "MIN_VARIATION_NANOS",
        Pairs(&[("the_least_variation_counts_up_to_1_ms", "the_least_variation_does_not_count_a_tick_past_1_ms")]),
    ),
    ("receiver/rtt.rs", "STEP_NANOS", Nowhere("a unit")),
    (
        "receiver/window.rs",
        "STEP",
        Pairs(&[
            ("the_window_moves_on_by_an_eighth", "the_window_does_not_move_on_by_one_packet_less_than_an_eighth"),
            (
                "what_is_known_is_asked_for_where_an_eighth_of_the_bytes_is_free",
                "nothing_is_asked_for_where_one_byte_less_than_an_eighth_is_free",
            ),
        ]),
    ),
    ("receiver/window/delivery.rs", "KEPT", Nowhere("how much memory is given back, not whether")),
    (
        "sender/heartbeats.rs",
        "MIN_INTERVAL",
        Pairs(&[("an_answer_promises_what_is_left_down_to_1_ms", "an_answer_promises_1_ms_where_less_is_left")]),
    ),
    ("sender/pacing.rs", "BYTE", Nowhere("a unit")),
    ("sender/streams.rs", "GROUP", Nowhere("a place")),
    (
        "seq.rs",
        "MAX_SEQ",
        Pairs(&[("seed_s18_the_highest_number_can_be_sent", "seed_s18_there_is_no_number_above_the_highest")]),
    ),
    ("shared.rs", "LAST", Nowhere("the end of time")),
    ("heap.rs", "NOWHERE", Nowhere("a mark")),
];
