//! stub
use serde::{Deserialize, Serialize};
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Size {
    Fixed(u32),
    Uniform { min: u32, max: u32 },
}
impl Size {
    pub fn check(&self) -> Result<(), crate::base::BadInput> {
        Ok(())
    }
}
