//! A plan as text for the terminal.

use std::fmt::{self, Formatter, Write};

use super::report::{ClusterReport, PlanReport, Resource};
use crate::problem::ServerUse;
use crate::report::table::{Table, number, or_dash, percent, significant};
use crate::text::{WIDTH, printable, wrapped};

/// Variants and prices that matter less than this share of the round are left to the JSON.
const SMALL: f64 = 1e-4;

impl fmt::Display for PlanReport {
    /// The width of the format is that of the screen; 80 columns without one.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let width = f.width().unwrap_or(WIDTH);
        f.write_str(&wrapped(&self.text(width), width))
    }
}

impl PlanReport {
    /// The plan for reading, for a screen of 80 columns.
    #[must_use]
    pub fn to_table(&self) -> String {
        self.to_string()
    }

    fn text(&self, width: usize) -> String {
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = writeln!(
            text,
            "Round of {} s: {}\nObjective {}, proved within {:.1e} of the best; V = {} per s\n",
            number(self.round_latency_s),
            self.plan_in_words(),
            number(self.objective),
            self.gap,
            number(self.latency_weight),
        );
        for cluster in &self.clusters {
            text.push_str(&cluster.to_table(width));
        }
        text.push_str(&self.why(width));
        text.push_str(&self.worth(width));
        text
    }

    fn why(&self, width: usize) -> String {
        if self.variants.is_empty() {
            return String::new();
        }
        let mut table = Table::new(&[&["Instead", "", "costs", "round", "gap"], &["", "", "[s]", "[s]", ""]]);
        let mut impossible = String::new();
        for variant in &self.variants {
            let who = format!("{}/{}", variant.cluster, variant.device);
            if let Some(reason) = &variant.reason {
                // What to do about it is said where the problem is solved.
                let why = reason.split(';').next().unwrap_or(reason);
                let _ = writeln!(impossible, "  {} {}:\n    {}", printable(&who), variant.change, printable(why));
                continue;
            }
            let signed = |value: Option<f64>| or_dash(value, |value| format!("{}{}", sign(value), number(value.abs())));
            let gap = or_dash(variant.gap, |gap| format!("{gap:.0e}"));
            table.push(vec![
                who,
                variant.change.clone(),
                signed(variant.cost_s),
                signed(variant.latency_change_s),
                gap,
            ]);
        }
        let mut text =
            format!("{table:width$}  costs: of the best such decision, energy and all, in seconds of the round.\n");
        if !impossible.is_empty() {
            let _ = write!(text, "Not possible\n{impossible}");
        }
        text.push('\n');
        text
    }

    fn worth(&self, width: usize) -> String {
        let matters = |saves: f64| saves.abs() > SMALL * self.round_latency_s;
        let shown: Vec<_> = self.prices.iter().filter(|price| matters(price.saves_s * price.more)).collect();
        if shown.is_empty() {
            return format!(
                "Nothing that was tried is scarce: each saves less than {} % of the round.\n",
                100.0 * SMALL
            );
        }
        let mut table = Table::new(&[&["One more", "of", "saves [s]"]]);
        for price in &shown {
            let of = if price.resource == Resource::UplinkMhz { "all clusters" } else { price.of.as_str() };
            let what = format!("{} {}", price.resource.unit(), price.resource.name());
            table.push(vec![what, of.into(), number(price.saves_s)]);
        }
        let left = self.prices.len() - shown.len();
        format!(
            "{table:width$}  saves: of the best decision then. {left} more save less than {} % of the round.\n",
            100.0 * SMALL
        )
    }
}

fn sign(value: f64) -> &'static str {
    if value < 0.0 { "-" } else { "+" }
}

impl ClusterReport {
    fn to_table(&self, width: usize) -> String {
        let mut text = format!("{}: {} s\n", printable(&self.name), number(self.latency_s));
        let parts = self.parts.iter().filter(|part| part.seconds > 0.0);
        let short = |seconds| significant(seconds, 3);
        let parts: Vec<String> = parts.map(|part| format!("{} {}", part.step.name(), short(part.seconds))).collect();
        let _ = writeln!(text, "  =  {}", parts.join(" + "));
        let _ =
            write!(text, "  Busiest: {}, {} % of a batch", printable(&self.bottleneck), percent(self.bottleneck_busy));
        if let Some(pipeline) = &self.pipeline {
            let _ = write!(
                text,
                "; a batch takes {} s, of which stages wait {} %; no order of this work beats {} s",
                number(pipeline.makespan_s),
                percent(pipeline.bubble),
                number(pipeline.least_makespan_s)
            );
            if let Some(turns) = pipeline.turns() {
                let _ = write!(text, "\n  {turns}");
            }
        }
        text.push_str("\n\n");
        let mut table = Table::new(&[
            &["Device", "blocks", "memory", "of", "forward", "backward", "busy", "energy", "of"],
            &["", "", "[GB]", "[GB]", "[s]", "[s]", "[%]", "[J]", "[J]"],
        ]);
        for device in &self.devices {
            let gigabytes = |bytes: f64| significant(1e-9 * bytes, 3);
            let held = device.blocks.map(|[first, behind]| (first, behind));
            let when = |value: String| if held.is_some() { value } else { "-".into() };
            table.push(vec![
                device.name.clone(),
                held.map_or_else(|| "none".into(), |(first, behind)| format!("{}-{}", first + 1, behind)),
                when(gigabytes(device.memory_bytes)),
                gigabytes(device.memory_limit_bytes),
                when(significant(device.stage_s[0], 3)),
                when(significant(device.stage_s[1], 3)),
                when(percent(device.busy)),
                when(significant(device.energy_j[0] + device.energy_j[1], 3)),
                or_dash(device.energy_budget_j, |joules| significant(joules, 3)),
            ]);
        }
        let _ = write!(text, "{table:width$}");
        if let Some(limits) = self.up_against() {
            let _ = writeln!(text, "  Up against: {}", printable(&limits));
        }
        if !self.absent.is_empty() {
            let _ = writeln!(text, "  Absent in this slot: {}", printable(&self.absent.join(", ")));
        }
        text.push('\n');
        if !self.edge_server.is_none() {
            let ServerUse { busy, energy, memory } = self.edge_server;
            let _ = writeln!(
                text,
                "Edge server: computes {} s of the round, {} J, holds {} GB\n",
                short(busy.0),
                significant(energy.0, 3),
                significant(1e-9 * memory.0, 3)
            );
        }
        let mut table = Table::new(&[
            &["Message", "band", "power", "rate", "on air", "times", "energy"],
            &["", "[MHz]", "[W]", "[Mbit/s]", "[s]", "", "[J]"],
        ]);
        for hop in self.messages() {
            table.push(vec![
                hop.name(),
                or_dash(hop.bandwidth_hz, |hz| significant(1e-6 * hz, 3)),
                or_dash(hop.power_w, |watts| significant(watts, 3)),
                or_dash(hop.bits_per_second, |rate| significant(1e-6 * rate, 3)),
                significant(hop.air_s, 3),
                format!("{}", hop.uses),
                significant(hop.energy_j, 3),
            ]);
        }
        let _ = writeln!(text, "{table:width$}");
        text
    }
}
