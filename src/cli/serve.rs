//! `bucketlab serve`: a strategy behind the memcached protocol, with memcached's own letters.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use anyhow::Context;
use clap::Args;

use super::house::House;
use super::{output, suboptions};
use crate::base::{BadInput, ByteCount, Written, within};
use crate::catalog;
use crate::hash::{self, Hasher};
use crate::serve::{Options, VERSION};

const DEFAULT_PORT: u16 = 11211;
const DEFAULT_TARGET: &str = "optimistic";

#[derive(Args, Debug)]
#[command(
    disable_help_flag = true,
    // As with getopt, the last one counts.
    args_override_self = true,
    after_help = "\
Examples:
  bucketlab serve                             optimistic on 127.0.0.1:11211
  bucketlab serve dash -p 11212 -t 2 -m 1024
  bucketlab serve -s cache.socket -o idle_timeout=60

The flags are memcached's, so scripts that start memcached can start this server. Flags without effect
print a notice; TLS, SASL and UDP are refused. One line on stdout says when the server accepts
connections. On SIGTERM or SIGINT it answers the requests that have arrived and exits with 0."
)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub(super) struct Serve {
    /// The strategy with its parameters, like striped:buckets=2^16
    #[arg(value_name = "TARGET", default_value = DEFAULT_TARGET)]
    target: String,
    /// Address to listen on, optionally with a port; separate several with commas or repeat the flag
    #[arg(
        short,
        long,
        value_name = "ADDR",
        value_delimiter = ',',
        default_value = "127.0.0.1"
    )]
    listen: Vec<String>,
    /// TCP port
    #[arg(short, long, value_name = "PORT", default_value_t = DEFAULT_PORT)]
    port: u16,
    /// UDP port: only 0 (off) is accepted
    #[arg(
        short = 'U',
        long = "udp-port",
        value_name = "PORT",
        default_value_t = 0
    )]
    udp: u16,
    /// Unix socket to listen on, instead of a port
    #[arg(short = 's', long = "unix-socket", value_name = "FILE")]
    unix: Option<PathBuf>,
    /// Access mask of the unix socket, in octal
    #[arg(short = 'a', long = "unix-mask", value_name = "MASK", default_value = "700", value_parser = octal)]
    mask: u32,
    /// Worker threads
    #[arg(short, long, value_name = "N", default_value = "4", value_parser = |text: &str| within::<u16>(text, 1..=1024))]
    threads: u16,
    /// Memory for items (1GB, 512MiB); a bare number is MiB
    #[arg(short, long = "memory-limit", value_name = "SIZE", default_value = "64", value_parser = memory)]
    memory: ByteCount,
    /// Refuse new items when memory is full, instead of evicting old ones
    #[arg(short = 'M', long = "disable-evictions")]
    no_evictions: bool,
    /// Most connections open at a time
    #[arg(short, long = "conn-limit", value_name = "N", default_value = "1024", value_parser = |text: &str| within::<u32>(text, 1..=u32::MAX.into()))]
    connections: u32,
    /// Size of the largest item (1KiB to 1GiB); k and m alone are memcached's, 2^10 and 2^20
    #[arg(short = 'I', long = "max-item-size", value_name = "SIZE", default_value = "1m", value_parser = item_size)]
    item_max: usize,
    /// Requests that one connection may make before others get their turn
    #[arg(
        short = 'R',
        long = "max-reqs-per-event",
        value_name = "N",
        default_value = "20",
        value_parser = |text: &str| within::<u32>(text, 1..=u32::MAX.into())
    )]
    requests: u32,
    /// Connections that may wait to be accepted
    #[arg(short = 'b', long = "listen-backlog", value_name = "N", default_value = "1024", value_parser = |text: &str| within::<i32>(text, 0..=i32::MAX as u64))]
    backlog: i32,
    /// Hash function of keys; its seed is random at each start
    #[arg(long, value_name = "HASH", default_value = "sip13")]
    hash: String,
    /// Run in the background
    #[arg(short, long)]
    daemon: bool,
    /// Run as this user, when started by root
    #[arg(short, long, value_name = "USER")]
    user: Option<String>,
    /// File to write the process id into
    #[arg(short = 'P', long, value_name = "FILE")]
    pidfile: Option<PathBuf>,
    /// Let clients stop the server with `shutdown`
    #[arg(short = 'A', long = "enable-shutdown")]
    shutdown: bool,
    /// Refuse `flush_all`
    #[arg(short = 'F', long = "disable-flush-all")]
    no_flush: bool,
    /// Refuse to list keys
    #[arg(short = 'X', long = "disable-dumping")]
    no_dump: bool,
    /// Print more messages
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Further options, separated by commas: `idle_timeout=TIME` (60s); memcached's other options print a notice
    #[arg(
        short = 'o',
        long = "extended",
        value_name = "NAME[=VALUE]",
        value_delimiter = ','
    )]
    extended: Vec<String>,
    /// Has no effect: cas is always there
    #[arg(short = 'C', long = "disable-cas", hide = true)]
    no_cas: bool,
    /// Has no effect
    #[arg(short = 'k', long = "lock-memory", hide = true)]
    lock: bool,
    /// Has no effect
    #[arg(short = 'L', long = "enable-largepages", hide = true)]
    large_pages: bool,
    /// Has no effect
    #[arg(short = 'r', long = "enable-coredumps", hide = true)]
    cores: bool,
    /// Has no effect: `watch` is always refused
    #[arg(short = 'W', long = "disable-watch", hide = true)]
    no_watch: bool,
    /// Has no effect
    #[arg(
        short = 'f',
        long = "slab-growth-factor",
        value_name = "N",
        value_parser = factor,
        hide = true
    )]
    factor: Option<f64>,
    /// Has no effect
    #[arg(short = 'n', long = "slab-min-size", value_name = "N", hide = true, value_parser = |text: &str| within::<u64>(text, 1..=u64::MAX))]
    smallest: Option<u64>,
    /// Has no effect
    #[arg(short = 'D', value_name = "CHAR", hide = true)]
    delimiter: Option<String>,
    /// Has no effect
    #[arg(short = 'N', long = "napi_ids", value_name = "N", hide = true)]
    napi_ids: Option<String>,
    /// Only ascii and auto are accepted
    #[arg(short = 'B', long = "protocol", value_name = "NAME", hide = true)]
    protocol: Option<String>,
    /// Refused
    #[arg(short = 'Z', long = "enable-ssl", hide = true)]
    tls: bool,
    /// Refused
    #[arg(short = 'S', long = "enable-sasl", hide = true)]
    sasl: bool,
    /// Refused
    #[arg(short = 'Y', long = "auth-file", value_name = "FILE", hide = true)]
    auth_file: Option<PathBuf>,
    /// Refused
    #[arg(short = 'e', long = "memory-file", value_name = "FILE", hide = true)]
    memory_file: Option<PathBuf>,
    /// Print the version
    #[arg(short = 'V', long)]
    version: bool,
    /// Print the version and the licence
    #[arg(short = 'i', long)]
    license: bool,
    /// Print help
    #[arg(short = 'h', long, action = clap::ArgAction::Help)]
    help: Option<bool>,
    /// The flag of the background process that -d starts.
    #[arg(long = "in-background", hide = true)]
    in_background: bool,
}

