//! No circles of files inside a folder.
//!
//! A folder's entries are its files, its subfolders, and the module file (`mod.rs`, or `x.rs` beside
//! `x/`). One entry uses another if a path in its code names something that is defined there. The uses
//! must form no circle, so that the files of a folder can be read from the bottom to the top.
//!
//! - What is defined where: a path through the module file to a name that this file only imports or
//!   re-exports leads to the file that defines it. A path to a name that is defined in the module file
//!   itself is a use of the module file, and a path to the whole folder (`super::*`) is one too.
//! - A re-export is no use. The module file uses a child if it imports from it for its own code, names it
//!   in a path, or names in its code what it re-exports from it.
//! - Test code (`#[cfg(test)]`, and files that a module declares so) is left out: a test may build what it
//!   tests with anything at hand.
//!
//! Calls of methods name no path: two files that share a type by `impl` blocks alone are not seen.

use std::collections::{BTreeMap, BTreeSet};

use super::floors::module_of;
use super::paths::{Path, paths};
use super::source::{Token, tokens};
use super::{assert_none, sources};

/// The name of the module file among the entries of its folder.
const MODULE_FILE: &str = "mod.rs";

/// A file of the crate, without its tests.
struct File {
    name: String,
    module: Vec<String>,
    paths: Vec<Path>,
    /// Words in its code outside of `use`, and not as the end of a path or a field or method.
    words: BTreeSet<String>,
}

struct House {
    files: Vec<File>,
    /// Index of the file of a module.
    by_module: BTreeMap<Vec<String>, usize>,
}

/// Who uses whom in one folder: for each pair of entries a place where it is so.
type Uses = BTreeMap<(String, String), String>;

impl House {
    fn of(sources: &[(String, String)]) -> House {
        let mut tests = BTreeSet::new();
        let mut stripped = Vec::new();
        for (name, text) in sources {
            let module = match module_of(name) {
                roots if matches!(roots[0].as_str(), "lib" | "main") => Vec::new(),
                module => module,
            };
            let (kept, test_modules) = without_tests(tokens(text));
            for test in test_modules {
                tests.insert([module.clone(), vec![test]].concat());
            }
            stripped.push((name, module, kept));
        }
        stripped.retain(|(_, module, _)| (1..=module.len()).all(|n| !tests.contains(&module[..n])));
        let modules: Vec<Vec<String>> = stripped.iter().map(|(_, m, _)| m.clone()).collect();
        let files: Vec<File> = stripped
            .into_iter()
            .map(|(name, module, tokens)| {
                let inside = |other: &&Vec<String>| {
                    other.len() == module.len() + 1 && other.starts_with(&module)
                };
                let children: Vec<String> = modules
                    .iter()
                    .filter(inside)
                    .map(|child| child[module.len()].clone())
                    .collect();
                File {
                    name: name.clone(),
                    paths: paths(&tokens, &module, &children),
                    words: words(&tokens),
                    module,
                }
            })
            .collect();
        let by_module = (0..files.len())
            .map(|index| (files[index].module.clone(), index))
            .collect();
        House { files, by_module }
    }

    /// The module whose file defines what `names` lead to.
    fn definition(&self, names: &[String]) -> Option<&[String]> {
        let mut names = names.to_vec();
        // Imports that lead to each other would never end.
        for _ in 0..16 {
            let depth = (1..=names.len()).rev();
            let file = depth
                .filter_map(|n| self.by_module.get(&names[..n]))
                .map(|&index| &self.files[index])
                .next()?;
            let name = names.get(file.module.len());
            let import = file.paths.iter().find(|path| {
                let import = path.import.as_ref().map(|import| &import.name);
                import.is_some() && import == name && path.names != names
            });
            match import {
                Some(import) => {
                    let rest = names[file.module.len() + 1..].to_vec();
                    names = [import.names.clone(), rest].concat();
                }
                None => return Some(&file.module),
            }
        }
        None
    }

