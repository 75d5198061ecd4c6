//! Bounds against simulation: every function of a seed draws one configuration, trains exactly as the bound assumes,
//! and returns what was measured beside what was promised.

mod adaptive;
pub mod adversary;
mod adversary_pieces;
mod adversary_problems;
mod compressed;
mod convex;
mod draw;
mod local;
mod losses;
mod privacy;
mod single;

use std::error::Error;

/// A simulated configuration.
pub struct Outcome {
    /// Mean over independent repetitions of what the bound is on.
    pub measured: f64,
    /// Standard error of that mean.
    pub standard_error: f64,
    /// Each form of the bound.
    pub bounds: Vec<(&'static str, f64)>,
    /// The form must be met from both sides, not only from below.
    pub exact: bool,
}

/// Standard errors that count as certain.
pub const MARGIN: f64 = 4.0;

/// What a simulation says of a bound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    /// The measured mean plus the margin is below the bound (for an exact value: within the margin of it).
    Kept,
    /// The bound lies within the margin above or below the mean: too close to tell with so many repetitions.
    Unresolved,
    /// The measured mean minus the margin is above the bound.
    Broken,
}

impl Outcome {
    fn of(samples: &[f64], bounds: Vec<(&'static str, f64)>) -> Self {
        let count = samples.len() as f64;
        let measured = samples.iter().sum::<f64>() / count;
        let squares: f64 = samples.iter().map(|x| (x - measured).powi(2)).sum();
        Self { measured, standard_error: (squares / (count - 1.0) / count).sqrt(), bounds, exact: false }
    }

    pub fn verdict(&self, index: usize) -> Verdict {
        let bound = self.bounds[index].1;
        // Without noise the two sides may be equal but for rounding.
        let margin = MARGIN * self.standard_error + 1e-12 * bound;
        match self.measured - bound {
            excess if self.exact && excess.abs() <= margin => Verdict::Kept,
            excess if self.exact || excess > margin => Verdict::Broken,
            excess if excess + MARGIN * self.standard_error <= 1e-12 * bound => Verdict::Kept,
            _ => Verdict::Unresolved,
        }
    }
}

type Run = fn(u64) -> Result<Outcome, Box<dyn Error>>;

/// All checks by name; the first is the theorem's own.
pub const CHECKS: [(&str, Run); 15] = [
    ("local-steps", local::all_clusters),
    ("local-steps-sharp", local::sharp_current),
    ("local-steps-sharp-any-ages", local::sharp_any_ages),
    ("local-steps-sharp-convex", local::sharp_convex),
    ("partial-participation", local::sampled_clusters),
    ("without-replacement", local::different_clusters),
    ("virtual-average", convex::virtual_average),
    ("pipeline-depth", single::pipeline_depth),
    ("constraint", adaptive::constraint),
    ("mini-batch-sgd", single::mini_batch),
    ("local-sgd-bounded-gradients", convex::bounded_gradients),
    ("strongly-convex-fedavg", convex::strongly_convex),
    ("gaussian-mechanism", privacy::training),
    ("privacy-delta", privacy::delta),
    ("compressed-activations", compressed::training),
];

/// One form of a bound over many configurations.
pub struct Row {
    pub check: &'static str,
    pub form: &'static str,
    pub configurations: usize,
    /// Seeds of configurations in which it was broken.
    pub broken: Vec<u64>,
    /// Seeds of configurations that were too close to tell.
    pub unresolved: Vec<u64>,
    /// bound/measured, ascending.
    pub ratios: Vec<f64>,
}

impl Row {
    /// Quantile of the ratios by rank: 0 the least, 1 the largest.
    pub fn quantile(&self, fraction: f64) -> f64 {
        self.ratios[(fraction * (self.ratios.len() - 1) as f64).round() as usize]
    }
}

/// Runs a check on seeds `first..first + count`.
pub fn run(check: usize, first: u64, count: u64) -> Result<Vec<Row>, Box<dyn Error>> {
    let (name, simulate) = CHECKS[check];
    let mut rows: Vec<Row> = Vec::new();
    for seed in first..first + count {
        let outcome = simulate(seed).map_err(|error| format!("{name}, seed {seed}: {error}"))?;
        for (index, &(form, bound)) in outcome.bounds.iter().enumerate() {
            if rows.len() == index {
                let (broken, unresolved, ratios) = Default::default();
                rows.push(Row { check: name, form, configurations: 0, broken, unresolved, ratios });
            }
            let row = &mut rows[index];
            row.configurations += 1;
            row.ratios.push(bound / outcome.measured);
            match outcome.verdict(index) {
                Verdict::Kept => {}
                Verdict::Unresolved => row.unresolved.push(seed),
                Verdict::Broken => row.broken.push(seed),
            }
        }
    }
    for row in &mut rows {
        row.ratios.sort_by(f64::total_cmp);
    }
    Ok(rows)
}
