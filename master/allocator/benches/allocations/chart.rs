//! A small line chart as SVG.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

/// Times in milliseconds by size.
pub(crate) struct Series {
    pub(crate) name: &'static str,
    pub(crate) points: Vec<(usize, f64)>,
}

/// Where cargo keeps what it builds.
pub(crate) fn target_folder() -> PathBuf {
    let folder = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    folder.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target"))
}

/// Draws one panel for each series.
pub(crate) fn write(file: &Path, series: &[Series]) -> io::Result<()> {
    let mut svg = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"920\" height=\"340\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
    );
    for (panel, one) in series.iter().enumerate() {
        draw(&mut svg, 60.0 + 460.0 * number(panel), one);
    }
    svg.push_str("</svg>\n");
    std::fs::write(file, svg)
}

const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 240.0;
const TOP: f64 = 40.0;

fn draw(svg: &mut String, left: f64, series: &Series) {
    let widest = series
        .points
        .iter()
        .map(|(size, _)| number(*size))
        .fold(1.0, f64::max);
    let longest = series
        .points
        .iter()
        .map(|(_, millis)| *millis)
        .fold(0.001, f64::max);
    let bottom = TOP + HEIGHT;
    let place = |(size, millis): &(usize, f64)| {
        (
            left + WIDTH * number(*size) / widest,
            bottom - HEIGHT * millis / longest,
        )
    };
    let mut line = format!("{left:.1},{bottom:.1}");
    for point in &series.points {
        let (x, y) = place(point);
        let _ = write!(line, " {x:.1},{y:.1}");
    }
    let _ = write!(
        svg,
        "<text x=\"{left}\" y=\"24\">one full run against {name} (milliseconds)</text>\n\
         <path d=\"M{left} {TOP} V{bottom} H{right}\" fill=\"none\" stroke=\"#555\"/>\n\
         <polyline points=\"{line}\" fill=\"none\" stroke=\"#1a6\" stroke-width=\"2\"/>\n",
        name = series.name,
        right = left + WIDTH,
    );
    for point in &series.points {
        let (x, y) = place(point);
        let _ = write!(
            svg,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"#1a6\"/>\n\
             <text x=\"{x:.1}\" y=\"{above:.1}\" text-anchor=\"middle\">{millis:.1}</text>\n\
             <text x=\"{x:.1}\" y=\"{below:.1}\" text-anchor=\"middle\">{size}</text>\n",
            above = y - 8.0,
            below = bottom + 18.0,
            millis = point.1,
            size = point.0,
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "sizes are small")]
const fn number(size: usize) -> f64 {
    size as f64
}
