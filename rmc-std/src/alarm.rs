//! The deadline of the protocol, and the bell of the thread that waits for it.

use std::sync::{Condvar, Mutex};

use rmc_core::Instant;

use crate::clock::Clock;
use crate::lock::{lock, wait};

/// A deadline that was put off while the thread slept, as each message puts off the heartbeat, is waited for a part
/// longer: by this. The thread is then awake less often, and not just when the next message comes of an application that
/// works in step with a clock.
const SLACK: u32 = 32;
const NEVER: Instant = Instant::from_nanos(u64::MAX);

/// A socket's receive timeout would be up to 8 ms late on Linux, where it is kept in jiffies; waiting on a Condvar is
/// 0.1 ms late.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    setting: Mutex<Setting>,
    bell: Condvar,
}

#[derive(Debug, Default)]
struct Setting {
    deadline: Option<Instant>,
    /// Somebody waits, until then: a bell that nobody hears costs a system call all the same.
    sleeps_until: Option<Instant>,
    closed: bool,
}

/// Whether the thread must be woken. Apart, so that nobody makes the system call with a lock that the thread will want.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sleeps(bool);

impl Alarm {
    /// Replaces the deadline. Wakes the thread only if it would sleep too long: one that wakes too early looks again.
    pub(crate) fn set(&self, deadline: Option<Instant>) {
        self.wake(self.put(deadline));
    }

