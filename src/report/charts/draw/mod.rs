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
pub(super) use canvas::{Size, with_heading};

use super::shape::Shape;

/// A chart as an `<svg>` element; `title` is read out, not drawn. `None` where plotters refuses.
pub(super) fn svg(title: &str, shape: &Shape, size: Size) -> Option<String> {
    let height = match shape {
        Shape::Plot(single) => plot::height_of_single(single, size),
        Shape::Multiples(multiples) => plot::height_of_multiples(multiples, size),
        Shape::Rows(rows) => rows::height(rows, size),
        Shape::Heat(map) => heat::height(map, size),
        Shape::Maps(maps) => heat::height_of_maps(maps, size),
    };
    canvas::draw(title, (size, height), |canvas| match shape {
        Shape::Plot(single) => plot::single(canvas, single),
        Shape::Multiples(multiples) => plot::multiples(canvas, multiples),
        Shape::Rows(rows) => rows::paint(canvas, rows),
        Shape::Heat(map) => heat::paint(canvas, map),
        Shape::Maps(maps) => heat::paint_maps(canvas, maps),
    })
}
