//! stub
pub struct Striped;
