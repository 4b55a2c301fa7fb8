//! The hash that tells one executable or trace from another.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use xxhash_rust::xxh3::Xxh3Default;

/// XXH3-64 (Collet, seed 0) of a file's bytes, as 16 hexadecimal digits; `xxhsum -H3` prints the
/// same. The file is read piece by piece.
///
/// # Errors
/// The file cannot be read.
pub fn file_hash(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Xxh3Default::new();
    let mut piece = vec![0; 256 * 1024];
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(format!("{:016x}", hash.digest())),
            Ok(length) => hash.update(&piece[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_as_hashing_in_one_go() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        // 0, within a piece, exactly one piece, beyond it.
        for length in [0_u32, 5, 256 * 1024, 600_001] {
            let bytes: Vec<u8> = (0..length).map(|i| (i * 31).to_le_bytes()[1]).collect();
            std::fs::write(&path, &bytes).unwrap();
            let whole = xxhash_rust::xxh3::xxh3_64(&bytes);
            assert_eq!(file_hash(&path).unwrap(), format!("{whole:016x}"));
        }
        assert!(file_hash(&directory.path().join("absent")).is_err());
    }

    /// The specification's value for no input at all.
    #[test]
    fn published_value_of_an_empty_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(file_hash(file.path()).unwrap(), "2d06800538d394c2");
    }
}
