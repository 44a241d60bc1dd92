//! A sweep as a picture: four panels over the number of receivers, one line for each loss.

use std::ops::Range;

use plotters::coord::Shift;
use plotters::prelude::*;
use rmc_std::rmc_core::sim::Report;

use super::goodput::Goodput;
use super::network::Plan;
use super::{goodput, outcome};
use crate::Failure;

/// What is drawn of a cell.
pub(super) struct Cell {
    pub(super) receivers: f64,
    pub(super) loss: f64,
    /// The goodput as a share of the link, and the most that it can be.
    pub(super) goodput: Option<f64>,
    pub(super) bound: Option<f64>,
    /// The value in each of the panels of [`draw`].
    pub(super) values: [Option<f64>; PANELS.len()],
}

/// What each panel shows.
const PANELS: [&str; 4] = [
    "transmissions per packet",
    "NACKs at the sender, per lost packet",
    "gap to delivery, p50, in ms",
    "gap to delivery, p99, in ms",
];

const SIZE: (u32, u32) = (1_200, 900);
pub(super) const FONT: &str = "sans-serif";

pub(super) type Panel<'a> = DrawingArea<SVGBackend<'a>, Shift>;

impl Cell {
    #[expect(clippy::cast_precision_loss, reason = "receivers are at most a million")]
    pub(super) fn new(plan: &Plan, report: &Report) -> Self {
        let millis = |per_mille| report.recovery(per_mille).map(|recovery| recovery.as_secs_f64() * 1e3);
        Self {
            receivers: plan.scenario.receivers as f64,
            loss: plan.loss,
            goodput: Goodput::of(plan, report).map(|goodput| goodput.share),
            bound: goodput::bound(plan),
            values: [
                outcome::transmissions_per_packet(report),
                outcome::ratio(report.nacks, report.lost_packets),
                millis(500),
                millis(990),
            ]
            // There is no place for 0 on a logarithmic scale.
            .map(|value| value.filter(|value| *value > 0.0)),
        }
    }

    fn is_at(&self, loss: f64) -> bool {
        self.loss.total_cmp(&loss).is_eq()
    }
}

/// The picture, as SVG.
pub(super) fn draw(cells: &[Cell]) -> Result<String, Failure> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        draw_panels(cells, &area).map_err(|error| format!("cannot draw the sweep: {error}"))?;
    }
    Ok(svg)
}

fn draw_panels(cells: &[Cell], area: &Panel<'_>) -> Result<(), Box<dyn std::error::Error>> {
    area.fill(&WHITE)?;
    let losses = losses(cells);
    let columns = span(cells.iter().map(|cell| cell.receivers));
    for (index, panel) in area.split_evenly((2, 2)).iter().enumerate() {
        let rows = span(cells.iter().filter_map(|cell| cell.values[index]));
        let mut chart = ChartBuilder::on(panel)
            .margin(12)
            .caption(PANELS[index], (FONT, 18))
            .x_label_area_size(40)
            .y_label_area_size(60)
            .build_cartesian_2d(columns.clone().log_scale(), rows.log_scale())?;
        let label = |value: &f64| format!("{}", (value * 1e3).round() / 1e3);
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .x_desc("receivers")
            .x_label_formatter(&label)
            .y_label_formatter(&label)
            .draw()?;
        for (place, &loss) in losses.iter().enumerate() {
            let color = Palette99::pick(place).to_rgba();
            chart
                .draw_series(LineSeries::new(line(cells, loss, index), color.stroke_width(2)).point_size(3))?
                .label(format!("loss {} %", outcome::percent(loss)))
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color.stroke_width(2)));
        }
        // The colors are the same in all panels, and here the upper left is free: the cost grows with the receivers.
        if index == 0 {
            chart
                .configure_series_labels()
                .position(SeriesLabelPosition::UpperLeft)
                .background_style(WHITE.mix(0.8))
                .border_style(BLACK.mix(0.4))
                .draw()?;
        }
    }
    area.present()?;
    Ok(())
}

/// Each loss once, in the order in which they came.
fn losses(cells: &[Cell]) -> Vec<f64> {
    let mut losses = Vec::new();
    for cell in cells {
        if !losses.iter().any(|loss| cell.is_at(*loss)) {
            losses.push(cell.loss);
        }
    }
    losses
}

/// The points of one loss, where there is anything to draw, from left to right.
fn line(cells: &[Cell], loss: f64, panel: usize) -> Vec<(f64, f64)> {
    let cells = cells.iter().filter(|cell| cell.is_at(loss));
    let mut points: Vec<_> = cells.filter_map(|cell| Some((cell.receivers, cell.values[panel]?))).collect();
    points.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    points
}

/// A range with room for all values, also if there is one or none.
fn span(values: impl Iterator<Item = f64> + Clone) -> Range<f64> {
    let least = values.clone().fold(f64::INFINITY, f64::min);
    let most = values.fold(0.0, f64::max);
    if least > most { 1.0..10.0 } else { least / 1.25..most * 1.25 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(receivers: f64, loss: f64, value: Option<f64>) -> Cell {
        Cell { receivers, loss, goodput: None, bound: None, values: [value; PANELS.len()] }
    }

    #[test]
    fn each_loss_is_a_line() {
        let cells = [cell(10.0, 0.1, Some(3.0)), cell(1.0, 0.0, None), cell(1.0, 0.1, Some(2.0))];
        assert_eq!(losses(&cells), [0.1, 0.0]);
        assert_eq!(line(&cells, 0.1, 0), [(1.0, 2.0), (10.0, 3.0)]);
        assert_eq!(line(&cells, 0.0, 0), []);
        let svg = draw(&cells).expect("it can be drawn");
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{svg}");
        assert!(svg.contains("loss 10 %") && PANELS.iter().all(|panel| svg.contains(panel)), "{svg}");
    }

    #[test]
    fn a_single_cell_without_any_value_can_be_drawn() {
        assert!(draw(&[cell(1.0, 0.0, None)]).is_ok());
    }
}
