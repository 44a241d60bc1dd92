//! The committed table as `docs/benchmarks.md` shows it, between two comments.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::table;

const BEGIN: &str = "<!-- From rmc-core/tests/scale/table.txt; not written by hand. -->\n";
const END: &str = "<!-- The end of what is not written by hand. -->\n";
const COMMAND: &str = "RMC_GOLDEN=renew cargo test --all-features -p rmc-core --test scale published";

/// Puts `table` into the documentation, in the place of the one that is there.
pub(crate) fn renew(table: &str) {
    let path = benchmarks();
    let text = read(&path);
    let (before, _, after) = parts(&text);
    write(&path, &format!("{before}{}{after}", markdown(table)));
}

#[test]
fn published_is_what_is_committed() {
    if table::is_to_be_renewed() {
        table::publish();
        return;
    }
    let text = read(&benchmarks());
    let (_, published, _) = parts(&text);
    let expected = markdown(table::COMMITTED);
    let differs = expected.lines().zip(published.lines()).find(|(expected, published)| expected != published);
    assert!(published == expected, "docs/benchmarks.md is not table.txt, from {differs:#?} on. To renew it: {COMMAND}");
}

#[test]
fn published_lines_have_the_columns_of_committed_ones() {
    let table = "# About\n#\n\
                 partition, 1,000 a second           1000    80000 NACKs, first loss               105.00 <= 500.00\n\
                 one loses half                        10      999 goodput of the others           100.00 >=  99.00\n";
    let rows: Vec<String> = markdown(table).lines().skip(2).map(str::to_owned).collect();
    assert_eq!(
        rows,
        [
            "| partition, 1,000 a second | 1,000 | 80,000 | NACKs, first loss | 105.00 | at most 500.00 |",
            "| one loses half | 10 | 999 | goodput of the others | 100.00 | at least 99.00 |",
        ]
    );
}

fn markdown(table: &str) -> String {
    let mut text = "| scenario | receivers | messages | figure | is | limit |\n\
                    | --- | ---: | ---: | --- | ---: | ---: |\n"
        .to_owned();
    for line in table.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let (scenario, rest) = line.split_at(table::NAME);
        let words: Vec<&str> = rest.split_whitespace().collect();
        let [receivers, messages, figure @ .., is, relation, limit] = &words[..] else { panic!("no row: {line}") };
        let relation = if *relation == "<=" { "at most" } else { "at least" };
        let (receivers, messages) = (with_commas(receivers), with_commas(messages));
        let (scenario, figure) = (scenario.trim_end(), figure.join(" "));
        writeln!(text, "| {scenario} | {receivers} | {messages} | {figure} | {is} | {relation} {limit} |")
            .expect("a string takes everything");
    }
    text
}

/// 10000 as 10,000.
fn with_commas(digits: &str) -> String {
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What stands before the table, the table, and what stands behind it; the comments are no part of it.
fn parts(text: &str) -> (&str, &str, &str) {
    let begin = text.find(BEGIN).unwrap_or_else(|| panic!("docs/benchmarks.md lacks {BEGIN}")) + BEGIN.len();
    let end = text.find(END).unwrap_or_else(|| panic!("docs/benchmarks.md lacks {END}"));
    (&text[..begin], &text[begin..end], &text[end..])
}

fn benchmarks() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/benchmarks.md")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
