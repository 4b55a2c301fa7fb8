//! The names that logs give to operations and columns.

use super::layout::Why;
use super::op::TraceOp;

/// Names of operations as logs write them, in lower case and without `_` and `-`.
const OPERATIONS: [(&str, TraceOp); 45] = [
    ("get", TraceOp::Get),
    ("read", TraceOp::Get),
    ("head", TraceOp::Get),
    ("lookup", TraceOp::Get),
    ("fetch", TraceOp::Get),
    ("find", TraceOp::Get),
    ("query", TraceOp::Get),
    ("hit", TraceOp::Get),
    ("miss", TraceOp::Get),
    ("gat", TraceOp::Get),
    ("getex", TraceOp::Get),
    ("mget", TraceOp::Get),
    ("gets", TraceOp::Gets),
    ("gats", TraceOp::Gets),
    ("getlease", TraceOp::GetLease),
    ("leaseget", TraceOp::GetLease),
    ("set", TraceOp::Set),
    ("put", TraceOp::Set),
    ("write", TraceOp::Set),
    ("store", TraceOp::Set),
    ("update", TraceOp::Set),
    ("upsert", TraceOp::Set),
    ("setex", TraceOp::Set),
    ("psetex", TraceOp::Set),
    ("copy", TraceOp::Set),
    ("setlease", TraceOp::SetLease),
    ("leaseset", TraceOp::SetLease),
    ("insert", TraceOp::Insert),
    ("create", TraceOp::Insert),
    ("add", TraceOp::Add),
    ("setnx", TraceOp::Add),
    ("replace", TraceOp::Replace),
    ("cas", TraceOp::Cas),
    ("append", TraceOp::Append),
    ("prepend", TraceOp::Prepend),
    ("delete", TraceOp::Delete),
    ("del", TraceOp::Delete),
    ("remove", TraceOp::Delete),
    ("unlink", TraceOp::Delete),
    ("purge", TraceOp::Delete),
    ("incr", TraceOp::Incr),
    ("increment", TraceOp::Incr),
    ("decr", TraceOp::Decr),
    ("rmw", TraceOp::ReadModifyWrite),
    ("readmodifywrite", TraceOp::ReadModifyWrite),
];

/// Those names for messages.
pub(super) const OPERATION_NAMES: &str = "get (read, head, lookup, fetch, …), gets, set (put, write, \
    update, copy, …), insert, add, replace, cas, append, prepend, delete (del, remove, unlink, purge), \
    incr, decr and read-modify-write, in any case";

/// The longest of the names, with room for what is left out.
const NAME_BYTES_MAX: usize = 24;

/// The operation that a log calls so, in any case.
pub(super) fn operation(name: &[u8]) -> Option<TraceOp> {
    let mut plain = [0; NAME_BYTES_MAX];
    let mut length = 0;
    // `REST.GET.OBJECT`, as logs of object stores have it.
    let name = match name.trim_ascii().strip_prefix(b"REST.") {
        Some(rest) => rest.split(|byte| *byte == b'.').next().unwrap_or(rest),
        None => name.trim_ascii(),
    };
    for byte in name {
        if !b"_-".contains(byte) {
            *plain.get_mut(length)? = byte.to_ascii_lowercase();
            length += 1;
        }
    }
    let plain = &plain[..length];
    let known = OPERATIONS
        .iter()
        .find(|(name, _)| name.as_bytes() == plain)?;
    Some(known.1)
}

/// What a column says of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Field {
    Time,
    Op,
    Key,
    Size,
    Ttl,
}

impl Field {
    pub(super) const ALL: [Field; 5] =
        [Field::Time, Field::Op, Field::Key, Field::Size, Field::Ttl];

