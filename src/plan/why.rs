//! What else was possible, and what more would be worth: by solving again.

use super::ExplainError;
use super::report::{Names, Price, Resource, Variant, Why};
use super::variant::{second_version, with_exactly, without};
use crate::problem::{Participation, SlotProblem, SlotSpec};
use crate::solver::{Certified, Settings, SolveError, Solver};
use crate::units::{Bytes, Hertz, Watts};

pub(super) struct Asked<'a> {
    pub problem: &'a SlotProblem,
    pub best: &'a Certified,
    pub names: &'a Names,
    pub settings: &'a Settings,
}

/// An optimum of a variant, or why there is none.
struct Optimum {
    objective: f64,
    latency_s: f64,
    gap: f64,
}

impl Asked<'_> {
    pub fn answer(&self) -> Result<Why, ExplainError> {
        let mut solver = Solver::new(*self.settings).map_err(SolveError::from)?;
        let variants = self.variants(&mut solver)?;
        let prices = self.prices(&mut solver)?;
        Ok(Why { variants, prices })
    }

    fn own(&self) -> Optimum {
        let best = self.best;
        Optimum { objective: best.objective(), latency_s: best.evaluation.round_latency.0, gap: best.gap }
    }

    fn variants(&self, solver: &mut Solver) -> Result<Vec<Variant>, ExplainError> {
        let own = self.own();
        // Blocks are limited by fields of schema 2.
        let second = second_version(self.problem);
        let mut in_second: Option<Optimum> = None;
        let mut variants = Vec::new();
        for (cluster, (of, choice)) in self.problem.clusters.iter().zip(&self.best.decision.clusters).enumerate() {
            for device in 0..of.devices.len() {
                let held = choice.active.iter().zip(&choice.sizes).find(|(active, _)| active.0 == device);
                let mut tried = |change: String, against: &Optimum, spec: SlotSpec, solver: &mut Solver| {
                    let found = optimum(solver, spec)?;
                    variants.push(self.variant(cluster, device, change, against, found));
                    Ok::<(), ExplainError>(())
                };
                let Some((_, &size)) = held else {
                    let with: Vec<usize> = choice.active.iter().map(|active| active.0).chain([device]).collect();
                    tried("taking part".into(), &own, with_exactly(self.problem, cluster, &with), solver)?;
                    continue;
                };
                tried("left out".into(), &own, without(self.problem, cluster, device), solver)?;
                let against = match &in_second {
                    Some(found) => found,
                    None => match optimum(solver, second.clone())? {
                        Ok(found) => in_second.insert(found),
                        Err(_) => continue,
                    },
                };
                let limited = |least: Option<u32>, most: Option<u32>| {
                    let mut spec = second.clone();
                    if let Some(of) = spec.clusters.get_mut(cluster).and_then(|of| of.devices.get_mut(device)) {
                        of.min_blocks = least.or(of.min_blocks);
                        of.max_blocks = most.or(of.max_blocks);
                    }
                    spec
                };
                // "Where it takes part": with the choice of devices open, the limit alone would let it leave.
                let among = |spec: SlotSpec| match self.problem.participation {
                    Participation::All => spec,
                    Participation::Select => {
                        let active: Vec<usize> = choice.active.iter().map(|active| active.0).collect();
                        with_exactly(&spec, cluster, &active)
                    }
                };
                if size > 1 {
                    let most = size - 1;
                    tried(blocks("at most", most), against, limited(None, Some(most)), solver)?;
                }
                if choice.active.len() > 1 {
                    let least = size + 1;
                    tried(blocks("at least", least), against, among(limited(Some(least), None)), solver)?;
                }
            }
        }
        Ok(variants)
    }

    fn variant(
        &self,
        cluster: usize,
        device: usize,
        change: String,
        against: &Optimum,
        found: Result<Optimum, String>,
    ) -> Variant {
        let names = self.names.of(cluster);
        let (found, reason) = match found {
            Ok(found) => (Some(found), None),
            Err(reason) => (None, Some(reason)),
        };
        let cost = |found: &Optimum| (found.objective - against.objective) / self.problem.latency_weight;
        Variant {
            cluster: names.cluster(),
            device: names.device(device),
            change,
            cost_s: found.as_ref().map(cost),
            latency_change_s: found.as_ref().map(|found| found.latency_s - against.latency_s),
            gap: found.map(|found| found.gap),
            reason,
        }
    }

    fn prices(&self, solver: &mut Solver) -> Result<Vec<Price>, ExplainError> {
        const MHZ: f64 = 1e6;
        const GIB: f64 = 1_073_741_824.0;
        let mut prices = Vec::new();
        let price = |of: String, resource: Resource, change: &dyn Fn(&mut SlotSpec), solver: &mut Solver| {
            let mut spec = SlotSpec::clone(self.problem);
            change(&mut spec);
            let found = optimum(solver, spec)?.ok().map(|found| {
                let saves_s = (self.best.objective() - found.objective) / self.problem.latency_weight;
                Price { of, resource, more: 1.0, saves_s, gap: found.gap }
            });
            Ok::<Option<Price>, ExplainError>(found)
        };
        let uplink = |spec: &mut SlotSpec| spec.uplink.bandwidth_hz += Hertz(MHZ);
        prices.extend(price(String::new(), Resource::UplinkMhz, &uplink, solver)?);
        for (cluster, (of, choice)) in self.problem.clusters.iter().zip(&self.best.decision.clusters).enumerate() {
            let names = self.names.of(cluster);
            let in_cluster = |spec: &mut SlotSpec, change: &dyn Fn(&mut crate::problem::Cluster)| {
                if let Some(of) = spec.clusters.get_mut(cluster) {
                    change(of);
                }
            };
            let band = |spec: &mut SlotSpec| in_cluster(spec, &|of| of.bandwidth_hz += Hertz(MHZ));
            prices.extend(price(names.cluster(), Resource::BandMhz, &band, solver)?);
            let power = |spec: &mut SlotSpec| in_cluster(spec, &|of| of.control_unit.max_power_w += Watts(1.0));
            let control_unit = format!("{}/control unit", names.cluster());
            prices.extend(price(control_unit, Resource::PowerW, &power, solver)?);
            for device in choice.active.iter().map(|active| active.0) {
                let name = format!("{}/{}", names.cluster(), names.device(device));
                let memory = |spec: &mut SlotSpec| {
                    in_cluster(spec, &|of| {
                        of.devices.get_mut(device).into_iter().for_each(|of| of.memory_bytes += Bytes(GIB));
                    });
                };
                prices.extend(price(name.clone(), Resource::MemoryGib, &memory, solver)?);
                let power = |spec: &mut SlotSpec| {
                    in_cluster(spec, &|of| {
                        of.devices.get_mut(device).into_iter().for_each(|of| of.max_power_w += Watts(1.0));
                    });
                };
                prices.extend(price(name.clone(), Resource::PowerW, &power, solver)?);
            }
            for (device, of) in of.devices.iter().enumerate().filter(|(_, of)| of.energy_price > 0.0) {
                let name = format!("{}/{}", names.cluster(), names.device(device));
                let saves_s = of.energy_price / self.problem.latency_weight;
                prices.push(Price { of: name, resource: Resource::EnergyJ, more: 1.0, saves_s, gap: 0.0 });
            }
        }
        Ok(prices)
    }
}

fn blocks(limit: &str, count: u32) -> String {
    format!("{limit} {count} block{}", if count == 1 { "" } else { "s" })
}

/// The best decision of a variant, or why there is none.
fn optimum(solver: &mut Solver, spec: SlotSpec) -> Result<Result<Optimum, String>, ExplainError> {
    let problem = match SlotProblem::new(spec) {
        Ok(problem) => problem,
        // A cluster without a device, limits that contradict each other.
        Err(error) => return Ok(Err(error.to_string())),
    };
    let solution = solver.solve(&problem)?;
    Ok(match solution.outcome {
        Ok(best) => {
            Ok(Optimum { objective: best.objective(), latency_s: best.evaluation.round_latency.0, gap: best.gap })
        }
        Err(reasons) => Err(reasons.to_string()),
    })
}
