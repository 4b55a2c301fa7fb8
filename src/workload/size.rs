//! Lengths of values and keys.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::draws::{mix, scale};
use super::law::{Drawable, Law, length};
use crate::base::{BadInput, ByteCount, Written as _, some_list};

/// The longest value, in bytes: the item limit of memcached by default.
pub const VALUE_BYTES_MAX: u32 = 1 << 20;

/// The longest key with a size of its own, in bytes: the limit of memcached.
pub(super) const KEY_SIZE_MAX: u32 = 250;

/// Bytes of a value or of a key.
///
/// A pure function of the record: every write of a record has the same length, so a reader
/// knows what to expect.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Size {
    /// Every one has this many bytes.
    Fixed(u32),
    /// Each length within the bounds alike, both included.
    Uniform {
        /// The least length in bytes.
        min: u32,
        /// The greatest length in bytes.
        max: u32,
    },
    /// A law, up to the longest value or key: what is longer is cut.
    Law(Law),
}

const EXPECTED: &str = "a size is a number of bytes, such as 100 or \"4KiB\", a range, such as { min = 10, max = \
                        1000 }, or a law, such as { distribution = \"pareto\", location = 15, \
                        scale = 214.5, shape = 0.35 }";

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Size, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

/// A size as suites write it: told apart by hand, so that a mistake in a law is named.
struct Written;

impl<'de> Visitor<'de> for Written {
    type Value = Size;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Size, E> {
        let bytes =
            ByteCount::read(text).map_err(|why| E::custom(format_args!("{why}; {EXPECTED}")))?;
        Ok(Size::Fixed(length(bytes)))
    }

    fn visit_u64<E: Error>(self, bytes: u64) -> Result<Size, E> {
        self.visit_str(&bytes.to_string())
    }

    fn visit_i64<E: Error>(self, bytes: i64) -> Result<Size, E> {
        self.visit_str(&bytes.to_string())
    }