    /// What it is called in options.
    pub(super) fn name(self) -> &'static str {
        match self {
            Field::Time => "time",
            Field::Op => "op",
            Field::Key => "key",
            Field::Size => "size",
            Field::Ttl => "ttl",
        }
    }

    /// What headers call it, the surest first, in lower case.
    fn synonyms(self) -> &'static [&'static str] {
        match self {
            Field::Time => &[
                "time",
                "timestamp",
                "ts",
                "@timestamp",
                "t",
                "op_time",
                "datetime",
                "date",
                "epoch",
            ],
            Field::Op => &[
                "op",
                "operation",
                "command",
                "cmd",
                "verb",
                "method",
                "request",
                "request_type",
                "req_type",
                "action",
            ],
            Field::Key => &[
                "key",
                "cache_key",
                "object_id",
                "objectid",
                "obj_id",
                "object",
                "obj",
                "id",
                "item_id",
                "item",
                "url",
                "uri",
                "path",
                "request_uri",
            ],
            Field::Size => &[
                "size",
                "value_size",
                "val_size",
                "value_bytes",
                "object_size",
                "obj_size",
                "size_bytes",
                "bytes",
                "value_len",
                "length",
                "len",
                "content_length",
                "body_bytes_sent",
                "bytes_sent",
                "response_size",
            ],
            Field::Ttl => &["ttl", "ttl_s", "expiry", "exptime"],
        }
    }
}

/// Where the column of each field is, among the names of a header: by what headers usually call it.
/// A time may have its unit behind its name.
pub(super) fn usual_columns(header: &[&[u8]]) -> Vec<(Field, usize)> {
    let names: Vec<Vec<u8>> = header
        .iter()
        .map(|name| name.trim_ascii().to_ascii_lowercase())
        .collect();
    let place = |field: Field| {
        field.synonyms().iter().find_map(|synonym| {
            names.iter().position(|name| {
                let plain = match field {
                    Field::Time => unit_behind(name).map_or(name.as_slice(), |(plain, _)| plain),
                    _ => name,
                };
                plain == synonym.as_bytes()
            })
        })
    };
    let mut found: Vec<(Field, usize)> = Vec::new();
    for field in Field::ALL {
        if let Some(at) = place(field)
            && found.iter().all(|(_, other)| *other != at)
        {
            found.push((field, at));
        }
    }
    found
}

/// The unit that a column's name ends with, and what stands before it.
fn unit_behind(name: &[u8]) -> Option<(&[u8], &'static str)> {
    ["_ms", "_us", "_ns", "_s"].iter().find_map(|end| {
        let plain = name.strip_suffix(end.as_bytes())?;
        Some((plain, &end[1..]))
    })
}

/// The unit of times that a column's name tells: `ms` of `timestamp_ms`.
pub(super) fn unit_of(name: &[u8]) -> Option<&'static str> {
    unit_behind(&name.trim_ascii().to_ascii_lowercase()).map(|(_, unit)| unit)
}

/// Says that names of columns or fields have no key among them.
pub(super) fn no_key(header: &[&[u8]]) -> Why {
    let names: Vec<String> = header
        .iter()
        .map(|name| String::from_utf8_lossy(name.trim_ascii()).into_owned())
        .collect();
    format!(
        "has nothing that is known as the name of a key, among {}; say which one it is: key=…",
        names.join(", ")
    )
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_known_in_any_case_by_their_aliases() {
        for (name, op) in [
            ("GET", TraceOp::Get),
            ("Read", TraceOp::Get),
            (" HEAD ", TraceOp::Get),
            ("REST.COPY.OBJECT", TraceOp::Set),
            ("PUT", TraceOp::Set),
            ("SET_LEASE", TraceOp::SetLease),
            ("Read-Modify-Write", TraceOp::ReadModifyWrite),
        ] {
            assert_eq!(operation(name.as_bytes()), Some(op), "{name}");
        }
        for op in TraceOp::ALL {
            assert_eq!(operation(op.name().as_bytes()), Some(op));
        }
        for none in ["", "touch", "0", "getting", &"get".repeat(99)] {
            assert_eq!(operation(none.as_bytes()), None, "{none}");
        }
    }

    #[test]
    fn columns_are_found_by_what_headers_call_them() {
        let header: [&[u8]; 5] = [
            b"value_size",
            b" Object_ID",
            b"id",
            b"timestamp_MS",
            b"method",
        ];
        let found = usual_columns(&header);
        assert_eq!(
            found,
            [
                (Field::Time, 3),
                (Field::Op, 4),
                (Field::Key, 1),
                (Field::Size, 0)
            ]
        );
        assert_eq!(unit_of(b"timestamp_MS"), Some("ms"));
        assert_eq!(unit_of(b"times"), None);
        assert!(no_key(&[b"a", b"b"]).contains("among a, b"));
    }
}
