//! An account of a timeline, for the terminal.

use std::fmt::Write;

use super::account::Account;
use super::machine::Machine;
use crate::ground::text::{Table, wrapped};

/// Durations of the critical path that are listed, those with the largest share first.
const MOST_LISTED: usize = 12;

fn number(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-3..1e7).contains(&size) { format!("{value:.4e}") } else { format!("{value:.4}") }
}

impl Account {
    /// Makespan, machines, memory and critical path as tables for a screen of this width ([`WIDTH`] where it is not
    /// known); `memory_unit` names what memory is counted in.
    ///
    /// [`WIDTH`]: crate::text::WIDTH
    #[must_use]
    pub fn to_table(&self, memory_unit: &str, width: usize) -> String {
        let makespan = self.makespan_s;
        let mut out = format!("Makespan {} s", number(makespan));
        let above = if self.least_makespan_s > 0.0 { makespan / self.least_makespan_s - 1.0 } else { 0.0 };
        let least = number(self.least_makespan_s);
        let _ = writeln!(
            out,
            "; no order of this work on these machines takes less than {least} s ({:.1} % less)",
            100.0 * above / (1.0 + above)
        );

        let peak = format!("peak memory [{memory_unit}]");
        let mut table = Table::new(&[&["machine", "busy [s]", "bubble [s]", "bubble [%]", &peak]]);
        for of in &self.machines {
            let held = match of.machine {
                Machine::Stage(stage) => self.memory.iter().find(|held| held.stage == stage),
                _ => None,
            };
            table.push(vec![
                of.machine.to_string(),
                number(of.busy_s),
                number(of.bubble_s),
                format!("{:.1}", 100.0 * of.bubble_share),
                held.map_or_else(String::new, |held| format!("{}", held.peak)),
            ]);
        }
        let _ = write!(out, "\n{table:width$}");

        let mut counts: Vec<_> = self.counts.iter().filter(|of| of.seconds > 0.0).collect();
        let share = |of: &super::Count| f64::from(of.count) * of.seconds;
        counts.sort_by(|a, b| share(b).total_cmp(&share(a)));
        let _ =
            writeln!(out, "\nCritical path, {} operations: what the makespan consists of", self.critical_path.len());
        let mut table = Table::new(&[&["duration", "times", "seconds each", "together [s]", "share [%]"]]);
        for of in counts.iter().take(MOST_LISTED) {
            table.push(vec![
                of.duration.clone(),
                of.count.to_string(),
                number(of.seconds),
                number(share(of)),
                format!("{:.1}", 100.0 * share(of) / makespan),
            ]);
        }
        let _ = write!(out, "{table:width$}");
        if let Some(rest) = counts.get(MOST_LISTED..).filter(|rest| !rest.is_empty()) {
            let together: f64 = rest.iter().map(|of| share(of)).sum();
            let _ = writeln!(out, "  and {} more, together {} s", rest.len(), number(together));
        }
        out.push_str("  F forward, B backward, W gradient of weights, f and b messages; @ position or link, from 0\n");
        wrapped(&out, width)
    }
}
