//! stub
pub struct Prefill;
