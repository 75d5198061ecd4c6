//! The summary as text.

use std::fmt;

use super::summary::Summary;

/// Numbers of a table: four significant digits.
struct Short(f64);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.0.abs();
        let text = if magnitude == 0.0 {
            "0".into()
        } else if !(1e-3..1e6).contains(&magnitude) {
            format!("{:.2e}", self.0)
        } else {
            let decimals = (3 - magnitude.log10().floor() as i32).max(0) as usize;
            format!("{:.*}", decimals.min(4), self.0)
        };
        f.pad(&text)
    }
}

/// A number, or a dash.
fn or_dash(value: Option<f64>) -> String {
    value.map_or_else(|| "-".into(), |value| Short(value).to_string())
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// Rows of cells; the first column is aligned to the left, the others to the right.
struct Table(Vec<Vec<String>>);

impl Table {
    fn new(header: &[&str]) -> Self {
        Self(vec![header.iter().map(ToString::to_string).collect()])
    }

    fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.0.push(cells.into_iter().collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.0.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.0.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for (index, row) in self.0.iter().enumerate() {
            let mut line = String::from(" ");
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                line += &if column == 0 { format!(" {cell:<width$}") } else { format!("  {cell:>width$}") };
            }
            writeln!(f, "{}", line.trim_end())?;
            if index == 0 {
                let rule: usize = widths.iter().map(|width| width + 2).sum::<usize>() - 2;
                writeln!(f, "  {}", "─".repeat(rule))?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", if self.scenario.is_empty() { "Run" } else { &self.scenario })?;
        let stopped = if self.slots_played < self.slots_asked {
            format!(" of {} (stopped early)", self.slots_asked)
        } else {
            String::new()
        };
        writeln!(
            f,
            "  {} slots{stopped}, seed {}, latency weight V = {}, {} outages",
            self.slots_played, self.seed, self.latency_weight, self.outages
        )?;
        for (reason, count) in &self.outage_reasons {
            writeln!(f, "    {count} x {reason}")?;
        }
        self.rounds(f)?;
        writeln!(
            f,
            "\nEnergy against budget (mean J per round; C1: overspend <= final queue / rounds, in J per round)"
        )?;
        self.energy(f)?;
        writeln!(f, "\nSegments (mean over all rounds)")?;
        let mut table = Table::new(&["device", "blocks", "active", "present"]);
        for device in &self.devices {
            table.row([
                device.name.clone(),
                format!("{:.2}", device.mean_blocks),
                percent(device.active_share),
                percent(device.present_share),
            ]);
        }
        write!(f, "{table}")
    }
}

impl Summary {
    fn rounds(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(latency) = self.round_latency else {
            return writeln!(f, "\nNo slot had a feasible decision.");
        };
        writeln!(f, "\nRound latency (s)")?;
        let mut table = Table::new(&["", "mean", "p50", "p90", "p99"]);
        let numbers = [latency.mean_s, latency.p50_s, latency.p90_s, latency.p99_s];
        table.row(std::iter::once("all clusters".into()).chain(numbers.map(|s| Short(s.0).to_string())));
        write!(f, "{table}")?;
        writeln!(f, "\nPlans")?;
        let mut table = Table::new(&["micro-batches", "local iterations", "slots", "share"]);
        let rounds = (self.slots_played - self.outages) as f64;
        for plan in &self.plans {
            let cells = [plan.micro_batches.to_string(), plan.local_iterations.to_string(), plan.slots.to_string()];
            table.row(cells.into_iter().chain([percent(plan.slots as f64 / rounds)]));
        }
        write!(f, "{table}")?;
        if let Some(gap) = self.gap {
            writeln!(
                f,
                "\nGap to the certified lower bound: median {}, largest {}; {} of {} rounds within the gap asked for",
                Short(gap.median),
                Short(gap.max),
                gap.optimal_slots,
                rounds
            )?;
        }
        Ok(())
    }

    fn energy(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table =
            Table::new(&["node", "energy", "budget", "share", "final queue", "C1 overspend", "<= bound", "C1"]);
        for node in &self.nodes {
            let (overspend, bound) = node.certificate_j_per_round.unzip();
            table.row([
                node.name.clone(),
                Short(node.mean_energy_j.0).to_string(),
                or_dash(node.budget_j_per_round.map(|j| j.0)),
                node.budget_share.map_or_else(|| "-".into(), percent),
                or_dash(node.final_queue),
                or_dash(overspend.map(|j| j.0)),
                or_dash(bound.map(|j| j.0)),
                match node.certificate_holds {
                    Some(true) => "holds".into(),
                    Some(false) => "BROKEN".into(),
                    None => "-".into(),
                },
            ]);
        }
        write!(f, "{table}")
    }
}
