//! What has happened in runs, so that a test can tell that it looks at anything.

use std::collections::BTreeMap;

/// How often each thing has happened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(pub(crate) BTreeMap<&'static str, u64>);

impl Seen {
    pub(super) fn count(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }

    pub(super) fn count_if(&mut self, is_so: bool, what: &'static str) {
        if is_so {
            self.count(what);
        }
    }
}
