//! `stats` and what else tells of the server or sets it.

use std::fmt::Display;
use std::sync::atomic::Ordering;

use super::classes::{class_of, class_size};
use super::counts::Count;
use super::dump::Dump;
use super::header::{BINARY, FETCHED};
use super::items::Items;
use super::options::VERSION;
use super::shared::{Shared, Walked};
use crate::base::Usage;
use crate::wire::{Span, Tokens, footprint, unsigned};

fn stat(out: &mut Vec<u8>, name: &str, value: impl Display) {
    out.extend_from_slice(format!("STAT {name} {value}\r\n").as_bytes());
}

/// Answers `stats`; `words` is what follows.
pub(super) fn answer(shared: &Shared<'_>, words: Span, buffer: &[u8], out: &mut Vec<u8>) {
    let mut tokens = words.tokens(buffer);
    match tokens.next().map(|token| token.of(buffer)) {
        None => general(shared, out),
        Some(b"settings") => settings(shared, out),
        Some(b"items") => items(shared, out),
        Some(b"slabs") => slabs(shared, out),
        Some(b"sizes") => stat(out, "sizes_status", "disabled"),
        // These two have no END in memcached either.
        Some(b"sizes_enable") => {
            // There is no histogram of sizes; said as memcached says that it cannot have one.
            stat(out, "sizes_status", "error");
            stat(out, "sizes_error", "not_supported");
            return;
        }
        Some(b"sizes_disable") => {
            stat(out, "sizes_status", "disabled");
            return;
        }
        Some(b"conns") => conns(shared, out),
        Some(b"extstore") => {}
        Some(b"cachedump") => return cachedump(shared, tokens, buffer, out),
        Some(b"reset") => {
            shared.counts.reset();
            out.extend_from_slice(b"RESET\r\n");
            return;
        }
        Some(b"detail") => {
            // Counting by prefix is not done; on and off are taken, and a dump is empty.
            out.extend_from_slice(match tokens.next().map(|token| token.of(buffer)) {
                Some(b"on" | b"off") => b"OK\r\n".as_slice(),
                Some(b"dump") => b"END\r\n",
                _ => b"CLIENT_ERROR usage: stats detail on|off|dump\r\n",
            });
            return;
        }
        Some(_) => {
            out.extend_from_slice(b"ERROR\r\n");
            return;
        }
    }
    out.extend_from_slice(b"END\r\n");
}

/// There are no classes to list: the answer is empty, as it is for an empty class.
fn cachedump(shared: &Shared<'_>, tokens: Tokens<'_>, buffer: &[u8], out: &mut Vec<u8>) {
    let words: Vec<&[u8]> = tokens.take(2).map(|token| token.of(buffer)).collect();
    let text = match words.as_slice() {
        _ if !shared.options.dump_enabled => "CLIENT_ERROR stats cachedump not allowed\r\n",
        [class, limit] => match (unsigned(class), unsigned(limit)) {
            (Some(..64), Some(_)) => "END\r\n",
            (Some(_), Some(_)) => "CLIENT_ERROR Illegal slab id\r\n",
            _ => "CLIENT_ERROR bad command line format\r\n",
        },
        _ => "CLIENT_ERROR bad command line\r\n",
    };
    out.extend_from_slice(text.as_bytes());
}

/// Seconds of user and system time of this process.
fn cpu_seconds() -> [f64; 2] {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name in parentheses may hold spaces.
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .map_or(Vec::new(), |(_, rest)| rest.split_whitespace().collect());
    let ticks = rustix::param::clock_ticks_per_second().max(1) as f64;
    [11, 12].map(|at| {
        let field = fields.get(at).and_then(|field| field.parse::<f64>().ok());
        field.unwrap_or(0.0) / ticks
    })
}