    fn visit_f64<E: Error>(self, bytes: f64) -> Result<Size, E> {
        self.visit_str(&bytes.to_string())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Size, A::Error> {
        let fields = Fields::deserialize(MapAccessDeserializer::new(map))?;
        fields.size().map_err(A::Error::custom)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    distribution: Option<String>,
    min: Option<ByteCount>,
    max: Option<ByteCount>,
    location: Option<f64>,
    scale: Option<f64>,
    shape: Option<f64>,
    mu: Option<f64>,
    sigma: Option<f64>,
    #[serde(default, deserialize_with = "some_list")]
    sizes: Option<Vec<ByteCount>>,
    weights: Option<Vec<f64>>,
    rest: Option<Box<Law>>,
}

impl Fields {
    fn size(self) -> Result<Size, String> {
        let given = [
            ("min", self.min.is_some()),
            ("max", self.max.is_some()),
            ("location", self.location.is_some()),
            ("scale", self.scale.is_some()),
            ("shape", self.shape.is_some()),
            ("mu", self.mu.is_some()),
            ("sigma", self.sigma.is_some()),
            ("sizes", self.sizes.is_some()),
            ("weights", self.weights.is_some()),
            ("rest", self.rest.is_some()),
        ];
        let name = self.distribution.as_deref().unwrap_or("range");
        let needed: &[&str] = match name {
            "range" => &["min", "max"],
            "gev" | "pareto" => &["location", "scale", "shape"],
            "log-normal" => &["mu", "sigma"],
            "table" => &["sizes", "weights"],
            _ => {
                let laws = ["gev", "pareto", "log-normal", "table"];
                return Err(crate::base::unknown_name("distribution of sizes", name, laws).0);
            }
        };
        for (field, is_given) in given {
            let wanted = needed.contains(&field);
            let may_be = wanted || (name == "table" && field == "rest");
            if wanted && !is_given {
                return Err(format!("a size of kind {name} lacks {field}: {EXPECTED}"));
            }
            if is_given && !may_be {
                return Err(format!("a size of kind {name} has no {field}: {EXPECTED}"));
            }
        }
        let number = |field: Option<f64>| field.unwrap_or_default();
        let (location, scale, shape) = (
            number(self.location),
            number(self.scale),
            number(self.shape),
        );
        Ok(match name {
            "range" => Size::Uniform {
                min: self.min.map_or(0, length),
                max: self.max.map_or(0, length),
            },
            "gev" => Size::Law(Law::Gev {
                location,
                scale,
                shape,
            }),
            "pareto" => Size::Law(Law::Pareto {
                location,
                scale,
                shape,
            }),
            "log-normal" => Size::Law(Law::LogNormal {
                mu: number(self.mu),
                sigma: number(self.sigma),
            }),
            _ => Size::Law(Law::Table {
                sizes: self
                    .sizes
                    .unwrap_or_default()
                    .into_iter()
                    .map(length)
                    .collect(),
                weights: self.weights.unwrap_or_default(),
                rest: self.rest,
            }),
        })
    }
}

impl Size {
    /// Checks the size of a value.
    ///
    /// # Errors
    /// A size above the limit of 1 MiB, bounds in the wrong order, or a law that is none.
    pub fn check(&self) -> Result<(), BadInput> {
        self.check_within("value", 0, VALUE_BYTES_MAX, " (1 MiB)")
    }

    /// Checks the size of a key.
    ///
    /// # Errors
    /// A size of 0 or above the limit of 250 bytes, else as [`Size::check`].
    pub fn check_key(&self) -> Result<(), BadInput> {
        self.check_within("key", 1, KEY_SIZE_MAX, "")
    }

    fn check_within(&self, what: &str, least: u32, most: u32, words: &str) -> Result<(), BadInput> {
        let (min, max) = match self {
            Size::Fixed(bytes) => (*bytes, *bytes),
            Size::Uniform { min, max } => (*min, *max),
            Size::Law(law) => {
                law.check()?;
                (least, law.named_max().max(least))
            }
        };
        let bad = if min < least { min } else { max };
        if min < least || max > most {
            return Err(BadInput(format!(
                "a {what} of {bad} bytes is not valid: {least} to {most}{words}"
            )));
        }
        if min > max {
            return Err(BadInput(format!(
                "{what}s of {min} to {max} bytes are not valid: min must not exceed max"
            )));
        }
        Ok(())
    }

    /// Bytes to plan for in each of many values: the greatest length, and the mean under a law,
    /// which may have a tail that hardly any reaches.
    #[must_use]
    pub fn planned(&self) -> u32 {
        match self {
            Size::Fixed(bytes) => *bytes,
            Size::Uniform { max, .. } => *max,
            Size::Law(law) => {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a mean of lengths up to 1 MiB"
                )]
                let mean = Drawable::new(law, 0, VALUE_BYTES_MAX).mean().ceil() as u32;
                mean
            }
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Size::Fixed(bytes) => write!(f, "{bytes} B"),
            Size::Uniform { min, max } => write!(f, "{min} to {max} B"),
            Size::Law(law) => write!(f, "{law} B"),
        }
    }
}

/// Sizes made ready to be drawn.
#[derive(Clone, Debug)]
pub(super) struct Lengths {
    /// Tells sizes of one record apart that have nothing to do with each other.
    salt: u64,
    draw: Draw,
}

#[derive(Clone, Debug)]
enum Draw {
    Fixed(u32),
    Uniform { min: u32, max: u32 },
    Law(Drawable),
}

impl Lengths {
    /// Lengths of values, from a checked size.
    pub(super) fn new(size: &Size) -> Lengths {
        Lengths::within(size, 0, 0, VALUE_BYTES_MAX)
    }

    /// Lengths of keys, from a checked size.
    pub(super) fn of_keys(size: &Size) -> Lengths {
        Lengths::within(size, 0x6B65_7973_697A_6573, 1, KEY_SIZE_MAX)
    }

    fn within(size: &Size, salt: u64, least: u32, most: u32) -> Lengths {
        let draw = match size {
            Size::Fixed(bytes) => Draw::Fixed(*bytes),
            Size::Uniform { min, max } => Draw::Uniform {
                min: *min,
                max: *max,
            },
            Size::Law(law) => Draw::Law(Drawable::new(law, least, most)),
        };
        Lengths { salt, draw }
    }

    /// The length that belongs to a record, in bytes.
    #[inline]
    pub(super) fn of(&self, record: u64) -> u32 {
        match &self.draw {
            Draw::Fixed(bytes) => *bytes,
            _ => self.at(mix(record ^ self.salt)),
        }
    }

