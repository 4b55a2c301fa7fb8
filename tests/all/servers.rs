//! `run` against servers: real ones, ours, several that share the keys, and such as cannot be driven.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// A server that ends with its test.
struct Running {
    child: Child,
    port: u16,
}

impl Running {
    fn start(program: &str, words: &[&str]) -> Running {
        let port = free_port();
        let text = port.to_string();
        let (port_flag, own): (&str, &[&str]) = match program {
            "memcached" => ("-p", &["-l", "127.0.0.1", "-U", "0", "-u", "root"]),
            _ => (
                "--port",
                &["--bind", "127.0.0.1", "--save", "", "--dir", "/tmp"],
            ),
        };
        let child = Command::new(program)
            .args(own)
            .args([port_flag, &text])
            .args(words)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{program} must be installed, see scripts/test: {error}")
            });
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(
                began.elapsed() < Duration::from_secs(20),
                "{program} does not start"
            );
            thread::sleep(Duration::from_millis(10));
        }
        Running { child, port }
    }

    fn ask(&self, request: &[u8], ends: &[u8]) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        stream.write_all(request).unwrap();
        let (mut text, mut room) = (Vec::new(), [0; 4096]);
        while !text.ends_with(ends) {
            let count = stream.read(&mut room).unwrap();
            assert!(count > 0, "{}", text.escape_ascii());
            text.extend_from_slice(&room[..count]);
        }
        String::from_utf8(text).unwrap()
    }

    /// The number of entries of a memcached.
    fn items(&self) -> u64 {
        let stats = self.ask(b"stats\r\n", b"END\r\n");
        let line = stats
            .lines()
            .find_map(|line| line.strip_prefix("STAT curr_items "));
        line.unwrap().parse().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

fn run(out: &Path, words: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bucketlab"))
        .args("run --no-verify --time 0.3 --format json".split(' '))
        .args(words.split_whitespace())
        .args(
            if words.contains("--entries") {
                ""
            } else {
                "--entries 300"
            }
            .split_whitespace(),
        )
        .arg("--out")
        .arg(out)
        .output()
        .expect("it starts")
}

/// The cells of a run by target: the error, or nothing where it has a rate.
fn cells(run: &Output) -> Vec<(String, Option<String>)> {
    let json: Value = serde_json::from_slice(&run.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&run.stderr)));
    let panels = json["panels"].as_array().unwrap();
    let cells = panels
        .iter()
        .flat_map(|panel| panel["cells"].as_array().unwrap());
    cells
        .map(|cell| {
            let error = cell["error"].as_str().map(str::to_owned);
            assert_eq!(error.is_none(), cell["ops_per_s"].is_object(), "{cell}");
            (cell["target"].as_str().unwrap().to_owned(), error)
        })
        .collect()
}

fn manifest(out: &Path) -> toml::Table {
    let directory = std::fs::read_dir(out)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    std::fs::read_to_string(directory.join("run.toml"))
        .unwrap()
        .parse()
        .unwrap()
}

#[test]
fn real_servers_and_ours_stand_in_one_run_and_an_absent_program_is_an_error_row() {
    let out = tempfile::tempdir().unwrap();
    let targets = "start:memcached,start:memcached?proto=meta,start:redis-server,served:striped,served-unix:inline,\
                   parsed:striped,striped,start:keydb-server";
    let run = run(
        out.path(),
        &format!("-t {targets} -w ycsb-a --connections 3 --depth 4"),
    );
    let cells = cells(&run);
    let absent = Command::new("keydb-server")
        .arg("--version")
        .output()
        .is_err();
    assert_eq!(run.status.code(), Some(i32::from(absent)), "{cells:?}");
    for target in targets.split(',').chain(["null-server", "null"]) {
        let (_, error) = cells.iter().find(|(name, _)| name == target).unwrap();
        if target == "start:keydb-server" && absent {
            assert!(
                error
                    .as_ref()
                    .unwrap()
                    .contains("keydb-server is not installed"),
                "{error:?}"
            );
        } else {
            assert_eq!(*error, None, "{target}");
        }
    }
    let manifest = manifest(out.path());
    let servers: Vec<String> = manifest["servers"]
        .as_array()
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    for part in [
        "memcached 1.",
        "redis ",
        "--maxmemory-policy",
        "bucketlab-",
        "serve striped",
    ] {
        let some = servers.iter().any(|server| server.contains(part));
        assert!(some, "{part}: {servers:?}");
    }
}

#[test]
fn several_servers_share_the_keys_and_are_left_as_they_were() {
    let servers = [0, 1, 2].map(|_| Running::start("memcached", &["-t", "1"]));
    let ports = servers
        .each_ref()
        .map(|server| format!("127.0.0.1:{}", server.port));
    let url = format!("memcached://{}", ports.join(","));
    let out = tempfile::tempdir().unwrap();
    let run = run(
        out.path(),
        &format!("-t {url} -w ycsb-d,ycsb-c --connections 2 --depth 4 --batch 1,4"),
    );
    assert!(run.status.success(), "{:?}", cells(&run));
    for server in &servers {
        let stats = server.ask(b"stats\r\n", b"END\r\n");
        let sets = stats
            .lines()
            .find_map(|line| line.strip_prefix("STAT cmd_set "));
        let sets: u64 = sets.unwrap().parse().unwrap();
        assert!(sets > 50, "each has a share of the keys: {sets}");
        assert_eq!(server.items(), 0, "what was stored is removed");
    }
}

