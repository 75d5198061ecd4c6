//! A plan as one page: no file beside it, for desks and phones, light and dark.

use std::fmt::Write;

use super::report::{ClusterReport, PlanReport};
use crate::problem::FieldError;
use crate::report::html::Escaped;
use crate::report::table::{number, or_dash, percent, significant};
use crate::schedule::Drawing;

/// Width of a chart in inches.
const CHART: f64 = 7.16;

const HEAD: &str = include_str!("page.html");

impl PlanReport {
    /// One page (HTML) with everything: it opens offline, needs no other file, and its tables sort by a click on a heading.
    ///
    /// # Errors
    /// As [`timeline`](Self::timeline).
    pub fn to_html(&self, title: &str) -> Result<String, FieldError> {
        let mut page = HEAD.replace("TITLE", &Escaped(title).to_string());
        // Writing to a String does not fail.
        let _ = writeln!(
            page,
            "<p class=\"verdict\">A round takes <b>{} s</b>: I = {} iterations, M = {} micro-batches, {}. No decision is better by more \
             than {:.1e} of the objective: proved.</p>",
            number(self.round_latency_s),
            self.local_iterations,
            self.micro_batches,
            self.schedule,
            self.gap.max(0.0),
        );
        for (index, cluster) in self.clusters.iter().enumerate() {
            self.cluster(&mut page, index, cluster)?;
        }
        self.why_on(&mut page);
        page.push_str("</main></body></html>\n");
        Ok(page)
    }

    fn cluster(&self, page: &mut String, index: usize, cluster: &ClusterReport) -> Result<(), FieldError> {
        let _ = write!(
            page,
            "<section><h2>{}: {} s</h2>\n<div class=\"bar\" role=\"img\" aria-label=\"parts of the round\">",
            Escaped(&cluster.name),
            number(cluster.latency_s)
        );
        for (place, part) in cluster.parts.iter().enumerate().filter(|(_, part)| part.seconds > 0.0) {
            let share = 100.0 * part.seconds / cluster.latency_s;
            let _ = write!(
                page,
                "<span class=\"p{place}\" style=\"flex:{share:.3}\" title=\"{0}: {1} s, {share:.1} %\">{0}</span>",
                part.step.name(),
                number(part.seconds)
            );
        }
        page.push_str("</div>\n");
        let _ = write!(
            page,
            "<p>Busiest: {}, {} % of a batch.",
            Escaped(&cluster.bottleneck),
            percent(cluster.bottleneck_busy)
        );
        if let Some(pipeline) = &cluster.pipeline {
            let _ = write!(
                page,
                " A batch takes {} s, of which stages wait {} %; no order of this work beats {} s. Stages: {}.{}{}",
                number(pipeline.makespan_s),
                percent(pipeline.bubble),
                number(pipeline.least_makespan_s),
                Escaped(&numbered(&pipeline.stages)),
                if pipeline.turns().is_some() { " " } else { "" },
                pipeline.turns().unwrap_or_default()
            );
        }
        page.push_str("</p>\n");
        if let Some(chart) = self.to_svg(index, Drawing { width_in: CHART, links: true })? {
            let _ = writeln!(page, "<div class=\"chart\">{chart}</div>");
        }
        let headings = [
            "device",
            "blocks",
            "memory [GB]",
            "of [GB]",
            "forward [s]",
            "backward [s]",
            "busy [%]",
            "energy [J]",
            "up against",
        ];
        let rows = cluster.devices.iter().map(|device| {
            let limits: Vec<&str> = device.limits.iter().map(|limit| limit.name()).collect();
            vec![
                device.name.clone(),
                device.blocks.map_or_else(|| "none".into(), |[first, behind]| format!("{}\u{2013}{behind}", first + 1)),
                significant(1e-9 * device.memory_bytes, 3),
                significant(1e-9 * device.memory_limit_bytes, 3),
                significant(device.stage_s[0], 3),
                significant(device.stage_s[1], 3),
                percent(device.busy),
                significant(device.energy_j[0] + device.energy_j[1], 3),
                limits.join(", "),
            ]
        });
        table(page, &headings, rows);
        let headings = ["message", "band [MHz]", "power [W]", "rate [Mbit/s]", "on air [s]", "times", "energy [J]"];
        let rows = cluster.hops.iter().map(|hop| {
            vec![
                format!("{} \u{2192} {}", hop.from, hop.to),
                or_dash(hop.bandwidth_hz, |hz| significant(1e-6 * hz, 3)),
                or_dash(hop.power_w, |watts| significant(watts, 3)),
                or_dash(hop.bits_per_second, |rate| significant(1e-6 * rate, 3)),
                significant(hop.air_s, 3),
                format!("{}", hop.uses),
                significant(hop.energy_j, 3),
            ]
        });
        table(page, &headings, rows);
        page.push_str("</section>\n");
        Ok(())
    }

    fn why_on(&self, page: &mut String) {
        page.push_str("<section><h2>What else was possible</h2>\n<p>What the best such decision would cost, energy and all, in seconds of the round.</p>\n");
        let rows = self.variants.iter().map(|variant| {
            vec![
                format!("{}/{}", variant.cluster, variant.device),
                variant.change.clone(),
                or_dash(variant.cost_s, number),
                or_dash(variant.latency_change_s, number),
                variant.reason.clone().unwrap_or_else(|| or_dash(variant.gap, |gap| format!("{gap:.0e}"))),
            ]
        });
        table(page, &["device", "instead", "costs [s]", "round longer by [s]", "gap, or why not"], rows);
        page.push_str("</section>\n<section><h2>What more would be worth</h2>\n");
        let rows = self.prices.iter().map(|price| {
            vec![
                format!("{} {}", price.resource.unit(), price.resource.name()),
                if price.of.is_empty() { "all clusters".into() } else { price.of.clone() },
                number(price.saves_s),
            ]
        });
        table(page, &["one more", "of", "saves [s]"], rows);
        page.push_str("</section>\n");
    }
}

fn numbered(stages: &[String]) -> String {
    let each = stages.iter().enumerate().map(|(number, name)| format!("{number} {name}"));
    each.collect::<Vec<_>>().join(", ")
}

fn table(page: &mut String, headings: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    page.push_str("<div class=\"wide\"><table><thead><tr>");
    for heading in headings {
        let _ = write!(page, "<th><button>{}</button></th>", Escaped(heading));
    }
    page.push_str("</tr></thead><tbody>\n");
    for row in rows {
        page.push_str("<tr>");
        for cell in row {
            let _ = write!(page, "<td>{}</td>", Escaped(&cell));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody></table></div>\n");
}