/// The names that memcached 1.6.18 prints, in its order, and the table's own behind them.
fn general(shared: &Shared<'_>, out: &mut Vec<u8>) {
    let usage = shared.table.usage();
    let walked = shared.walked();
    of_the_process(shared, out);
    of_commands(shared, out);
    of_threads_and_buckets(shared, &walked, out);
    of_items(shared, usage, out);
    let load = if walked.buckets == 0 {
        0.0
    } else {
        usage.items as f64 / walked.buckets as f64
    };
    stat(out, "table_strategy", &shared.spec);
    stat(out, "table_bytes", usage.bytes);
    stat(out, "table_buckets", walked.buckets);
    stat(out, "table_load", format_args!("{load:.3}"));
    stat(out, "table_longest_chain", walked.longest_chain);
    stat(out, "table_resizes", shared.resizes());
}

fn of_the_process(shared: &Shared<'_>, out: &mut Vec<u8>) {
    let connections = &shared.connections;
    let now = connections.now.load(Ordering::Relaxed);
    let [user, system] = cpu_seconds();
    let time = shared.clock.unix(shared.clock.now());
    let total = connections.total.load(Ordering::Relaxed);
    let rejected = connections.rejected.load(Ordering::Relaxed);
    stat(out, "pid", std::process::id());
    stat(out, "uptime", shared.clock.uptime());
    stat(out, "time", time);
    stat(out, "version", VERSION);
    stat(out, "libevent", "none");
    stat(out, "pointer_size", usize::BITS);
    stat(out, "rusage_user", format_args!("{user:.6}"));
    stat(out, "rusage_system", format_args!("{system:.6}"));
    stat(out, "max_connections", shared.options.connections);
    stat(out, "curr_connections", now);
    stat(out, "total_connections", total);
    stat(out, "rejected_connections", rejected);
    stat(out, "connection_structures", now);
    zeros(
        out,
        &[
            "response_obj_oom",
            "response_obj_count",
            "response_obj_bytes",
        ],
    );
    zeros(
        out,
        &[
            "read_buf_count",
            "read_buf_bytes",
            "read_buf_bytes_free",
            "read_buf_oom",
        ],
    );
    stat(out, "reserved_fds", 5);
}

fn of_commands(shared: &Shared<'_>, out: &mut Vec<u8>) {
    let sum = |count| shared.counts.sum(count);
    stat(out, "cmd_get", sum(Count::CmdGet));
    stat(out, "cmd_set", sum(Count::CmdSet));
    stat(out, "cmd_flush", sum(Count::CmdFlush));
    stat(out, "cmd_touch", sum(Count::CmdTouch));
    stat(out, "cmd_meta", sum(Count::CmdMeta));
    stat(out, "get_hits", sum(Count::GetHits));
    stat(out, "get_misses", sum(Count::GetMisses));
    stat(out, "get_expired", sum(Count::GetExpired));
    stat(out, "get_flushed", sum(Count::GetFlushed));
    stat(out, "delete_misses", sum(Count::DeleteMisses));
    stat(out, "delete_hits", sum(Count::DeleteHits));
    stat(out, "incr_misses", sum(Count::IncrMisses));
    stat(out, "incr_hits", sum(Count::IncrHits));
    stat(out, "decr_misses", sum(Count::DecrMisses));
    stat(out, "decr_hits", sum(Count::DecrHits));
    stat(out, "cas_misses", sum(Count::CasMisses));
    stat(out, "cas_hits", sum(Count::CasHits));
    stat(out, "cas_badval", sum(Count::CasBadval));
    stat(out, "touch_hits", sum(Count::TouchHits));
    stat(out, "touch_misses", sum(Count::TouchMisses));
    stat(out, "store_too_large", sum(Count::StoreTooLarge));
    stat(out, "store_no_memory", sum(Count::StoreNoMemory));
    zeros(out, &["auth_cmds", "auth_errors"]);
    stat(out, "bytes_read", sum(Count::BytesRead));
    stat(out, "bytes_written", sum(Count::BytesWritten));
}

