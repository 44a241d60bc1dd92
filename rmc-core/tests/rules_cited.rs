//! Every rule of docs/protocol.md and every rule and fault of the seed is cited by a test, and no citation dangles.

mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sources::{files, read, root, test_functions};

#[test]
fn every_rule_is_cited_by_a_test() {
    let rules = Rules::of(&protocol());
    let cited: BTreeSet<String> = test_sources().iter().flat_map(|(_, text)| citations(text)).collect();
    let uncited: Vec<&String> = rules.in_force.difference(&cited).collect();
    assert!(uncited.is_empty(), "{} rules of docs/protocol.md are cited by no test: {uncited:#?}", uncited.len());
}

#[test]
fn every_citation_is_of_a_rule_that_exists() {
    let protocol = protocol();
    let rules = Rules::of(&protocol);
    let mut texts = sources(&["rmc-core", "rmc-std", "fuzz/fuzz_targets"], "rs");
    texts.extend(sources(&["docs"], "md"));
    texts.push((root().join("README.md"), read(&root().join("README.md"))));
    let dangling: Vec<String> = texts
        .iter()
        .flat_map(|(path, text)| citations(text).into_iter().map(move |id| (id, path)))
        .filter(|(id, _)| !rules.in_force.contains(id))
        .map(|(id, path)| format!("{id} in {}", path.display()))
        .collect();
    assert!(dangling.is_empty(), "cited, but not a rule in force: {dangling:#?}");
}

#[test]
fn rules_are_numbered_without_holes_and_once_each() {
    let rules = Rules::of(&protocol());
    assert!(
        rules.in_force.len() > 100,
        "only {} rules found: is the form of docs/protocol.md as before?",
        rules.in_force.len()
    );
    assert_eq!(rules.misnumbered, Vec::<String>::new(), "a number is used twice, or one is missing before it");
}

#[test]
fn every_seed_rule_and_fault_has_its_test() {
    let tests: BTreeSet<String> = test_sources().iter().flat_map(|(_, text)| test_functions(text)).collect();
    let rules = (1..=37).map(|n| format!("seed_s{n:02}_"));
    let faults = (1..=30).map(|n| format!("seed_fault_f{n:02}_"));
    let missing: Vec<String> =
        rules.chain(faults).filter(|prefix| !tests.iter().any(|name| name.starts_with(prefix.as_str()))).collect();
    assert!(missing.is_empty(), "no test function begins with: {missing:?}");
}

/// docs/security.md says for each attack which tests show what happens.
#[test]
fn every_test_that_the_table_of_attacks_names_is_there() {
    const TARGETS: [&str; 3] = ["decode", "protocol", "session"];
    let tests: BTreeSet<String> = test_sources().iter().flat_map(|(_, text)| test_functions(text)).collect();
    let text = read(&root().join("docs/security.md"));
    let rows = text.lines().filter(|line| line.starts_with("| ")).skip(2);
    let names: Vec<&str> = rows.filter_map(|row| row.split(" | ").nth(4)).flat_map(quoted).collect();
    assert!(names.len() > 30, "only {} names found: is the table's form as before?", names.len());
    let is_known = |name: &str| tests.contains(name) || TARGETS.contains(&name) || name.starts_with("rmc-core/");
    let missing: Vec<&str> = names.into_iter().filter(|name| !is_known(name)).collect();
    assert!(missing.is_empty(), "docs/security.md names tests that are not there: {missing:?}");
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// What docs/protocol.md defines.
#[derive(Default)]
struct Rules {
    /// Those that are not withdrawn.
    in_force: BTreeSet<String>,
    /// Definitions that are not the next number of their area.
    misnumbered: Vec<String>,
}

impl Rules {
    fn of(text: &str) -> Self {
        let mut rules = Self::default();
        let mut last_of_area = BTreeMap::<String, u32>::new();
        for line in text.lines() {
            let Some((id, rest)) = line.strip_prefix("**").and_then(|line| line.split_once("**")) else { continue };
            let Some((area, number)) = split_id(id) else { continue };
            let last = last_of_area.entry(area.to_owned()).or_default();
            if number != *last + 1 {
                rules.misnumbered.push(id.to_owned());
            }
            *last = number;
            if !rest.trim_start().starts_with("withdrawn") {
                rules.in_force.insert(id.to_owned());
            }
        }
        rules
    }
}

/// The area and the number of a rule's id, if it is one: `RMC-AREA-n`.
fn split_id(id: &str) -> Option<(&str, u32)> {
    let (area, number) = id.strip_prefix("RMC-")?.split_once('-')?;
    let is_area = !area.is_empty() && area.bytes().all(|byte| byte.is_ascii_uppercase());
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit()) && !number.starts_with('0');
    if !is_area || !is_number {
        return None;
    }
    Some((area, number.parse().ok()?))
}

