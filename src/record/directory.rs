//! stub
pub struct RunDirectory;
pub struct Records;
pub struct ReadError;
