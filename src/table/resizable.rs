//! stub
pub struct Resizable;