    /// The uses in each folder.
    fn uses(&self) -> BTreeMap<String, Uses> {
        let mut folders: BTreeMap<String, Uses> = BTreeMap::new();
        for file in &self.files {
            for path in &file.paths {
                let Some(definition) = self.definition(&path.names) else {
                    continue;
                };
                let common = file.module.iter().zip(definition);
                let common = common.take_while(|(a, b)| a == b).count();
                // Between the folders under the root the floors decide.
                if common == 0 || file.module == definition {
                    continue;
                }
                let entry = |module: &[String]| match module.get(common) {
                    Some(name) => name.clone(),
                    None => MODULE_FILE.to_owned(),
                };
                if file.module.len() == common && file.only_hands_on(path) {
                    continue;
                }
                folders
                    .entry(file.module[..common].join("/"))
                    .or_default()
                    .entry((entry(&file.module), entry(definition)))
                    .or_insert_with(|| format!("{}:{}", file.name, path.line));
            }
        }
        folders
    }

    /// One complaint for each circle, by folder.
    fn circles(&self) -> BTreeMap<String, Vec<String>> {
        let mut found = BTreeMap::new();
        for (folder, uses) in self.uses() {
            let complaints: Vec<String> = circles(&uses)
                .into_iter()
                .map(|circle| describe(&folder, &circle, &uses))
                .collect();
            if !complaints.is_empty() {
                found.insert(folder, complaints);
            }
        }
        found
    }
}

impl File {
    /// Whether the path is a re-export whose name the file's own code does not use.
    fn only_hands_on(&self, path: &Path) -> bool {
        let import = path.import.as_ref();
        import.is_some_and(|import| import.public && !self.words.contains(&import.name))
    }
}

/// The sets of two or more entries in which each leads to each other.
fn circles(uses: &Uses) -> Vec<BTreeSet<String>> {
    let from = |entry: &str| {
        let mut seen = BTreeSet::new();
        let mut left = vec![entry.to_owned()];
        while let Some(at) = left.pop() {
            for (_, to) in uses.keys().filter(|(from, _)| *from == at) {
                if seen.insert(to.clone()) {
                    left.push(to.clone());
                }
            }
        }
        seen
    };
    let reach: BTreeMap<&String, BTreeSet<String>> =
        uses.keys().map(|(entry, _)| (entry, from(entry))).collect();
    let mut found: Vec<BTreeSet<String>> = Vec::new();
    for (entry, reached) in &reach {
        if reached.contains(*entry) && !found.iter().any(|circle| circle.contains(*entry)) {
            let back = |other: &&String| reach.get(other).is_some_and(|r| r.contains(*entry));
            found.push(reached.iter().filter(back).cloned().collect());
        }
    }
    found
}

fn describe(folder: &str, circle: &BTreeSet<String>, uses: &Uses) -> String {
    let names: Vec<&str> = circle.iter().map(String::as_str).collect();
    let mut text = format!("{folder}: a circle of {}", names.join(", "));
    for ((from, to), place) in uses {
        if circle.contains(from) && circle.contains(to) {
            text += &format!("\n    {from} uses {to} at {place}");
        }
    }
    text
}

/// The tokens that are no test code, and the modules in other files that are.
fn without_tests(tokens: Vec<Token>) -> (Vec<Token>, Vec<String>) {
    let words: Vec<String> = tokens.iter().map(|token| token.text().to_owned()).collect();
    let mut modules = Vec::new();
    let mut keep = vec![true; words.len()];
    let mut at = 0;
    while at < words.len() {
        if !is_test_attribute(&words[at..]) {
            at += 1;
            continue;
        }
        let end = end_of_item(&words, at);
        keep[at..end].fill(false);
        if let [.., before, name, last] = &words[at..end]
            && before == "mod"
            && last == ";"
        {
            modules.push(name.clone());
        }
        at = end;
    }
    let mut keep = keep.into_iter();
    let kept = tokens.into_iter().filter(|_| keep.next() == Some(true));
    (kept.collect(), modules)
}

