//! A plan as one page: no file beside it, for desks and phones, light and dark.

use super::report::{ClusterReport, PlanReport};
use crate::problem::FieldError;
use crate::report::page::{Chart, Escaped, RoundView, Tone, begin, end, facts, put, round, table, verdict};
use crate::report::table::{number, or_dash, percent, significant};

const DEVICES: [&str; 10] = [
    "device",
    "blocks",
    "memory [GB]",
    "of [GB]",
    "forward [s]",
    "backward [s]",
    "busy [%]",
    "energy [J]",
    "of [J]",
    "up against",
];
const MESSAGES: [&str; 8] = [
    "message",
    "part of the round",
    "band [MHz]",
    "power [W]",
    "rate [Mbit/s]",
    "on air [s]",
    "times in the round",
    "energy [J]",
];

impl PlanReport {
    /// One page (HTML) with everything: it opens offline, needs no other file, and its tables sort by a click on a heading.
    ///
    /// # Errors
    /// As [`timeline`](Self::timeline).
    pub fn to_html(&self, title: &str) -> Result<String, FieldError> {
        let mut page = begin(title);
        let lines = [
            format!("A round takes {} s: {}.", number(self.round_latency_s), self.plan_in_words()),
            format!("No decision is better by more than {:.1e} of the objective: proved.", self.gap.max(0.0)),
        ];
        verdict(&mut page, Tone::Good, &lines);
        let slowest = self.clusters.iter().max_by(|a, b| a.latency_s.total_cmp(&b.latency_s));
        let mut shown = vec![("round", format!("{} s", number(self.round_latency_s)))];
        shown.extend(slowest.filter(|_| self.clusters.len() > 1).map(|of| ("slowest cluster", of.name.clone())));
        shown.extend(slowest.map(|of| ("busiest machine there", of.bottleneck.clone())));
        shown.push(("price of a second, V", format!("{} per s", number(self.latency_weight))));
        facts(&mut page, &shown);
        page.push_str("<h2>Who does what</h2>\n");
        for (index, cluster) in self.clusters.iter().enumerate() {
            self.cluster(&mut page, index, cluster)?;
        }
        self.why_on(&mut page);
        end(&mut page, [concat!("collapipe ", env!("CARGO_PKG_VERSION"))]);
        Ok(page)
    }

    fn cluster(&self, page: &mut String, index: usize, cluster: &ClusterReport) -> Result<(), FieldError> {
        let mut text = format!("Busiest: {}, {} % of a batch.", cluster.bottleneck, percent(cluster.bottleneck_busy));
        if let Some(pipeline) = &cluster.pipeline {
            text += &format!(
                " A batch takes {} s, of which stages wait {} %; no order of this work takes less than {} s.",
                number(pipeline.makespan_s),
                percent(pipeline.bubble),
                number(pipeline.least_makespan_s)
            );
            if let Some(turns) = pipeline.turns() {
                text += &format!(" {turns}");
            }
        }
        if !cluster.absent.is_empty() {
            text += &format!(" Absent in this slot: {}.", cluster.absent.join(", "));
        }
        let chart = match self.timeline(index)? {
            Some(timeline) => Ok(Chart::of(&timeline)?),
            None => Err("it has too many events".to_owned()),
        };
        let devices = cluster.devices.iter().map(|device| {
            let limits: Vec<&str> = device.limits.iter().map(|limit| limit.name()).collect();
            let when = |value: String| if device.blocks.is_some() { value } else { "-".into() };
            vec![
                device.name.clone(),
                device.blocks.map_or_else(|| "-".into(), |[first, behind]| format!("{}\u{2013}{behind}", first + 1)),
                when(significant(1e-9 * device.memory_bytes, 3)),
                significant(1e-9 * device.memory_limit_bytes, 3),
                when(significant(device.stage_s[0], 3)),
                when(significant(device.stage_s[1], 3)),
                when(percent(device.busy)),
                when(significant(device.energy_j[0] + device.energy_j[1], 3)),
                or_dash(device.energy_budget_j, |joules| significant(joules, 3)),
                limits.join(", "),
            ]
        });
        let messages = cluster.messages().map(|hop| {
            vec![
                format!("{} \u{2192} {}", hop.from, hop.to),
                hop.part.name().into(),
                or_dash(hop.bandwidth_hz, |hz| significant(1e-6 * hz, 3)),
                or_dash(hop.power_w, |watts| significant(watts, 3)),
                or_dash(hop.bits_per_second, |rate| significant(1e-6 * rate, 3)),
                significant(hop.air_s, 3),
                format!("{}", hop.uses),
                significant(hop.energy_j, 3),
            ]
        });
        let view = RoundView {
            name: &cluster.name,
            latency_s: cluster.latency_s,
            parts: cluster.parts.iter().map(|part| (part.step.name(), part.seconds)).collect(),
            text,
            stages: cluster.pipeline.iter().flat_map(|of| of.stages.iter().cloned()).collect(),
            chart,
            devices: (&DEVICES, devices.collect()),
            messages: (&MESSAGES, messages.collect()),
        };
        round(page, &view);
        Ok(())
    }

    fn why_on(&self, page: &mut String) {
        let (possible, impossible): (Vec<_>, Vec<_>) =
            self.variants.iter().partition(|variant| variant.reason.is_none());
        let rows = possible.iter().map(|variant| {
            vec![
                format!("{}/{}", variant.cluster, variant.device),
                variant.change.clone(),
                or_dash(variant.cost_s, number),
                or_dash(variant.latency_change_s, number),
                or_dash(variant.gap, |gap| format!("{gap:.0e}")),
            ]
        });
        page.push_str("<h2>What else was possible</h2>\n");
        let headings = ["device", "instead", "costs [s]", "round longer by [s]", "gap"];
        let caption = "What the best such decision would cost, energy and all, in seconds of the round";
        table(page, caption, &headings, &rows.collect::<Vec<_>>());
        // Sentences have no room in a table on a phone.
        if !impossible.is_empty() {
            put(page, format_args!("<details>\n<summary>{} not possible, and why</summary>\n<ul>\n", impossible.len()));
            for variant in impossible {
                let what = format!("{}/{} {}", variant.cluster, variant.device, variant.change);
                let why = variant.reason.as_deref().unwrap_or_default();
                put(page, format_args!("<li><b>{}</b>: {}</li>\n", Escaped(&what), Escaped(why)));
            }
            page.push_str("</ul>\n</details>\n");
        }
        let rows = self.prices.iter().map(|price| {
            vec![
                format!("{} {}", price.resource.unit(), price.resource.name()),
                if price.of.is_empty() { "all clusters".into() } else { price.of.clone() },
                number(price.saves_s),
            ]
        });
        page.push_str("<h2>What more would be worth</h2>\n");
        table(page, "", &["one more", "of", "saves [s]"], &rows.collect::<Vec<_>>());
    }
}
