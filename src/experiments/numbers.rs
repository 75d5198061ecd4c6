//! The numbers of an experiment as an HTML table.

use std::fmt::{self, Display, Formatter};

use super::interval::Interval;
use super::metric::Metric;
use super::table::ResultTable;
use crate::report::html::Escaped;
use crate::report::table::number;

/// Means and half widths: a row per place and series, a column per metric.
pub(super) struct Numbers<'a>(pub &'a ResultTable);

impl Display for Numbers<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let table = self.0;
        let (metrics, places, series) = (table.metrics(), table.places(), table.series());
        let varied = table.plots.first().map_or("varied", |plot| plot.x_axis.as_str());
        write!(f, "<table><thead><tr><th scope=\"col\">{}</th><th scope=\"col\">policy</th>", Escaped(varied))?;
        for metric in &metrics {
            write!(f, "<th scope=\"col\" class=\"n\">{}</th>", Escaped(&metric.heading()))?;
        }
        f.write_str("</tr></thead><tbody>\n")?;
        for place in &places {
            for name in &series {
                let cells: Vec<Option<Interval>> =
                    metrics.iter().map(|metric: &Metric| table.interval(*metric, place, name)).collect();
                if cells.iter().all(Option::is_none) {
                    continue;
                }
                write!(f, "<tr><td>{}</td><th scope=\"row\">{}</th>", Escaped(&place.label), Escaped(name))?;
                for cell in cells {
                    f.write_str("<td class=\"n\">")?;
                    match cell {
                        Some(cut) if cut.is_cut() => {
                            let (low, high) = cut.ends();
                            write!(f, "{} <small>({} to {})</small>", number(cut.mean), number(low), number(high))?;
                        }
                        Some(Interval { mean, half_width: Some(half), .. }) => {
                            write!(f, "{} <small>± {}</small>", number(mean), number(half))?;
                        }
                        Some(Interval { mean, .. }) => f.write_str(&number(mean))?,
                        None => f.write_str("–")?,
                    }
                    f.write_str("</td>")?;
                }
                f.write_str("</tr>\n")?;
            }
        }
        f.write_str("</tbody></table>")
    }
}
