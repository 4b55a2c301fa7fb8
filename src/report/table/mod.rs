//! Every table that is shown: one model, three renderers.
//!
//! `model` says what a table holds: columns with title, unit and kind, and what of them gives way where
//! there is no room; cells with text, interval and tone. `terminal` fits it into lines, `markdown` writes all
//! of it, `html` makes of it what the template `table.html` places in a page.

mod html;
mod markdown;
mod model;
mod terminal;

pub(super) use self::html::TEMPLATE;
pub use self::markdown::escape;
pub use self::model::{Bar, Cell, Column, Kind, Row, Standing, Table, Tone};
pub use self::terminal::UNLIMITED;