/// The ids of rules that a text names.
fn citations(text: &str) -> Vec<String> {
    let is_part = |c: char| !(c.is_ascii_alphanumeric() || c == '-');
    let words = text.split(is_part).map(|word| word.trim_end_matches('-'));
    words.filter(|word| split_id(word).is_some()).map(str::to_owned).collect()
}

/// The part of a source file that is tests: all of it in a file of tests, else what stands in `mod tests { ... }` at
/// its end.
fn test_part<'a>(path: &Path, text: &'a str) -> &'a str {
    let in_tests = path.components().any(|part| part.as_os_str() == "tests");
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    if in_tests || stem.starts_with("tests") || stem.ends_with("_tests") {
        return text;
    }
    text.find("\nmod tests {").map_or("", |start| &text[start..])
}

/// Every test source, without this file.
fn test_sources() -> Vec<(PathBuf, String)> {
    let directories = ["rmc-core/tests", "rmc-core/src", "rmc-std/tests", "rmc-std/src"];
    sources(&directories, "rs")
        .into_iter()
        .map(|(path, text)| {
            let part = test_part(path.strip_prefix(root()).unwrap_or(&path), &text).to_owned();
            (path, part)
        })
        .collect()
}

/// Every file of one kind below some directories, without this one, whose examples are no citations.
fn sources(directories: &[&str], extension: &str) -> Vec<(PathBuf, String)> {
    let is_other = |path: &Path| path.file_name().is_some_and(|name| name != "rules_cited.rs");
    files(directories, extension).into_iter().filter(|(path, _)| is_other(path)).collect()
}

fn protocol() -> String {
    read(&root().join("docs/protocol.md"))
}

mod the_collector_itself {
    use std::path::Path;

    use super::{Rules, citations, split_id, test_functions, test_part};

    #[test]
    fn takes_definitions_only_at_the_start_of_a_line() {
        let rules =
            Rules::of("**RMC-A-1** One.\nsee **RMC-A-2**\n\n**RMC-A-2** withdrawn\n**RMC-B-1** withdrawn or not\n");
        assert_eq!(rules.in_force.into_iter().collect::<Vec<_>>(), ["RMC-A-1"]);
        assert!(rules.misnumbered.is_empty());
    }

    #[test]
    fn finds_numbers_used_twice_and_numbers_left_out() {
        let rules = Rules::of("**RMC-A-1** x\n**RMC-A-1** x\n**RMC-B-2** x\n**RMC-C-1** x\n");
        assert_eq!(rules.misnumbered, ["RMC-A-1", "RMC-B-2"]);
    }

    #[test]
    fn reads_ids_out_of_prose_and_takes_no_longer_number_for_a_shorter_one() {
        assert_eq!(citations("// RMC-A-1, RMC-B-12: (RMC-C-3)."), ["RMC-A-1", "RMC-B-12", "RMC-C-3"]);
        assert_eq!(citations("RMC-AREA-n RMC-a-1 RMC-A-01 RMC--1 xRMC-A-1 RMC-A-1x RMC-A-"), Vec::<String>::new());
        assert_eq!(split_id("RMC-A-12"), Some(("A", 12)));
    }

    #[test]
    fn counts_functions_only_if_they_are_tests() {
        let text = "#[test]\n// why\n#[ignore]\nfn seed_s01_a() {\n}\nfn seed_s02_b() {\n    #[test]\n    fn seed_s03_c() {}\n// fn seed_s04_d";
        assert_eq!(test_functions(text), ["seed_s01_a", "seed_s03_c"]);
    }

    #[test]
    fn leaves_out_what_is_no_test() {
        let text = "// RMC-A-1\n#[cfg(test)]\nmod tests {\n // RMC-A-2\n}\n";
        assert_eq!(citations(test_part(Path::new("rmc-core/src/receiver/gaps.rs"), text)), ["RMC-A-2"]);
        assert_eq!(citations(test_part(Path::new("rmc-core/src/gaps.rs"), "// RMC-A-1\n")), Vec::<String>::new());
        for path in [
            "rmc-core/src/tests.rs",
            "rmc-core/src/gaps/tests/repair.rs",
            "rmc-core/src/gaps_tests.rs",
            "rmc-core/tests/x.rs",
        ] {
            assert_eq!(citations(test_part(Path::new(path), text)), ["RMC-A-1", "RMC-A-2"], "{path}");
        }
    }
}
