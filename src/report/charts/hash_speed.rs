//! What a call costs by key length: a line a function.

use super::axis::Axis;
use super::canvas::{self, Align, Canvas, Drawn, Frame, WIDTH, pixel};
use super::palette::{Style, Tone};
use super::{Chart, positive};
use crate::report::format::{figure, figure_within};
use crate::report::hashes::{HashSummary, SpeedPoint};

const HEIGHT: i32 = 500;

pub(super) fn chart(summary: &HashSummary) -> Option<Chart> {
    let points = || {
        let of_hashes = summary.hashes.iter().flat_map(|hash| &hash.speed);
        of_hashes.filter(|point| positive(point.ns.low).is_some())
    };
    points().next()?;
    let title = "What does a call cost, by the length of the key?".to_owned();
    let about = format!(
        "Both axes are logarithmic: nanoseconds a call, medians of {} interleaved rounds; 95 % bootstrap \
         intervals on hover. The dotted grey line is the loop around a function that does nothing, \
         which every figure includes. Calls go through the same function pointer as in runs and do not wait \
         for each other.",
        summary.rounds
    );
    let svg = canvas::draw(&title, HEIGHT, |canvas| paint(canvas, summary))?;
    Some(Chart {
        file: "hash-speed".into(),
        suite: "hash".into(),
        panels: Vec::new(),
        title,
        about,
        svg,
    })
}

fn paint(canvas: &mut Canvas<'_>, summary: &HashSummary) -> Drawn {
    let all = || {
        let of_hashes = summary.hashes.iter().flat_map(|hash| &hash.speed);
        of_hashes.chain(&summary.empty)
    };
    let ends = all().fold((f64::INFINITY, 0.0_f64), |ends, point| {
        (ends.0.min(point.ns.mid), ends.1.max(point.ns.mid))
    });
    let lengths = all().map(|point| point.key_bytes.max(1));
    let (least, most) = (
        lengths.clone().min().unwrap_or(1),
        lengths.max().unwrap_or(2),
    );
    let ticks = [4, 8, 20, 64, 250, 1024, 4096].map(|n| (f64::from(n), n.to_string()));
    let x = Axis::log(f64::from(least), f64::from(most), 1, "bytes of a key").with_ticks(ticks);
    let y = Axis::log(ends.0, ends.1, 12, "ns a call");
    let frame = Frame {
        left: 70,
        top: 14,
        width: WIDTH - 70 - 140,
        height: HEIGHT - 14 - 54,
    };
    let plot = canvas.plot(frame, &x, &y)?;
    let place = |point: &SpeedPoint| {
        pixel(
            &plot,
            (x.at(f64::from(point.key_bytes.max(1))), y.at(point.ns.mid)),
        )
    };
    let floor: Vec<(i32, i32)> = summary.empty.iter().map(place).collect();
    canvas.line(&floor, Tone::Muted.dotted(), 2)?;
    let mut labels: Vec<(i32, String, Option<Style>)> = Vec::new();
    if let Some(last) = floor.last() {
        labels.push((last.1, "nothing".to_owned(), None));
    }
    for hash in &summary.hashes {
        let style = Style::of_hash(&hash.entry);
        let path: Vec<(i32, i32)> = hash.speed.iter().map(place).collect();
        let Some(last) = path.last() else { continue };
        labels.push((last.1, hash.entry.name.clone(), Some(style)));
        canvas.line(&path, style.line(), 2)?;
        for (at, point) in path.into_iter().zip(&hash.speed) {
            canvas.mark(at, style)?;
            let text = format!(
                "{} on keys of {} B: {} ns, {} GB/s",
                hash.entry.name,
                point.key_bytes,
                figure_within(&point.ns),
                figure(point.gigabytes())
            );
            canvas.hover_point(at, &text);
        }
    }
    name_lines(canvas, labels, frame)
}

/// Names the lines at their ends, apart from each other, with the mark that each has.
fn name_lines(
    canvas: &Canvas<'_>,
    mut labels: Vec<(i32, String, Option<Style>)>,
    frame: Frame,
) -> Drawn {
    const APART: i32 = 17;
    labels.sort_by_key(|(height, ..)| *height);
    let mut next = frame.top;
    for (height, ..) in &mut labels {
        *height = (*height).max(next);
        next = *height + APART;
    }
    // What was pushed out at the bottom moves up again.
    let mut room = frame.top + frame.height;
    for (height, ..) in labels.iter_mut().rev() {
        *height = (*height).min(room);
        room = *height - APART;
    }
    let right = frame.left + frame.width;
    for (height, text, style) in labels {
        let tone = if style.is_some() {
            Tone::Ink
        } else {
            Tone::Muted
        };
        if let Some(style) = style {
            canvas.mark((right + 14, height), style)?;
        }
        canvas.text(&text, (right + 26, height), Align::Left, tone)?;
    }
    Ok(())
}
