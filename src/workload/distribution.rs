//! stub
use serde::{Deserialize, Serialize};
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, tag = "distribution")]
pub enum KeyDistribution {
    Uniform,
    Zipfian { theta: f64 },
    Latest { theta: f64 },
    Sequential,
}
impl KeyDistribution {
    pub fn check(&self) -> Result<(), crate::base::BadInput> {
        Ok(())
    }
}
