//! Distributions of keys, as data.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::law::check_weights;
use crate::base::{BadInput, Fraction, counted, some_of};

/// Which record an operation picks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "distribution", try_from = "Written")]
pub enum KeyDistribution {
    /// Every record alike.
    Uniform,
    /// YCSB's scrambled zipfian: ranks over 10^10 items by the generator that YCSB has (Gray et al.,
    /// SIGMOD 1994), each scattered over the records by FNV-1a, so that hot records lie anywhere. Below
    /// θ = 1 the generator is exact for the two hottest ranks and gives the third 10 to 19 % too much.
    Zipfian {
        /// The skew, θ ≥ 0; 0 is uniform.
        theta: f64,
    },
    /// YCSB's zipfian over recency, by the same generator: the record added last is the hottest. A
    /// thread counts the prefill and its own inserts.
    Latest {
        /// The skew, θ ≥ 0; 0 is uniform.
        theta: f64,
    },
    /// Zipf's law over the records themselves, exactly (by rejection-inversion): a rank for each,
    /// scattered so that hot records lie anywhere. More skewed than `Zipfian` of the same θ, whose ranks outnumber the records.
    Zipf {
        /// The skew, θ ≥ 0; 0 is uniform.
        theta: f64,
    },
    /// YCSB's hotspot: some of the records take most of the operations, alike among themselves.
    Hotspot {
        /// The share of the records that are hot, above 0, below 1.
        hot_keys: f64,
        /// The share of the operations that pick a hot one, 0 to 1.
        hot_ops: f64,
    },
    /// Exponential over ranks, scattered. YCSB fits its law to `share` before it draws anew what
    /// falls beyond the last record; here it is the law of what is drawn that has it.
    Exponential {
        /// The share of the operations that falls within the first part.
        share: f64,
        /// The first part of the records, less than `share`.
        within: f64,
    },
    /// A table of weights: the records, in order, in as many equal parts as there are weights.
    Weights {
        /// The weights, at most one a record.
        weights: Vec<f64>,
    },
    /// In order, each thread its own records: thread t of n picks t, t + n, t + 2n … and starts
    /// over after the last record.
    Sequential,
}

/// A distribution as suites write it. A tagged enum would ignore a θ where none belongs.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    distribution: Name,
    /// 0.99, as in YCSB, where it is left out.
    theta: Option<f64>,
    /// A fifth, as in YCSB, where it is left out.
    #[serde(default, deserialize_with = "some_of::<Fraction, f64, _>")]
    hot_keys: Option<f64>,
    /// Four fifths, as in YCSB, where it is left out.
    #[serde(default, deserialize_with = "some_of::<Fraction, f64, _>")]
    hot_ops: Option<f64>,
    /// 95 %, as in YCSB, where it is left out.
    #[serde(default, deserialize_with = "some_of::<Fraction, f64, _>")]
    share: Option<f64>,
    /// Six sevenths, as in YCSB, where it is left out.
    #[serde(default, deserialize_with = "some_of::<Fraction, f64, _>")]
    within: Option<f64>,
    weights: Option<Vec<f64>>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Name {
    Uniform,
    Zipfian,
    Latest,
    Zipf,
    Hotspot,
    Exponential,
    Weights,
    Sequential,
}

impl TryFrom<Written> for KeyDistribution {
    type Error = BadInput;

