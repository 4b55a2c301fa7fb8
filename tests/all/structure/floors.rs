//! Imports point down.
//!
//! The crate is built in floors (see `src/lib.rs`). A folder may use what lies below it and itself;
//! what lies beside or above it, it does not see. The rule covers every path from the crate's root,
//! in a `use` or inline, tests and macros included, however it is written: `crate::`, `$crate::`,
//! the crate's own name, or enough `super::`.

use std::fs;

use super::paths::paths;
use super::source::{Token, tokens};
use super::{assert_none, root, sources};

/// Modules by floor, the lowest first; the roof sees everything.
const FLOORS: [&[&str]; 9] = [
    &["base"],
    &["hash", "stats", "machine"],
    &["table", "workload", "wire", "record"],
    &["analysis"],
    &["bench", "serve", "verify", "report"],
    &["drive"],
    &["catalog"],
    &["run"],
    &["cli", "guide", "main", "lib"],
];
const ROOF: usize = FLOORS.len() - 1;

/// `src/table/fixed.rs` is in the module `table::fixed`, `src/table/mod.rs` in `table`.
pub fn module_of(file: &str) -> Vec<String> {
    let inside = file.strip_prefix("src/").unwrap().strip_suffix(".rs");
    let mut module: Vec<String> = inside.unwrap().split('/').map(str::to_owned).collect();
    if module.last().is_some_and(|name| name == "mod") {
        module.pop();
    }
    module
}

