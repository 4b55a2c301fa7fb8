//! How the beginning of a trace is understood, for people to look at.

use super::layout::{Time, show};
use super::left_out::in_seconds;
use super::op::Request;
use super::reader::TraceReader;
use super::source::TraceSource;
use crate::base::BadInput;

/// The first requests of a trace as they are understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstRows {
    /// How lines are understood, where a header or the format's options say it.
    pub reading: Option<String>,
    /// The first requests, each in words: `get user:17, 100 B, at 1700000000.5 s`.
    pub requests: Vec<String>,
}

impl TraceSource {
    /// Reads the first requests, at most so many.
    ///
    /// # Errors
    /// As [`TraceReader::advance`], up to the last of them.
    pub fn first_rows(&self, most: usize) -> Result<FirstRows, BadInput> {
        let mut reader = TraceReader::open(self)?;
        let mut requests = Vec::new();
        while requests.len() < most
            && let Some(request) = reader.next_request()?
        {
            requests.push(in_words(&request));
        }
        Ok(FirstRows {
            reading: reader.reading(),
            requests,
        })
    }
}

fn in_words(request: &Request<'_>) -> String {
    let mut text = format!("{} {}", request.op.name(), show(request.key));
    if let Some(bytes) = request.value_bytes {
        text += &format!(", {bytes} B");
    }
    if request.ttl_s > 0 {
        text += &format!(", for {} s", request.ttl_s);
    }
    let time = Time {
        s: request.time_s,
        ns: request.time_ns,
    };
    if time > Time::default() {
        text += &format!(", at {} s", in_seconds(time));
    }
    text
}