/// `#[cfg(test)]`, or a `cfg` that asks for tests among others.
fn is_test_attribute(words: &[String]) -> bool {
    if words.len() < 5 || words[..4] != ["#", "[", "cfg", "("] {
        return false;
    }
    let end = words.iter().position(|word| word == "]");
    let inside = &words[..end.unwrap_or(words.len())];
    let asks = |at: usize| inside[at] == "test" && inside[at - 2] != "not";
    (4..inside.len()).any(asks)
}

/// Where the item ends that begins at `at` with an attribute: behind its block or its semicolon.
fn end_of_item(words: &[String], mut at: usize) -> usize {
    let mut depth = 0_usize;
    let mut in_attribute = false;
    while at < words.len() {
        match words[at].as_str() {
            "#" if depth == 0 => in_attribute = true,
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => {
                depth = depth.saturating_sub(1);
                if depth == 0 && words[at] == "}" {
                    // `use a::{b, c};` ends with both.
                    return at + 1 + usize::from(words.get(at + 1).is_some_and(|next| next == ";"));
                }
                if depth == 0 && in_attribute && words[at] == "]" {
                    in_attribute = false;
                }
            }
            // A variant, field or statement.
            ";" | "," if depth == 0 && !in_attribute => return at + 1,
            _ => {}
        }
        at += 1;
    }
    at
}

/// Words outside of `use` that begin a path or stand alone.
fn words(tokens: &[Token]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at].text() == "use" {
            while at < tokens.len() && tokens[at].text() != ";" {
                at += 1;
            }
            continue;
        }
        let before = at.checked_sub(1).map_or("", |at| tokens[at].text());
        if tokens[at].is_word() && !matches!(before, "." | "::" | "mod") {
            found.insert(tokens[at].text().to_owned());
        }
        at += 1;
    }
    found
}

#[test]
fn files_of_a_folder_form_no_circle() {
    let house = House::of(&sources());
    let edges: usize = house.uses().values().map(BTreeMap::len).sum();
    assert!(edges > 200, "only {edges} uses: the paths are not found");
    let complaints: Vec<String> = house.circles().into_values().flatten().collect();
    assert_none(&complaints);
}

/// Files with a circle, and who is in it.
#[rustfmt::skip] // a row a line
const PLANTED: &[(&[(&str, &str)], &str)] = &[
    (&[("mod.rs", "mod a; mod b;"), ("a.rs", "use super::b::B;"), ("b.rs", "use super::a::A;")], "a, b"),
    (&[("mod.rs", "mod a; mod b;"), ("a.rs", "use crate::table::b;"), ("b.rs", "fn f() { super::a::go() }")], "a, b"),
    (&[("mod.rs", "mod a; mod b; mod c;"), ("a.rs", "use super::b::B;"), ("b.rs", "use super::c::C;"),
       ("c.rs", "struct C(super::a::A);")], "a, b, c"),
    // Through what the module file re-exports or imports.
    (&[("mod.rs", "mod a; mod b; pub use a::A; pub use b::{B as Bee};"), ("a.rs", "use super::Bee;"),
       ("b.rs", "use super::A;")], "a, b"),
    (&[("mod.rs", "mod a; mod b; pub use self::a::{A, C}; pub use b::B;"), ("a.rs", "use crate::table::{B, x};"),
       ("b.rs", "fn f() { super::A::new(); }")], "a, b"),
    // With the module file: it defines what a child uses, and uses the child.
    (&[("mod.rs", "mod a; use a::A; struct T(A);"), ("a.rs", "use super::T;")], "a, mod.rs"),
    (&[("mod.rs", "mod a; struct T; fn f() { a::go() }"), ("a.rs", "use super::T;")], "a, mod.rs"),
    (&[("mod.rs", "mod a; pub use a::A; pub struct T { a: A }"), ("a.rs", "use super::T;")], "a, mod.rs"),
    (&[("mod.rs", "mod a; use a::A; struct T(A);"), ("a.rs", "use super::*;")], "a, mod.rs"),
    // A subfolder is one entry, and has entries of its own.
    (&[("mod.rs", "mod a; mod b;"), ("a.rs", "use super::b::B;"), ("b/mod.rs", "mod c;"),
       ("b/c.rs", "use super::super::a::A;")], "a, b"),
    (&[("mod.rs", "mod b;"), ("b.rs", "mod c; mod d;"), ("b/c.rs", "use super::d::D;"),
       ("b/d.rs", "use super::c::C;")], "c, d"),
    (&[("mod.rs", "mod a; mod b;"), ("a.rs", "#[cfg(not(test))] use super::b::B;"), ("b.rs", "use super::a::A;")], "a, b"),
    // Test code in one direction does not hide the other.
    (&[("mod.rs", "mod a; mod b;"), ("a.rs", "#[cfg(test)] mod tests { fn f() {} } use super::b::B;"),
       ("b.rs", "#[cfg(test)] use std::{fmt, io}; use super::a::A;")], "a, b"),
];