    fn try_from(written: Written) -> Result<KeyDistribution, BadInput> {
        let name = written.distribution;
        let skewed = matches!(name, Name::Zipfian | Name::Latest | Name::Zipf);
        let hotspot = matches!(name, Name::Hotspot);
        let exponential = matches!(name, Name::Exponential);
        let table = matches!(name, Name::Weights);
        let theta = written.theta.unwrap_or(0.99);
        let keys = match name {
            Name::Uniform => KeyDistribution::Uniform,
            Name::Zipfian => KeyDistribution::Zipfian { theta },
            Name::Latest => KeyDistribution::Latest { theta },
            Name::Zipf => KeyDistribution::Zipf { theta },
            Name::Hotspot => KeyDistribution::Hotspot {
                hot_keys: written.hot_keys.unwrap_or(0.2),
                hot_ops: written.hot_ops.unwrap_or(0.8),
            },
            Name::Exponential => KeyDistribution::Exponential {
                share: written.share.unwrap_or(0.95),
                within: written.within.unwrap_or(6.0 / 7.0),
            },
            Name::Weights => KeyDistribution::Weights {
                weights: written.weights.clone().unwrap_or_default(),
            },
            Name::Sequential => KeyDistribution::Sequential,
        };
        for (field, value, belongs, whose) in [
            (
                "theta",
                written.theta,
                skewed,
                "zipfian, latest and zipf have one",
            ),
            ("hot_keys", written.hot_keys, hotspot, "hotspot has it"),
            ("hot_ops", written.hot_ops, hotspot, "hotspot has it"),
            ("share", written.share, exponential, "exponential has it"),
            ("within", written.within, exponential, "exponential has it"),
        ] {
            if let Some(value) = value
                && !belongs
            {
                return Err(BadInput(format!(
                    "{field} = {value} is not valid with {keys} keys: {whose}"
                )));
            }
        }
        if written.weights.is_some() && !table {
            return Err(BadInput(format!(
                "weights are not valid with {keys} keys: weights have them"
            )));
        }
        Ok(keys)
    }
}

impl KeyDistribution {
    /// Checks the parameters, for so many records.
    ///
    /// # Errors
    /// Names the one that is not valid and what would be.
    pub fn check(&self, records: u64) -> Result<(), BadInput> {
        let bad = |why: String| Err(BadInput(why));
        match self {
            KeyDistribution::Uniform | KeyDistribution::Sequential => Ok(()),
            KeyDistribution::Zipfian { theta }
            | KeyDistribution::Latest { theta }
            | KeyDistribution::Zipf { theta } => {
                if (0.0..=THETA_MAX).contains(theta) {
                    return Ok(());
                }
                bad(format!(
                    "theta = {theta} is not valid: 0 <= theta <= {THETA_MAX}, such as 0.99"
                ))
            }
            KeyDistribution::Hotspot { hot_keys, hot_ops } => {
                if !(*hot_keys > 0.0 && *hot_keys < 1.0) {
                    return bad(format!(
                        "hot_keys = {hot_keys} is not valid: above 0, below 1, such as 0.2"
                    ));
                }
                if !(0.0..=1.0).contains(hot_ops) {
                    return bad(format!(
                        "hot_ops = {hot_ops} is not valid: 0 to 1, such as 0.8"
                    ));
                }
                if records < 2 {
                    return bad("entries = 1 is not valid with hotspot: one hot, one not".into());
                }
                Ok(())
            }
            KeyDistribution::Exponential { share, within } => {
                if !(*within > 0.0 && *within < 1.0) {
                    return bad(format!("within = {within} is not valid: above 0, below 1"));
                }
                if !(*share > *within && *share <= 0.999_999) {
                    return bad(format!(
                        "share = {share} is not valid: above within = {within}, at most 0.999999"
                    ));
                }
                Ok(())
            }
            KeyDistribution::Weights { weights } => {
                check_weights(weights)?;
                if weights.len() as u64 > records {
                    return bad(format!(
                        "{} are not valid for {}: at most one a record",
                        counted(weights.len() as u64, "weight"),
                        counted(records, "record")
                    ));
                }
                Ok(())
            }
        }
    }
}

/// The greatest skew: beyond, all draws but a few in a million are the first rank.
const THETA_MAX: f64 = 20.0;

