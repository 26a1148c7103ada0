//! Plots of the figures, as SVG that is read on white and on black.

use std::fmt::Display;

use anyhow::{Result, anyhow};
use plotters::coord::ranged1d::{Ranged, ValueFormatter};
use plotters::prelude::*;

use crate::data::{Fleet, One, Packed, Size, rounds};

/// In between light and dark.
const GREY: RGBColor = RGBColor(128, 128, 128);
const OURS: RGBColor = RGBColor(35, 150, 130);
const OTHER: RGBColor = RGBColor(214, 120, 40);
const FAINT: RGBAColor = RGBAColor(128, 128, 128, 0.25);

/// The time that the programs add to the task's own.
pub fn one(one: &One) -> Result<String> {
    let bars = one.cases.iter().flat_map(|case| {
        let overhead = |runs| rounds(runs, |run: &crate::data::Run| run.overhead());
        [
            (format!("{}, ours", case.name), OURS, overhead(&case.ours)),
            (format!("{}, baseline", case.name), OTHER, overhead(&case.baseline)),
        ]
    });
    let bars: Vec<_> = bars.collect();
    let most = bars.iter().map(|(_, _, rounds)| rounds.range().1).fold(1.0, f64::max);
    drawn(640, 36 * bars.len() as u32 + 80, |area| {
        let mut chart = ChartBuilder::on(area)
            .caption("seconds added to the task's own time: median and range", ("sans-serif", 15, &GREY))
            .margin(8)
            .x_label_area_size(28)
            .y_label_area_size(150)
            .build_cartesian_2d(0.0..most * 1.05, 0.0..bars.len() as f64)
            .map_err(unplotted)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .disable_y_axis()
            .light_line_style(TRANSPARENT)
            .bold_line_style(FAINT)
            .axis_style(GREY)
            .label_style(("sans-serif", 13, &GREY))
            .x_label_formatter(&|seconds| format!("{seconds:.0} s"))
            .draw()
            .map_err(unplotted)?;
        for (row, (name, colour, rounds)) in bars.iter().rev().enumerate() {
            let (low, (least, most)) = (row as f64, rounds.range());
            let bar = Rectangle::new([(0.0, low + 0.2), (rounds.median(), low + 0.8)], colour.filled());
            let range = PathElement::new([(least, low + 0.5), (most, low + 0.5)], GREY.stroke_width(2));
            chart.draw_series([bar]).map_err(unplotted)?;
            chart.draw_series([range]).map_err(unplotted)?;
            let (_, y) = chart.backend_coord(&(0.0, low + 0.5));
            let style = ("sans-serif", 13).into_font().color(&GREY);
            area.draw(&Text::new(name.clone(), (10, y - 7), style)).map_err(unplotted)?;
        }
        Ok(())
    })
}

/// How the cost of a fleet grows: hours of AWS and calls for each database.
pub fn fleet(fleet: &Fleet) -> Result<[String; 2]> {
    let of = |y: fn(&Size) -> f64| -> Vec<(f64, f64)> {
        fleet.sizes.iter().map(|size| (size.databases as f64, y(size))).collect()
    };
    Ok([
        growth(
            "seconds of AWS",
            SeriesLabelPosition::UpperLeft,
            &[("a run", OURS, of(|size| size.makespan)), ("its floor", OTHER, of(|size| size.floor))],
        )?,
        growth(
            "AWS calls for each database",
            SeriesLabelPosition::LowerLeft,
            &[("calls", OURS, of(Size::calls_per_database))],
        )?,
    ])
}

pub fn packed(packed: &Packed) -> Result<[String; 2]> {
    let of = |sizes: &[Size], y: fn(&Size) -> f64| -> Vec<(f64, f64)> {
        sizes.iter().map(|size| (size.databases as f64, y(size))).collect()
    };
    let both = |name: &str, legend, y: fn(&Size) -> f64| {
        growth(
            name,
            legend,
            &[("packs", OURS, of(&packed.packed, y)), ("one task each", OTHER, of(&packed.single, y))],
        )
    };
    Ok([
        both("seconds of AWS", SeriesLabelPosition::UpperLeft, |size| size.makespan)?,
        both("AWS calls for each database", SeriesLabelPosition::LowerLeft, Size::calls_per_database)?,
    ])
}

type Line<'a> = (&'a str, RGBColor, Vec<(f64, f64)>);

/// Both axes are logarithmic: a straight line of slope one is a cost in proportion.
fn growth(what: &str, legend: SeriesLabelPosition, lines: &[Line<'_>]) -> Result<String> {
    let points = lines.iter().flat_map(|(.., points)| points);
    let ends = |values: Vec<f64>| {
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        least / 1.3..values.iter().copied().fold(least, f64::max) * 1.3
    };
    let across = ends(points.clone().map(|(x, _)| *x).collect());
    let up = ends(points.map(|(_, y)| *y).collect());
    drawn(640, 320, |area| {
        let mut chart = ChartBuilder::on(area)
            .caption(what, ("sans-serif", 15, &GREY))
            .margin(8)
            .margin_right(24)
            .x_label_area_size(44)
            .y_label_area_size(64)
            .build_cartesian_2d(across.log_scale(), up.log_scale())
            .map_err(unplotted)?;
        mesh(&mut chart)?;
        for (name, colour, points) in lines {
            let colour = *colour;
            chart
                .draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)))
                .map_err(unplotted)?
                .label(*name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
            chart
                .draw_series(points.iter().map(|point| Circle::new(*point, 3, colour.filled())))
                .map_err(unplotted)?;
        }
        chart
            .configure_series_labels()
            .position(legend)
            .label_font(("sans-serif", 13, &GREY))
            .draw()
            .map_err(unplotted)
    })
}

fn mesh<'a, 'b, DB, X, Y>(chart: &mut ChartContext<'a, DB, Cartesian2d<X, Y>>) -> Result<()>
where
    DB: DrawingBackend + 'a,
    X: Ranged<ValueType = f64> + ValueFormatter<f64> + 'b,
    Y: Ranged<ValueType = f64> + ValueFormatter<f64> + 'b,
{
    chart
        .configure_mesh()
        .x_desc("databases")
        .light_line_style(TRANSPARENT)
        .bold_line_style(FAINT)
        .axis_style(GREY)
        .label_style(("sans-serif", 13, &GREY))
        .x_label_formatter(&|x| plain(*x))
        .y_label_formatter(&|y| plain(*y))
        .draw()
        .map_err(unplotted)
}

/// Without an exponent; nothing but 1, 2 and 5 of each power of ten, as there is no room for all of them.
fn plain(value: f64) -> String {
    let digit = (value / 10_f64.powf(value.log10().floor() + 1e-9)).round();
    match digit {
        1.0 | 2.0 | 5.0 | 10.0 if value >= 1.0 => format!("{value:.0}"),
        1.0 | 2.0 | 5.0 | 10.0 => format!("{value:.2}"),
        _ => String::new(),
    }
}

fn drawn(
    width: u32,
    height: u32,
    draw: impl FnOnce(&DrawingArea<SVGBackend<'_>, plotters::coord::Shift>) -> Result<()>,
) -> Result<String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area();
        draw(&area)?;
        area.present().map_err(unplotted)?;
    }
    Ok(svg)
}

fn unplotted(error: impl Display) -> anyhow::Error {
    anyhow!("draw a plot: {error}")
}
