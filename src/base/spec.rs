//! The grammar of a strategy with its parameters: `name:param=value,param=value`.
//!
//! Values are integers (`1024`, `2^20`, `64Ki`), decimals (`1.5`) and words (`on`); no character
//! in the grammar means anything to a shell. In a suite a value may be a sweep,
//! `fixed:buckets=[2^8,2^10]`, which stands for one spec per element.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::BadInput;

/// An error in a spec: which part, why, and what would be valid. It is [`BadInput`] under the name
/// that strategies use.
pub type SpecError = BadInput;

/// The value of a parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Value {
    /// A whole number.
    Integer(u64),
    /// A number with a decimal point.
    Decimal(#[serde(with = "bits")] f64),
    /// Anything else.
    Word(String),
}

impl Value {
    fn parse(text: &str) -> Value {
        if let Some(integer) = parse_integer(text) {
            return Value::Integer(integer);
        }
        let numeric = text.contains('.') && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        match text.parse::<f64>() {
            Ok(decimal) if numeric => Value::Decimal(decimal),
            _ => Value::Word(text.to_owned()),
        }
    }
}

/// A decimal as the integer of its bits: readers of JSON may round the last digit.
mod bits {
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "the signature that serde calls"
    )]
    pub(super) fn serialize<S: Serializer>(
        decimal: &f64,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(decimal.to_bits())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        u64::deserialize(deserializer).map(f64::from_bits)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Integer(integer) => f.write_str(&human_integer(*integer)),
            Value::Decimal(decimal) => write!(f, "{decimal:?}"),
            Value::Word(word) => f.write_str(word),
        }
    }
}

/// Reads `1024`, `1_000_000`, `2^20` or `64Ki` (also `Mi`, `Gi`); `None` for anything else and for
/// what does not fit 64 bits.
#[must_use]
pub fn parse_integer(text: &str) -> Option<u64> {
    if let Some((base, exponent)) = text.split_once('^') {
        return digits(base)?.checked_pow(u32::try_from(digits(exponent)?).ok()?);
    }
    for (suffix, shift) in [("Ki", 10), ("Mi", 20), ("Gi", 30)] {
        if let Some(number) = text.strip_suffix(suffix) {
            return digits(number)?.checked_mul(1 << shift);
        }
    }
    digits(text)
}

/// [`parse_integer`] for flags.
///
/// # Errors
/// What is no whole number, with examples of the notation.
pub fn parse_count(text: &str) -> Result<u64, BadInput> {
    parse_integer(text)
        .ok_or_else(|| BadInput("write a whole number: 1000000, 2^20 or 64Ki".to_owned()))
}

fn digits(text: &str) -> Option<u64> {
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    text.replace('_', "").parse().ok()
}

/// Prints an integer as people read it: powers of two from 2^10 on as `2^k`, others in digits.
#[must_use]
pub fn human_integer(integer: u64) -> String {
    if integer.is_power_of_two() && integer >= 1024 {
        format!("2^{}", integer.trailing_zeros())
    } else {
        integer.to_string()
    }
}

/// A strategy's name with the parameters that were given for it, not yet checked against any
/// strategy.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// The strategy's name.
    pub name: String,
    /// Parameters in the order given.
    pub params: Vec<(String, Value)>,
}

impl std::str::FromStr for Spec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Spec, SpecError> {
        let mut specs = expand_sweeps(text)?;
        match specs.len() {
            1 => Ok(specs.remove(0)),
            n => Err(BadInput(format!(
                "'{text}' stands for {n} targets where one is wanted"
            ))),
        }
    }
}

