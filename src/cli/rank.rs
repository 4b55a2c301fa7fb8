//! `bucketlab rank`: the targets of a run in order.

use std::process::ExitCode;

use super::args::Rank;
use super::formats::Sheet;
use super::{compare, output};
use crate::analysis::{Ranking, Summary};
use crate::base::BadInput;
use crate::report;

pub(super) fn rank(args: &Rank) -> anyhow::Result<ExitCode> {
    let ranking = Ranking::of(&Summary::of(&compare::read(&args.run)?));
    if ranking.ranked.is_empty() {
        let reasons = ranking.left_out.iter();
        let reasons: Vec<String> = reasons
            .map(|(target, why)| format!("{target}: {why}"))
            .collect();
        let why = if reasons.is_empty() {
            "it has controls only".to_owned()
        } else {
            reasons.join("; ")
        };
        return Err(BadInput(format!(
            "nothing can be ranked in {}: {why}; a ranking needs targets beside a baseline with figures",
            args.run.display()
        ))
        .into());
    }
    let text = match args.format {
        Sheet::Table => report::ranking_table(&ranking, output::width(), output::colour()),
        Sheet::Markdown => report::ranking_markdown(&ranking),
        Sheet::Json => {
            let json = report::ranking_json(&ranking);
            format!("{}\n", serde_json::to_string_pretty(&json)?)
        }
    };
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}
