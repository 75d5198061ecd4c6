//! What the service counts, in the exposition format of Prometheus.

use std::fmt;
use std::time::Duration;

use collapipe::problem::Status;

#[derive(Default)]
pub struct Metrics {
    pub ticks: u64,
    /// Rounds planned by a solve, by how it ended.
    pub solved: Vec<(Status, u64)>,
    /// Rounds that went on with the last decision's segments.
    pub carried_over: u64,
    /// Ticks without any round.
    pub outages: u64,
    /// Decisions that came after the deadline.
    pub late: u64,
    /// Plans made anew within a tick, because a board that took part had gone.
    pub replanned: u64,
    pub joined: u64,
    pub left: u64,
    pub present: usize,
    answers: Vec<f64>,
    gaps: Vec<f64>,
}

impl Metrics {
    pub fn answered(&mut self, after: Duration) {
        self.answers.push(after.as_secs_f64());
    }

    pub fn planned(&mut self, status: Status, gap: f64) {
        match self.solved.iter_mut().find(|(of, _)| *of == status) {
            Some((_, count)) => *count += 1,
            None => self.solved.push((status, 1)),
        }
        self.gaps.push(gap);
    }

    /// Rounds that were planned by a solve.
    pub fn solves(&self) -> u64 {
        self.solved.iter().map(|(_, count)| count).sum()
    }
}

/// The least number that a share of the list does not exceed.
fn quantile(list: &[f64], share: f64) -> f64 {
    let mut sorted = list.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied().unwrap_or(f64::NAN)
}

impl fmt::Display for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counters = [
            ("ticks_total", "Ticks of the clock.", self.ticks),
            ("carried_over_total", "Rounds with the last decision's segments.", self.carried_over),
            ("outages_total", "Ticks without a round.", self.outages),
            ("late_total", "Decisions after the deadline.", self.late),
            ("replanned_total", "Plans made anew because a board in use had gone.", self.replanned),
            ("joined_total", "Boards that came.", self.joined),
            ("left_total", "Boards that went.", self.left),
        ];
        for (name, help, value) in counters {
            writeln!(f, "# HELP collapipe_{name} {help}\n# TYPE collapipe_{name} counter\ncollapipe_{name} {value}")?;
        }
        writeln!(
            f,
            "# HELP collapipe_solved_total Rounds by how the solve ended.\n# TYPE collapipe_solved_total counter"
        )?;
        for (status, count) in &self.solved {
            writeln!(f, "collapipe_solved_total{{status=\"{}\"}} {count}", status.name())?;
        }
        writeln!(f, "# HELP collapipe_boards_present Boards that are there.\n# TYPE collapipe_boards_present gauge")?;
        writeln!(f, "collapipe_boards_present {}", self.present)?;
        let summaries = [
            ("answer_seconds", "Time from the tick to the decision.", &self.answers),
            ("gap", "Proved gap of the decisions.", &self.gaps),
        ];
        for (name, help, list) in summaries {
            writeln!(f, "# HELP collapipe_{name} {help}\n# TYPE collapipe_{name} summary")?;
            for share in [0.5, 0.9, 0.99] {
                writeln!(f, "collapipe_{name}{{quantile=\"{share}\"}} {:.3e}", quantile(list, share))?;
            }
            writeln!(f, "collapipe_{name}_sum {:.3e}", list.iter().sum::<f64>())?;
            writeln!(f, "collapipe_{name}_count {}", list.len())?;
        }
        Ok(())
    }
}
