//! The suites that come with the program.

/// The built-in suites: name and TOML text.
pub const SUITES: &[(&str, &str)] = &[
    ("quick", include_str!("../../benches/suites/quick.toml")),
    ("ycsb", include_str!("../../benches/suites/ycsb.toml")),
    ("buckets", include_str!("../../benches/suites/buckets.toml")),
    ("locks", include_str!("../../benches/suites/locks.toml")),
    ("growth", include_str!("../../benches/suites/growth.toml")),
    ("peers", include_str!("../../benches/suites/peers.toml")),
    ("overlap", include_str!("../../benches/suites/overlap.toml")),
    ("fast", include_str!("../../benches/suites/fast.toml")),
    ("absent", include_str!("../../benches/suites/absent.toml")),
    (
        "sawtooth",
        include_str!("../../benches/suites/sawtooth.toml"),
    ),
    ("memory", include_str!("../../benches/suites/memory.toml")),
    ("traces", include_str!("../../benches/suites/traces.toml")),
    ("hashes", include_str!("../../benches/suites/hashes.toml")),
    ("flood", include_str!("../../benches/suites/flood.toml")),
    ("servers", include_str!("../../benches/suites/servers.toml")),
    (
        "where-time-goes",
        include_str!("../../benches/suites/where-time-goes.toml"),
    ),
];
