//! The fingerprint of a whole node.

use super::Protocol;
use crate::fingerprint::Fingerprint;
use crate::shared::Shared;
use crate::time::Instant;

impl Protocol {
    /// Query: everything that decides what this node does from `now` on, the time of the next input or before it.
    /// Fills `into`, which is emptied first. What it says, and of which nodes, stands at [`Fingerprint`].
    pub fn fingerprint(&self, now: Instant, into: &mut Fingerprint) {
        let Self {
            shared,
            peers,
            streams,
            pacing,
            adaptive,
            cookies: _,
            out,
            phase,
            announce_at,
            stranger_answered,
            address_in_use_told,
            rate_limited,
        } = self;
        let Shared {
            config,
            now: last_input,
            pool: _,
            rng,
            inbox,
            events,
            stats: _,
            received_packets,
            received_bytes,
            told,
            completing,
            queued,
            kept,
            active,
        } = shared;
        debug_assert!(events.is_empty(), "it is drained");
        into.begin(config, now, inbox.front_number());
        // The rest of the configuration is what the node was made with.
        into.put(&(config.epoch, (config.silent, config.join_policy)));
        into.put(&config.heartbeat_times);
        into.put(&config.local_addrs);
        if into.delays_vary {
            into.put(&rng.outlook()[..]);
        }
        into.put(inbox);
        if inbox.len() > 0 {
            // `recv` brings no time and begins no new burst: it is the one input on which these show.
            into.put(&(*last_input, out.burst));
            into.put(&out.paced_until);
        }
        into.put(&[*received_packets, *received_bytes, *told][..]);
        into.put(completing);
        into.put(&(*queued, *kept));
        into.put(active);
        into.put(peers);
        into.put(streams);
        into.put(pacing);
        into.put(adaptive);
        into.put(out);
        into.put(phase);
        into.put(announce_at);
        into.put(stranger_answered);
        into.put(&(*address_in_use_told, *rate_limited));
    }
}
