//! A slot problem of one's own: transmit power over a fading channel, as much data as possible within an average power
//! and a share of the slots. Prints what the run proves and writes its record, table and figures.
//!
//! `cargo run --release --example own_problem -- --out own-problem-out`

use std::convert::Infallible;
use std::path::PathBuf;

use collapipe::lyapunov::{DriftProblem, Engine, Labels, Minimum, Weights};
use collapipe::report::{drift_summary, write_drift_folder};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

/// One sender: its rate is ln(1 + power · gain); it loses what it would have had at the peak power.
struct Sender;

impl Sender {
    /// In watts.
    const PEAK: f64 = 4.0;
    /// Budgets: mean power in watts, share of the slots in which it sends.
    const POWER: f64 = 0.5;
    const AIRTIME: f64 = 0.4;
}

impl DriftProblem for Sender {
    /// The channel's gain, per watt.
    type State = f64;
    /// The power in watts.
    type Action = f64;
    type Error = Infallible;

    fn labels(&self) -> Labels {
        Labels::new("lost rate", "nat/s/Hz", ["mean power", "airtime"]).with_violation_unit("budgets")
    }

    fn minimize(&mut self, gain: &f64, weights: Weights) -> Result<Minimum<f64>, Infallible> {
        let act = |power: f64| {
            let airtime = f64::from(power > 0.0);
            let violations = vec![power / Self::POWER - 1.0, airtime / Self::AIRTIME - 1.0];
            let lost = (Self::PEAK * gain).ln_1p() - (power * gain).ln_1p();
            Minimum::new(power, lost, violations).exact()
        };
        // If it sends, water-filling: V gain/(1 + power gain) = Q/budget. If that costs more than it brings, it is
        // silent.
        let level = weights.penalty * Self::POWER / weights.queues[0];
        let (send, silent) = (act((level - 1.0 / gain).clamp(0.0, Self::PEAK)), act(0.0));
        Ok(if weights.cost_of(&send) < weights.cost_of(&silent) { send } else { silent })
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = match (arguments.next().as_deref(), arguments.next()) {
        (None, _) => std::env::temp_dir().join(format!("collapipe-own-problem-{}", std::process::id())),
        (Some("--out"), Some(folder)) => PathBuf::from(folder),
        _ => return Err("usage: own_problem [--out FOLDER]".into()),
    };
    // Rayleigh fading: exponential gains, mean 2 per watt.
    let mut rng = Pcg64::seed_from_u64(1);
    let gains: Vec<f64> = (0..1000).map(|_| -2.0 * (1.0 - rng.random::<f64>()).ln()).collect();

    let record = Engine::new(Sender, gains.iter().copied(), 30.0)?.run()?;
    let comparison = record.compare(&mut Sender, &gains)?;
    let summary = drift_summary(&record, Some(&comparison))?;
    print!("{summary}");
    if !summary.certified() {
        return Err("a certificate does not hold".into());
    }
    for path in write_drift_folder(&record, Some(&comparison), &folder)? {
        println!("{}", path.display());
    }
    Ok(())
}
