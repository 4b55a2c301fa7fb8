//! How the server is started and ended: scripts that were written for memcached.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use super::server::{PATIENCE, Server, line, read};

fn bucketlab(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bucketlab"))
        .arg("serve")
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// What memcached says to these arguments, and its exit code; `None` if it goes on.
fn memcached(args: &[&str]) -> Option<i32> {
    let port = free_port();
    let mut child = Command::new("memcached")
        .args(["-u", "root", "-l", "127.0.0.1", "-p", &port])
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if TcpStream::connect(format!("127.0.0.1:{port}")).is_ok() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    None
}

fn free_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port().to_string()
}

/// What memcached does not start with, this does not start with, and says why.
#[test]
fn what_memcached_refuses_is_bad_input() {
    for (args, why) in [
        (&["-o", "bogus"][..], "unknown option -o 'bogus'"),
        (&["-o", "idle_timeout"], "idle_timeout"),
        (&["-o", "hashpower"], "hashpower needs a value"),
        (&["-R", "0"], "'0' for '--max-reqs-per-event"),
        (&["-f", "0.5"], "greater than 1"),
        (&["-f", "1"], "greater than 1"),
        (&["-n", "0"], "'0' for '--slab-min-size"),
        (&["-I", "2m", "-m", "1"], "half of the memory"),
        (&["-I", "2m", "-m", "3"], "half of the memory"),
        (&["-t", "0"], "'0' for '--threads"),
    ] {
        assert!(memcached(args).is_some(), "{args:?}");
        let output = bucketlab(&[&["-p", "0"], args].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.contains(why), "{args:?}: {said}");
    }
}

/// What this refuses by name.
#[test]
fn what_cannot_be_served_is_bad_input() {
    for (args, why) in [
        (&["-o", "ext_path=/tmp/x:64m"][..], "no storage but memory"),
        (&["-o", "ssl_key=x"], "TLS"),
        (
            &["striped:buckets=2^20", "-m", "4"],
            "before anything is stored",
        ),
    ] {
        let output = bucketlab(&[&["-p", "0"], args].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.contains(why), "{args:?}: {said}");
    }
}

/// What memcached starts with, this starts with.
#[test]
fn what_memcached_takes_is_taken() {
    for args in [
        &["-m", "64", "-m", "128"][..],
        &["-M", "-M"],
        &["-N", "2"],
        &["-W"],
        &["-D", "::"],
        &["-b", "0"],
        &["-f", "2", "-n", "100", "-f", "1.1"],
        &["-P", "/nonexistent/folder/pid"],
        &["-o", "modern,no_hashexpand,hashpower=16,lru_crawler"],
        &["-o", "idle_timeout=7", "-o", "idle_timeout=9"],
    ] {
        assert_eq!(memcached(args), None, "{args:?}");
        let server = Server::start(args);
        assert_eq!(line(&mut server.connect(), b"mn\r\n"), "MN\r\n");
        assert_eq!(server.end(), Some(0), "{args:?}");
    }
}

#[test]
fn of_repeated_options_the_last_counts() {
    let server = Server::start(&["-m", "64", "-m", "128", "-c", "5", "-c", "6", "-v", "-v"]);
    let mut stream = server.connect();
    stream.write_all(b"stats settings\r\nquit\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    for line in ["maxbytes 134217728", "maxconns 6", "verbosity 2"] {
        assert!(text.contains(&format!("STAT {line}\r\n")), "{text}");
    }
}

#[test]
fn the_version_is_told() {
    let version = format!("bucketlab {}\n", bucketlab::serve::VERSION);
    assert!(version.contains(env!("CARGO_PKG_VERSION")));
    for args in [["-V"], ["--version"], ["-i"]] {
        let output = bucketlab(&args);
        assert_eq!(output.status.code(), Some(0));
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.starts_with(&version), "{said}");
    }
}

