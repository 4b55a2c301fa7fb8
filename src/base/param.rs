//! Parameters: what a strategy declares, and the values that a spec gives them.

use std::fmt::Write;

use super::{BadInput, Spec, SpecError, Value, counted, human_integer, unknown_name};

/// The values that a parameter may take, with its default.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Range {
    /// A whole number within bounds, both included.
    Integer {
        /// The default.
        default: u64,
        /// The least value.
        min: u64,
        /// The greatest value.
        max: u64,
    },
    /// A power of two within bounds, both included: array sizes that a mask picks from.
    PowerOfTwo {
        /// The default.
        default: u64,
        /// The least value.
        min: u64,
        /// The greatest value.
        max: u64,
    },
    /// A number with a fraction within bounds, both included.
    Decimal {
        /// The default.
        default: f64,
        /// The least value.
        min: f64,
        /// The greatest value.
        max: f64,
    },
    /// One of a few words; the first is the default.
    Word(&'static [&'static str]),
}

/// A parameter that a strategy takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Param {
    /// Its name in a spec.
    pub name: &'static str,
    /// What it may be.
    pub range: Range,
    /// What it means, in a few words, units included.
    pub meaning: &'static str,
}

impl Param {
    /// `capacity=`, which every strategy takes: how many entries to make room for when the table
    /// opens. 0 means that it starts small and grows.
    pub const CAPACITY: Param = Param {
        name: "capacity",
        range: Range::Integer {
            default: 0,
            min: 0,
            max: 1 << 40,
        },
        meaning: "entries to make room for at the start; 0 starts small and grows",
    };

    /// The default value.
    #[must_use]
    pub fn default_value(&self) -> Value {
        match self.range {
            Range::Integer { default, .. } | Range::PowerOfTwo { default, .. } => {
                Value::Integer(default)
            }
            Range::Decimal { default, .. } => Value::Decimal(default),
            Range::Word(words) => Value::Word(words[0].to_owned()),
        }
    }

    /// The range in words, as shown by `list` and by errors.
    #[must_use]
    pub fn range_text(&self) -> String {
        match self.range {
            Range::Integer { min, max, .. } => {
                format!("{} to {}", human_integer(min), human_integer(max))
            }
            Range::PowerOfTwo { min, max, .. } => {
                format!(
                    "a power of two, {} to {}",
                    human_integer(min),
                    human_integer(max)
                )
            }
            Range::Decimal { min, max, .. } => format!("{min:?} to {max:?}"),
            Range::Word(words) => words.join(" or "),
        }
    }

    /// Checks a value; an error names the nearest valid one.
    fn check(&self, strategy: &str, value: &Value) -> Result<Value, SpecError> {
        let nearest = match (self.range, value) {
            (Range::Integer { min, max, .. }, Value::Integer(given)) => {
                let nearest = (*given).clamp(min, max);
                if nearest == *given {
                    return Ok(value.clone());
                }
                Value::Integer(nearest)
            }
            (Range::PowerOfTwo { min, max, .. }, Value::Integer(given)) => {
                let nearest = nearest_power_of_two((*given).clamp(min, max)).clamp(min, max);
                if nearest == *given {
                    return Ok(value.clone());
                }
                Value::Integer(nearest)
            }
            (Range::Decimal { min, max, .. }, Value::Integer(_) | Value::Decimal(_)) => {
                #[expect(clippy::cast_precision_loss, reason = "decimal parameters are small")]
                let given = match value {
                    Value::Integer(integer) => *integer as f64,
                    Value::Decimal(decimal) => *decimal,
                    Value::Word(_) => unreachable!("matched above"),
                };
                if (min..=max).contains(&given) {
                    return Ok(Value::Decimal(given));
                }
                Value::Decimal(given.clamp(min, max))
            }
            (Range::Word(words), Value::Word(given)) if words.contains(&given.as_str()) => {
                return Ok(value.clone());
            }
            (Range::Word(words), _) => {
                let given = value.to_string();
                let nearest = words
                    .iter()
                    .min_by_key(|word| strsim::osa_distance(word, &given));
                Value::Word((*nearest.expect("a word range has words")).to_owned())
            }
            (_, Value::Word(_) | Value::Decimal(_)) => self.default_value(),
        };
        Err(BadInput(format!(
            "{strategy}: {}={value} is not valid: {} ({}); the nearest valid value is {nearest}",
            self.name,
            self.range_text(),
            self.meaning,
        )))
    }
}

