//! stub
pub struct TraceFacts;
pub struct Format;
pub static FORMATS: &[Format] = &[];
