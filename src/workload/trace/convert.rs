//! Writes a trace in format `compact`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::compact::{Header, Packer, Tick};
use super::left_out::LeftOut;
use super::reader::TraceReader;
use super::source::TraceSource;
use crate::base::BadInput;

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Converted {
    /// How many requests.
    pub requests: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// What of the trace is not in it.
    pub left_out: LeftOut,
}

/// How hard Zstandard tries: its usual level.
const LEVEL: i32 = 3;

/// Writes the requests of a trace to a file in format `compact`, packed with Zstandard if its name ends with
/// `.zst`. The file is there when it is whole.
///
/// # Errors
/// What is wrong with the trace, or a file that cannot be written.
pub fn convert(source: &TraceSource, to: &Path) -> Result<Converted, BadInput> {
    let (header, left_out) = survey(source)?;
    let unwritable = |error: &io::Error| {
        BadInput(format!(
            "trace '{}' cannot be written: {error}",
            to.display()
        ))
    };
    let directory = match to.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let file = tempfile::NamedTempFile::new_in(directory).map_err(|error| unwritable(&error))?;
    let out = BufWriter::with_capacity(1 << 20, file.as_file());
    if to.extension().is_some_and(|end| end == "zst") {
        let out = zstd::Encoder::new(out, LEVEL).map_err(|error| unwritable(&error))?;
        let out = write(source, header, out, to)?;
        let out = out.finish().map_err(|error| unwritable(&error))?;
        out.into_inner()
            .map_err(|error| unwritable(error.error()))?;
    } else {
        let out = write(source, header, out, to)?;
        out.into_inner()
            .map_err(|error| unwritable(error.error()))?;
    }
    let file = persisted(file, to).map_err(|error| unwritable(&error))?;
    let bytes = file.metadata().map_err(|error| unwritable(&error))?.len();
    Ok(Converted {
        requests: header.requests,
        bytes,
        left_out,
    })
}

/// Gives the finished file its name, and the rights that other new files have.
fn persisted(file: tempfile::NamedTempFile, to: &Path) -> io::Result<File> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.as_file()
            .set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    file.persist(to).map_err(|error| error.error)
}

/// Reads a trace once, for what a header has to say.
fn survey(source: &TraceSource) -> Result<(Header, LeftOut), BadInput> {
    let mut reader = TraceReader::open(source)?;
    let mut requests = 0;
    // Whether all times are whole in ticks of a second, a millisecond, a microsecond.
    let mut whole = [(1_000_000_000, true), (1_000_000, true), (1_000, true)];
    while let Some(request) = reader.next_request()? {
        requests += 1;
        if request.time_ns > 0 {
            for (tick, fits) in &mut whole {
                *fits &= request.time_ns % *tick == 0;
            }
        }
    }
    if requests == 0 {
        return Err(reader.why_empty());
    }
    reader.check_understood(requests)?;
    let is_whole = |ns: u32| whole.iter().any(|(tick, fits)| *tick == ns && *fits);
    let header = Header {
        holds: source.holds()?,
        tick: Tick::for_all(is_whole),
        requests,
    };
    Ok((header, reader.left_out().clone()))
}

fn write<W: Write>(
    source: &TraceSource,
    header: Header,
    mut out: W,
    to: &Path,
) -> Result<W, BadInput> {
    let unwritable = |error: io::Error| {
        BadInput(format!(
            "trace '{}' cannot be written: {error}",
            to.display()
        ))
    };
    out.write_all(&header.bytes()).map_err(unwritable)?;
    let mut packer = Packer::new(header.tick);
    let mut reader = TraceReader::open(source)?;
    let mut bytes = Vec::new();
    let mut left = header.requests;
    while reader.advance()? {
        let request = reader.request();
        bytes.clear();
        if left == 0 || packer.write(&request, &mut bytes).is_none() {
            return Err(match left {
                0 => changed(&reader),
                _ => BadInput(format!(
                    "{}: a request at {} s is too late for 64 bits of the finest time that the trace has",
                    reader.name(),
                    request.time_s
                )),
            });
        }
        out.write_all(&bytes).map_err(unwritable)?;
        left -= 1;
    }
    match left {
        0 => Ok(out),
        _ => Err(changed(&reader)),
    }
}

fn changed(reader: &TraceReader) -> BadInput {
    BadInput(format!("{} changed while it was read", reader.name()))
}
