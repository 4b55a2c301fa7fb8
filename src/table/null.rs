//! stub
pub struct Null;