/// Parses a spec whose values may be sweeps (`buckets=[2^8,2^10]`) into one spec per combination,
/// the last parameter varying fastest.
///
/// # Errors
/// Names the part that does not follow the grammar.
pub fn expand_sweeps(text: &str) -> Result<Vec<Spec>, SpecError> {
    let bad = |why: String| BadInput(format!("target '{text}': {why}"));
    let (name, rest) = match text.split_once(':') {
        Some((name, rest)) => (name.trim(), Some(rest)),
        None => (text.trim(), None),
    };
    let word = |s: &str| {
        !s.is_empty()
            && s.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    if !word(name) {
        return Err(bad(format!(
            "'{name}' is not a name; write name:param=value,param=value"
        )));
    }
    let mut specs = vec![Spec {
        name: name.to_owned(),
        params: Vec::new(),
    }];
    for part in rest.map(split_outside_brackets).unwrap_or_default() {
        let Some((param, values)) = part.split_once('=') else {
            return Err(bad(format!("'{part}' has no value; write param=value")));
        };
        let (param, values) = (param.trim(), values.trim());
        if !word(param) {
            return Err(bad(format!("'{param}' is not a parameter name")));
        }
        if specs[0].params.iter().any(|(given, _)| given == param) {
            return Err(bad(format!("'{param}' is given twice")));
        }
        let values: Vec<&str> = match values.strip_prefix('[') {
            None => vec![values],
            Some(list) => match list.strip_suffix(']') {
                Some(list) => list.split(',').map(str::trim).collect(),
                None => return Err(bad(format!("'{part}' opens '[' and does not close it"))),
            },
        };
        if let Some(odd) = values
            .iter()
            .find(|v| v.is_empty() || v.contains(['[', ']', '=', ':']))
        {
            return Err(bad(format!("'{odd}' is not a value for '{param}'")));
        }
        specs = specs
            .iter()
            .flat_map(|spec| {
                values.iter().map(|value| {
                    let mut spec = spec.clone();
                    spec.params.push((param.to_owned(), Value::parse(value)));
                    spec
                })
            })
            .collect();
    }
    Ok(specs)
}

fn split_outside_brackets(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0u32, 0);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'[' => depth += 1,
            b']' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_in_all_their_spellings() {
        for (text, value) in [
            ("1024", 1024),
            ("2^20", 1 << 20),
            ("64Ki", 65536),
            ("1_000", 1000),
            ("10^3", 1000),
        ] {
            assert_eq!(parse_integer(text), Some(value), "{text}");
        }
        for text in [
            "",
            "2^64",
            "-1",
            "1.5",
            "99999999999999999999",
            "_1",
            "20Gib",
            "on",
            "^3",
        ] {
            assert_eq!(parse_integer(text), None, "{text}");
        }
        assert_eq!(human_integer(1 << 18), "2^18");
        assert_eq!(human_integer(256), "256");
        assert_eq!(human_integer(1000), "1000");
    }

    #[test]
    fn a_sweep_stands_for_every_combination() {
        let specs = expand_sweeps("striped:buckets=[2^8,2^10],stripes=[1,4],grow=off").unwrap();
        assert_eq!(specs.len(), 4);
        assert_eq!(specs[1].params[0].1, Value::Integer(256));
        assert_eq!(specs[1].params[1].1, Value::Integer(4));
        assert_eq!(specs[3].params[2].1, Value::Word("off".into()));
        assert_eq!(
            "x:load=1.5".parse::<Spec>().unwrap().params[0].1,
            Value::Decimal(1.5)
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, word) in [
            ("", "''"),
            ("fi xed", "'fi xed'"),
            ("fixed:", "''"),
            ("fixed:buckets", "'buckets'"),
            ("fixed:buckets=", "''"),
            ("fixed:buckets=[1,2", "'buckets=[1,2'"),
            ("fixed:buckets=1,buckets=2", "twice"),
            ("fixed:buckets=[]", "''"),
        ] {
            let error = expand_sweeps(text).unwrap_err().to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
        assert!(
            "fixed:buckets=[1,2]"
                .parse::<Spec>()
                .unwrap_err()
                .0
                .contains("2 targets")
        );
    }
}
