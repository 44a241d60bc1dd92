//! Receivers x loss, shared and independent: what recovery costs and how long it takes.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use std::{iter, thread};

use rmc_core::sim::{Loss, Report, Scenario};

const ABOUT: &str = "\
# What recovery costs and how long it takes: one sender, its receivers, and what is lost on the way to them.
# Round trip 1 ms, 10,000 packets a second of 100 bytes each, the default configuration, seed 1.
#
# loss         of first transmissions and repairs, in per cent; shared: on the link out of the sender, for all
#              receivers; independent: on the link into each receiver. NACKs are not lost.
# messages     fewer for more receivers, so that the table is done in seconds
# lost         packets whose first transmission was lost on the way to at least one receiver
# complete     microseconds from the first message until every receiver had delivered all of them in order
# repairs      sent, per lost packet: one to one receiver counts as much as one to all
# nacks        datagrams that reached the sender, per lost packet
# p50, p99     microseconds from the gap that a receiver sees to the delivery of what was missing, in order
#
# Compared exactly by rmc-core/tests/golden. After a change that is meant:
# RMC_GOLDEN=renew cargo test --all-features -p rmc-core --test golden
";

/// How many receivers, and how many messages they get.
const GROUPS: [(usize, u64); 4] = [(1, 20_000), (10, 10_000), (100, 2_000), (1_000, 500)];

/// Loss per million.
const LOSSES: [u32; 6] = [0, 1_000, 10_000, 50_000, 100_000, 200_000];

/// Where packets are lost.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Where {
    Shared,
    Independent,
}

/// One row of the table.
#[derive(Clone, Copy)]
struct Cell {
    place: Where,
    loss: u32,
    receivers: usize,
    messages: u64,
}

/// The whole table. Its rows are made on all cores; each is the same on one.
pub(crate) fn table() -> String {
    let cells = cells();
    let next = AtomicUsize::new(0);
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let work = || {
        // The longest come last in the table, and are begun first.
        let taken =
            iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed)).map_while(|n| cells.len().checked_sub(n + 1));
        taken.map(|index| (index, cells[index].row())).collect::<Vec<_>>()
    };
    let mut rows: Vec<(usize, String)> = thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a scenario failed, see above")).collect()
    });
    rows.sort_unstable();
    let mut text = String::from(ABOUT);
    let mut former = None;
    for (index, row) in rows {
        let cell = cells[index];
        if former.replace((cell.receivers, cell.place)) != Some((cell.receivers, cell.place)) {
            text.push('\n');
            line(
                &mut text,
                ["loss", "", "receivers", "messages", "lost", "complete", "repairs", "nacks", "p50", "p99"],
            );
        }
        text.push_str(&row);
    }
    text
}

fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for (receivers, messages) in GROUPS {
        for place in [Where::Shared, Where::Independent] {
            cells.extend(LOSSES.map(|loss| Cell { place, loss, receivers, messages }));
        }
    }
    cells
}

impl Cell {
    fn row(self) -> String {
        let mut scenario = Scenario::new(self.receivers, self.messages);
        let link = match self.place {
            Where::Shared => &mut scenario.egress,
            Where::Independent => &mut scenario.ingress,
        };
        link.loss = Loss::per_million(self.loss);
        let report = scenario.run().expect("a valid configuration");
        assert!(report.ok, "{} receivers, {} per million lost: {:?}", self.receivers, self.loss, report.stuck);
        self.render(&report)
    }

    fn render(self, report: &Report) -> String {
        let place = match self.place {
            Where::Shared => "shared",
            Where::Independent => "independent",
        };
        let per_lost = |count| ratio(count, report.lost_packets);
        let after = |per_mille| report.recovery(per_mille).map_or_else(|| String::from("-"), micros);
        let mut row = String::new();
        let cells = [
            place,
            &format!("{}.{}", self.loss / 10_000, self.loss / 1_000 % 10),
            &self.receivers.to_string(),
            &self.messages.to_string(),
            &report.lost_packets.to_string(),
            &micros(report.elapsed),
            &per_lost(report.repairs),
            &per_lost(report.nacks),
            &after(500),
            &after(990),
        ];
        line(&mut row, cells);
        row
    }
}

fn line(text: &mut String, [place, loss, receivers, messages, lost, complete, repairs, nacks, p50, p99]: [&str; 10]) {
    writeln!(
        text,
        "{place:11} {loss:>4} {receivers:>10} {messages:>9} {lost:>6} {complete:>9} {repairs:>9} {nacks:>9} {p50:>7} {p99:>7}"
    )
    .expect("a string takes everything");
}

fn micros(duration: Duration) -> String {
    duration.as_micros().to_string()
}

/// With two decimals, rounded.
fn ratio(count: u64, of: u64) -> String {
    let Some(hundredths) = (count * 100 + of / 2).checked_div(of) else { return String::from("-") };
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

#[test]
fn ratios_are_rounded_to_the_nearest_hundredth() {
    let pairs = [(0, 7), (1, 3), (2, 3), (1, 200), (1, 201), (1_234, 10), (5, 0)];
    let texts = pairs.map(|(count, of)| ratio(count, of));
    assert_eq!(texts, ["0.00", "0.33", "0.67", "0.01", "0.00", "123.40", "-"]);
}
