//! Requests, and their operations.

/// What a request of a trace asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum TraceOp {
    /// Looks the key up.
    Get,
    /// The same with a token for a later cas, which a table in process does not give.
    Gets,
    /// The same with a lease on a miss (Nishtala et al., NSDI 2013), which is not given either.
    GetLease,
    /// Sets the value.
    Set,
    /// Sets the value for the holder of a lease: here a plain set.
    SetLease,
    /// Sets the value of a key that is new to its writer: YCSB's INSERT.
    Insert,
    /// Sets the value if there is none.
    Add,
    /// Sets the value if there is one.
    Replace,
    /// Sets the value if it is the one that a token stands for; here, if there is one.
    Cas,
    /// Puts bytes behind the value.
    Append,
    /// Puts bytes before the value.
    Prepend,
    /// Takes the key out.
    Delete,
    /// Counts up.
    Incr,
    /// Counts down.
    Decr,
    /// Reads the value and writes it back changed, as one atomic step.
    ReadModifyWrite,
}

impl TraceOp {
    /// All of them, in the order of their declaration.
    pub const ALL: [TraceOp; 15] = [
        TraceOp::Get,
        TraceOp::Gets,
        TraceOp::GetLease,
        TraceOp::Set,
        TraceOp::SetLease,
        TraceOp::Insert,
        TraceOp::Add,
        TraceOp::Replace,
        TraceOp::Cas,
        TraceOp::Append,
        TraceOp::Prepend,
        TraceOp::Delete,
        TraceOp::Incr,
        TraceOp::Decr,
        TraceOp::ReadModifyWrite,
    ];

    /// What it is called in lists.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            TraceOp::Get => "get",
            TraceOp::Gets => "gets",
            TraceOp::GetLease => "get-lease",
            TraceOp::Set => "set",
            TraceOp::SetLease => "set-lease",
            TraceOp::Insert => "insert",
            TraceOp::Add => "add",
            TraceOp::Replace => "replace",
            TraceOp::Cas => "cas",
            TraceOp::Append => "append",
            TraceOp::Prepend => "prepend",
            TraceOp::Delete => "delete",
            TraceOp::Incr => "incr",
            TraceOp::Decr => "decr",
            TraceOp::ReadModifyWrite => "read-modify-write",
        }
    }
}

/// One request of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'r> {
    /// What it asks for.
    pub op: TraceOp,
    /// Its key: 1 to 65,535 bytes.
    pub key: &'r [u8],
    /// Bytes of its value, at most 1 MiB; `None` where the format does not say.
    pub value_bytes: Option<u32>,
    /// Seconds that the value may be used; 0 for ever, or where the format does not say.
    pub ttl_s: u32,
    /// When it came, in whole seconds, on the trace's own clock.
    pub time_s: u64,
    /// Nanoseconds within that second; 0 where the trace tells whole seconds.
    pub time_ns: u32,
}
