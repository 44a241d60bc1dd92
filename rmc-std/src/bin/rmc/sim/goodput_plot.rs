//! The goodput of a sweep as a picture: over the number of receivers and over the loss.

use plotters::prelude::*;

use super::outcome::percent;
use super::plot::{Cell, FONT, Panel};
use crate::Failure;

const SIZE: (u32, u32) = (1_200, 560);

/// Legible on white, also as thin lines.
const COLORS: [RGBColor; 6] = [
    RGBColor(31, 119, 180),
    RGBColor(220, 100, 0),
    RGBColor(44, 140, 44),
    RGBColor(200, 30, 40),
    RGBColor(130, 80, 180),
    RGBColor(110, 70, 60),
];

/// What one panel shows.
struct Contents {
    axis: Axis,
    lines: Vec<Line>,
}

/// The x axis: what is on it, and how its values are written, which stand at 0, 1, 2 and so on.
struct Axis {
    description: &'static str,
    names: Vec<String>,
}

/// One line: what its legend says, its points from left to right, and those of its bound, in per cent.
struct Line {
    name: String,
    goodput: Vec<(f64, f64)>,
    bound: Vec<(f64, f64)>,
}

/// The picture, as SVG.
pub(super) fn draw(cells: &[Cell]) -> Result<String, Failure> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        let (left, right) = area.split_horizontally(SIZE.0 / 2);
        area.fill(&WHITE)
            .map_err(Into::into)
            .and_then(|()| draw_panel(&left, &over_receivers(cells)))
            .and_then(|()| draw_panel(&right, &over_losses(cells)))
            .and_then(|()| area.present().map_err(Into::into))
            .map_err(|error: Box<dyn std::error::Error>| format!("cannot draw the goodput: {error}"))?;
    }
    Ok(svg)
}

/// A line for each loss.
fn over_receivers(cells: &[Cell]) -> Contents {
    let (receivers, losses) = values(cells);
    let axis = Axis { description: "receivers", names: receivers.iter().map(f64::to_string).collect() };
    let name = |loss| format!("loss {} %", percent(loss));
    Contents { axis, lines: lines(cells, &losses, &receivers, |cell| (cell.loss, cell.receivers), name) }
}

/// A line for each number of receivers.
fn over_losses(cells: &[Cell]) -> Contents {
    let (receivers, losses) = values(cells);
    let names = losses.iter().map(|&loss| format!("{} %", percent(loss))).collect();
    let axis = Axis { description: "loss into each receiver", names };
    let name = |receivers| format!("{receivers} receiver{}", if receivers > 1.0 { "s" } else { "" });
    Contents { axis, lines: lines(cells, &receivers, &losses, |cell| (cell.receivers, cell.loss), name) }
}

fn draw_panel(panel: &Panel<'_>, contents: &Contents) -> Result<(), Box<dyn std::error::Error>> {
    let Contents { axis, lines } = contents;
    let columns = f64::from(u32::try_from(axis.names.len())?);
    let mut chart = ChartBuilder::on(panel)
        .margin(14)
        .caption("goodput, % of the sender's link (dashed: the bound)", (FONT, 18))
        .x_label_area_size(44)
        .y_label_area_size(52)
        .build_cartesian_2d(-0.3..columns - 0.7, 0.0..104.0)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_labels(axis.names.len() + 1)
        .x_desc(axis.description)
        .x_label_formatter(&|&place| name_at(axis, place))
        .y_labels(11)
        .y_label_formatter(&|value| format!("{value:.0}"))
        .label_style((FONT, 14))
        .draw()?;
    for (line, color) in lines.iter().zip(COLORS.iter().cycle()) {
        chart.draw_series(DashedLineSeries::new(line.bound.iter().copied(), 6, 4, color.stroke_width(1)))?;
        chart
            .draw_series(LineSeries::new(line.goodput.iter().copied(), color.stroke_width(2)).point_size(3))?
            .label(&line.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color.stroke_width(2)));
    }
    // Where there is little loss, or there are few receivers, goodput is high: below that it is free.
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerLeft)
        .label_font((FONT, 14))
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.4))
        .draw()?;
    Ok(())
}