/// A file for the process's number that cannot be written is warned about, also for a user without rights.
#[test]
fn a_pidfile_that_cannot_be_written_ends_nothing() {
    let port = free_port();
    let mut child = Command::new(env!("CARGO_BIN_EXE_bucketlab"))
        .args(["serve", "-u", "nobody", "-P", "/nonexistent/pid"])
        .args(["-p", &port, "-A"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut first = [0; 10];
    out.read_exact(&mut first).unwrap();
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    assert_eq!(line(&mut stream, b"mn\r\n"), "MN\r\n");
    stream.write_all(b"shutdown graceful\r\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("cannot write the process id to /nonexistent/pid"),
        "{said}"
    );
}

/// Whoever reads what the starting process says comes to an end of it, though the server goes on.
#[test]
fn a_server_in_the_background_holds_no_stream() {
    let port = free_port();
    // Returns when both pipes are closed by all who hold them.
    let output = bucketlab(&["-d", "-A", "-t", "1", "-p", &port, "-C", "--", "striped"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("accepts connections"), "{said}");
    let notices = String::from_utf8(output.stderr).unwrap();
    assert!(notices.contains("-C"), "{notices}");
    assert_eq!(output.status.code(), Some(0));
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    assert_eq!(line(&mut stream, b"mn\r\n"), "MN\r\n");
    stream.write_all(b"shutdown\r\n").unwrap();
    assert_eq!(read(&mut stream, &mut [0]), 0);
}

/// What was sent before the server is told to end is answered to its last byte: far more requests than it
/// serves in one turn, whose answers wait for a client that reads late.
#[test]
fn what_has_arrived_is_answered_before_the_end() {
    let server = Server::start(&["-t", "1"]);
    let mut stream = server.connect();
    let value = "v".repeat(1000);
    let set = format!("set a 0 0 1000\r\n{value}\r\n");
    assert_eq!(line(&mut stream, set.as_bytes()), "STORED\r\n");
    // More than one read takes, and answers for 20 MB, which no socket holds.
    let count = 20_000;
    stream.write_all(&b"get a\r\n".repeat(count)).unwrap();
    // It has been read when its first answers are here.
    let mut first = [0; 1];
    stream.read_exact(&mut first).unwrap();
    let ended = std::thread::spawn(move || server.end());
    std::thread::sleep(std::time::Duration::from_millis(300));
    let mut all = first.to_vec();
    stream.read_to_end(&mut all).unwrap();
    let one = format!("VALUE a 0 1000\r\n{value}\r\nEND\r\n");
    assert_eq!(all.len(), one.len() * count);
    assert_eq!(ended.join().unwrap(), Some(0));
}

/// What the kernel had got of many clients when the server was told to end is answered, those who had only just come
/// included; each answer is whole or there is none.
#[test]
fn what_the_kernel_holds_is_answered_before_the_end() {
    for _ in 0..5 {
        let server = Server::start(&["-t", "2"]);
        let mut streams: Vec<TcpStream> = (0..40).map(|_| server.connect()).collect();
        for stream in &mut streams {
            assert_eq!(line(stream, b"mn\r\n"), "MN\r\n");
        }
        streams.extend((0..10).map(|_| server.connect()));
        for stream in &mut streams {
            stream.write_all(b"mg a\r\nmn\r\n").unwrap();
        }
        assert_eq!(server.end(), Some(0));
        for stream in &mut streams {
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert_eq!(answer, "EN\r\nMN\r\n");
        }
    }
}

/// A terminal that is closed ends no server; what ends memcached ends this one.
#[test]
fn signals_do_what_they_do_to_memcached() {
    for mut server in [Server::start(&["-t", "1"]), Server::memcached()] {
        let mut stream = server.connect();
        server.signal("HUP");
        for _ in 0..20 {
            assert_eq!(line(&mut stream, b"mn\r\n"), "MN\r\n");
        }
        server.signal("USR1");
        assert_eq!(server.wait(), Some(0));
    }
}

#[test]
fn shutdown_takes_one_word_or_none() {
    for server in [Server::start(&["-A"]), Server::memcached_with(&["-A"])] {
        let mut stream = server.connect();
        for words in ["foo", "noreply", "graceful foo", "foo bar", "a b c"] {
            let answer = line(&mut stream, format!("shutdown {words}\r\n").as_bytes());
            assert_eq!(answer, "CLIENT_ERROR invalid shutdown mode\r\n", "{words}");
        }
        stream.write_all(b"shutdown graceful\r\n").unwrap();
        assert_eq!(read(&mut stream, &mut [0]), 0);
    }
    for server in [Server::start(&[]), Server::memcached()] {
        let mut stream = server.connect();
        for words in ["", " foo", " graceful"] {
            let answer = line(&mut stream, format!("shutdown{words}\r\n").as_bytes());
            assert_eq!(answer, "ERROR: shutdown not enabled\r\n", "{words}");
        }
    }
}

/// Listeners come first, as in memcached; their names are the same.
#[test]
fn listeners_are_among_the_connections() {
    let names = |server: &Server| {
        let mut stream = server.connect();
        stream.write_all(b"stats conns\r\n").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert!(text.contains(":state conn_listening\r\n"), "{text}");
        let address = format!(":addr tcp:{}\r\n", server.address);
        assert!(text.contains(&address), "{text}");
        let names = text.lines().filter_map(|line| line.split(':').nth(1));
        let names = names.map(|rest| rest.split(' ').next().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    let [ours, theirs] = [Server::start(&["-t", "1"]), Server::memcached()].map(|s| names(&s));
    assert_eq!(ours, theirs);
}

#[test]
fn a_histogram_of_sizes_is_refused_and_ends_like_memcacheds() {
    let server = Server::start(&["-t", "1"]);
    let mut stream = server.connect();
    let off = "STAT sizes_status disabled\r\n";
    assert_eq!(line(&mut stream, b"stats sizes_disable\r\n"), off);
    let error = "STAT sizes_status error\r\n";
    assert_eq!(line(&mut stream, b"stats sizes_enable\r\n"), error);
    let error = "STAT sizes_error not_supported\r\n";
    assert_eq!(line(&mut stream, b"mn\r\n"), error);
    assert_eq!(line(&mut stream, b""), "MN\r\n");
    let theirs = Server::memcached();
    assert_eq!(line(&mut theirs.connect(), b"stats sizes_disable\r\n"), off);
}