fn of_threads_and_buckets(shared: &Shared<'_>, walked: &Walked, out: &mut Vec<u8>) {
    let power = walked.buckets.checked_ilog2().unwrap_or(0);
    stat(
        out,
        "limit_maxbytes",
        shared.limit_bytes.load(Ordering::Relaxed),
    );
    stat(out, "accepting_conns", 1);
    zeros(out, &["listen_disabled_num", "time_in_listen_disabled_us"]);
    stat(out, "threads", shared.options.threads);
    stat(out, "conn_yields", shared.counts.sum(Count::ConnYields));
    stat(out, "hash_power_level", power);
    stat(
        out,
        "hash_bytes",
        walked.buckets * size_of::<usize>() as u64,
    );
    stat(out, "hash_is_expanding", 0);
    zeros(
        out,
        &[
            "slab_reassign_rescues",
            "slab_reassign_chunk_rescues",
            "slab_reassign_evictions_nomem",
            "slab_reassign_inline_reclaim",
            "slab_reassign_busy_items",
            "slab_reassign_busy_deletes",
            "slab_reassign_running",
            "slabs_moved",
            "lru_crawler_running",
            "lru_crawler_starts",
            "lru_maintainer_juggles",
            "malloc_fails",
            "log_worker_dropped",
            "log_worker_written",
            "log_watcher_skipped",
            "log_watcher_sent",
            "log_watchers",
            "unexpected_napi_ids",
            "round_robin_fallback",
        ],
    );
}

fn of_items(shared: &Shared<'_>, usage: Usage, out: &mut Vec<u8>) {
    let sum = |count| shared.counts.sum(count);
    stat(out, "bytes", item_bytes(shared, usage));
    stat(out, "curr_items", usage.items);
    stat(out, "total_items", sum(Count::TotalItems));
    stat(out, "slab_global_page_pool", 0);
    stat(out, "expired_unfetched", sum(Count::ExpiredUnfetched));
    stat(out, "evicted_unfetched", sum(Count::EvictedUnfetched));
    stat(out, "evicted_active", 0);
    stat(out, "evictions", sum(Count::Evictions));
    stat(out, "reclaimed", sum(Count::Reclaimed));
    stat(out, "crawler_reclaimed", sum(Count::CrawlerReclaimed));
    stat(
        out,
        "crawler_items_checked",
        sum(Count::CrawlerItemsChecked),
    );
    zeros(
        out,
        &[
            "lrutail_reflocked",
            "moves_to_cold",
            "moves_to_warm",
            "moves_within_lru",
            "direct_reclaims",
            "lru_bumps_dropped",
        ],
    );
}

fn zeros(out: &mut Vec<u8>, names: &[&str]) {
    for name in names {
        stat(out, name, 0);
    }
}

fn on(value: bool) -> &'static str {
    if value { "on" } else { "off" }
}

