//! What is written as text: read in one way from flags and from files.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserializer;
use serde::de::{Error, SeqAccess, Visitor};

use crate::base::BadInput;

/// What flags and files write as text, in one grammar.
pub trait Written: Sized {
    /// What is wanted, with an example, for errors.
    const WANTED: &'static str;

    /// Reads one.
    ///
    /// # Errors
    /// Names the text and what would be valid.
    fn read(text: &str) -> Result<Self, BadInput>;

    /// Reads a list, with commas between its elements.
    ///
    /// # Errors
    /// Names the first element that is none.
    fn read_all(text: &str) -> Result<Vec<Self>, BadInput> {
        text.split(',').map(|one| Self::read(one.trim())).collect()
    }
}

/// A word, such as a name.
impl Written for String {
    const WANTED: &'static str = "a word, or several in a list";

    fn read(text: &str) -> Result<String, BadInput> {
        Ok(text.to_owned())
    }
}

/// Reads a quantity into the plain type that a field has.
///
/// # Errors
/// As the quantity's own.
pub fn of<T: Written + Into<U>, U>(text: &str) -> Result<U, BadInput> {
    T::read(text).map(T::into)
}

/// Parsing and deserializing of what is [`Written`].
macro_rules! text_of {
    ($($kind:ty),+) => {$(
        impl std::str::FromStr for $kind {
            type Err = $crate::base::BadInput;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                <Self as $crate::base::Written>::read(text)
            }
        }

        impl<'de> serde::Deserialize<'de> for $kind {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::base::quantity::one(deserializer)
            }
        }
    )+};
}
pub(super) use text_of;

/// Text or a number of a file, as text.
pub(super) struct Raw {
    pub(super) text: String,
    pub(super) is_number: bool,
}

/// Reads text or a number.
pub(super) fn raw<'de, D: Deserializer<'de>>(
    deserializer: D,
    wanted: &'static str,
) -> Result<Raw, D::Error> {
    deserializer.deserialize_any(RawVisitor(wanted))
}

struct RawVisitor(&'static str);

impl RawVisitor {
    fn number(number: &impl ToString) -> Raw {
        Raw {
            text: number.to_string(),
            is_number: true,
        }
    }
}

impl Visitor<'_> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw {
            text: text.to_owned(),
            is_number: false,
        })
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Raw, E> {
        Ok(RawVisitor::number(&number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Raw, E> {
        Ok(RawVisitor::number(&number))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Raw, E> {
        Ok(RawVisitor::number(&number))
    }
}

/// Reads a field that is a number or text.
///
/// # Errors
/// What the text is not.
pub fn one<'de, D: Deserializer<'de>, T: Written>(deserializer: D) -> Result<T, D::Error> {
    let raw = raw(deserializer, T::WANTED)?;
    T::read(&raw.text).map_err(D::Error::custom)
}

/// [`one`] for a field that may be left out.
///
/// # Errors
/// What the text is not.
pub fn some<'de, D: Deserializer<'de>, T: Written>(deserializer: D) -> Result<Option<T>, D::Error> {
    one(deserializer).map(Some)
}

/// [`one`] into the plain type that a field has.
///
/// # Errors
/// What the text is not.
pub fn one_of<'de, T: Written + Into<U>, U, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<U, D::Error> {
    one::<D, T>(deserializer).map(T::into)
}

/// [`one_of`] for a field that may be left out.
///
/// # Errors
/// What the text is not.
pub fn some_of<'de, T: Written + Into<U>, U, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<U>, D::Error> {
    one_of::<T, U, D>(deserializer).map(Some)
}

/// One element or several, each read into as many values as it stands for.
struct Several<T, F>(F, &'static str, PhantomData<T>);

/// An element of a list.
struct Element(&'static str);

impl<'de> serde::de::DeserializeSeed<'de> for Element {
    type Value = Raw;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        raw(deserializer, self.0)
    }
}

impl<'de, T, F: Fn(&str) -> Result<Vec<T>, BadInput>> Visitor<'de> for Several<T, F> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.1)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Vec<T>, E> {
        (self.0)(text).map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Vec<T>, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Vec<T>, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Vec<T>, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
        let mut all = Vec::new();
        while let Some(raw) = seq.next_element_seed(Element(self.1))? {
            all.extend((self.0)(&raw.text).map_err(A::Error::custom)?);
        }
        Ok(all)
    }
}

/// Reads a field that is a list: an array, or one element, which may be text with commas.
///
/// # Errors
/// The first element that is none.
pub fn list<'de, D: Deserializer<'de>, T: Written>(deserializer: D) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_any(Several(T::read_all, T::WANTED, PhantomData))
}

/// [`list`] for a field that may be left out.
///
/// # Errors
/// The first element that is none.
pub fn some_list<'de, D: Deserializer<'de>, T: Written>(
    deserializer: D,
) -> Result<Option<Vec<T>>, D::Error> {
    list(deserializer).map(Some)
}

/// [`list`] of texts that may have commas in them: targets, paths.
///
/// # Errors
/// What is no text.
pub fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let whole = |text: &str| Ok(vec![text.to_owned()]);
    deserializer.deserialize_any(Several(whole, String::WANTED, PhantomData))
}