    /// The length for 64 uniform bits.
    #[inline]
    pub(super) fn at(&self, bits: u64) -> u32 {
        match &self.draw {
            Draw::Fixed(bytes) => *bytes,
            Draw::Uniform { min, max } => {
                let lengths = u64::from(max - min) + 1;
                #[expect(clippy::cast_possible_truncation, reason = "below `lengths`")]
                let above_min = scale(bits, lengths) as u32;
                min + above_min
            }
            Draw::Law(law) => law.at(bits),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_checked() {
        for size in [
            Size::Fixed(0),
            Size::Fixed(1 << 20),
            Size::Uniform { min: 3, max: 3 },
        ] {
            assert_eq!(size.check(), Ok(()));
        }
        let error = |size: Size| size.check().unwrap_err().to_string();
        assert!(error(Size::Fixed((1 << 20) + 1)).contains("1 MiB"));
        assert!(
            error(Size::Uniform {
                min: 0,
                max: u32::MAX
            })
            .contains("1 MiB")
        );
        assert!(error(Size::Uniform { min: 4, max: 3 }).contains("min must not exceed max"));
        let key = |size: Size| size.check_key().unwrap_err().to_string();
        assert!(key(Size::Fixed(0)).contains("a key of 0 bytes is not valid: 1 to 250"));
        assert!(key(Size::Uniform { min: 9, max: 251 }).contains("a key of 251 bytes"));
        let table = Law::Table {
            sizes: vec![5, 300],
            weights: vec![1.0, 1.0],
            rest: None,
        };
        assert!(key(Size::Law(table.clone())).contains("a key of 300 bytes"));
        assert_eq!(Size::Law(table).check(), Ok(()));
    }

    #[test]
    fn uniform_lengths_cover_the_range_evenly_and_belong_to_the_record() {
        let size = Lengths::new(&Size::Uniform { min: 10, max: 19 });
        let mut counts = [0u32; 10];
        for record in 0..10_000 {
            let bytes = size.of(record);
            assert_eq!(bytes, size.of(record));
            counts[bytes as usize - 10] += 1;
        }
        assert!(counts.iter().all(|n| (850..1150).contains(n)), "{counts:?}");
    }

    #[test]
    fn sizes_of_keys_and_values_have_nothing_to_do_with_each_other() {
        let size = Size::Uniform { min: 1, max: 250 };
        let (values, keys) = (Lengths::new(&size), Lengths::of_keys(&size));
        let same = (0..10_000).filter(|record| values.of(*record) == keys.of(*record));
        assert!(same.count() < 100);
    }

    #[test]
    fn a_size_reads_as_a_number_a_range_or_a_law() {
        #[derive(Debug, Deserialize)]
        struct Holder {
            value: Size,
        }
        let read = |text: &str| toml::from_str::<Holder>(text).map(|holder| holder.value);
        assert_eq!(read("value = 7").unwrap(), Size::Fixed(7));
        let range = read("value = { min = 1, max = 2 }").unwrap();
        assert_eq!(range, Size::Uniform { min: 1, max: 2 });
        let text = "value = { distribution = 'table', sizes = [1, 2], weights = [0.25, 0.25], \
                    rest = { distribution = 'log-normal', mu = 5, sigma = 1.5 } }";
        let table = read(text).unwrap();
        assert_eq!(table.check(), Ok(()));
        let json = serde_json::to_string(&table).unwrap();
        assert_eq!(serde_json::from_str::<Size>(&json).unwrap(), table);
        for (text, words) in [
            ("value = 'large'", "number of bytes"),
            ("value = { min = 1 }", "lacks max"),
            ("value = -1", "number of bytes"),
            ("value = { min = 1, max = 2, mu = 1 }", "no mu"),
            (
                "value = { distribution = 'gev', location = 1, scale = 2 }",
                "lacks shape",
            ),
            (
                "value = { distribution = 'parato' }",
                "did you mean 'pareto'",
            ),
            ("value = { distribution = 'gev', skale = 1 }", "skale"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
        assert!(read("value = 5000000000").unwrap().check().is_err());
    }
}
