//! The committed table of what each scenario comes to.

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use std::{env, fs, path};

use crate::published;

pub(crate) const COMMITTED: &str = include_str!("table.txt");
/// How many characters a scenario's name takes.
pub(crate) const NAME: usize = 30;
const COMMAND: &str = "RMC_GOLDEN=renew cargo test --all-features -p rmc-core --test scale -- --include-ignored";

/// One test writes at a time.
static WRITING: Mutex<()> = Mutex::new(());

/// What one scenario comes to.
pub(crate) struct Row {
    scenario: String,
    text: String,
    over: Vec<String>,
}

/// A figure, in hundredths.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hundredths(pub(crate) u64);

impl Row {
    pub(crate) fn new(scenario: &str, receivers: usize, messages: u64) -> Self {
        let scenario = format!("{scenario:NAME$} {receivers:>9} {messages:>8}");
        Self { scenario, text: String::new(), over: Vec::new() }
    }

    /// A figure that must not be above `limit`.
    pub(crate) fn at_most(&mut self, figure: &str, is: Hundredths, limit: Hundredths) {
        self.figure(figure, is, limit, "<=", is <= limit);
    }

    /// A figure that must not be below `limit`.
    pub(crate) fn at_least(&mut self, figure: &str, is: Hundredths, limit: Hundredths) {
        self.figure(figure, is, limit, ">=", is >= limit);
    }

    fn figure(&mut self, figure: &str, is: Hundredths, limit: Hundredths, relation: &str, holds: bool) {
        let line = format!("{} {figure:26} {:>8} {relation} {:>6}", self.scenario, is.decimal(), limit.decimal());
        writeln!(self.text, "{line}").expect("a string takes everything");
        if !holds {
            self.over.push(line);
        }
    }

    /// Fails if a figure is past its limit, or is not the one that is committed.
    pub(crate) fn check(self) {
        assert!(self.over.is_empty(), "past the limit:\n{}", self.over.join("\n"));
        if is_to_be_renewed() {
            renew(|table| replaced(table, &self.scenario, &self.text));
            return;
        }
        let committed = lines_of(COMMITTED, &self.scenario);
        assert!(
            committed == self.text,
            "rmc-core/tests/scale/table.txt says\n{committed}and it is\n{}If that is meant: {COMMAND}",
            self.text
        );
    }
}

impl Hundredths {
    /// A whole number.
    pub(crate) const fn whole(number: u64) -> Self {
        Self(number * 100)
    }

    /// `count` for each of `of`, rounded up.
    pub(crate) const fn of(count: u64, of: u64) -> Self {
        Self((count * 100).div_ceil(of))
    }

    /// How many times `unit` a duration is, rounded up.
    pub(crate) fn times(duration: Duration, unit: Duration) -> Self {
        let hundredths = (duration.as_nanos() * 100).div_ceil(unit.as_nanos());
        Self(u64::try_from(hundredths).unwrap_or(u64::MAX))
    }

    fn decimal(self) -> String {
        format!("{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

/// Whether what is there is to be written anew, and not compared.
pub(crate) fn is_to_be_renewed() -> bool {
    env::var("RMC_GOLDEN").is_ok_and(|wish| wish == "renew")
}

/// Puts the table as it stands into the documentation.
pub(crate) fn publish() {
    renew(str::to_owned);
}

/// Changes the table, and what the documentation shows of it.
fn renew(change: impl FnOnce(&str) -> String) {
    let _one = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let path = path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scale/table.txt");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let table = change(&text);
    fs::write(&path, &table).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    published::renew(&table);
}

/// The lines of a scenario.
fn lines_of(table: &str, scenario: &str) -> String {
    table.lines().filter(|line| line.starts_with(scenario)).map(|line| format!("{line}\n")).collect()
}

/// The table with other lines for a scenario: in the place of those that are there, or at the end.
fn replaced(table: &str, scenario: &str, lines: &str) -> String {
    let mut text = String::new();
    let mut is_placed = false;
    for line in table.lines() {
        if !line.starts_with(scenario) {
            writeln!(text, "{line}").expect("a string takes everything");
        } else if !core::mem::replace(&mut is_placed, true) {
            text.push_str(lines);
        }
    }
    if !is_placed {
        text.push_str(lines);
    }
    text
}

#[test]
fn lines_are_replaced_where_they_stand() {
    let table = "# About\none 1\none 2\ntwo 1\n";
    assert_eq!(lines_of(table, "one"), "one 1\none 2\n");
    assert_eq!(replaced(table, "one", "one 3\n"), "# About\none 3\ntwo 1\n");
    assert_eq!(replaced(table, "six", "six 6\n"), "# About\none 1\none 2\ntwo 1\nsix 6\n");
}

#[test]
fn hundredths_are_rounded_up() {
    assert_eq!(Hundredths::of(1, 3).decimal(), "0.34");
    assert_eq!(Hundredths::of(23, 10).decimal(), "2.30");
    assert_eq!(Hundredths::whole(7).decimal(), "7.00");
    let trip = Duration::from_millis(250);
    assert_eq!(Hundredths::times(Duration::from_millis(750), trip).decimal(), "3.00");
    assert_eq!(Hundredths::times(Duration::from_nanos(750_000_001), trip).decimal(), "3.01");
}

/// A line of the table that no test makes any more is one of a scenario that no test names.
#[test]
fn every_line_of_the_table_belongs_to_a_scenario() {
    let sources = [
        include_str!("acks.rs"),
        include_str!("shared.rs"),
        include_str!("independent.rs"),
        include_str!("hardships.rs"),
        include_str!("outages.rs"),
        include_str!("told.rs"),
    ];
    for line in COMMITTED.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let name = line[..NAME.min(line.len())].trim_end();
        let is_named = sources.iter().any(|source| source.contains(&format!("\"{name}\"")));
        assert!(is_named, "no test makes this line: {line}");
    }
}
