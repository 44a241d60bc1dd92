//! What of a receive window decides about the future.

use super::{Cached, Window};
use crate::fingerprint::{Fingerprint, State};

impl State for Window {
    fn put(&self, to: &mut Fingerprint) {
        let Self {
            owner,
            next,
            covered,
            known,
            received,
            begun,
            gaps,
            nacks,
            cache,
            cached_bytes: _,
            told: _,
            fragments: _,
            assembly,
            unread,
            marks,
            tail,
            largest,
        } = self;
        to.put(owner);
        to.put(&[*next, *covered, *known, *received][..]);
        to.put(begun);
        to.put(gaps);
        to.put(nacks);
        // Between the gaps every number is cached.
        to.put(&cache.len());
        let mut seq = *next;
        while seq <= *covered {
            match (gaps.find(seq), cache.get(&seq)) {
                (Some(gap), _) => seq = gap.range.last(),
                (None, Some(Cached { flags, path, buffer, told })) => {
                    to.put(&(seq, (*flags, *path)));
                    to.put(told);
                    to.bytes(buffer);
                }
                (None, None) => {}
            }
            seq += 1;
        }
        to.put(assembly);
        to.put(unread);
        to.put(largest);
        to.put(marks);
        // The last item matters as long as it has not been taken: a loss may be added to it.
        to.put(&tail.and_then(|tail| tail.checked_sub(to.front)));
    }
}
