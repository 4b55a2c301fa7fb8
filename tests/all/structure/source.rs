//! Rust source as words and marks, without comments and literals.

use std::str::FromStr;

use proc_macro2::{Delimiter, Spacing, Span, TokenStream, TokenTree};

/// A word or a mark, and the line that it is on, from 1.
pub struct Token {
    text: String,
    pub line: usize,
}

impl Token {
    /// The token as it is written, without `r#` in front of a name. `::` is one token, and every
    /// literal is `""`.
    pub fn text(&self) -> &str {
        self.text.strip_prefix("r#").unwrap_or(&self.text)
    }

    pub fn is_word(&self) -> bool {
        self.text
            .starts_with(|c: char| c.is_alphanumeric() || c == '_')
    }
}

/// The tokens of a file.
///
/// # Panics
/// If `code` is not Rust, as far as tokens go.
pub fn tokens(code: &str) -> Vec<Token> {
    let stream = TokenStream::from_str(code).unwrap_or_else(|error| panic!("{error}: {code}"));
    let mut tokens = Vec::new();
    flatten(stream, &mut tokens);
    tokens
}

fn flatten(stream: TokenStream, tokens: &mut Vec<Token>) {
    let mut colon = false;
    for tree in stream {
        let was_colon = std::mem::take(&mut colon);
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                tokens.push(token(open, group.span_open()));
                flatten(group.stream(), tokens);
                tokens.push(token(close, group.span_close()));
            }
            TokenTree::Punct(mark) => {
                let is_colon = mark.as_char() == ':';
                if is_colon && was_colon {
                    tokens.last_mut().expect("the first colon").text.push(':');
                } else {
                    tokens.push(token(&mark.to_string(), mark.span()));
                    colon = is_colon && mark.spacing() == Spacing::Joint;
                }
            }
            TokenTree::Ident(word) => tokens.push(token(&word.to_string(), word.span())),
            TokenTree::Literal(literal) => tokens.push(token("\"\"", literal.span())),
        }
    }
}

fn token(text: &str, span: Span) -> Token {
    Token {
        text: text.to_owned(),
        line: span.start().line,
    }
}
