//! What a peer stores, and how a stored value changes.

use crate::base::{BadInput, ByteSplit, Census, Params, SpecError};

/// A stored key or value.
pub(super) type Bytes = Box<[u8]>;

/// Bytes of the two fat pointers that every entry has in every peer.
pub(super) const HANDLES: u64 = 32;
const _: () = assert!(2 * size_of::<Bytes>() == 32);

/// What `capacity=` asks for, where there is memory for an array of that many entries.
///
/// The peers end the process when they cannot allocate, so it is tried beforehand: four times the
/// handles of an entry, as arrays are powers of two and some are of pointers to what was allocated
/// singly.
pub(super) fn capacity(params: &Params) -> Result<usize, SpecError> {
    let capacity = params.size("capacity");
    let bytes = capacity.saturating_mul(8 * size_of::<Bytes>());
    if Vec::<u8>::new().try_reserve_exact(bytes).is_err() {
        return Err(BadInput(format!(
            "{}: room for capacity={capacity} entries takes up to {} MiB, more than can be \
             allocated; give less capacity",
            params.strategy(),
            bytes >> 20
        )));
    }
    Ok(capacity)
}

/// Gives a value new bytes: in place where the length stays the same.
pub(super) fn replace(value: &mut Bytes, bytes: &[u8]) {
    if value.len() == bytes.len() {
        value.copy_from_slice(bytes);
    } else {
        *value = bytes.into();
    }
}

/// Overwrites the value's bytes from `at` on, as [`Edit::Patch`](crate::table::Edit::Patch) says.
///
/// Panics if there is no value, or if it would get longer: the edit's promise is broken.
pub(super) fn patch(value: Option<&mut Bytes>, at: usize, bytes: &[u8]) {
    let value = value.expect("a patch needs an entry");
    let end = at.checked_add(bytes.len());
    let part = end.and_then(|end| value.get_mut(at..end));
    part.expect("a patch never lengthens the value")
        .copy_from_slice(bytes);
}

/// A patched copy, for peers whose values are replaced and never changed.
pub(super) fn patched(value: &[u8], at: usize, bytes: &[u8]) -> Bytes {
    let mut copy = value.into();
    patch(Some(&mut copy), at, bytes);
    copy
}

/// Adds one entry to a census.
pub(super) fn count(census: &mut Census, key: &[u8], value: &[u8]) {
    let ByteSplit {
        key: keys,
        value: values,
        header,
        ..
    } = &mut census.bytes;
    census.items += 1;
    *keys += key.len() as u64;
    *values += value.len() as u64;
    *header += HANDLES;
}
