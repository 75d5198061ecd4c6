//! Slots that follow one another: the same problem under channels and prices that wander.

use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use rand_pcg::Pcg64;

use super::InstanceSize;
use crate::problem::{ProblemError, SlotProblem, SlotSpec};

/// Correlation of a link's gain, or of a price, between two slots.
const CORRELATION: f64 = 0.95;
/// Standard deviation of a gain about its mean [dB]; by 0.63 dB from slot to slot.
const GAIN_DB: f64 = 2.0;
/// Standard deviation of the logarithm of an energy price.
const PRICE: f64 = 0.1;

/// Slots that follow one another, without end: gains of links and prices of energy are log-normal about those of a
/// drawn problem and change little from slot to slot (Gauss-Markov, correlation 0.95, 2 dB for gains, 10 % for prices).
#[derive(Clone, Debug)]
pub struct Slots {
    mean: SlotSpec,
    rng: Pcg64,
    /// Standard normal, per cluster: one per pair of nodes, then one per device and one for the control unit.
    state: Vec<Vec<f64>>,
}

impl InstanceSize {
    /// Draws slots that follow one another; the same seed gives the same slots on every machine.
    ///
    /// ```
    /// use collapipe::instances::InstanceSize;
    /// use collapipe::solver::{Settings, Solver};
    /// let mut solver = Solver::new(Settings::default())?;
    /// let mut plans = Vec::new();
    /// let size = InstanceSize { devices: 3, blocks: 6, ..InstanceSize::default() };
    /// for problem in size.slots(5)?.take(4) {
    ///     let solution = solver.solve(&problem)?;
    ///     plans.push(solution.certified().ok_or("infeasible")?.decision.plan);
    /// }
    /// assert_eq!(plans.len(), 4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`InstanceSize::sample`].
    pub fn slots(&self, seed: u64) -> Result<Slots, ProblemError> {
        let mean = self.sample(seed)?.into_spec();
        // Another stream than that of the problem itself.
        let mut rng = Pcg64::seed_from_u64(seed ^ 0x5107_5107_5107_5107);
        let state = mean.clusters.iter().map(|cluster| {
            let nodes = cluster.devices.len() + 2;
            (0..nodes * (nodes - 1) / 2 + nodes - 1).map(|_| StandardNormal.sample(&mut rng)).collect()
        });
        let state = state.collect();
        Ok(Slots { mean, rng, state })
    }
}

impl Iterator for Slots {
    type Item = SlotProblem;

    /// Gains and prices stay finite and positive, so that every slot is a valid problem and there is always a next one.
    fn next(&mut self) -> Option<SlotProblem> {
        let mut spec = self.mean.clone();
        for (cluster, state) in spec.clusters.iter_mut().zip(&mut self.state) {
            let mut states = state.iter().copied();
            let mut factor = |deviation: f64| (deviation * states.next().unwrap_or(0.0)).exp();
            let gains = &mut cluster.gain_to_noise_hz_per_w.0;
            let nepers = GAIN_DB * std::f64::consts::LN_10 / 10.0;
            for i in 0..gains.nrows() {
                for j in 0..i {
                    let change = factor(nepers);
                    gains[(i, j)] *= change;
                    gains[(j, i)] *= change;
                }
            }
            cluster.control_unit.energy_price *= factor(PRICE);
            for device in &mut cluster.devices {
                device.energy_price *= factor(PRICE);
            }
            let innovation = (1.0 - CORRELATION * CORRELATION).sqrt();
            for value in state {
                let fresh: f64 = StandardNormal.sample(&mut self.rng);
                *value = CORRELATION * *value + innovation * fresh;
            }
        }
        SlotProblem::new(spec).ok()
    }
}
