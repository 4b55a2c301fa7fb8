//! Finds every path that reaches the crate's root and says which module it goes on to.

use super::source::Token;

/// What a path gets hold of.
pub enum Reach {
    /// A module, or another name, directly under the crate's root.
    Module(String),
    /// The root itself, and with it everything.
    Root,
    /// A source file outside the module tree.
    File,
}

/// The places in `tokens` that reach beyond the folder, each with its line. `module` is the path of
/// the module that the file is.
pub fn reaches(tokens: &[Token<'_>], module: &[String]) -> Vec<(usize, Reach)> {
    let mut walk = Walk {
        tokens,
        module: module.to_vec(),
        found: Vec::new(),
    };
    walk.file();
    walk.found
}

struct Walk<'t> {
    tokens: &'t [Token<'t>],
    /// The module that the present token is in.
    module: Vec<String>,
    found: Vec<(usize, Reach)>,
}

impl Walk<'_> {
    fn text(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", Token::text)
    }

    fn file(&mut self) {
        // For each open brace, whether it opened a module.
        let mut braces = Vec::new();
        let mut at = 0;
        while at < self.tokens.len() {
            let line = self.tokens[at].line;
            match (self.text(at), self.text(at + 1)) {
                ("mod", name) if self.text(at + 2) == "{" => {
                    self.module.push(name.to_owned());
                    braces.push(true);
                    at += 3;
                    continue;
                }
                ("{", _) => braces.push(false),
                ("}", _) => {
                    let closes_module = braces.pop().unwrap_or(false);
                    self.module
                        .truncate(self.module.len() - usize::from(closes_module));
                }
                ("[", "path") if self.text(at + 2) == "=" => self.found.push((line, Reach::File)),
                ("include", "!") => self.found.push((line, Reach::File)),
                // `use crate as …`, `use bucketlab as …`, `extern crate self as …`.
                ("crate" | "bucketlab", "as") | ("crate", "self") => {
                    self.found.push((line, Reach::Root));
                }
                ("crate" | "bucketlab" | "super" | "self", "::") => {
                    at = self.tree(at, &self.module.clone());
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
    }

    /// Follows one path or `use` tree from the word at `at`, where the path so far is the module
    /// `base`; returns where it ends. Stops looking once the path is below the root.
    fn tree(&mut self, mut at: usize, base: &[String]) -> usize {
        let mut base = base.to_vec();
        loop {
            let Some(token) = self.tokens.get(at) else {
                return at;
            };
            let line = token.line;
            match token.text() {
                "crate" | "bucketlab" => base.clear(),
                "super" => drop(base.pop()),
                "self" if self.text(at + 1) == "::" => {}
                "self" | "*" => {
                    if base.is_empty() {
                        self.found.push((line, Reach::Root));
                    }
                }
                "{" => return self.group(at + 1, &base),
                name if token.is_word() => {
                    if base.is_empty() {
                        self.found.push((line, Reach::Module(name.to_owned())));
                    }
                    base.push(name.to_owned());
                }
                _ => return at,
            }
            if self.text(at + 1) != "::" {
                return at + 1;
            }
            at += 2;
        }
    }

    /// Follows the trees of a group whose first token is at `at`; returns what comes after it.
    fn group(&mut self, mut at: usize, base: &[String]) -> usize {
        while at < self.tokens.len() {
            at = match self.text(at) {
                "}" => return at + 1,
                "," => at + 1,
                // The name that follows `as` is new here.
                "as" => at + 2,
                _ => self.tree(at, base).max(at + 1),
            };
        }
        at
    }
}
