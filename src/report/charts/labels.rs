//! Labels at the right ends of lines, moved apart where they would cover each other.

use super::canvas::{Align, Canvas, Drawn, Frame, WIDTH, clip, text_width};
use super::palette::{Style, Tone};

/// Height of a label, in pixels.
const LINE: i32 = 16;
/// Room for the point in front of a label.
const MARK: i32 = 14;

/// The labels of one plot.
pub(super) struct Labels {
    left: i32,
    bottom: i32,
    /// Where each wants to be.
    wanted: Vec<Label>,
}

struct Label {
    height: i32,
    text: String,
    tone: Tone,
    /// The point of its line, and whether it is hollow.
    mark: Option<(Style, bool)>,
}

impl Labels {
    pub fn new(frame: Frame) -> Labels {
        Labels {
            left: frame.left + frame.width + 8,
            bottom: frame.top + frame.height,
            wanted: Vec::new(),
        }
    }

    pub fn add(&mut self, height: i32, text: &str, tone: Tone) {
        self.wanted.push(Label {
            height,
            text: text.to_owned(),
            tone,
            mark: None,
        });
    }

    /// A label behind the point of its line: it is told from its neighbours even where they were
    /// moved apart. Where room is short the name gives way, not what is said of it.
    pub fn add_marked(
        &mut self,
        height: i32,
        (name, said): (&str, &str),
        style: Style,
        hollow: bool,
    ) {
        let room = WIDTH - self.left - MARK - 4 - text_width(said);
        self.add(height, &format!("{}{said}", clip(name, room)), Tone::Ink);
        if let Some(label) = self.wanted.last_mut() {
            label.mark = Some((style, hollow));
        }
    }

    pub fn draw(mut self, canvas: &Canvas<'_>) -> Drawn {
        self.wanted
            .sort_by(|a, b| (a.height, &a.text).cmp(&(b.height, &b.text)));
        let mut free = 0;
        for label in &mut self.wanted {
            label.height = label.height.max(free);
            free = label.height + LINE;
        }
        // What was pushed out below pushes back, as far as there is room above.
        let mut free = self.bottom;
        for label in self.wanted.iter_mut().rev() {
            label.height = label.height.min(free);
            free = label.height - LINE;
        }
        for label in &self.wanted {
            let y = label.height;
            let mut left = self.left;
            if let Some((style, hollow)) = label.mark {
                let at = (left + 5, y);
                if hollow {
                    canvas.hollow_mark(at, style)?;
                } else {
                    canvas.mark(at, style)?;
                }
                left += MARK;
            }
            let text = clip(&label.text, WIDTH - left - 4);
            canvas.text(&text, (left, y), Align::Left, label.tone)?;
        }
        Ok(())
    }
}
