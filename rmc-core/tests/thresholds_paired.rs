//! Every timer and every bound has its pair of tests: one that holds at the limit, and one past it. A field of
//! `Config`, a constant of the core, or a row of section 20 of docs/protocol.md that is new fails here until it has.

mod sources;
mod threshold_tables;

use std::collections::{BTreeMap, BTreeSet};

use sources::{files, read, root, test_functions};
use threshold_tables::{CONFIG, CONSTANTS, OF_ASKING, OF_FLOW, OTHERS, Pair, ROWS, Shown};

#[test]
fn every_field_of_config_is_in_the_table() {
    let source = read(&root().join("rmc-core/src/config.rs"));
    let fields = fields_of(&source, "Config");
    let listed: Vec<&str> = CONFIG.iter().map(|&(name, _)| name).collect();
    assert_eq!(fields, listed, "the fields of Config, and those of threshold_tables: the same, in the same order");
}

/// Those of the simulator are not a node's.
#[test]
fn every_constant_is_in_the_table() {
    let src = root().join("rmc-core/src");
    let mut found = BTreeSet::new();
    for (path, text) in files(&["rmc-core/src"], "rs") {
        let path = path.strip_prefix(&src).expect("it lies below").to_string_lossy().into_owned();
        if path.starts_with("sim/") || path.ends_with("tests.rs") {
            continue;
        }
        found.extend(constants_of(&text).into_iter().map(|name| (path.clone(), name)));
    }
    let listed: BTreeSet<_> = constants().map(|&(path, name, _)| (path.to_owned(), name.to_owned())).collect();
    assert_eq!(listed.len(), constants().count(), "one is listed twice");
    let missing: Vec<_> = found.difference(&listed).collect();
    assert!(missing.is_empty(), "constants without an entry in threshold_tables: {missing:#?}");
    let gone: Vec<_> = listed.difference(&found).collect();
    assert!(gone.is_empty(), "entries in threshold_tables without a constant: {gone:#?}");
}

#[test]
fn every_row_of_section_20_is_in_a_table() {
    let known: BTreeSet<&str> = (CONFIG.iter().map(|&(name, _)| name))
        .chain(constants().map(|&(_, name, _)| name))
        .chain(OTHERS.iter().map(|&(name, _)| name))
        .collect();
    let protocol = read(&root().join("docs/protocol.md"));
    let rows = rows_of_section(&protocol, "## 20.");
    assert!(rows.len() > 20, "only {} rows found: is the form of docs/protocol.md as before?", rows.len());
    for row in &rows {
        let names = names_of_row(row);
        assert!(!names.is_empty(), "threshold_tables does not say what this row means: {row}");
        for name in names {
            assert!(known.contains(name.as_str()), "{name} of section 20 is in no table");
        }
    }
    for (row, _) in ROWS {
        assert!(rows.iter().any(|found| found == row), "section 20 has no row {row}");
    }
}

#[test]
fn every_test_that_is_named_exists() {
    let tests: BTreeSet<String> =
        files(&["rmc-core/tests", "rmc-core/src"], "rs").iter().flat_map(|(_, text)| test_functions(text)).collect();
    let missing: Vec<&str> = named().into_iter().filter(|&name| !tests.contains(name)).collect();
    assert!(missing.is_empty(), "named in threshold_tables, but no test: {missing:#?}");
}

/// No test stands for two options, and none for both sides of one.
#[test]
fn each_option_has_tests_of_its_own() {
    let mut used = BTreeMap::new();
    for (option, shown) in CONFIG {
        match shown {
            Shown::Pairs(pairs) => {
                assert!(!pairs.is_empty(), "{option} has no pair");
                for name in pairs.iter().flat_map(both) {
                    let other = used.insert(name, option);
                    assert_eq!(other, None, "{name} stands for {option}, and is named before");
                }
            }
            Shown::BothIn(name) => panic!("{option} needs two tests, {name} is one"),
            Shown::Nowhere(reason) => assert!(!reason.is_empty(), "{option} has no pair: say why"),
        }
    }
    for (name, (at, past)) in OTHERS {
        assert_ne!(at, past, "{name}");
    }
}

fn constants() -> impl Iterator<Item = &'static (&'static str, &'static str, Shown)> {
    CONSTANTS.iter().chain(OF_ASKING).chain(OF_FLOW)
}

fn both(&(at, past): &Pair) -> [&'static str; 2] {
    [at, past]
}

/// Every test that the tables name.
fn named() -> Vec<&'static str> {
    let shown = CONFIG.iter().map(|(_, shown)| shown).chain(constants().map(|(_, _, shown)| shown));
    let mut names: Vec<&str> = OTHERS.iter().flat_map(|(_, pair)| both(pair)).collect();
    for shown in shown {
        match shown {
            Shown::Pairs(pairs) => names.extend(pairs.iter().flat_map(both)),
            Shown::BothIn(name) => names.push(name),
            Shown::Nowhere(_) => {}
        }
    }
    names
}

