//! Floor 1: medians, spreads and bootstrap intervals; changes of level; and what caches miss.
//!
//! Functions take a slice in any order and leave it as it is; results have the unit of the values
//! unless they say otherwise. What no values or one cannot answer is `None`, never 0 or NaN.

mod bootstrap;
mod change_points;
mod misses;
mod normal;
mod order;
mod resample;
mod usl;

pub use bootstrap::{
    CONFIDENCE, Interval, RESAMPLES, bootstrap_median, bootstrap_median_in_groups,
};
pub use change_points::change_points;
pub use misses::{Access, Request, belady_misses, lru_misses, lru_needs_one_walk};
pub use normal::two_sided_deviations;
pub use order::{geometric_mean, median, median_absolute_deviation, outliers, quantile};
pub use resample::Resampled;
pub use usl::Usl;