fn nearest_power_of_two(n: u64) -> u64 {
    let below = 1u64 << n.max(1).ilog2();
    match below.checked_mul(2) {
        Some(above) if above - n < n - below => above,
        _ => below,
    }
}

/// A strategy's parameters, every one with a checked value.
#[derive(Clone, Debug, PartialEq)]
pub struct Params {
    strategy: String,
    values: Vec<(Param, Value)>,
}

impl Params {
    /// Gives each declared parameter the spec's value, or its default.
    ///
    /// # Errors
    /// A parameter that is not declared or whose value is out of range, with the nearest valid one.
    pub fn resolve(declared: &[Param], spec: &Spec) -> Result<Params, SpecError> {
        for (name, _) in &spec.params {
            if !declared.iter().any(|param| param.name == name) {
                let kind = format!("parameter of {}", spec.name);
                return Err(unknown_name(
                    &kind,
                    name,
                    declared.iter().map(|param| param.name),
                ));
            }
        }
        let values = declared
            .iter()
            .map(|param| {
                let given = spec.params.iter().find(|(name, _)| name == param.name);
                let value = match given {
                    Some((_, value)) => param.check(&spec.name, value)?,
                    None => param.default_value(),
                };
                Ok((*param, value))
            })
            .collect::<Result<_, SpecError>>()?;
        Ok(Params {
            strategy: spec.name.clone(),
            values,
        })
    }

    /// The values in the order of the declaration: what another process needs for [`Params::of_values`].
    #[must_use]
    pub fn values(&self) -> Vec<Value> {
        self.values.iter().map(|(_, value)| value.clone()).collect()
    }

    /// The parameters of a strategy from values that were resolved before.
    ///
    /// # Errors
    /// Values that are not one valid value for each declared parameter.
    pub fn of_values(
        strategy: &str,
        declared: &[Param],
        values: &[Value],
    ) -> Result<Params, SpecError> {
        if values.len() != declared.len() {
            return Err(BadInput(format!(
                "{strategy}: {} for {}",
                counted(values.len() as u64, "value"),
                counted(declared.len() as u64, "parameter")
            )));
        }
        let checked = declared
            .iter()
            .zip(values)
            .map(|(param, value)| Ok((*param, param.check(strategy, value)?)))
            .collect::<Result<_, SpecError>>()?;
        Ok(Params {
            strategy: strategy.to_owned(),
            values: checked,
        })
    }

    /// The strategy's name.
    #[must_use]
    pub fn strategy(&self) -> &str {
        &self.strategy
    }

    /// The value of an integer parameter.
    ///
    /// # Panics
    /// If the strategy did not declare it as an integer: a bug in the strategy.
    #[must_use]
    pub fn integer(&self, name: &str) -> u64 {
        match self.value(name) {
            Value::Integer(integer) => *integer,
            other => panic!("{}: {name}={other} is not an integer", self.strategy),
        }
    }

    /// The value of an integer parameter, as a size in memory.
    ///
    /// # Panics
    /// Like [`Params::integer`].
    #[must_use]
    pub fn size(&self, name: &str) -> usize {
        usize::try_from(self.integer(name)).expect("ranges keep sizes within the address space")
    }

    /// The value of a decimal parameter.
    ///
    /// # Panics
    /// If the strategy did not declare it as a decimal: a bug in the strategy.
    #[must_use]
    pub fn decimal(&self, name: &str) -> f64 {
        match self.value(name) {
            Value::Decimal(decimal) => *decimal,
            other => panic!("{}: {name}={other} is not a decimal", self.strategy),
        }
    }

    /// The value of a word parameter.
    ///
    /// # Panics
    /// If the strategy did not declare it as a word: a bug in the strategy.
    #[must_use]
    pub fn word(&self, name: &str) -> &str {
        match self.value(name) {
            Value::Word(word) => word,
            other => panic!("{}: {name}={other} is not a word", self.strategy),
        }
    }

