//! The grammar of a strategy with its parameters: `name:param=value,param=value`.
//!
//! Values are counts (`1024`, `2^20`, `64Ki`, `10k`), decimals (`1.5`, `150%`) and words (`on`); no character
//! in the grammar means anything to a shell. A value may be a sweep, `fixed:buckets=[2^8,2^10]` or
//! `stripes=[1-4]`, which stands for one spec per element. Several targets stand with commas between:
//! `striped:buckets=2^16,stripes=4,fixed`, see [`split_targets`].

use std::fmt;

use serde::{Deserialize, Serialize};

use super::quantity::float;
use super::{BadInput, Written, human_integer, read_range};

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
        if let Ok(integer) = u64::read(text) {
            return Value::Integer(integer);
        }
        match float(text) {
            Some(decimal) => Value::Decimal(decimal),
            None => Value::Word(text.to_owned()),
        }
    }

    /// What an element of a sweep stands for: a range of counts for each of them.
    fn parse_all(text: &str) -> Result<Vec<Value>, BadInput> {
        if read_range(text).is_ok() {
            let all = u64::read_all(text)?;
            return Ok(all.into_iter().map(Value::Integer).collect());
        }
        Ok(vec![Value::parse(text)])
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

/// The targets of a list with commas between. What stands behind a comma goes on with the parameters of the
/// target before it if it is `name=value`, and begins a new target otherwise; commas in brackets are the sweep's.
/// Behind a target with `://`, `host:port` is one more of its addresses.
///
/// ```
/// let list = "striped:buckets=[2^8,2^10],stripes=4,fixed";
/// let targets = bucketlab::base::split_targets(list);
/// assert_eq!(targets, ["striped:buckets=[2^8,2^10],stripes=4", "fixed"]);
/// ```
#[must_use]
pub fn split_targets(text: &str) -> Vec<String> {
    let mut targets: Vec<String> = Vec::new();
    for part in split_outside_brackets(text) {
        let name = part.split(':').next().unwrap_or(part);
        match targets.last_mut() {
            Some(target)
                if name.contains('=') || target.contains("://") && is_further_address(part) =>
            {
                target.push(',');
                target.push_str(part);
            }
            _ => targets.push(part.to_owned()),
        }
    }
    targets
}

/// Whether it is `host:port`, perhaps with options behind it: no spec has a number there.
fn is_further_address(part: &str) -> bool {
    let (address, _) = part.split_once('?').unwrap_or((part, ""));
    let port = address
        .strip_suffix('/')
        .unwrap_or(address)
        .rsplit_once(':');
    let is_number = |port: &str| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    port.is_some_and(|(host, port)| !host.contains("://") && is_number(port))
}

/// Parses targets with commas between, whose values may be sweeps (`buckets=[2^8,2^10]`), into one spec per
/// combination, the last parameter varying fastest.
///
/// # Errors
/// Names the part that does not follow the grammar.
pub fn expand_sweeps(text: &str) -> Result<Vec<Spec>, SpecError> {
    let mut specs = Vec::new();
    for target in split_targets(text) {
        specs.extend(expand_target(&target)?);
    }
    Ok(specs)
}

fn expand_target(text: &str) -> Result<Vec<Spec>, SpecError> {
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
        let is_sweep = part.contains('[');
        let mut read = Vec::new();
        for value in values {
            if is_sweep {
                read.extend(Value::parse_all(value).map_err(|why| bad(why.0))?);
            } else {
                read.push(Value::parse(value));
            }
        }
        specs = specs
            .iter()
            .flat_map(|spec| {
                read.iter().map(|value| {
                    let mut spec = spec.clone();
                    spec.params.push((param.to_owned(), value.clone()));
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
    fn values_are_counts_decimals_or_words() {
        for (text, value) in [
            ("1k", Value::Integer(1000)),
            ("1e6", Value::Integer(1_000_000)),
            ("64Ki", Value::Integer(1 << 16)),
            ("1.5k", Value::Integer(1500)),
            ("1.5", Value::Decimal(1.5)),
            ("75%", Value::Decimal(0.75)),
            ("1.5x", Value::Word("1.5x".into())),
            ("64MB", Value::Word("64MB".into())),
            ("1-4", Value::Word("1-4".into())),
        ] {
            assert_eq!(Value::parse(text), value, "{text}");
        }
    }

    #[test]
    fn a_comma_begins_a_target_or_goes_on_with_parameters() {
        for (text, targets) in [
            ("striped,fixed", &["striped", "fixed"][..]),
            (
                "fixed:buckets=1k,grow=off,striped",
                &["fixed:buckets=1k,grow=off", "striped"],
            ),
            (
                "a , b:x=1, y=2 ,c:z=[1,2],d",
                &["a", "b:x=1,y=2", "c:z=[1,2]", "d"],
            ),
            (
                "striped:stripes=4,striped:stripes=8",
                &["striped:stripes=4", "striped:stripes=8"],
            ),
            ("fixed,", &["fixed", ""]),
            (
                "memcached://a:1,b:2,fixed",
                &["memcached://a:1,b:2", "fixed"],
            ),
            (
                "memcached://a:1, [::1]:2?proto=meta,redis://c:3,striped:stripes=2",
                &[
                    "memcached://a:1,[::1]:2?proto=meta",
                    "redis://c:3",
                    "striped:stripes=2",
                ],
            ),
            ("fixed,b:2", &["fixed", "b:2"]),
        ] {
            assert_eq!(split_targets(text), targets, "{text}");
        }
        let specs = expand_sweeps("fixed:buckets=[2^8,2^10],striped").unwrap();
        assert_eq!(specs.len(), 3);
        assert_eq!(
            (specs[2].name.as_str(), specs[2].params.len()),
            ("striped", 0)
        );
    }

    #[test]
    fn a_sweep_stands_for_every_combination() {
        let specs = expand_sweeps("striped:buckets=[2^8,2^10],stripes=[1,4],grow=off").unwrap();
        assert_eq!(specs.len(), 4);
        assert_eq!(specs[1].params[0].1, Value::Integer(256));
        assert_eq!(specs[1].params[1].1, Value::Integer(4));
        assert_eq!(specs[3].params[2].1, Value::Word("off".into()));
        let specs = expand_sweeps("t:stripes=[1-3,8],mover=[a-b]").unwrap();
        let stripes: Vec<&Value> = specs.iter().map(|spec| &spec.params[0].1).collect();
        assert_eq!(
            stripes,
            [1, 2, 3, 8].map(Value::Integer).iter().collect::<Vec<_>>()
        );
        assert_eq!(specs[0].params[1].1, Value::Word("a-b".into()));
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
            ("fixed:buckets=[1-9999]", "at most 4096"),
            ("fixed,", "'' is not a name"),
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
