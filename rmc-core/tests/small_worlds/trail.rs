//! How each state was reached, so that a search that fails, or hangs, says by which script.

use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::choice::{Choice, Event};
use crate::plan::Plan;

/// No call of a node in so small a world takes so many seconds.
const PATIENCE: u32 = 120;

pub(crate) struct Trail {
    plan: &'static Plan,
    /// The state before, and what was chosen there. The first state stands at 0.
    steps: Vec<(u32, Choice)>,
    /// What is being tried: from which state, and what.
    at: u32,
    choice: Option<Choice>,
    /// On the way from there on a perfect network.
    is_perfect: bool,
    /// How often this has changed.
    changes: u64,
}

impl Trail {
    pub(crate) fn new(plan: &'static Plan) -> Self {
        let first = (0, Choice { event: Event::Step, lost: 0 });
        Self { plan, steps: vec![first], at: 0, choice: None, is_perfect: false, changes: 0 }
    }

    /// `choice` is tried in the state `at`.
    pub(crate) const fn try_out(&mut self, at: u32, choice: Choice) {
        (self.at, self.choice) = (at, Some(choice));
        self.changes += 1;
    }

    /// It has led to a state that was not known; returns its number.
    pub(crate) fn reach(&mut self, at: u32, choice: Choice) -> u32 {
        self.try_out(at, choice);
        self.steps.push((at, choice));
        u32::try_from(self.steps.len() - 1).expect("fewer states than 2^32")
    }

    /// The way on a perfect network begins, or is at its end.
    pub(crate) const fn perfect(&mut self, is_perfect: bool) {
        self.is_perfect = is_perfect;
        self.changes += 1;
    }

    pub(crate) fn report(&self) -> String {
        format!("found after {} states, by the script\n    {}", self.steps.len(), self.script())
    }

    fn script(&self) -> String {
        let mut choices = Vec::from_iter(self.choice);
        let mut at = self.at;
        while at > 0 {
            let (before, choice) = self.steps[at as usize];
            choices.push(choice);
            at = before;
        }
        let words = choices.iter().rev().map(Choice::to_string).chain(self.is_perfect.then(|| "perfect".to_owned()));
        format!("{}: {}", self.plan.name, words.collect::<Vec<_>>().join(" "))
    }
}

pub(crate) fn lock(trail: &Mutex<Trail>) -> MutexGuard<'_, Trail> {
    trail.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends the program with a word if the search hangs in a call of a node, of which it could not tell itself.
pub(crate) fn watch(trail: &Arc<Mutex<Trail>>) {
    let trail = Arc::downgrade(trail);
    thread::spawn(move || {
        let (mut changes, mut idle) = (0, 0);
        while let Some(trail) = trail.upgrade() {
            let now = lock(&trail).changes;
            idle = if now == changes { idle + 1 } else { 0 };
            changes = now;
            if idle == PATIENCE {
                let report = format!("a call of a node does not come back: {}\n", lock(&trail).report());
                let _shown = std::io::stderr().write_all(report.as_bytes());
                std::process::abort();
            }
            drop(trail);
            thread::sleep(Duration::from_secs(1));
        }
    });
}
