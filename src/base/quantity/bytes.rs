//! Sizes in bytes.

use std::fmt;

use serde::{Serialize, Serializer};

use super::count::{human_integer, multiple};
use super::number::{Misfit, Number};
use super::written::Written;
use crate::base::BadInput;

/// A number of bytes: a count, with or without `B` behind it (`65536`, `2^20`, `64MB`, `64MiB`, `64Mi`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteCount(pub u64);

impl Written for ByteCount {
    const WANTED: &'static str = "a number of bytes, such as \"64MB\" or \"64MiB\"";

    fn read(text: &str) -> Result<ByteCount, BadInput> {
        let bytes = Number::split(text).and_then(|(number, unit)| {
            let unit = unit.strip_suffix('B').unwrap_or(unit);
            Some(number.times(multiple(unit)?))
        });
        match bytes {
            Some(Ok(bytes)) => Ok(ByteCount(bytes)),
            Some(Err(Misfit::Large)) => Err(BadInput(format!(
                "'{text}' is too large: less than 2^64 bytes"
            ))),
            Some(Err(Misfit::Part)) | None => Err(BadInput(format!(
                "'{text}' is no whole number of bytes: write 65536, 2^20, 64MB or 64M (10^6), 64MiB or 64Mi (2^20)"
            ))),
        }
    }
}

super::written::text_of!(ByteCount);

/// Units that sizes are printed in, the first that leaves no remainder.
const SHOWN: [(u64, &str); 5] = [
    (1 << 30, "Gi"),
    (1 << 20, "Mi"),
    (1_000_000_000, "G"),
    (1_000_000, "M"),
    (1 << 10, "Ki"),
];

impl fmt::Display for ByteCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit_bytes, unit) in SHOWN {
            if self.0 > 0 && self.0.is_multiple_of(unit_bytes) {
                return write!(f, "{}{unit}", self.0 / unit_bytes);
            }
        }
        f.write_str(&human_integer(self.0))
    }
}

impl Serialize for ByteCount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_in_both_systems_and_shown_short() {
        for (text, bytes, shown) in [
            ("64Mi", 64 << 20, "64Mi"),
            ("64MiB", 64 << 20, "64Mi"),
            ("64MB", 64_000_000, "64M"),
            ("4M", 4_000_000, "4M"),
            ("512B", 512, "512"),
            ("1.5 KiB", 1536, "1536"),
            ("2^20", 1 << 20, "1Mi"),
            ("2.5G", 2_500_000_000, "2500M"),
            ("3Ki", 3072, "3Ki"),
        ] {
            let count: ByteCount = text.parse().unwrap();
            assert_eq!(
                (count.0, count.to_string().as_str()),
                (bytes, shown),
                "{text}"
            );
            assert_eq!(shown.parse::<ByteCount>().unwrap(), count);
        }
        for text in ["64mb", "64Mb", "1.5", "-1", "", "all"] {
            let error = text.parse::<ByteCount>().unwrap_err().0;
            assert!(
                error.contains(&format!("'{text}'")) && error.contains("64MiB"),
                "{error}"
            );
        }
        let read: Vec<ByteCount> = serde_json::from_str("[4096, \"1Mi\", 1e3]").unwrap();
        assert_eq!(read, [4096, 1 << 20, 1000].map(ByteCount));
        assert_eq!(
            serde_json::to_string(&read[..2]).unwrap(),
            "[\"4Ki\",\"1Mi\"]"
        );
        let error = serde_json::from_str::<ByteCount>("-1")
            .unwrap_err()
            .to_string();
        assert!(error.contains("'-1'"), "{error}");
        let error = serde_json::from_str::<ByteCount>("true")
            .unwrap_err()
            .to_string();
        assert!(error.contains("a number of bytes, such as"), "{error}");
    }
}
