//! The guide: short pages on how to use the laboratory and how far to trust it.
//!
//! | page | what it answers |
//! |---|---|
//! | [`measuring`] | How do I measure tables, and how do I read the result? |
//! | [`method`] | How does bucketlab measure, and which biases remain? |
//! | [`overlap`] | What does a benchmark of a hash table measure? |
//! | [`suites`] | How do I describe my own workload, replay a trace, set a memory budget? |
//! | [`latency`] | What response times does a table give at a given rate? |
//! | [`comparing`] | Did my change make a table slower? How does CI notice? |
//! | [`sweeps`] | How do I share a large grid out to many machines, follow rates over time, predict sizes? |
//! | [`strategies`] | Which tables are there, and what are their parameters? |
//! | [`hashes`] | Which hash function should I take? |
//! | [`verifying`] | Does a table give wrong answers, and how is that found out? |
//! | [`serving`] | How do I put a table behind the memcached protocol? |
//! | [`servers`] | How do memcached, Redis and our own server compare under my workload, and where does a request's time go? |
//!
//! The pages are the Markdown files in `src/guide/`; they read as well on a code host. How to work on
//! bucketlab itself is in `CONTRIBUTING.md`.

#![expect(
    clippy::doc_markdown,
    reason = "the pages name programs and papers in prose, where a code font would mislead"
)]

/// Defines a page. The link definitions stand first, so that in this documentation they win over the
/// page's own, which name files for readers on a code host.
macro_rules! pages {
    ($($name:ident: $file:literal,)*) => {$(
        #[doc = "[measuring]: mod@measuring\n[method]: mod@method\n[overlap]: mod@overlap\n[suites]: mod@suites\n[latency]: mod@latency"]
        #[doc = "[comparing]: mod@comparing\n[sweeps]: mod@sweeps\n[strategies]: mod@strategies\n[hashes]: mod@hashes\n[serving]: mod@serving\n[verifying]: mod@verifying\n[servers]: mod@servers\n"]
        #[doc = include_str!($file)]
        pub mod $name {}
    )*};
}

pages! {
    measuring: "measuring.md",
    method: "method.md",
    overlap: "overlap.md",
    suites: "suites.md",
    latency: "latency.md",
    comparing: "comparing.md",
    sweeps: "sweeps.md",
    strategies: "strategies.md",
    hashes: "hashes.md",
    verifying: "verifying.md",
    serving: "serving.md",
    servers: "servers.md",
}