fn yes(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

/// Settings of a slab allocator, which this server does not have.
const SLABS: &[(&str, &str)] = &[
    ("maxconns_fast", "yes"),
    ("hashpower_init", "0"),
    ("slab_reassign", "no"),
    ("slab_automove", "0"),
    ("slab_automove_ratio", "0.80"),
    ("slab_automove_window", "30"),
    ("slab_chunk_max", "524288"),
];

/// Settings of an LRU in segments, which this server does not have.
const LRU: &[(&str, &str)] = &[
    ("lru_maintainer_thread", "no"),
    ("lru_segmented", "no"),
    ("hot_lru_pct", "20"),
    ("warm_lru_pct", "40"),
    ("hot_max_factor", "0.20"),
    ("warm_max_factor", "2.00"),
    ("temp_lru", "no"),
    ("temporary_ttl", "61"),
];

/// Settings of loggers, buffers, external storage and TLS, which this server does not have.
const BUFFERS_AND_TLS: &[(&str, &str)] = &[
    ("watcher_logbuf_size", "262144"),
    ("worker_logbuf_size", "65536"),
    ("read_buf_mem_limit", "0"),
    ("track_sizes", "no"),
    ("inline_ascii_response", "no"),
    ("ext_item_size", "512"),
    ("ext_item_age", "4294967295"),
    ("ext_low_ttl", "0"),
    ("ext_recache_rate", "2000"),
    ("ext_wbuf_size", "4194304"),
    ("ext_compact_under", "0"),
    ("ext_drop_under", "0"),
    ("ext_max_sleep", "1000000"),
    ("ext_max_frag", "0.80"),
    ("slab_automove_freeratio", "0.010"),
    ("ext_drop_unread", "no"),
    ("ssl_enabled", "no"),
    ("ssl_chain_cert", "(null)"),
    ("ssl_key", "(null)"),
    ("ssl_verify_mode", "0"),
    ("ssl_keyformat", "1"),
    ("ssl_ciphers", "NULL"),
    ("ssl_ca_cert", "NULL"),
    ("ssl_wbuf_size", "16384"),
    ("ssl_session_cache", "no"),
    ("ssl_kernel_tls", "no"),
    ("ssl_min_version", "tlsv1.2"),
    ("num_napi_ids", "(null)"),
    ("memory_file", "(null)"),
];

fn constants(out: &mut Vec<u8>, values: &[(&str, &str)]) {
    for (name, value) in values {
        stat(out, name, value);
    }
}

/// The names that memcached 1.6.18 prints. What this server does not have is reported as memcached reports
/// it when it is off.
fn settings(shared: &Shared<'_>, out: &mut Vec<u8>) {
    let options = shared.options;
    let port = options.listen.first().map_or(0, |(_, port)| *port);
    let hosts: Vec<&str> = options
        .listen
        .iter()
        .map(|(host, _)| host.as_str())
        .collect();
    let unix = options.unix.as_ref();
    stat(out, "maxbytes", shared.limit_bytes.load(Ordering::Relaxed));
    stat(out, "maxconns", options.connections);
    stat(out, "tcpport", port);
    stat(out, "udpport", 0);
    stat(out, "inter", hosts.join(","));
    stat(out, "verbosity", shared.verbosity.load(Ordering::Relaxed));
    stat(out, "oldest", 0);
    stat(out, "evictions", on(!shared.refuses));
    let path = unix.map_or("NULL".to_owned(), |(path, _)| path.display().to_string());
    stat(out, "domain_socket", path);
    stat(
        out,
        "umask",
        format_args!("{:o}", unix.map_or(0o700, |(_, mask)| *mask)),
    );
    stat(out, "shutdown_command", yes(options.shutdown_enabled));
    constants(out, &[("growth_factor", "1.25"), ("chunk_size", "48")]);
    stat(out, "num_threads", options.threads);
    stat(out, "num_threads_per_udp", options.threads);
    stat(out, "stat_key_prefix", ":");
    stat(out, "detail_enabled", "no");
    stat(out, "reqs_per_event", options.requests_per_event);
    stat(out, "cas_enabled", "yes");
    stat(out, "tcp_backlog", options.backlog);
    stat(out, "binding_protocol", "ascii");
    stat(out, "auth_enabled_sasl", "no");
    stat(out, "auth_enabled_ascii", "no");
    stat(out, "item_size_max", options.item_max);
    constants(out, SLABS);
    stat(out, "lru_crawler", yes(shared.table.walks()));
    stat(out, "lru_crawler_sleep", 100);
    zeros(out, &["lru_crawler_tocrawl", "tail_repair_time"]);
    stat(out, "flush_enabled", yes(options.flush_enabled));
    stat(
        out,
        "dump_enabled",
        yes(options.dump_enabled && shared.table.walks()),
    );
    stat(out, "hash_algorithm", &options.hash);
    constants(out, LRU);
    stat(out, "idle_timeout", options.idle_timeout);
    constants(out, BUFFERS_AND_TLS);
}

/// The one class that all items here are in, as far as exporters want classes: that of their mean
/// size.
fn mean_class(shared: &Shared<'_>) -> Option<(u32, u64, u64)> {
    let usage = shared.table.usage();
    let bytes = item_bytes(shared, usage);
    let mean = bytes.checked_div(usage.items)?;
    let class = class_of(usize::try_from(mean).unwrap_or(usize::MAX));
    Some((class, usage.items, bytes))
}

/// What the table has taken for its items: without what it took when it was empty, and nothing while it is.
fn item_bytes(shared: &Shared<'_>, usage: Usage) -> u64 {
    if usage.items == 0 {
        return 0;
    }
    usage.bytes.saturating_sub(shared.empty_bytes)
}

fn items(shared: &Shared<'_>, out: &mut Vec<u8>) {
    let Some((class, items, bytes)) = mean_class(shared) else {
        return;
    };
    let sum = |count| shared.counts.sum(count);
    for (name, value) in [
        ("number", items),
        ("number_hot", 0),
        ("number_warm", items),
        ("number_cold", 0),
        ("age_hot", 0),
        ("age_warm", 0),
        ("age", 0),
        ("mem_requested", bytes),
        ("evicted", sum(Count::Evictions)),
        ("evicted_nonzero", 0),
        ("evicted_time", 0),
        ("outofmemory", sum(Count::StoreNoMemory)),
        ("tailrepairs", 0),
        ("reclaimed", sum(Count::Reclaimed)),
        ("expired_unfetched", sum(Count::ExpiredUnfetched)),
        ("evicted_unfetched", sum(Count::EvictedUnfetched)),
        ("evicted_active", 0),
        ("crawler_reclaimed", sum(Count::CrawlerReclaimed)),
        ("crawler_items_checked", sum(Count::CrawlerItemsChecked)),
        ("lrutail_reflocked", 0),
        ("moves_to_cold", 0),
        ("moves_to_warm", 0),
        ("moves_within_lru", 0),
        ("direct_reclaims", 0),
        ("hits_to_hot", 0),
        ("hits_to_warm", sum(Count::GetHits)),
        ("hits_to_cold", 0),
        ("hits_to_temp", 0),
    ] {
        stat(out, &format!("items:{class}:{name}"), value);
    }
}

fn slabs(shared: &Shared<'_>, out: &mut Vec<u8>) {
    let classes = mean_class(shared);
    let mut malloced = 0;
    if let Some((class, items, bytes)) = classes {
        let sum = |count| shared.counts.sum(count);
        let size = class_size(class) as u64;
        malloced = bytes;
        for (name, value) in [
            ("chunk_size", size),
            ("chunks_per_page", (1 << 20) / size),
            ("total_pages", bytes.div_ceil(1 << 20)),
            ("total_chunks", items),
            ("used_chunks", items),
            ("free_chunks", 0),
            ("free_chunks_end", 0),
            ("get_hits", sum(Count::GetHits)),
            ("cmd_set", sum(Count::CmdSet)),
            ("delete_hits", sum(Count::DeleteHits)),
            ("incr_hits", sum(Count::IncrHits)),
            ("decr_hits", sum(Count::DecrHits)),
            ("cas_hits", sum(Count::CasHits)),
            ("cas_badval", sum(Count::CasBadval)),
            ("touch_hits", sum(Count::TouchHits)),
        ] {
            stat(out, &format!("{class}:{name}"), value);
        }
    }
    stat(out, "active_slabs", u32::from(classes.is_some()));
    stat(out, "total_malloced", malloced);
}

fn conns(shared: &Shared<'_>, out: &mut Vec<u8>) {
    let now = shared.clock.now();
    for (id, address) in shared.listeners.get().into_iter().flatten().enumerate() {
        stat(out, &format!("{id}:addr"), address);
        stat(out, &format!("{id}:state"), "conn_listening");
        stat(
            out,
            &format!("{id}:secs_since_last_cmd"),
            shared.clock.uptime(),
        );
    }
    for (id, guest) in shared.guests().iter() {
        stat(out, &format!("{id}:addr"), &guest.peer);
        stat(out, &format!("{id}:listen_addr"), &guest.listener);
        stat(out, &format!("{id}:state"), "conn_read");
        let idle = now.saturating_sub(guest.last_command.load(Ordering::Relaxed));
        stat(out, &format!("{id}:secs_since_last_cmd"), idle);
    }
}

/// Answers `lru_crawler`; a list of keys that is to be begun comes back.
pub(super) fn crawler(
    shared: &Shared<'_>,
    words: Span,
    buffer: &[u8],
    stacked: bool,
    out: &mut Vec<u8>,
) -> Option<Dump> {
    const BAD_CLASS: &str = "BADCLASS invalid class id\r\n";
    const BAD_FORMAT: &str = "CLIENT_ERROR bad command line format\r\n";
    let words: Vec<&[u8]> = words
        .tokens(buffer)
        .take(4)
        .map(|token| token.of(buffer))
        .collect();
    let number = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<u32>().ok();
    let classes = |text: &[u8]| match text {
        b"all" | b"hash" => Some(u64::MAX),
        text => text
            .split(|&byte| byte == b',')
            .map(|text| number(text).filter(|class| (1..64).contains(class)))
            .try_fold(0, |all, class| Some(all | 1_u64 << class?)),
    };
    let crawling = &shared.crawling;
    let text = match words.as_slice() {
        [b"crawl" | b"metadump", _] if !crawling.load(Ordering::Relaxed) => {
            "CLIENT_ERROR lru crawler disabled\r\n"
        }
        // The walk that looks for what has expired never rests.
        [b"crawl", text] => match classes(text) {
            Some(_) => "OK\r\n",
            None => BAD_CLASS,
        },
        [b"metadump", text] => {
            if !shared.options.dump_enabled || !shared.table.walks() {
                "ERROR metadump not allowed\r\n"
            } else if stacked {
                "ERROR cannot pipeline other commands before metadump\r\n"
            } else if let Some(classes) = classes(text) {
                return Some(Dump::of(classes));
            } else {
                BAD_CLASS
            }
        }
        [b"tocrawl", count] if number(count).is_some() => "OK\r\n",
        [b"sleep", pause] => match number(pause) {
            Some(..=1_000_000) => "OK\r\n",
            Some(_) => "CLIENT_ERROR sleep must be one second or less\r\n",
            None => BAD_FORMAT,
        },
        [b"tocrawl", _] => BAD_FORMAT,
        [b"enable"] if crawling.swap(true, Ordering::Relaxed) => {
            "ERROR failed to start lru crawler thread\r\n"
        }
        [b"enable"] => "OK\r\n",
        [b"disable"] => {
            crawling.store(false, Ordering::Relaxed);
            "OK\r\n"
        }
        _ => "ERROR\r\n",
    };
    out.extend_from_slice(text.as_bytes());
    None
}

/// Answers `me`.
pub(super) fn debug(items: &mut Items<'_, '_>, key: &[u8], out: &mut Vec<u8>) {
    let now = items.now;
    let mark = out.len();
    let found = items.peek(key, |header, value| {
        out.truncate(mark);
        let size = footprint(key.len(), header.flags, value.len());
        out.extend_from_slice(b"ME ");
        if header.has(BINARY) {
            crate::wire::base64::encode(key, out);
        } else {
            out.extend_from_slice(key);
        }
        let exptime = if header.exptime == 0 {
            -1
        } else {
            i64::from(now) - i64::from(header.exptime)
        };
        let text = format!(
            " exp={exptime} la={} cas={} fetch={} cls={} size={size}\r\n",
            now.saturating_sub(header.time),
            header.cas,
            yes(header.has(FETCHED)),
            class_of(size),
        );
        out.extend_from_slice(text.as_bytes());
    });
    if !found {
        out.extend_from_slice(b"EN\r\n");
    }
}

/// What `verbosity` sets.
pub(super) fn set_verbosity(shared: &Shared<'_>, level: u32) {
    shared.verbosity.store(level.min(2), Ordering::Relaxed);
}
