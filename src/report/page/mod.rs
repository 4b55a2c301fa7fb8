//! A run as a page that one sends to colleagues.
//!
//! `model` is what a page holds, whatever it is about: `view` makes it of a run, with how it was measured
//! in `method` and how it was checked in `verified`, what its tables promise in `guarantees` and their order in `ranking`; `compare` of two runs side by side; `hashes` of a run of the hash laboratory. `page.html` and
//! `markdown` only place it. The page is one file: style and script are inside, nothing is fetched, and a
//! policy in its head forbids it. Every name is escaped where it is placed, by the template engine in
//! HTML and by `markdown` in Markdown.

mod compare;
mod guarantees;
mod hashes;
mod latency;
mod limit;
mod markdown;
mod method;
mod model;
mod ranking;
mod run;
mod servers;
#[cfg(test)]
mod tests;
mod verified;
mod view;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};

pub use self::run::Run;

use self::model::Page;
use super::charts::{Chart, class_rules, dark_variables, light_variables};
use super::hashes::HashSummary;
use super::summary::Summary;
use crate::record::{HashRecords, Records};

/// The templates, by the names that they use for each other.
const TEMPLATES: [(&str, &str); 4] = [
    ("page.html", include_str!("page.html")),
    ("table.html", super::table::TEMPLATE),
    ("style.css", include_str!("style.css")),
    ("table.js", include_str!("table.js")),
];

/// The report as one HTML file that needs no other: style, script and charts are inside. It links
/// the CSV files and charts of its directory by relative paths.
#[must_use]
pub fn html(summary: &Summary, records: &Records, charts: &[Chart]) -> String {
    let run = Run {
        summary,
        records,
        charts,
    };
    render(&view::page(run))
}

/// The report as Markdown, its charts linked as images from `charts/`.
#[must_use]
pub fn markdown(summary: &Summary, records: &Records, charts: &[Chart]) -> String {
    let run = Run {
        summary,
        records,
        charts,
    };
    markdown::document(&view::page(run))
}

/// The report of a hash laboratory's run as one HTML file that needs no other.
#[must_use]
pub fn hash_html(summary: &HashSummary, records: &HashRecords, charts: &[Chart]) -> String {
    render(&hashes::page(summary, records, charts))
}

/// The same as Markdown, its charts linked as images from `charts/`.
#[must_use]
pub fn hash_markdown(summary: &HashSummary, records: &HashRecords, charts: &[Chart]) -> String {
    markdown::document(&hashes::page(summary, records, charts))
}

/// Two runs side by side, as one HTML file that needs no other. Each run comes with the relative
/// path of its report, which is linked where it is not empty.
#[must_use]
pub fn comparison(a: (Run<'_>, &str), b: (Run<'_>, &str)) -> String {
    render(&compare::page(a, b))
}

fn render(page: &Page<'_>) -> String {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build();
    environment.add_global("light", light_variables());
    environment.add_global("dark", dark_variables());
    environment.add_global("classes", class_rules());
    environment.set_syntax(syntax.expect("a syntax that only trims"));
    for (name, text) in TEMPLATES {
        environment
            .add_template(name, text)
            .expect("the templates are part of the program");
    }
    let rendered = environment
        .get_template("page.html")
        .and_then(|template| template.render(Serde(page)));
    rendered.expect("a template places fields that the view has")
}
