//! A committed text, compared line by line.

use std::fmt::Write as _;
use std::{env, fs, path};

const COMMAND: &str = "RMC_GOLDEN=renew cargo test --all-features -p rmc-core --test golden";

/// A committed text.
pub(crate) struct Golden {
    pub(crate) name: &'static str,
    /// As it was when the test was built.
    pub(crate) text: &'static str,
}

impl Golden {
    /// Compares it with what is so now; with `RMC_GOLDEN=renew` it is written anew instead.
    pub(crate) fn check(&self, now: &str) {
        if env::var("RMC_GOLDEN").is_ok_and(|wish| wish == "renew") {
            let path = path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(self.name);
            fs::write(&path, now).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            return;
        }
        if let Some(difference) = difference(self.text, now) {
            panic!("rmc-core/tests/golden/{} says otherwise:\n{difference}\nIf that is meant: {COMMAND}", self.name);
        }
    }
}

/// The lines that differ (`-`: committed, `+`: now), below the heads of their tables; `None`: none do.
fn difference(committed: &str, now: &str) -> Option<String> {
    if committed == now {
        return None;
    }
    let (committed, now): (Vec<_>, Vec<_>) = (committed.lines().collect(), now.lines().collect());
    let mut text = String::new();
    let mut head = None;
    for index in 0..committed.len().max(now.len()) {
        let (before, after) = (committed.get(index), now.get(index));
        if before == after {
            head = before.filter(|line| is_head(line)).or(head);
            continue;
        }
        let lines =
            [head.take().map(|head| (' ', head)), before.map(|line| ('-', line)), after.map(|line| ('+', line))];
        for (mark, line) in lines.into_iter().flatten() {
            writeln!(text, "{mark} {line}").expect("a string takes everything");
        }
    }
    Some(text)
}

/// Whether a line names the columns of what follows.
fn is_head(line: &str) -> bool {
    line.starts_with("loss") || line.starts_with("scenario")
}

#[test]
fn a_difference_shows_both_lines_below_their_head() {
    let committed = "# About\n\nloss lost\n1 % 10\n5 % 50\n";
    assert_eq!(difference(committed, committed), None);
    let now = "# About\n\nloss lost\n1 % 10\n5 % 51\n10 % 99\n";
    assert_eq!(difference(committed, now).expect("they differ"), "  loss lost\n- 5 % 50\n+ 5 % 51\n+ 10 % 99\n");
}