    /// As `set`, but for the call of [`wake`](Self::wake).
    pub(crate) fn put(&self, deadline: Option<Instant>) -> Sleeps {
        let mut setting = lock(&self.setting);
        let earlier = match (setting.deadline, deadline) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(before), Some(after)) => after < before,
        };
        setting.deadline = deadline;
        Sleeps(earlier && setting.sleeps_until.is_some())
    }

    pub(crate) fn wake(&self, sleeps: Sleeps) {
        if sleeps.0 {
            self.bell.notify_one();
        }
    }

    /// As `set`, unless the deadline is as early already; and the thread wakes by then, also if it sleeps a part longer.
    pub(crate) fn set_if_earlier(&self, deadline: Instant) {
        let mut setting = lock(&self.setting);
        if setting.deadline.is_none_or(|before| deadline < before) {
            setting.deadline = Some(deadline);
        }
        let sleeps = Sleeps(setting.sleeps_until.is_some_and(|until| deadline < until));
        drop(setting);
        self.wake(sleeps);
    }

    /// Whether `wait` would return at once.
    pub(crate) fn is_due(&self, clock: &Clock) -> bool {
        let setting = lock(&self.setting);
        setting.closed || setting.deadline.is_some_and(|deadline| clock.until(deadline).is_zero())
    }

    /// The thread shall act at once.
    pub(crate) fn ring(&self) {
        self.set(Some(Instant::ORIGIN));
    }

    /// Waits for the deadline, and takes it. `false`: there is no more to wait for.
    pub(crate) fn wait(&self, clock: &Clock) -> bool {
        let mut setting = lock(&self.setting);
        let mut in_vain = false;
        loop {
            if setting.closed {
                return false;
            }
            let left = setting.deadline.map(|deadline| clock.until(deadline));
            if left.is_some_and(|left| left.is_zero()) {
                setting.deadline = None;
                return true;
            }
            let left = if in_vain { left.map(|left| left + left / SLACK) } else { left };
            setting.sleeps_until = Some(left.map_or(NEVER, |left| clock.now() + left));
            let deadline = setting.deadline;
            setting = wait(&self.bell, setting, left);
            setting.sleeps_until = None;
            // Not the one that was waited for: it will probably be put off again.
            in_vain = deadline.is_some() && setting.deadline > deadline;
        }
    }

    pub(crate) fn close(&self) {
        lock(&self.setting).closed = true;
        self.bell.notify_all();
    }

    /// Nobody sets it meanwhile.
    #[cfg(test)]
    pub(crate) fn hold_for_tests(&self) -> impl Sized + '_ {
        lock(&self.setting)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_earlier_deadline_wakes_and_closing_ends_the_wait() {
        let clock = Clock::start();
        let alarm = Arc::new(Alarm::default());
        alarm.set(Some(clock.now() + Duration::from_secs(3_600)));
        let thread = thread::spawn({
            let alarm = Arc::clone(&alarm);
            move || (alarm.wait(&clock), alarm.wait(&clock))
        });
        alarm.ring();
        // Closing may come before the ring is heard: then both waits end by it.
        while lock(&alarm.setting).deadline.is_some() {
            thread::yield_now();
        }
        alarm.close();
        assert_eq!(thread.join().ok(), Some((true, false)));
    }

    #[test]
    fn what_is_put_off_is_not_early_and_what_is_brought_forward_wakes() {
        let clock = Clock::start();
        let alarm = Alarm::default();
        // Again if this thread was held up until the first deadline.
        while !put_off(&alarm, &clock) {}
        alarm.set(Some(clock.now() + Duration::from_secs(3_600)));
        thread::scope(|scope| {
            let waits = scope.spawn(|| alarm.wait(&clock));
            while lock(&alarm.setting).sleeps_until.is_none() {
                thread::yield_now();
            }
            alarm.set(Some(clock.now() + Duration::from_secs(7_200)));
            alarm.ring();
            assert_eq!(waits.join().ok(), Some(true));
        });
    }

    /// The sleep is a part longer than the deadline, and a message that gathers must not wait for its end.
    #[test]
    fn what_is_as_late_as_the_deadline_shortens_the_sleep_all_the_same() {
        let clock = Clock::start();
        let alarm = Alarm::default();
        let deadline = clock.now() + Duration::from_secs(3_600);
        let later = deadline + Duration::from_secs(60);
        let sleeps_until = |holds: &dyn Fn(Instant) -> bool| {
            let end = clock.now() + Duration::from_secs(60);
            while !lock(&alarm.setting).sleeps_until.is_some_and(holds) && clock.now() < end {
                thread::yield_now();
            }
            clock.now() < end
        };
        alarm.set(Some(clock.now() + Duration::from_secs(1_800)));
        thread::scope(|scope| {
            let waits = scope.spawn(|| alarm.wait(&clock));
            let sleeps = sleeps_until(&|until| until < deadline);
            // Put off, and woken as by the end of the sleep.
            alarm.set(Some(deadline));
            alarm.bell.notify_one();
            let sleeps_longer = sleeps_until(&|until| until > later);
            alarm.set_if_earlier(later);
            let shortened = sleeps_until(&|until| until <= later);
            let kept = lock(&alarm.setting).deadline;
            alarm.close();
            assert_eq!((waits.join().ok(), kept), (Some(false), Some(deadline)));
            assert_eq!((sleeps, sleeps_longer, shortened), (true, true, true));
        });
    }

    /// Returns whether a deadline was put off while somebody waited for it.
    fn put_off(alarm: &Alarm, clock: &Clock) -> bool {
        alarm.set(Some(clock.now() + Duration::from_millis(20)));
        thread::scope(|scope| {
            let waits = scope.spawn(|| alarm.wait(clock).then(|| clock.now()));
            while lock(&alarm.setting).sleeps_until.is_none() && !waits.is_finished() {
                thread::yield_now();
            }
            let later = clock.now() + Duration::from_millis(60);
            let mut setting = lock(&alarm.setting);
            let in_time = setting.deadline.is_some();
            setting.deadline = setting.deadline.map(|_| later);
            drop(setting);
            let woken = waits.join().expect("it does not panic");
            assert!(!in_time || woken >= Some(later), "woken early");
            in_time
        })
    }

    #[test]
    fn the_last_deadline_set_counts() {
        let clock = Clock::start();
        let alarm = Alarm::default();
        let far = clock.now() + Duration::from_secs(3_600);
        alarm.ring();
        alarm.set(Some(far));
        assert_eq!(lock(&alarm.setting).deadline, Some(far));
        alarm.set(None);
        assert_eq!(lock(&alarm.setting).deadline, None);
    }
}