fn factor(text: &str) -> Result<f64, String> {
    let factor = text.parse().ok().filter(|factor: &f64| *factor > 1.0);
    factor.ok_or_else(|| "write a number greater than 1".to_owned())
}

fn octal(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mask @ ..=0o777) => Ok(mask),
        _ => Err("write an access mask in octal, 0 to 777".to_owned()),
    }
}

fn item_size(text: &str) -> Result<usize, String> {
    // Memcached's letters are powers of two.
    let size = match text.strip_suffix(['k', 'K', 'm', 'M']) {
        Some(number) if text.ends_with(['k', 'K']) => ByteCount::read(&format!("{number}Ki")),
        Some(number) => ByteCount::read(&format!("{number}Mi")),
        None => ByteCount::read(text),
    };
    let fits = size
        .ok()
        .and_then(|ByteCount(bytes)| usize::try_from(bytes).ok());
    fits.filter(|size| (1 << 10..=1 << 30).contains(size))
        .ok_or_else(|| {
            format!("'{text}' is not valid: 1KiB to 1GiB, or 1k to 1024m, such as 4m or 4MiB")
        })
}

/// Mebibytes, or a size with its unit.
fn memory(text: &str) -> Result<ByteCount, BadInput> {
    let bytes = match u64::read(text) {
        Ok(mib) if text.bytes().all(|byte| byte.is_ascii_digit()) => mib.checked_mul(1 << 20),
        _ => Some(ByteCount::read(text)?.0),
    };
    let fits = bytes.filter(|bytes| (1 << 20..=1 << 50).contains(bytes));
    fits.map(ByteCount).ok_or_else(|| {
        BadInput(format!(
            "'{text}' is not valid: 1 to 2^30 MiB, such as 64, 64MiB or 1GB"
        ))
    })
}

