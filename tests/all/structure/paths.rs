//! Finds the paths in a file that name modules, and what module each leads to.

use super::source::Token;

/// A path, or one leaf of a `use` tree.
pub struct Path {
    pub line: usize,
    /// Its segments from the crate's root. Names the root itself if empty.
    pub names: Vec<String>,
    /// What a `use` makes of it: the name that it has here, and whether others may import it.
    pub import: Option<Import>,
}

pub struct Import {
    pub name: String,
    pub public: bool,
}

/// The paths in `tokens` that begin with `crate`, `$crate`, the crate's own name, `super`, `self`, or a
/// module of `children`, the modules that the file declares. `module` is the path of the module that
/// the file is.
pub fn paths(tokens: &[Token], module: &[String], children: &[String]) -> Vec<Path> {
    let mut walk = Walk {
        tokens,
        depth: module.len(),
        module: module.to_vec(),
        children,
        import: None,
        found: Vec::new(),
    };
    walk.file();
    walk.found
}

struct Walk<'t> {
    tokens: &'t [Token],
    /// Segments of the file's module.
    depth: usize,
    /// The module that the present token is in.
    module: Vec<String>,
    children: &'t [String],
    /// In a `use`: whether it is a public one.
    import: Option<bool>,
    found: Vec<Path>,
}

impl Walk<'_> {
    fn text(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", Token::text)
    }

    fn before(&self, at: usize) -> &str {
        at.checked_sub(1).map_or("", |at| self.text(at))
    }

    fn file(&mut self) {
        // For each open brace, whether it opened a module.
        let mut braces = Vec::new();
        let mut at = 0;
        while at < self.tokens.len() {
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
                ("use", _) => {
                    self.import = Some(matches!(self.before(at), "pub" | ")"));
                    let first = at + 1 + usize::from(self.text(at + 1) == "::");
                    if self.begins_path(first) || self.text(first) == "{" {
                        at = self.tree(first, &self.module.clone());
                        self.import = None;
                        continue;
                    }
                    self.import = None;
                }
                // `extern crate self as …`; what `pub(in …)` names is not used.
                ("crate", "self") => self.push(at, &[], at),
                ("in", "crate" | "super" | "self") if self.before(at) == "(" => at += 1,
                (_, "::") if self.before(at) != "::" && self.begins_path(at) => {
                    at = self.tree(at, &self.module.clone());
                    continue;
                }
                ("::", "bucketlab") => {
                    at = self.tree(at + 1, &[]);
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
    }

    fn begins_path(&self, at: usize) -> bool {
        let word = self.text(at);
        matches!(word, "crate" | "bucketlab" | "super" | "self") || self.is_child(word)
    }

    fn is_child(&self, word: &str) -> bool {
        self.module.len() == self.depth && self.children.iter().any(|child| child == word)
    }

    fn push(&mut self, at: usize, names: &[String], last: usize) {
        let import = self.import.map(|public| Import {
            name: if self.text(last + 1) == "as" {
                self.text(last + 2).to_owned()
            } else {
                names.last().cloned().unwrap_or_default()
            },
            public,
        });
        self.found.push(Path {
            line: self.tokens[at].line,
            names: names.to_vec(),
            import,
        });
    }

    /// Follows one path or `use` tree from the word at `at`, where the path so far is the module
    /// `base`; returns where it ends.
    fn tree(&mut self, first: usize, base: &[String]) -> usize {
        let (mut at, mut base) = (first, base.to_vec());
        loop {
            let Some(token) = self.tokens.get(at) else {
                return at;
            };
            match token.text() {
                "crate" | "bucketlab" => base.clear(),
                "super" => drop(base.pop()),
                "self" | "*" => {}
                "{" => return self.group(at + 1, &base),
                name if token.is_word() => base.push(name.to_owned()),
                _ => return at,
            }
            if self.text(at + 1) != "::" {
                self.push(first, &base, at);
                return at + 1;
            }
            // `Type::<…>` and `module::f::<…>` end the path.
            if !(self.tokens.get(at + 2).is_some_and(Token::is_word)
                || matches!(self.text(at + 2), "{" | "*"))
            {
                self.push(first, &base, at);
                return at + 2;
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
