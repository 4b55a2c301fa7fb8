//! What stands behind `-o` of `bucketlab serve`: memcached's own names.

use crate::base::{BadInput, Seconds, Written, unknown_name, whole};

/// What is taken without effect, with a value or without.
const TAKEN: &[&str] = &[
    "drop_privileges",
    "inline_ascii_resp",
    "lru_crawler",
    "lru_maintainer",
    "maxconns_fast",
    "modern",
    "no_drop_privileges",
    "no_hashexpand",
    "no_inline_ascii_resp",
    "no_lru_crawler",
    "no_lru_maintainer",
    "no_maxconns_fast",
    "no_modern",
    "no_slab_reassign",
    "resp_obj_mem_limit",
    "slab_automove",
    "slab_reassign",
    "track_sizes",
    "ext_drop_unread",
];

/// What is taken without effect and has a value.
const VALUED: &[&str] = &[
    "ext_compact_under",
    "ext_drop_under",
    "ext_io_depth",
    "ext_item_age",
    "ext_item_size",
    "ext_low_ttl",
    "ext_max_frag",
    "ext_max_sleep",
    "ext_page_size",
    "ext_recache_rate",
    "ext_threads",
    "ext_wbuf_size",
    "hash_algorithm",
    "hashpower",
    "hot_lru_pct",
    "hot_max_factor",
    "lru_crawler_sleep",
    "lru_crawler_tocrawl",
    "read_buf_mem_limit",
    "slab_automove_freeratio",
    "slab_automove_ratio",
    "slab_automove_window",
    "slab_chunk_max",
    "slab_sizes",
    "sock_cookie_id",
    "tail_repair_time",
    "temporary_ttl",
    "warm_lru_pct",
    "warm_max_factor",
    "watcher_logbuf_size",
    "worker_logbuf_size",
];

/// Seconds after which an idle connection is closed, the one thing that these options change here; 0 for
/// never.
///
/// # Errors
/// Names that memcached does not know either, known ones without the value they need, and what would be
/// unsafe to take and not to do.
pub(super) fn idle_timeout(options: &[String]) -> Result<u32, BadInput> {
    let mut seconds = 0;
    for option in options {
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (option.as_str(), None),
        };
        match name {
            "" => {}
            "idle_timeout" => {
                let value = value.unwrap_or_default();
                let Seconds(time) = Seconds::read(value)
                    .map_err(|why| BadInput(format!("-o idle_timeout: {why}")))?;
                let fits = u32::try_from(whole(time)).ok();
                let fits = fits.filter(|_| time.fract() <= 0.0);
                seconds = fits.ok_or_else(|| {
                    BadInput(format!(
                        "-o idle_timeout: '{value}' is not valid: whole seconds, such as 60 or 1m"
                    ))
                })?;
            }
            "ext_path" => {
                return Err(BadInput(
                    "-o ext_path: there is no storage but memory; leave it out, or raise -m"
                        .to_owned(),
                ));
            }
            name if name.starts_with("ssl_") => {
                return Err(BadInput(format!("-o {name}: TLS is not served")));
            }
            name if TAKEN.contains(&name) => {}
            name if VALUED.contains(&name) => {
                if value.is_none_or(str::is_empty) {
                    return Err(BadInput(format!("-o {name} needs a value: {name}=...")));
                }
            }
            name => {
                let known = [&["idle_timeout"], TAKEN, VALUED].concat();
                return Err(unknown_name("option -o", name, known));
            }
        }
    }
    Ok(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_an_idle_connection_has_a_unit_or_is_seconds() {
        for (text, seconds) in [("60", 60), ("1m", 60), ("1e3ms", 1), ("0", 0)] {
            let option = format!("idle_timeout={text}");
            assert_eq!(idle_timeout(&[option]), Ok(seconds), "{text}");
        }
        for text in ["", "1.5", "500ms", "-1", "1e12", "soon"] {
            let error = idle_timeout(&[format!("idle_timeout={text}")])
                .unwrap_err()
                .0;
            assert!(
                error.contains(&format!("idle_timeout: '{text}'")),
                "{error}"
            );
        }
    }
}
