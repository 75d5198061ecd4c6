//! Decisions drawn at random.

use std::borrow::Cow;

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64;

use super::sizes::caps;
use super::{Choice, Policy, SlotContext, classical_alone};
use crate::ground::seed;
use crate::problem::DeviceId;
use crate::problem::{Cluster, ClusterDecision, Decision, Link, Participation, SlotProblem, evaluate};
use crate::scenario::Scenario;
use crate::simulation::rounds::FEASIBLE;
use crate::simulation::{Outage, RunError};
use crate::solver::backend::Segments;

/// Separates these draws from every other use of the seed; must never change.
const DRAW: u64 = 0x7261_6e64_6f6d_3031;

/// Draws before a slot counts as an outage: with links that are missing a drawn path may not exist.
const DRAWS: u32 = 100;

/// A random plan and random segments that fit; equal shares of the band for the hops and full power.
///
/// Ignores everything but the constraints. Every device first has one block, the others go one by one to a random
/// device with room; under participation `select` the devices are a random subset that holds the model. The draw of a
/// slot depends on seed and slot alone. Stands for the random baselines of comparisons: the cost of no planning at
/// all.
#[derive(Clone, Copy, Debug)]
pub struct Random {
    seed: u64,
}

impl Random {
    /// Draws by this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }
}

impl Policy for Random {
    fn name(&self) -> Cow<'static, str> {
        "random".into()
    }

    fn refuses(&self, scenario: &Scenario) -> Option<String> {
        classical_alone(scenario)
    }

    fn decide(&mut self, slot: &SlotContext<'_>) -> Result<Choice, RunError> {
        let problem = slot.problem();
        let state = seed::hash(self.seed, &[DRAW, slot.slot()]);
        let mut rng = Pcg64::new(u128::from(state) << 64 | u128::from(seed::splitmix64(state)), u128::from(DRAW));
        let caps = caps(problem);
        for _ in 0..DRAWS {
            let Some(decision) = draw(problem, &caps, &mut rng) else {
                return Ok(Choice::Outage(Outage::no_round("the devices that can take part do not hold all blocks")));
            };
            // Whether the path exists; the run evaluates for itself.
            if evaluate(problem, &decision).is_ok_and(|found| found.feasibility.is_feasible(FEASIBLE)) {
                return Ok(Choice::Decision(decision));
            }
        }
        Ok(Choice::Outage(Outage::no_round(format!(
            "none of {DRAWS} random decisions keeps the constraints; there may be others"
        ))))
    }
}

fn draw(problem: &SlotProblem, caps: &[Vec<u32>], rng: &mut Pcg64) -> Option<Decision> {
    let plan = rng.random_range(0..problem.plans.len());
    let each = problem.clusters.iter().zip(caps);
    let clusters = each.map(|(cluster, caps)| Some(equal_shares(problem, cluster, segments(problem, caps, rng)?)));
    Some(Decision { plan, clusters: clusters.collect::<Option<_>>()? })
}

/// Random devices and sizes; none where nothing fits.
fn segments(problem: &SlotProblem, caps: &[u32], rng: &mut Pcg64) -> Option<Segments> {
    let blocks = problem.encoder.blocks();
    let mut devices: Vec<(usize, u32)> = caps.iter().copied().enumerate().filter(|(_, cap)| *cap > 0).collect();
    match problem.participation {
        Participation::All if devices.len() < caps.len() => return None,
        Participation::All => {}
        Participation::Select => {
            devices.shuffle(rng);
            let mut room = 0;
            let enough = devices.iter().position(|(_, cap)| {
                room += u64::from(*cap);
                room >= u64::from(blocks)
            });
            let most = devices.len().min(blocks as usize);
            // A prefix that holds the model has no more devices than blocks: the last of them is needed.
            devices.truncate(rng.random_range(enough? + 1..=most.max(enough? + 1)));
            devices.sort_unstable();
        }
    }
    let mut left = blocks.checked_sub(u32::try_from(devices.len()).ok()?)?;
    let mut sizes = vec![1; devices.len()];
    while left > 0 {
        let open: Vec<usize> = devices
            .iter()
            .zip(&sizes)
            .enumerate()
            .filter(|(_, ((_, cap), size))| *size < cap)
            .map(|(k, _)| k)
            .collect();
        if open.is_empty() {
            return None;
        }
        *sizes.get_mut(*open.get(rng.random_range(0..open.len()))?)? += 1;
        left -= 1;
    }
    Some(Segments { active: devices.into_iter().map(|(k, _)| DeviceId(k)).collect(), sizes })
}

/// Full power, and the bands in equal shares among the hops that there are.
fn equal_shares(problem: &SlotProblem, cluster: &Cluster, segments: Segments) -> ClusterDecision {
    let Segments { active, sizes } = segments;
    let hops = active.len() as f64 + 1.0;
    let power =
        |k: &DeviceId| cluster.devices.get(k.0).map_or(cluster.edge_server.max_power_w, |device| device.max_power_w);
    let link = |power_w| Some(Link { bandwidth_hz: cluster.bandwidth_hz / hops, power_w });
    let unit = cluster.control_unit.max_power_w;
    ClusterDecision {
        forward: std::iter::once(unit).chain(active.iter().map(power)).map(link).collect(),
        backward: active.iter().map(power).chain([cluster.edge_server.max_power_w]).map(link).collect(),
        collection_power_w: active.iter().map(power).map(Some).collect(),
        distribution_power_w: vec![Some(unit); active.len()],
        upload: Some(Link { bandwidth_hz: problem.uplink.bandwidth_hz / problem.clusters.len() as f64, power_w: unit }),
        active,
        sizes,
        ..ClusterDecision::default()
    }
}