/// The name of the value that stands at a place, if one does.
fn name_at(axis: &Axis, place: f64) -> String {
    let index = axis.names.iter().zip(0u32..).find(|(_, index)| (f64::from(*index) - place).abs() < 1e-6);
    index.map_or_else(String::new, |(name, _)| name.clone())
}

/// A line for each of `values`, over `places`, which stand side by side at equal distances. `of` says which value a cell
/// belongs to, and at which place it stands.
fn lines(
    cells: &[Cell],
    values: &[f64],
    places: &[f64],
    of: impl Fn(&Cell) -> (f64, f64),
    name: impl Fn(f64) -> String,
) -> Vec<Line> {
    let points = |value: f64, figure: fn(&Cell) -> Option<f64>| {
        let at = |(&place, index): (&f64, u32)| {
            let is_there = |cell: &&Cell| {
                let (own, there) = of(cell);
                own.total_cmp(&value).is_eq() && there.total_cmp(&place).is_eq()
            };
            Some((f64::from(index), cells.iter().find(is_there).and_then(figure)? * 100.0))
        };
        places.iter().zip(0u32..).filter_map(at).collect()
    };
    let line = |&value: &f64| Line {
        name: name(value),
        goodput: points(value, |cell| cell.goodput),
        bound: points(value, |cell| cell.bound),
    };
    values.iter().map(line).collect()
}

/// All numbers of receivers, and all losses.
fn values(cells: &[Cell]) -> (Vec<f64>, Vec<f64>) {
    (distinct(cells.iter().map(|cell| cell.receivers)), distinct(cells.iter().map(|cell| cell.loss)))
}

/// Each value once, ascending.
fn distinct(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(receivers: f64, loss: f64, goodput: Option<f64>, bound: Option<f64>) -> Cell {
        Cell { receivers, loss, goodput, bound, values: [None; 4] }
    }

    /// One cell has no goodput, another one no bound.
    fn cells() -> [Cell; 4] {
        [
            cell(10.0, 0.25, Some(0.25), Some(0.5)),
            cell(1.0, 0.25, Some(0.75), None),
            cell(10.0, 0.0, Some(0.875), Some(1.0)),
            cell(1.0, 0.0, None, Some(1.0)),
        ]
    }

    type Points<'a> = &'a [(f64, f64)];

    /// The name, goodput and bound of each line.
    fn shown(contents: &Contents) -> Vec<(&str, Points<'_>, Points<'_>)> {
        contents.lines.iter().map(|line| (line.name.as_str(), &*line.goodput, &*line.bound)).collect()
    }

    #[test]
    fn over_receivers_each_loss_is_a_line() {
        let contents = over_receivers(&cells());
        assert_eq!(contents.axis.names, ["1", "10"]);
        let expected: [(&str, Points<'_>, Points<'_>); 2] = [
            ("loss 0 %", &[(1.0, 87.5)], &[(0.0, 100.0), (1.0, 100.0)]),
            ("loss 25 %", &[(0.0, 75.0), (1.0, 25.0)], &[(1.0, 50.0)]),
        ];
        assert_eq!(shown(&contents), expected);
    }

    #[test]
    fn over_losses_each_number_of_receivers_is_a_line() {
        let contents = over_losses(&cells());
        assert_eq!(contents.axis.names, ["0 %", "25 %"]);
        let expected: [(&str, Points<'_>, Points<'_>); 2] = [
            ("1 receiver", &[(1.0, 75.0)], &[(0.0, 100.0)]),
            ("10 receivers", &[(0.0, 87.5), (1.0, 25.0)], &[(0.0, 100.0), (1.0, 50.0)]),
        ];
        assert_eq!(shown(&contents), expected);
    }
}