pub(super) fn serve(house: House<'_>, args: &Serve) -> anyhow::Result<ExitCode> {
    if args.version || args.license {
        let mut text = format!("bucketlab {VERSION}\n");
        if args.license {
            text += concat!("Licensed under ", env!("CARGO_PKG_LICENSE"), "\n");
        }
        output::print(&text)?;
        return Ok(ExitCode::SUCCESS);
    }
    let (row, params) = catalog::resolve(house.rows, &args.target.parse()?)?;
    if row.control {
        return Err(BadInput(format!(
            "'{}' stores nothing, so it cannot be served; the default is {DEFAULT_TARGET}",
            row.name
        ))
        .into());
    }
    refused(args)?;
    let options = options(args)?;
    let hash = hash::find(&args.hash)?;
    if args.daemon && !args.in_background {
        return in_background(house);
    }
    notices(args, row.walk);
    if args.in_background {
        rustix::process::setsid().context("the terminal cannot be left")?;
    }
    let hasher = Hasher::new(hash, [rand::random(), rand::random()]);
    let mut pidfile = None;
    let mut ready = |addresses: &[&str]| {
        if let Some(file) = &args.pidfile {
            match std::fs::write(file, format!("{}\n", std::process::id())) {
                Ok(()) => pidfile = Some(file),
                // Clients can be served without it, and memcached serves them.
                Err(error) => output::complain(&format!(
                    "bucketlab: cannot write the process id to {}: {error}\n",
                    file.display()
                )),
            }
        }
        let line = format!(
            "bucketlab: {} accepts connections on {}\n",
            params.short(),
            addresses.join(" ")
        );
        output::print_if_read(&line)?;
        if args.in_background {
            leave_streams().context("the terminal cannot be left")?;
        }
        Ok(())
    };
    let served = (row.serve)(&params, hasher, &options, &mut ready);
    if let Some(file) = pidfile {
        // It may be gone already.
        let _ = std::fs::remove_file(file);
    }
    served?;
    Ok(ExitCode::SUCCESS)
}

/// Refuses flags that would be unsafe to accept and ignore.
fn refused(args: &Serve) -> Result<(), BadInput> {
    let refuse = |what: &str| Err(BadInput(what.to_owned()));
    if args.tls
        || args
            .listen
            .iter()
            .any(|address| address.starts_with("notls:"))
    {
        return refuse("TLS (-Z) is not served; put a TLS proxy in front");
    }
    if args.sasl {
        return refuse("SASL (-S) needs the binary protocol, which is not served");
    }
    if args.auth_file.is_some() {
        return refuse("authentication (-Y) is not served; listen on loopback or a unix socket");
    }
    if args.udp != 0 {
        return refuse("UDP (-U) is not served; the only valid port is 0 (off)");
    }
    if args.memory_file.is_some() {
        return refuse("a memory file (-e) is not served: items do not outlive the process");
    }
    match args.protocol.as_deref() {
        None | Some("ascii" | "auto" | "auto-negotiate") => Ok(()),
        Some(other) => Err(BadInput(format!(
            "protocol '{other}' is not served; the only one is ascii, with the meta commands"
        ))),
    }
}

fn options(args: &Serve) -> Result<Options, BadInput> {
    let idle_timeout = suboptions::idle_timeout(&args.extended)?;
    // Both in bytes; memcached does not start with a larger one either.
    let item_limit = args.memory.0 >> 1;
    if args.item_max as u64 > item_limit {
        return Err(BadInput(format!(
            "the largest item (-I {}) may take at most half of the memory for items (-m {}): \
             {item_limit} bytes",
            args.item_max, args.memory
        )));
    }
    let listen = args
        .listen
        .iter()
        .map(|address| endpoint(address, args.port));
    Ok(Options {
        listen: if args.unix.is_some() {
            Vec::new()
        } else {
            listen.collect::<Result<_, _>>()?
        },
        unix: args.unix.clone().map(|path| (path, args.mask)),
        threads: usize::from(args.threads),
        memory_bytes: args.memory.0,
        evict: !args.no_evictions,
        connections: args.connections as usize,
        item_max: args.item_max,
        requests_per_event: args.requests,
        backlog: args.backlog,
        idle_timeout,
        verbosity: u32::from(args.verbose),
        shutdown_enabled: args.shutdown,
        flush_enabled: !args.no_flush,
        dump_enabled: !args.no_dump,
        user: match &args.user {
            Some(user) => ids_of(user)?,
            None => None,
        },
        hash: args.hash.clone(),
    })
}