    fn value(&self, name: &str) -> &Value {
        match self.values.iter().find(|(param, _)| param.name == name) {
            Some((_, value)) => value,
            None => panic!("{}: parameter '{name}' is not declared", self.strategy),
        }
    }

    /// Whether a parameter has its default, given or not.
    ///
    /// # Panics
    /// If the parameter is not declared: a mistake in the strategy.
    #[must_use]
    pub fn is_default(&self, name: &str) -> bool {
        let declared = self.values.iter().find(|(param, _)| param.name == name);
        let Some((param, value)) = declared else {
            panic!("{}: parameter '{name}' is not declared", self.strategy)
        };
        param.default_value() == *value
    }

    /// The spec with every parameter, defaults included: what `cell_id` covers.
    #[must_use]
    pub fn full(&self) -> String {
        self.print(|_, _| true)
    }

    /// The spec as people read it: defaults left out.
    #[must_use]
    pub fn short(&self) -> String {
        self.print(|param, value| param.default_value() != *value)
    }

    fn print(&self, keep: impl Fn(&Param, &Value) -> bool) -> String {
        let mut text = self.strategy.clone();
        let mut separator = ':';
        for (param, value) in self
            .values
            .iter()
            .filter(|(param, value)| keep(param, value))
        {
            let _ = write!(text, "{separator}{}={value}", param.name);
            separator = ',';
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DECLARED: &[Param] = &[
        Param {
            name: "buckets",
            range: Range::PowerOfTwo {
                default: 1024,
                min: 1,
                max: 1 << 32,
            },
            meaning: "buckets in the array",
        },
        Param {
            name: "load",
            range: Range::Decimal {
                default: 1.5,
                min: 0.1,
                max: 100.0,
            },
            meaning: "items a bucket before it grows",
        },
        Param {
            name: "grow",
            range: Range::Word(&["on", "off"]),
            meaning: "whether it grows",
        },
        Param::CAPACITY,
    ];

    fn resolve(text: &str) -> Result<Params, SpecError> {
        Params::resolve(DECLARED, &text.parse().unwrap())
    }

    #[test]
    fn both_forms_print() {
        let params = resolve("t:load=2,buckets=2^20").unwrap();
        assert_eq!(params.full(), "t:buckets=2^20,load=2.0,grow=on,capacity=0");
        assert_eq!(params.short(), "t:buckets=2^20,load=2.0");
        assert_eq!(resolve("t:buckets=1024").unwrap().short(), "t");
        // The full form reads back as itself.
        assert_eq!(resolve(&params.full()).unwrap(), params);
    }

    #[test]
    fn resolved_values_reach_another_process_exactly() {
        let params = resolve("t:load=0.30000000000000004,buckets=2^20,grow=off").unwrap();
        let sent = serde_json::to_string(&params.values()).unwrap();
        let values: Vec<Value> = serde_json::from_str(&sent).unwrap();
        assert_eq!(Params::of_values("t", DECLARED, &values).unwrap(), params);
        let error = Params::of_values("t", DECLARED, &values[1..]).unwrap_err();
        assert!(error.0.contains("3 values for 4 parameters"), "{error}");
        let swapped = [values[1].clone(), values[0].clone()];
        let swapped = [&swapped[..], &values[2..]].concat();
        assert!(Params::of_values("t", DECLARED, &swapped).is_err());
    }

    #[test]
    fn errors_name_the_nearest_valid_value() {
        for (text, words) in [
            ("t:buckets=0", ["buckets=0", "nearest valid value is 1"]),
            (
                "t:buckets=1000",
                ["power of two", "nearest valid value is 2^10"],
            ),
            (
                "t:buckets=2^40",
                ["1 to 2^32", "nearest valid value is 2^32"],
            ),
            (
                "t:buckets=many",
                ["buckets=many", "nearest valid value is 2^10"],
            ),
            ("t:load=0", ["0.1 to 100.0", "nearest valid value is 0.1"]),
            ("t:grow=offf", ["on or off", "nearest valid value is off"]),
            (
                "t:bucket=4",
                ["unknown parameter of t 'bucket'", "did you mean 'buckets'"],
            ),
        ] {
            let error = resolve(text).unwrap_err().to_string();
            for word in words {
                assert!(error.contains(word), "{text}: {error}");
            }
        }
    }
}