#[rustfmt::skip] // a row a line
const FREE: &[&[(&str, &str)]] = &[
    // A folder that only hands on, whose files use what others define through it.
    &[("mod.rs", "mod a; mod b; pub use a::A; pub use b::B;"), ("a.rs", "use super::B; pub struct A(B);"),
      ("b.rs", "pub struct B;")],
    // Up to what the module file defines, where it uses none of its children.
    &[("mod.rs", "mod a; pub use a::A; pub trait T { fn a(&self) { self.A(); x::A() } }"), ("a.rs", "use super::T;")],
    // Down only.
    &[("mod.rs", "mod a; mod b; use a::A; fn f(_: A) { b::go() }"), ("a.rs", "use super::b;"), ("b.rs", "")],
    // Tests may look back.
    &[("mod.rs", "mod a; mod b;"), ("a.rs", "use super::b::B;"),
      ("b.rs", "#[cfg(test)] mod tests { use super::super::a::A; }")],
    &[("mod.rs", "mod a; #[cfg(test)] mod b;"), ("a.rs", "#[cfg(test)] use super::b::B;"), ("b.rs", "use super::a::A;")],
    &[("mod.rs", "mod a; mod b;"), ("a.rs", "use super::b::B;"),
      ("b.rs", "#[cfg(all(test, not(loom)))] mod tests { use super::super::a::A; }")],
    &[("mod.rs", "mod a; mod b;"), ("a.rs", "use super::b::B;"),
      ("b.rs", "#[cfg(test)]\n#[allow(x, y)]\nfn f(a: [u8; 3]) -> u8 { super::a::go() }")],
    // Documentation and visibility are no uses.
    &[("mod.rs", "mod a; mod b;"), ("a.rs", "use super::b::B;"),
      ("b.rs", "/// See [`super::a`].\npub(in crate::table) fn f() {}")],
    &[("mod.rs", "mod a; use a::A; fn f(_: A) {}"), ("a.rs", "pub(super) fn f() {} pub(in crate::table) fn g() {}")],
];

fn planted(files: &[(&str, &str)]) -> BTreeMap<String, Vec<String>> {
    let sources: Vec<(String, String)> = files
        .iter()
        .map(|(name, text)| (format!("src/table/{name}"), (*text).to_owned()))
        .collect();
    House::of(&sources).circles()
}

#[test]
fn planted_circles_are_caught() {
    for (files, circle) in PLANTED {
        let found: Vec<String> = planted(files).into_values().flatten().collect();
        let end = format!("a circle of {circle}");
        assert!(
            found.len() == 1 && found[0].lines().next().unwrap().ends_with(&end),
            "{files:?}\nwants {end}, found {found:?}"
        );
    }
}

#[test]
fn folders_without_a_circle_pass() {
    for files in FREE {
        let found = planted(files);
        assert!(found.is_empty(), "{files:?}: {found:?}");
    }
}
