//! The verification code of `SMHasher`, by which hash functions are published.

/// A number that only the right function comes to: the keys 0, 0 1, 0 1 2, … of up to 255 bytes are
/// hashed, the one of n bytes under the seed 256 − n; the hashes side by side are hashed under seed 0;
/// the first four bytes of that, little-endian, are the code.
///
/// From `SMHasher` (Appleby, `KeysetTest.cpp`, `VerificationTest`); `N` is the hash's length in bytes.
pub(super) fn smhasher<const N: usize>(hash: impl Fn(&[u8], u32) -> [u8; N]) -> u32 {
    let key: Vec<u8> = (0..=255).collect();
    let hashes: Vec<u8> = (0..256)
        .flat_map(|n| hash(&key[..n as usize], 256 - n))
        .collect();
    let code = hash(&hashes, 0);
    u32::from_le_bytes(*code.first_chunk().expect("a hash has four bytes at least"))
}
