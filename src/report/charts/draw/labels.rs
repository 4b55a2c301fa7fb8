//! Names at the right ends of lines, moved apart where they would cover each other.

use super::canvas::{Align, Canvas, Drawn, Frame, clip, text_width};
use crate::report::charts::palette::{Style, Tone};

/// Height of a name, in pixels.
const LINE: i32 = 16;
/// Room for the point in front of a name.
const MARK: i32 = 14;
/// Room between the plot and the names, and behind them.
const GAP: i32 = 8;
const EDGE: i32 = 12;

/// A name beside a plot.
pub(super) struct Label {
    /// Where it wants to be.
    pub height: i32,
    /// What it names, which gives way where room is short, and what is said of it, which does not.
    pub text: (String, String),
    /// The point of its line, and whether it is hollow: with it a name can be told from its neighbours
    /// even where they were moved apart. One without is lesser.
    pub mark: Option<(Style, bool)>,
}

/// The pixels that a name takes, the gap in front of it included.
pub(super) fn room(name: &str, said: &str, marked: bool) -> i32 {
    let mark = if marked { MARK } else { 0 };
    GAP + mark + text_width(name) + text_width(said) + EDGE
}

/// Draws the names of a plot, as near to their places as they fit.
pub(super) fn draw(canvas: &Canvas<'_>, frame: Frame, mut labels: Vec<Label>) -> Drawn {
    labels.sort_by(|a, b| (a.height, &a.text).cmp(&(b.height, &b.text)));
    let mut free = 0;
    for label in &mut labels {
        label.height = label.height.max(free);
        free = label.height + LINE;
    }
    // What was pushed out below pushes back, as far as there is room above.
    let mut free = frame.bottom();
    for label in labels.iter_mut().rev() {
        label.height = label.height.min(free);
        free = label.height - LINE;
    }
    for label in &labels {
        let (y, mut left) = (label.height, frame.right() + GAP);
        let mut tone = Tone::Muted;
        if let Some((style, hollow)) = label.mark {
            canvas.mark((left + 5, y), style, hollow)?;
            left += MARK;
            tone = Tone::Ink;
        }
        let (name, said) = &label.text;
        let room = canvas.width - left - EDGE - text_width(said);
        let text = format!("{}{said}", clip(name, room));
        canvas.text(&text, (left, y), Align::Left, tone)?;
    }
    Ok(())
}