fn floor_of(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

/// What in `text`, the contents of `file`, breaks the rule of the floors.
fn violations(file: &str, text: &str) -> Vec<String> {
    let module = module_of(file);
    let Some(floor) = floor_of(&module[0]) else {
        return vec![format!("{file}: '{}' is on no floor", module[0])];
    };
    // The two roots of crates are their own parents: paths in them start at the top.
    let place = if matches!(module[0].as_str(), "lib" | "main") {
        &[]
    } else {
        module.as_slice()
    };
    let why = |to: Option<&String>| match to {
        Some(to) if *to == module[0] => None,
        Some(to) => match floor_of(to) {
            Some(below) if below < floor || floor == ROOF => None,
            Some(below) => {
                let way = if below == floor { "sideways" } else { "up" };
                Some(format!("points {way}: {} to {to}", module[0]))
            }
            // What the roots of the crates define themselves is the roof's business.
            None if floor == ROOF => None,
            None => Some(format!("'{to}' is on no floor")),
        },
        None if floor == ROOF => None,
        None => Some("takes hold of the whole crate".to_owned()),
    };
    let tokens = tokens(text);
    let mut complaints: Vec<String> = paths(&tokens, place, &[])
        .iter()
        .filter_map(|path| Some((path.line, why(path.names.first())?)))
        .chain(files_by_path(&tokens))
        .map(|(line, why)| format!("{file}:{line}: {why}"))
        .collect();
    // One line may take several names of one module.
    complaints.dedup();
    complaints
}

/// Where the file takes source from a path of its own, past the module tree.
fn files_by_path(tokens: &[Token]) -> impl Iterator<Item = (usize, String)> {
    let is_one = |three: &&[Token]| {
        matches!(
            (three[0].text(), three[1].text(), three[2].text()),
            ("[", "path", "=") | ("include", "!", "(")
        )
    };
    let why = |three: &[Token]| (three[0].line, "reads source from a path of its own".into());
    tokens.windows(3).filter(is_one).map(why)
}

#[test]
fn imports_point_down() {
    let complaints: Vec<String> = sources()
        .iter()
        .flat_map(|(file, text)| violations(file, text))
        .collect();
    assert_none(&complaints);
}

/// The table in the crate's documentation is the one that is enforced.
#[test]
fn the_documented_floors_are_these() {
    let lib = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let mut documented = Vec::new();
    for line in lib.lines() {
        let Some((floor, modules)) = line
            .strip_prefix("//! | ")
            .and_then(|row| row.split_once(" | "))
        else {
            continue;
        };
        for module in modules.split('`').skip(1).step_by(2) {
            let number = floor_of(module).unwrap_or_else(|| panic!("{module} is on no floor"));
            let name = if number == ROOF {
                "roof".to_owned()
            } else {
                number.to_string()
            };
            assert_eq!(floor, name, "floor of {module}");
            documented.push(module);
        }
    }
    let mut declared: Vec<&str> = lib
        .lines()
        .filter_map(|line| {
            let line = line.strip_prefix("pub ").unwrap_or(line);
            line.strip_prefix("mod ")?.strip_suffix(';')
        })
        .collect();
    documented.sort_unstable();
    declared.sort_unstable();
    assert_eq!(documented, declared, "documented and declared modules");
}

/// File, text, line of the violation (0 for the file), end of the complaint.
#[rustfmt::skip] // a row a line
const PLANTED: &[(&str, &str, usize, &str)] = &[
    // Up and sideways.
    ("src/table/fixed.rs", "use crate::run::Plan;", 1, "up: table to run"),
    ("src/table/fixed.rs", "use crate::workload::Op;", 1, "sideways: table to workload"),
    ("src/bench/mod.rs", "pub use crate::verify;", 1, "sideways: bench to verify"),
    ("src/base/key.rs", "use crate::hash;", 1, "up: base to hash"),
    // Groups, over several lines, inline, in tests, in macros.
    ("src/run/mod.rs", "use std::io;\nuse crate::{\n    base::Key,\n    cli,\n};", 4, "up: run to cli"),
    ("src/hash/mod.rs", "use crate::{base::{Key, Worker}, stats::median};", 1, "hash to stats"),
    ("src/hash/mod.rs", "use crate::{base::{Key as K, Worker}, run as r};", 1, "hash to run"),
    ("src/hash/mod.rs", "fn f() -> u64 {\n    crate::machine::now_ns()\n}", 2, "hash to machine"),
    ("src/hash/mod.rs", "fn f(x: &dyn crate :: table\n:: T) {}", 1, "up: hash to table"),
    ("src/bench/mod.rs", "#[cfg(test)]\nmod tests {\n    use crate::verify::run;\n}", 3, "to verify"),
    ("src/table/mod.rs", "macro_rules! m {\n    () => { $crate::run::go() };\n}", 2, "table to run"),
    ("src/table/mod.rs", "use crate::r#run::Plan;", 1, "up: table to run"),
    // Other ways to the root.
    ("src/hash/mod.rs", "use ::bucketlab::run;", 1, "up: hash to run"),
    ("src/hash/mod.rs", "use super::table::Key;", 1, "up: hash to table"),
    ("src/hash/sip.rs", "use super::super::{base, cli};", 1, "up: hash to cli"),
    ("src/hash/sip.rs", "use super::{Seed, super::cli};", 1, "up: hash to cli"),
    ("src/hash/sip.rs", "use self::super::super::cli;", 1, "up: hash to cli"),
    ("src/hash/sip.rs", "mod tests {\n    use super::super::super::bench;\n}", 2, "hash to bench"),
    ("src/hash/sip.rs", "mod a { mod b {} }\nuse super::super::report;", 2, "hash to report"),
    ("src/catalog.rs", "use super::run;", 1, "up: catalog to run"),
    // The root itself, from which everything can be had, and files by path.
    ("src/table/mod.rs", "use crate::*;", 1, "whole crate"),
    ("src/table/mod.rs", "use crate as all;", 1, "whole crate"),
    ("src/table/mod.rs", "use crate::{self as all};", 1, "whole crate"),
    ("src/table/mod.rs", "use super::*;", 1, "whole crate"),
    ("src/table/mod.rs", "use super::{self as all};", 1, "whole crate"),
    ("src/table/mod.rs", "extern crate self as all;", 1, "whole crate"),
    ("src/table/mod.rs", "use bucketlab as all;", 1, "whole crate"),
    ("src/table/mod.rs", "use crate::Odd;", 1, "'Odd' is on no floor"),
    ("src/table/mod.rs", "#[path = \"../run/mod.rs\"]\nmod run;", 1, "path of its own"),
    ("src/table/mod.rs", "include!(\"../run/x.rs\");", 1, "path of its own"),
    ("src/attic/mod.rs", "", 0, "'attic' is on no floor"),
    // Code behind strings, characters, lifetimes and comments is code.
    ("src/table/mod.rs", "const Q: char = '\"'; use crate::run; const R: char = '\"';", 1, "to run"),
    ("src/table/mod.rs", "fn f<'a>(x: &'a u8) { crate::run::go('x') }", 1, "table to run"),
    ("src/table/mod.rs", "const S: &str = r#\"\"\"#; use crate::run;", 1, "table to run"),
    ("src/table/mod.rs", "const S: &str = \"a\nb\\\\\"; use crate::run;", 2, "table to run"),
    ("src/table/mod.rs", "/* /* */ */ use crate::run;", 1, "table to run"),
];

#[test]
fn planted_violations_are_caught_where_they_stand() {
    for &(file, text, line, why) in PLANTED {
        let found = violations(file, text);
        let place = if line > 0 {
            format!("{file}:{line}: ")
        } else {
            format!("{file}: ")
        };
        assert!(
            found.len() == 1 && found[0].starts_with(&place) && found[0].ends_with(why),
            "{text}\nwants {place}… {why}, found {found:?}"
        );
    }
    let two = violations(
        "src/hash/mod.rs",
        "use crate::{run, base, stats::{self, cli}};",
    );
    assert_eq!(two.len(), 2, "{two:?}");
}

#[rustfmt::skip] // a row a line
const ALLOWED: &[(&str, &str)] = &[
    ("src/table/fixed.rs", "use crate::base::{Key, Worker};\nuse crate::hash::Hasher;"),
    ("src/table/fixed.rs", "use crate::table::Session; use crate::{base, machine::now_ns};"),
    ("src/table/fixed.rs", "use super::{Session, Strategy}; use super::super::hash;"),
    ("src/table/fixed.rs", "mod tests { use super::*; use super::super::super::hash; }"),
    ("src/table/fixed.rs", "pub(crate) fn f() {} pub(in crate::table) fn g() {}"),
    ("src/table/fixed.rs", "/// See [`crate::run`].\n// crate::cli\n//! crate::cli\nfn f() {}"),
    ("src/table/fixed.rs", "/* use crate::run; /* crate::cli */ use crate::run; */"),
    ("src/table/fixed.rs", "const A: &str = \"crate::run \\\" crate::cli\";"),
    ("src/table/fixed.rs", "const A: &str = r##\"crate::run \"# crate::cli\"##;"),
    ("src/table/fixed.rs", "const A: &[u8] = b\"crate::run\"; const B: u8 = b'\\'';"),
    ("src/table/fixed.rs", "use other::run::bench; fn f() { a.cli(); run::go(); }"),
    ("src/table/fixed.rs", "fn f(path: u8) { let path = path; include_str!(\"x\"); }"),
    ("src/table/fixed.rs", "use super::{self as table, Session};"),
    ("src/catalog.rs", "use super::bench; use crate::verify;"),
    ("src/run/mod.rs", "use crate::{catalog, bench::{self, Child}, base::*};"),
    ("src/main.rs", "use bucketlab::cli; fn main() { bucketlab::catalog::ROWS; }"),
    ("src/lib.rs", "pub mod base; pub use crate::base::Key; pub use self::run::Plan;"),
    ("src/cli/run.rs", "use crate::{run, catalog, report, base}; use super::Verb;"),
];

#[test]
fn what_is_allowed_passes() {
    for &(file, text) in ALLOWED {
        assert_none(&violations(file, text));
    }
}
