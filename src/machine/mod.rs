//! Floor 1: the machine: clock, pinning, memory, fingerprint, counting allocator.
