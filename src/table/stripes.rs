//! How many locks a striped table has: as many as it is asked for, and never more than buckets, as a
//! stripe covers whole buckets.

use super::item;
use crate::base::{BadInput, Params, SpecError, human_integer};

/// The stripes of a table that starts with so many buckets. They divide the buckets at every doubling, so
/// there are at most as many as the greatest power of two among the buckets.
///
/// The default of `stripes` is lowered to the buckets. A number that somebody asks for is not: results
/// would stand under a label that is not theirs.
///
/// # Errors
/// More stripes than buckets, with how many there may be.
pub(super) fn at_most(params: &Params, buckets: usize) -> Result<usize, SpecError> {
    let stripes = params.size("stripes");
    let most = 1 << buckets.ilog2();
    if stripes > most && !params.is_default("stripes") {
        let [asked, most] = [stripes, most].map(|count| human_integer(count as u64));
        let plural = if buckets == 1 { "" } else { "s" };
        return Err(BadInput(format!(
            "{}: stripes={asked} is more than the {buckets} bucket{plural} at the start, and a stripe \
             covers whole buckets: at most stripes={most}, or give buckets={asked}",
            params.strategy(),
        )));
    }
    Ok(stripes.min(most))
}

/// The starting buckets of a table with `buckets`, `capacity` and, if it grows, a `load`; and its
/// `stripes`.
pub(super) fn buckets_and_stripes(
    params: &Params,
    load: Option<f64>,
) -> Result<(usize, usize), SpecError> {
    let mut buckets = params.size("buckets");
    if let Some(load) = load {
        buckets = item::buckets_for(params.integer("capacity"), load, buckets);
    }
    Ok((buckets, at_most(params, buckets)?))
}

/// The same for a table that its parameters may keep from growing.
pub(super) fn of_growing_or_not(params: &Params) -> Result<(Option<f64>, usize, usize), SpecError> {
    let load = (params.word("grow") == "on").then(|| params.decimal("load"));
    let (buckets, stripes) = buckets_and_stripes(params, load)?;
    Ok((load, buckets, stripes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Incremental, Linear, Strategy, Striped, StripedRw, Tagged};

    fn check<S: Strategy>(text: &str) -> Result<(), SpecError> {
        S::check(&Params::resolve(S::PARAMS, &text.parse().unwrap())?)
    }

    #[test]
    fn more_stripes_than_buckets_are_refused_but_not_the_default() {
        for text in [
            "striped:buckets=4",
            "striped:buckets=4,stripes=4",
            "striped:stripes=2048,capacity=10000",
        ] {
            assert!(check::<Striped>(text).is_ok(), "{text}");
        }
        let wanted = "stripes=2^11 is more than the 1024 buckets at the start, and a stripe covers whole \
                      buckets: at most stripes=2^10, or give buckets=2^11";
        for (name, refused) in [
            ("striped", check::<Striped>("striped:stripes=2048")),
            ("striped-rw", check::<StripedRw>("striped-rw:stripes=2048")),
            ("linear", check::<Linear>("linear:stripes=2048")),
            ("tagged", check::<Tagged>("tagged:stripes=2048")),
            (
                "incremental",
                check::<Incremental>("incremental:stripes=2048"),
            ),
        ] {
            assert_eq!(
                refused.unwrap_err().to_string(),
                format!("{name}: {wanted}")
            );
        }
        // A capacity sets the buckets at the start, and with them the most stripes.
        let text = "capacity=1000,load=0.9,stripes=65536";
        for (refused, name, buckets, most) in [
            (
                check::<Tagged>(&format!("tagged:{text}")),
                "tagged",
                2048,
                11,
            ),
            (
                check::<Linear>(&format!("linear:{text}")),
                "linear",
                1112,
                10,
            ),
        ] {
            let wanted = format!(
                "{name}: stripes=2^16 is more than the {buckets} buckets at the start, and a stripe covers \
                 whole buckets: at most stripes=2^{most}, or give buckets=2^16"
            );
            assert_eq!(refused.unwrap_err().to_string(), wanted);
        }
        assert!(check::<Tagged>("tagged:capacity=1000,load=0.9,stripes=2048").is_ok());
        assert!(check::<Linear>("linear:capacity=10000,stripes=4096").is_ok());
        // What does not grow has no use for a capacity.
        assert!(check::<Striped>("striped:stripes=2048,capacity=10000,grow=off").is_err());
    }
}
