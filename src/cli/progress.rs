//! What a person sees while a run goes: a bar with the time left, or a line a panel in a log.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output::complain;
use crate::base::counted;
use crate::run::{Panel, Plan, Watch};

/// A progress bar on stderr where that is a terminal; otherwise a line as each panel begins.
pub(super) struct Progress {
    bar: ProgressBar,
    on_terminal: bool,
    quiet: bool,
    labels: Vec<String>,
    /// Seconds that each panel is planned to take.
    planned_s: Vec<f64>,
    panel: usize,
    panel_began: Instant,
    /// Seconds that the panels before it took.
    spent_s: f64,
    drawn: Option<Instant>,
}

impl Progress {
    /// A line on the terminal, unless it is to be `quiet`.
    pub(super) fn new(plan: &Plan<'_>, quiet: bool) -> Progress {
        let on_terminal = !quiet && std::io::stderr().is_terminal();
        let target = if on_terminal {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let planned_s: Vec<f64> = plan.panels.iter().map(Panel::seconds).collect();
        let bar = ProgressBar::with_draw_target(Some(milliseconds(planned_s.iter().sum())), target);
        let style = ProgressStyle::with_template("{bar:28} {percent:>3}%  {msg}");
        bar.set_style(
            style
                .expect("a template of known keys")
                .progress_chars("━╸─"),
        );
        let now = Instant::now();
        Progress {
            bar,
            on_terminal,
            quiet,
            labels: plan.panels.iter().map(Panel::label).collect(),
            planned_s,
            panel: 0,
            panel_began: now,
            spent_s: 0.0,
            drawn: None,
        }
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// Seconds until the end: what is planned, longer by as much as the panels so far took longer than theirs.
    fn left_s(&self) -> f64 {
        let planned = |panels: &[f64]| panels.iter().sum::<f64>();
        let later = planned(self.planned_s.get(self.panel + 1..).unwrap_or_default());
        let here = self.planned_s.get(self.panel).copied().unwrap_or(0.0);
        let slower = slower(planned(&self.planned_s[..self.panel]), self.spent_s);
        slower * later + (slower * here - self.panel_began.elapsed().as_secs_f64()).max(0.0)
    }
}

/// How many times what was planned the panels so far have taken.
fn slower(planned_s: f64, spent_s: f64) -> f64 {
    if planned_s > 0.0 && planned_s.is_finite() {
        (spent_s / planned_s).clamp(0.1, 10.0)
    } else {
        1.0
    }
}

/// Seconds as the bar counts them.
fn milliseconds(seconds: f64) -> u64 {
    u64::try_from(Duration::from_secs_f64(seconds.max(0.0)).as_millis()).unwrap_or(u64::MAX)
}

impl Watch for Progress {
    fn verifying(&mut self, number: usize, of: usize, target: &str) {
        if self.on_terminal {
            self.bar
                .set_message(format!("checking {target} ({number} of {of})"));
        } else if !self.quiet {
            complain(&format!("checking {target} ({number} of {of})\n"));
        }
    }

    fn panel(&mut self, index: usize, panel: &Panel<'_>) {
        let now = Instant::now();
        if index > 0 {
            self.spent_s += (now - self.panel_began).as_secs_f64();
        }
        self.panel = index;
        self.panel_began = now;
        if !self.on_terminal && !self.quiet {
            let of = self.labels.len();
            let left = self.left_s();
            complain(&format!(
                "[{}/{of}] {} · {} · about {left:.0} s left\n",
                index + 1,
                panel.label(),
                counted(panel.cells.len() as u64, "cell"),
            ));
        }
    }

    fn step(&mut self, _panel: u32, what: &str) {
        // Drawing more often would disturb what is measured.
        if !self.on_terminal
            || self
                .drawn
                .is_some_and(|drawn| drawn.elapsed() < Duration::from_millis(250))
        {
            return;
        }
        self.drawn = Some(Instant::now());
        let before: f64 = self.planned_s.iter().take(self.panel).sum();
        let here = self.planned_s[self.panel].min(self.panel_began.elapsed().as_secs_f64());
        self.bar.set_position(milliseconds(before + here));
        let label = &self.labels[self.panel];
        self.bar
            .set_message(format!("{:.0} s left · {label} · {what}", self.left_s()));
    }

    fn error(&mut self, what: &str) {
        self.bar
            .suspend(|| complain(&format!("bucketlab: {what}\n")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_follows_what_was_spent() {
        for (planned_s, spent_s, times) in [
            (0.0, 0.0, 1.0),
            (10.0, 13.0, 1.3),
            (10.0, 8.0, 0.8),
            (f64::INFINITY, 5.0, 1.0),
            (1.0, 1e9, 10.0),
        ] {
            assert!((slower(planned_s, spent_s) - times).abs() < 1e-9);
        }
    }
}
