//! A `<text>` for each line, and a `<tspan>` for each run of cells that look the same.

use std::fmt::Write as _;

use vt100::{Cell, Color, Screen};

/// Of a character at the font size: monospaced fonts are six tenths as wide as they are high, and `textLength` holds
/// others to it.
const FONT: f64 = 14.0;
const CHARACTER: f64 = FONT * 0.6;
const LINE: f64 = 20.0;
const MARGIN: f64 = 18.0;
/// Above the first line, for the three buttons of a window.
const BAR: f64 = 34.0;

const PAGE: &str = "#0d1117";
const EDGE: &str = "#3d444d";
const TEXT: &str = "#e6edf3";
const DIM: &str = "#9198a1";
/// The terminal's own sixteen colours.
const COLOURS: [&str; 16] = [
    "#484f58", "#ff7b72", "#3fb950", "#d29922", "#58a6ff", "#bc8cff", "#39c5cf", "#b1bac4", "#6e7681",
    "#ffa198", "#56d364", "#e3b341", "#79c0ff", "#d2a8ff", "#56d4dd", "#ffffff",
];

/// How cells look.
#[derive(Clone, PartialEq, Eq)]
struct Look {
    colour: String,
    bold: bool,
}

impl Look {
    fn of(cell: &Cell) -> Self {
        let colour = match cell.fgcolor() {
            Color::Default if cell.dim() => DIM.to_owned(),
            Color::Default => TEXT.to_owned(),
            Color::Idx(index) => palette(index),
            Color::Rgb(red, green, blue) => format!("#{red:02x}{green:02x}{blue:02x}"),
        };
        Self { colour, bold: cell.bold() }
    }
}

/// Returns a colour of the 256 that a terminal has: its own sixteen, a cube of six steps a side, and 24 greys.
fn palette(index: u8) -> String {
    let step = |at: u8| if at == 0 { 0 } else { 55 + 40 * at };
    match index {
        0..16 => COLOURS[usize::from(index)].to_owned(),
        16..232 => {
            let at = index - 16;
            format!("#{:02x}{:02x}{:02x}", step(at / 36), step(at / 6 % 6), step(at % 6))
        }
        _ => {
            let grey = 8 + 10 * (index - 232);
            format!("#{grey:02x}{grey:02x}{grey:02x}")
        }
    }
}

/// Draws the lines of a screen, without the empty ones at its end.
pub fn drawn(screen: &Screen) -> String {
    let (rows, columns) = screen.size();
    let mut lines: Vec<Vec<(Look, String)>> = (0..rows).map(|row| line(screen, row, columns)).collect();
    while lines.last().is_some_and(Vec::is_empty) {
        lines.pop();
    }
    let width = f64::from(columns) * CHARACTER + 2.0 * MARGIN;
    let height = lines.len() as f64 * LINE + BAR + MARGIN;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
         height=\"{height:.0}\" font-family=\"ui-monospace, SFMono-Regular, 'SF Mono', Menlo, Consolas, 'DejaVu Sans \
         Mono', monospace\" font-size=\"{FONT}\">\n\
         <rect x=\"0.5\" y=\"0.5\" width=\"{:.0}\" height=\"{:.0}\" rx=\"8\" fill=\"{PAGE}\" stroke=\"{EDGE}\"/>\n",
        width - 1.0,
        height - 1.0,
    );
    for (index, colour) in [COLOURS[1], COLOURS[3], COLOURS[2]].into_iter().enumerate() {
        let x = MARGIN + 6.0 + 20.0 * index as f64;
        let _ = writeln!(out, "<circle cx=\"{x:.0}\" cy=\"18\" r=\"6\" fill=\"{colour}\"/>");
    }
    for (index, line) in lines.iter().enumerate().filter(|(_, line)| !line.is_empty()) {
        let y = BAR + LINE * (index as f64 + 0.75);
        let _ = write!(out, "<text y=\"{y:.0}\" xml:space=\"preserve\">");
        let mut column = 0;
        for (look, text) in line {
            let (x, count) = (MARGIN + CHARACTER * f64::from(column), text.chars().count() as u16);
            let bold = if look.bold { " font-weight=\"bold\"" } else { "" };
            let _ = write!(
                out,
                "<tspan x=\"{x:.1}\" textLength=\"{:.1}\" fill=\"{}\"{bold}>{}</tspan>",
                CHARACTER * f64::from(count),
                look.colour,
                escaped(text)
            );
            column += count;
        }
        out.push_str("</text>\n");
    }
    out.push_str("</svg>\n");
    out
}

/// Returns the runs of cells of a line, up to its last character.
fn line(screen: &Screen, row: u16, columns: u16) -> Vec<(Look, String)> {
    let mut runs: Vec<(Look, String)> = Vec::new();
    let mut spaces = String::new();
    for cell in (0..columns).filter_map(|column| screen.cell(row, column)) {
        if cell.contents().trim().is_empty() {
            spaces.push(' ');
            continue;
        }
        let look = Look::of(cell);
        match runs.last_mut() {
            Some((last, text)) if *last == look => *text += &(std::mem::take(&mut spaces) + cell.contents()),
            _ => runs.push((look, std::mem::take(&mut spaces) + cell.contents())),
        }
    }
    runs
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn screen(bytes: &str) -> String {
        let mut parser = vt100::Parser::new(4, 20, 0);
        parser.process(bytes.as_bytes());
        drawn(parser.screen())
    }

    #[test]
    fn a_line_is_a_text_and_each_look_a_span_at_its_column() {
        let svg = screen("\x1b[1;32m$\x1b[m a\r\n\r\n  \x1b[2mb  c\x1b[m");
        let texts: Vec<&str> = svg.lines().filter(|line| line.starts_with("<text")).collect();
        assert_eq!(
            texts,
            [
                "<text y=\"49\" xml:space=\"preserve\">\
                 <tspan x=\"18.0\" textLength=\"8.4\" fill=\"#3fb950\" font-weight=\"bold\">$</tspan>\
                 <tspan x=\"26.4\" textLength=\"16.8\" fill=\"#e6edf3\"> a</tspan></text>",
                "<text y=\"89\" xml:space=\"preserve\">\
                 <tspan x=\"18.0\" textLength=\"50.4\" fill=\"#9198a1\">  b  c</tspan></text>",
            ]
        );
        assert!(svg.contains("viewBox=\"0 0 204 112\""), "three lines of four: {svg}");
    }

    #[test]
    fn what_the_terminal_shows_is_text_and_never_markup() {
        let svg = screen("<script>&amp;");
        assert!(svg.contains(">&lt;script&gt;&amp;amp;</tspan>"), "{svg}");
    }

    #[test]
    fn the_colours_are_those_of_a_terminal() {
        assert_eq!(["#ff7b72", "#0000ff", "#ffffff"], [1, 21, 231].map(palette)[..]);
        assert_eq!(["#080808", "#eeeeee"], [232, 255].map(palette)[..]);
    }
}
