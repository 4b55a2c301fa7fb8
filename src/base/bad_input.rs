//! Errors that are the caller's to mend: they name the bad thing and what would be valid, and the
//! program exits with 2.

use std::fmt;

/// Invalid input, with a message for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadInput(pub String);

impl fmt::Display for BadInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadInput {}

/// Says that `name` is no `kind`, with the nearest name that is one and the list of all.
///
/// ```
/// let error = bucketlab::base::unknown_name("hash", "sip31", ["sip13", "xxh3"]);
/// assert_eq!(
///     error.to_string(),
///     "unknown hash 'sip31': did you mean 'sip13'? (one of: sip13, xxh3)"
/// );
/// ```
pub fn unknown_name<'a>(
    kind: &str,
    name: &str,
    valid: impl IntoIterator<Item = &'a str>,
) -> BadInput {
    let valid: Vec<&str> = valid.into_iter().collect();
    let nearest = valid
        .iter()
        .map(|candidate| (strsim::osa_distance(name, candidate), *candidate))
        .min()
        .map_or_else(String::new, |(_, nearest)| {
            format!(": did you mean '{nearest}'?")
        });
    BadInput(format!(
        "unknown {kind} '{name}'{nearest} (one of: {})",
        valid.join(", ")
    ))
}
