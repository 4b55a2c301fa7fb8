//! Just enough of Rust's lexical grammar to tell code from comments and strings.

/// A word or a mark, and the line that it is on, from 1.
pub struct Token<'t> {
    text: &'t str,
    pub line: usize,
}

impl Token<'_> {
    /// The token as it is written; `r#` in front of a name is no part of it.
    pub fn text(&self) -> &str {
        self.text.strip_prefix("r#").unwrap_or(self.text)
    }

    pub fn is_word(&self) -> bool {
        self.text.starts_with(is_word)
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Splits code, without comments and strings, into words, `::` and single marks.
pub fn tokens(code: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let word = |text: &str| text.find(|c| !is_word(c)).unwrap_or(text.len());
            let length = if let Some(name) = rest.strip_prefix("r#") {
                2 + word(name)
            } else if is_word(first) {
                word(rest)
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            tokens.push(Token {
                text: &rest[..length],
                line: number + 1,
            });
            rest = rest[length..].trim_start();
        }
    }
    tokens
}

/// The code with every comment and every string or character literal replaced by blanks; lines
/// stay where they are.
pub fn blank_comments_and_strings(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let after_word = code.ends_with(is_word);
        let hidden = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if first == '"' {
            string(rest)
        } else if first == '\'' {
            character(rest)
        } else if after_word {
            0
        } else {
            raw_string(rest)
        };
        if hidden == 0 {
            code.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            let lines = rest[..hidden].matches('\n').count();
            code.push(' ');
            code.extend(std::iter::repeat_n('\n', lines));
            rest = &rest[hidden..];
        }
    }
    code
}

/// Length of the comment that `text` starts with; block comments nest.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    loop {
        if text[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if text[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else if let Some(c) = text[at..].chars().next() {
            at += c.len_utf8();
        } else {
            return at;
        }
    }
}

/// Length of the literal that `text` starts with, up to the first mark of its kind that no
/// backslash escapes.
fn string(text: &str) -> usize {
    let quote = text.as_bytes()[0];
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        if escaped {
            escaped = false;
        } else if byte == b'\\' {
            escaped = true;
        } else if byte == quote {
            return at + 1;
        }
    }
    text.len()
}

/// Length of the character literal that `text` starts with; 0 where the mark begins a lifetime.
fn character(text: &str) -> usize {
    let mut inside = text[1..].chars();
    match inside.next() {
        Some('\\') => string(text),
        Some(c) if inside.next() == Some('\'') => 2 + c.len_utf8(),
        _ => 0,
    }
}

/// Length of the raw string (`r"…"`, `br#"…"#`, `cr"…"`) that `text` starts with, or 0.
fn raw_string(text: &str) -> usize {
    let Some(marks) = ["r", "br", "cr"].iter().find_map(|p| text.strip_prefix(p)) else {
        return 0;
    };
    let inside = marks.trim_start_matches('#');
    let hashes = &marks[..marks.len() - inside.len()];
    if !inside.starts_with('"') {
        return 0;
    }
    let start = text.len() - inside.len() + 1;
    let end = format!("\"{hashes}");
    text[start..]
        .find(&end)
        .map_or(text.len(), |at| start + at + end.len())
}
