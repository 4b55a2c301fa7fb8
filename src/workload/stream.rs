//! stub
/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    Get,
    GetFill,
    Set,
    Insert,
    Rmw,
    Remove,
}
/// What is known of the key when the operation comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Expect {
    Present,
    Absent,
    Either,
}
/// One operation, 12 bytes
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Op {
    pub key_at: u32,
    pub value_len: u32,
    pub key_len: u16,
    pub kind: Kind,
    pub expect: Expect,
}
/// Operations with their keys, laid out one after the other.
#[derive(Debug, Default)]
pub struct Segment {
    pub ops: Vec<Op>,
    pub keys: Vec<u8>,
}
impl Segment {
    #[inline]
    pub fn key(&self, op: &Op) -> &[u8] {
        &self.keys[op.key_at as usize..][..usize::from(op.key_len)]
    }
}
pub struct Stream;
