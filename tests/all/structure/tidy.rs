//! Files are short, finished, and fit for any machine.

use std::fs;

use super::source::{Token, tokens};
use super::{assert_none, files, root, sources};

const LONGEST_FILE_LINES: usize = 600;

#[test]
fn files_are_short_and_say_what_they_are() {
    let mut complaints = Vec::new();
    for (file, text) in sources() {
        let lines = text.lines().count();
        if lines > LONGEST_FILE_LINES {
            complaints.push(format!("{file}: {lines} lines, over {LONGEST_FILE_LINES}"));
        }
        if !text.starts_with("//! ") {
            complaints.push(format!(
                "{file}:1: does not begin by saying what it is (//!)"
            ));
        }
    }
    assert_none(&complaints);
}

/// Lines of a text that a careful hand would not leave so.
fn untidy(file: &str, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    for (number, line) in text.split('\n').enumerate() {
        let mut complain = |why| complaints.push(format!("{file}:{}: {why}", number + 1));
        if line.contains('\t') {
            complain("tab");
        }
        // Two spaces at the end of a line mean something in Markdown only, and can be had otherwise.
        if line.ends_with([' ', '\r']) {
            complain("trailing white space");
        }
    }
    if !text.is_empty() && !text.ends_with('\n') {
        complaints.push(format!("{file}: no newline at the end"));
    }
    complaints
}

#[test]
fn text_is_tidy() {
    assert_eq!(untidy("x", "a\n\tb\nc \nd\r\ne").len(), 4);
    assert_none(&untidy("x", "a\n\n    b\n"));
    let complaints: Vec<String> = sources()
        .into_iter()
        .chain(files("tests", ".rs"))
        .chain(files("benches", ".rs"))
        .chain(files("benches", ".toml"))
        .chain(beside_the_source())
        .flat_map(|(file, text)| untidy(&file, &text))
        .collect();
    assert_none(&complaints);
}

/// Macros that stand for unfinished work, and tests that never run.
fn unfinished(file: &str, text: &str) -> Vec<String> {
    let tokens = tokens(text);
    let words: Vec<&str> = tokens.iter().map(Token::text).collect();
    let mut complaints = Vec::new();
    for name in ["todo", "unimplemented"] {
        let found = words.windows(2).filter(|pair| *pair == [name, "!"]).count();
        if found > 0 {
            complaints.push(format!("{file}: {name}! {found} times"));
        }
    }
    for (at, token) in tokens.iter().enumerate() {
        let before = |back: usize| at.checked_sub(back).map(|at| words[at]);
        // `#[ignore]`, `#[ignore = "…"]` and `#[cfg_attr(…, ignore)]`.
        if token.text() == "ignore"
            && matches!(before(1), Some("[" | ","))
            && matches!(words.get(at + 1), Some(&("]" | "=" | ")")))
        {
            complaints.push(format!("{file}:{}: a test that is ignored", token.line));
        }
    }
    complaints
}

#[test]
fn nothing_is_left_undone() {
    for planted in [
        "fn f() { todo!() }",
        "fn f() { unimplemented!(\"later\") }",
        "#[test]\n#[ignore]\nfn f() {}",
        "#[test]\n#[ignore = \"slow\"]\nfn f() {}",
        "#[cfg_attr(debug_assertions, ignore)]\nfn f() {}",
    ] {
        assert_eq!(unfinished("src/a.rs", planted).len(), 1, "{planted}");
    }
    assert_none(&unfinished("src/a.rs", "fn f() {} // todo!()"));

    let complaints: Vec<String> = sources()
        .into_iter()
        .chain(files("tests", ".rs"))
        .flat_map(|(file, text)| unfinished(&file, &text))
        .collect();
    assert_none(&complaints);
}

/// What is read beside the source: the documents, scripts, the entry for CI.
fn beside_the_source() -> Vec<(String, String)> {
    let documents = ["README.md", "CONTRIBUTING.md", "results/README.md"];
    let text = |file: &str| fs::read_to_string(root().join(file)).unwrap();
    documents
        .map(|file| (file.to_owned(), text(file)))
        .into_iter()
        .chain(files("src/guide", ".md"))
        .chain(files("scripts", ""))
        .chain(files(".ci", ""))
        .collect()
}

/// Words in a text that hold on one machine only: somebody's folders, package mirrors. Test code,
/// from `mod tests` on, may name any folder.
fn machine_bound(file: &str, text: &str) -> Vec<String> {
    const FOLDERS: [&str; 4] = ["/home/", "/root/", "/work/", "/tmp/"];
    const HOSTS: [&str; 5] = [
        "index.crates.io",
        "static.crates.io",
        "artifactory",
        "jfrog",
        "nexus",
    ];
    let mut complaints = Vec::new();
    let mut in_tests = file.ends_with("tests.rs");
    for (number, line) in text.lines().enumerate() {
        in_tests |= line == "mod tests {";
        let folder = FOLDERS
            .iter()
            .find(|&&word| !in_tests && line.contains(word));
        let host = HOSTS.iter().find(|&&word| line.contains(word));
        for word in folder.into_iter().chain(host) {
            complaints.push(format!("{file}:{}: names {word}", number + 1));
        }
    }
    complaints
}

#[test]
fn nothing_names_this_machine() {
    for planted in [
        "cd /home/me/x",
        "a\nb /tmp/x",
        "curl https://index.crates.io/x",
    ] {
        assert_eq!(machine_bound("README.md", planted).len(), 1, "{planted}");
    }
    let in_tests = "//! x\n#[cfg(test)]\nmod tests {\n    const A: &str = \"/tmp/x\";\n}";
    assert_none(&machine_bound("src/a.rs", in_tests));

    let complaints: Vec<String> = sources()
        .into_iter()
        .chain(beside_the_source())
        .flat_map(|(file, text)| machine_bound(&file, &text))
        .collect();
    assert_none(&complaints);
}

/// The lockfile must work for a stranger: the public registry only, no mirror, no local path.
#[test]
fn dependencies_come_from_the_public_registry() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let sources: Vec<&str> = lock
        .lines()
        .filter_map(|line| line.strip_prefix("source = "))
        .collect();
    assert!(!sources.is_empty());
    for source in sources {
        let public = "\"registry+https://github.com/rust-lang/crates.io-index\"";
        assert_eq!(source, public);
    }
}