/// Host and port of `127.0.0.1`, `host:port`, `::1` or `[::1]:port`.
fn endpoint(address: &str, port: u16) -> Result<(String, u16), BadInput> {
    if address.parse::<Ipv6Addr>().is_ok() {
        return Ok((address.to_owned(), port));
    }
    let (host, port) = match address.rsplit_once(':') {
        None => (address, port),
        Some((host, digits)) => match digits.parse() {
            Ok(port) => (host, port),
            Err(_) => {
                return Err(BadInput(format!(
                    "'{address}' is not an address: '{digits}' is not a port"
                )));
            }
        },
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Ok((host.to_owned(), port))
}

/// Says what was accepted and has no effect.
fn notices(args: &Serve, walks: bool) {
    let mut without = Vec::new();
    for (given, name) in [
        (args.no_cas, "-C"),
        (args.lock, "-k"),
        (args.large_pages, "-L"),
        (args.cores, "-r"),
        (args.factor.is_some(), "-f"),
        (args.smallest.is_some(), "-n"),
        (args.delimiter.is_some(), "-D"),
        (args.napi_ids.is_some(), "-N"),
    ] {
        if given {
            without.push(name.to_owned());
        }
    }
    let extended = args
        .extended
        .iter()
        .map(|o| o.split('=').next().unwrap_or(o));
    without.extend(
        extended
            .filter(|name| *name != "idle_timeout" && !name.is_empty())
            .map(|name| format!("-o {name}")),
    );
    if !without.is_empty() {
        output::complain(&format!(
            "bucketlab: flags without effect: {}\n",
            without.join(", ")
        ));
    }
    if !walks && !args.no_evictions {
        output::complain(
            "bucketlab: this strategy cannot be walked: when full it refuses new items instead of evicting, and \
             expired or flushed items keep their memory until a client asks for their key\n",
        );
    }
}

/// Starts this program again without a terminal, and waits until it accepts connections.
fn in_background(house: House<'_>) -> anyhow::Result<ExitCode> {
    let mut args: Vec<OsString> = std::env::args_os().skip(1).collect();
    // In front of everything else, as what follows a `--` is no option.
    let behind = args.iter().position(|arg| arg == "serve");
    args.insert(behind.map_or(0, |verb| verb + 1), "--in-background".into());
    let mut child = Command::new(house.executable)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("the background process cannot be started")?;
    let mut line = String::new();
    if let Some(out) = child.stdout.take() {
        BufReader::new(out).read_line(&mut line)?;
    }
    if line.is_empty() {
        // It has said on stderr why.
        let status = child.wait()?;
        let code = u8::try_from(status.code().unwrap_or(1)).unwrap_or(1);
        return Ok(ExitCode::from(code));
    }
    let _ = std::io::stdout().write_all(line.as_bytes());
    Ok(ExitCode::SUCCESS)
}

/// Lets go of the streams that the caller gave: a program that reads them to their end would wait for the
/// server's.
fn leave_streams() -> std::io::Result<()> {
    let null = std::fs::File::options()
        .read(true)
        .write(true)
        .open("/dev/null")?;
    rustix::stdio::dup2_stdout(&null)?;
    rustix::stdio::dup2_stderr(&null)?;
    Ok(())
}

/// Number of a user and of their group; `None` without root's rights, as memcached then keeps the user that it
/// is.
fn ids_of(user: &str) -> Result<Option<(u32, u32)>, BadInput> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd")
        .map_err(|error| BadInput(format!("user '{user}' cannot be looked up: {error}")))?;
    let ids = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        (name == user).then_some((uid, gid))
    });
    match ids {
        Some(ids) => Ok(Some(ids)),
        None => Err(BadInput(format!("there is no user '{user}' to run as"))),
    }
}