impl fmt::Display for KeyDistribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyDistribution::Uniform => f.write_str("uniform"),
            KeyDistribution::Zipfian { theta } => write!(f, "zipfian {theta}"),
            KeyDistribution::Latest { theta } => write!(f, "latest {theta}"),
            KeyDistribution::Zipf { theta } => write!(f, "zipf {theta}"),
            KeyDistribution::Hotspot { hot_keys, hot_ops } => write!(
                f,
                "hotspot ({}% of operations on {}% of keys)",
                (hot_ops * 1e4).round() / 100.0,
                (hot_keys * 1e4).round() / 100.0
            ),
            KeyDistribution::Exponential { share, within } => write!(
                f,
                "exponential ({}% within the first {}%)",
                (share * 1e4).round() / 100.0,
                (within * 1e4).round() / 100.0
            ),
            KeyDistribution::Weights { weights } => {
                f.write_str(&counted(weights.len() as u64, "weight"))
            }
            KeyDistribution::Sequential => f.write_str("sequential"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_have_their_ranges() {
        for theta in [0.0, 0.5, 0.99, 0.999_999, 1.0, 2.0994] {
            assert_eq!(KeyDistribution::Zipfian { theta }.check(10), Ok(()));
        }
        for theta in [-0.1, 21.0, f64::NAN, f64::INFINITY] {
            for keys in [
                KeyDistribution::Zipfian { theta },
                KeyDistribution::Latest { theta },
                KeyDistribution::Zipf { theta },
            ] {
                let error = keys.check(10).unwrap_err().to_string();
                assert!(error.contains("0 <= theta <= 20"), "{error}");
                assert!(error.contains(&theta.to_string()), "{error}");
            }
        }
        let hotspot = |hot_keys, hot_ops| KeyDistribution::Hotspot { hot_keys, hot_ops };
        let exponential = |share, within| KeyDistribution::Exponential { share, within };
        let weights = |weights: &[f64]| KeyDistribution::Weights {
            weights: weights.to_vec(),
        };
        for (keys, words) in [
            (hotspot(1.0, 0.5), "hot_keys = 1"),
            (hotspot(0.5, 1.5), "hot_ops = 1.5"),
            (exponential(0.5, 0.6), "share = 0.5"),
            (exponential(0.5, 0.0), "within = 0"),
            (weights(&[]), "add up to 0"),
            (weights(&[1.0, f64::NAN]), "weight NaN"),
            (
                weights(&[1.0; 11]),
                "11 weights are not valid for 10 records",
            ),
        ] {
            let error = keys.check(10).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
        assert!(hotspot(0.5, 0.5).check(1).is_err());
    }

    #[test]
    fn suites_may_leave_theta_out() {
        let read = |text: &str| toml::from_str::<KeyDistribution>(text);
        assert_eq!(
            read("distribution = 'zipfian'").unwrap(),
            KeyDistribution::Zipfian { theta: 0.99 }
        );
        assert_eq!(
            read("distribution = 'latest'\ntheta = 0").unwrap(),
            KeyDistribution::Latest { theta: 0.0 }
        );
        let error = read("distribution = 'zipfian'\nskew = 2").unwrap_err();
        assert!(error.to_string().contains("skew"), "{error}");
        for (text, word) in [
            ("distribution = 'uniform'\ntheta = 0.5", "theta"),
            ("distribution = 'zipf'\nhot_ops = 0.5", "hotspot has it"),
            ("distribution = 'uniform'\nweights = [1.0]", "weights"),
            ("distribution = 'zipfain'", "zipfain"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.to_string().contains(word), "{error}");
        }
        assert_eq!(
            read("distribution = 'hotspot'").unwrap(),
            KeyDistribution::Hotspot {
                hot_keys: 0.2,
                hot_ops: 0.8
            }
        );
        for keys in [
            KeyDistribution::Exponential {
                share: 0.95,
                within: 0.5,
            },
            KeyDistribution::Weights {
                weights: vec![1.0, 2.5],
            },
        ] {
            let json = serde_json::to_string(&keys).unwrap();
            assert_eq!(
                serde_json::from_str::<KeyDistribution>(&json).unwrap(),
                keys
            );
        }
    }
}
