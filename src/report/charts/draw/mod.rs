//! The engine of all charts: it turns a shape, which is data alone, into SVG.
//!
//! plotters draws lines, areas, marks and text. `canvas` adds what plotters does not write: colours as
//! CSS variables and values on hover; `plot`, `rows` and `heat` lay the shapes out.

mod canvas;
mod heat;
mod labels;
mod plot;
mod rows;

pub(in crate::report) use canvas::escape;
pub(super) use canvas::with_heading;

use super::shape::Shape;

/// A chart as an `<svg>` element; `title` is read out, not drawn. `None` where plotters refuses.
pub(super) fn svg(title: &str, shape: &Shape) -> Option<String> {
    match shape {
        Shape::Plot(single) => {
            canvas::draw(title, single.height, |canvas| plot::single(canvas, single))
        }
        Shape::Multiples(multiples) => {
            let height = plot::height_of_multiples(multiples);
            canvas::draw(title, height, |canvas| plot::multiples(canvas, multiples))
        }
        Shape::Rows(rows) => rows::draw(title, rows),
        Shape::Heat(map) => {
            canvas::draw(title, heat::height(map), |canvas| heat::paint(canvas, map))
        }
        Shape::Maps(maps) => canvas::draw(title, heat::height_of_maps(maps), |canvas| {
            heat::paint_maps(canvas, maps)
        }),
    }
}
