//! stub
pub struct Fixed;