#[test]
fn a_server_that_holds_keys_is_written_to_with_yes_alone() {
    let server = Running::start("memcached", &["-t", "1"]);
    server.ask(b"set mine 0 0 1\r\nx\r\n", b"STORED\r\n");
    let url = format!("memcached://127.0.0.1:{}", server.port);
    let out = tempfile::tempdir().unwrap();
    let refused = run(out.path(), &format!("-t {url} -w ycsb-c"));
    assert_eq!(refused.status.code(), Some(1));
    let (_, error) = cells(&refused)
        .into_iter()
        .find(|(name, _)| *name == url)
        .unwrap();
    let error = error.unwrap();
    assert!(
        error.contains("holds 1 key already") && error.contains("--yes"),
        "{error}"
    );
    let out = tempfile::tempdir().unwrap();
    let written = run(out.path(), &format!("-t {url} -w ycsb-c --yes"));
    assert!(written.status.success(), "{:?}", cells(&written));
    assert_eq!(server.items(), 1, "the key that was there before is there");
    server.ask(b"get mine\r\n", b"VALUE mine 0 1\r\nx\r\nEND\r\n");
}

#[test]
fn servers_that_cannot_be_driven_say_why_and_the_others_go_on() {
    let secret = Running::start("redis-server", &["--requirepass", "secret"]);
    let cluster = Running::start(
        "redis-server",
        &[
            "--cluster-enabled",
            "yes",
            "--cluster-config-file",
            "nodes-of-test",
        ],
    );
    // Refuses what is beyond its memory.
    let full = Running::start("memcached", &["-m", "2", "-M"]);
    let text = Running::start("memcached", &["-t", "1"]);
    // Accepts, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_port = silent.local_addr().unwrap().port();
    let absent = free_port();
    let targets = format!(
        "redis://127.0.0.1:{},redis://127.0.0.1:{},memcached://127.0.0.1:{},memcached://127.0.0.1:{silent_port},\
         memcached://127.0.0.1:{absent},redis://127.0.0.1:{},served:striped",
        secret.port, cluster.port, full.port, text.port
    );
    let out = tempfile::tempdir().unwrap();
    let run = run(
        out.path(),
        &format!("-t {targets} -w ycsb-a --entries 30000"),
    );
    assert_eq!(run.status.code(), Some(1));
    let cells = cells(&run);
    let why = |target: &str| {
        let (_, error) = cells.iter().find(|(name, _)| name == target).unwrap();
        error
            .clone()
            .unwrap_or_else(|| panic!("{target} has a rate"))
    };
    for (target, words) in [
        (
            format!("redis://127.0.0.1:{}", secret.port),
            "wants a password",
        ),
        (
            format!("redis://127.0.0.1:{}", cluster.port),
            "one of a cluster",
        ),
        (
            format!("memcached://127.0.0.1:{}", full.port),
            "out of memory",
        ),
        (
            format!("memcached://127.0.0.1:{silent_port}"),
            "no answer within 5 s",
        ),
        (
            format!("memcached://127.0.0.1:{absent}"),
            "no server answers at",
        ),
        (
            format!("redis://127.0.0.1:{}", text.port),
            "does not speak RESP2",
        ),
    ] {
        let why = why(&target);
        assert!(why.contains(words), "{target}: {why}");
    }
    let served = cells
        .iter()
        .find(|(name, _)| name == "served:striped")
        .unwrap();
    assert_eq!(served.1, None);
    let _ = std::fs::remove_file("/tmp/nodes-of-test");
}

#[test]
fn other_machines_and_targets_that_are_none_are_refused_before_anything_runs() {
    for (words, why) in [
        ("-t memcached://192.0.2.1:11211", "--remote"),
        (
            "-t memcached://127.0.0.1:1,memcached://127.0.0.1:1?proto=meta",
            "are one server, 127.0.0.1:1",
        ),
        ("-t memcached://127.0.0.1:99999", "1 to 65535"),
        ("-t served:stirped", "did you mean 'striped'"),
        ("-t http://127.0.0.1", "memcached://HOST:PORT"),
        ("--start memcahced", "did you mean 'memcached'"),
        (
            "-t served:striped --threads 2 --connections 1",
            "connections",
        ),
        ("-t served:striped --depth 0", "depth"),
    ] {
        let out = tempfile::tempdir().unwrap();
        let run = run(out.path(), words);
        assert_eq!(run.status.code(), Some(2), "{words}");
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        assert!(said.contains(why), "{words}: {said}");
        assert!(std::fs::read_dir(out.path()).unwrap().next().is_none());
    }
}

#[test]
fn a_cache_in_front_of_an_origin_has_a_hit_ratio_on_real_servers_too() {
    let out = tempfile::tempdir().unwrap();
    let words = "-t start:memcached,start:redis-server,served:striped,striped -w cache-aside --budget 2MiB --entries 3000 --threads 1 \
                 --origin 1ms";
    let run = run(out.path(), words);
    let cells = cells(&run);
    assert!(
        run.status.success(),
        "{cells:?} {}",
        String::from_utf8_lossy(&run.stderr)
    );
}