/// The public fields of a struct, in their order.
fn fields_of(text: &str, name: &str) -> Vec<String> {
    let head = format!("pub struct {name} {{");
    let body = text.lines().skip_while(|line| *line != head).skip(1).take_while(|line| *line != "}");
    let field = |line: &str| line.strip_prefix("    pub ")?.split_once(':').map(|(name, _)| name.to_owned());
    body.filter_map(field).collect()
}

/// The constants of a source file that are numbers or times; what stands within an `impl` or the tests is none.
fn constants_of(text: &str) -> Vec<String> {
    const TYPES: [&str; 10] = ["u8", "u16", "u32", "u64", "u128", "i64", "i128", "usize", "Duration", "Instant"];
    let text = text.split_once("\nmod tests {").map_or(text, |(before, _)| before);
    let constant = |line: &str| {
        let line = line
            .strip_prefix("pub")
            .map_or(line, |rest| rest.trim_start_matches("(crate)").trim_start_matches("(super)").trim_start());
        let (name, rest) = line.strip_prefix("const ")?.split_once(": ")?;
        let (kind, _) = rest.split_once(" =")?;
        TYPES.contains(&kind).then(|| name.to_owned())
    };
    text.lines().filter_map(constant).collect()
}

/// The first cells of the table in the section whose heading begins so.
fn rows_of_section(text: &str, heading: &str) -> Vec<String> {
    let section = text.lines().skip_while(|line| !line.starts_with(heading)).skip(1);
    let section = section.take_while(|line| !line.starts_with("## "));
    let cell = |line: &str| line.strip_prefix('|')?.split('|').next().map(|cell| cell.trim().to_owned());
    section.filter_map(cell).filter(|cell| cell != "name" && !cell.starts_with("---")).collect()
}

/// What a row of section 20 is about: the names in it, of which `_bytes` continues the one before; else what the table
/// says.
fn names_of_row(row: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in row.split('`').skip(1).step_by(2) {
        let name = match (name.strip_prefix('_'), names.last().and_then(|last| last.rsplit_once('_'))) {
            (Some(end), Some((stem, _))) => format!("{stem}_{end}"),
            _ => name.to_owned(),
        };
        names.push(name);
    }
    if names.is_empty() {
        let meant = ROWS.iter().find(|(label, _)| *label == row).map_or(&[][..], |&(_, names)| names);
        return meant.iter().copied().map(str::to_owned).collect();
    }
    names
}

mod the_collector_itself {
    use super::{constants_of, fields_of, names_of_row, rows_of_section};

    #[test]
    fn finds_the_fields_of_one_struct() {
        let text = "pub struct A {\n    pub no: u8,\n}\n/// B.\npub struct B {\n    /// pub no: u8\n    pub a: u8,\n\n    #[x]\n    pub b_c: Vec<u8>,\n    d: u8,\n}\nimpl B {\n    pub no: u8,\n}\n";
        assert_eq!(fields_of(text, "B"), ["a", "b_c"]);
    }

    #[test]
    fn finds_constants_that_are_numbers_or_times() {
        let text = "const A: u8 = 1;\npub const B_C: Duration = MS;\npub(crate) const D: usize = 1;\npub(super) const E: i128 = 1;\n    const NO: u8 = 1;\nconst NO: Flags = X;\nconst fn no(a: u8) -> u8 {\n// const NO: u8 = 1;\nmod tests {\nconst NO: u8 = 1;\n";
        assert_eq!(constants_of(text), ["A", "B_C", "D", "E"]);
    }

    #[test]
    fn finds_the_first_cells_of_one_section() {
        let text = "## 1. X\n| no |\n## 2. Y\ntext\n| name | b |\n| --- | --- |\n| `a` | 1 |\n| b c | `2` |\n\n## 3. Z\n| no |\n";
        assert_eq!(rows_of_section(text, "## 2."), ["`a`", "b c"]);
    }

    #[test]
    fn reads_names_out_of_rows() {
        assert_eq!(names_of_row("`max_peers`"), ["max_peers"]);
        assert_eq!(names_of_row("`a_b_packets`, `_bytes`"), ["a_b_packets", "a_b_bytes"]);
        assert_eq!(names_of_row("`max_rate`, `rate_burst`"), ["max_rate", "rate_burst"]);
        assert_eq!(names_of_row("heartbeat table"), ["heartbeat_times"]);
        assert_eq!(names_of_row("something new"), Vec::<String>::new());
    }
}
