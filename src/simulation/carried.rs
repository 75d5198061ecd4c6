//! A decision of an earlier slot for the devices that are still there: what a service does where no new one is found in
//! time.

use crate::problem::program::compute_time_per_sample;
use crate::problem::{Cluster, Decision, DeviceId, Encoder, Participation, SlotProblem, block_cap};
use crate::scenario::SlotInstance;
use crate::solver::backend::{RadioFor, Segments};

/// The plan and segments of an earlier slot's decision, changed as little as the devices of another slot of the same
/// scenario ask for; `None` where the devices cannot hold the encoder, and beyond the classical problem
/// ([`SlotSpec::is_classical`](crate::problem::SlotSpec::is_classical)).
///
/// Devices that are still there keep their segments, blocks of those that are gone go one by one to the devices on which
/// they finish first, by computing alone, and within their memory ([`block_cap`]). Devices that did not take part do so
/// only where they must: all with participation `all`, otherwise where the others' memory does not suffice.
/// [`solve_radio`](crate::solver::solve_radio) then finds the best bandwidths and powers, which takes much less than to
/// choose the segments, and says how far the decision is from the best with *these* segments.
///
/// ```
/// # #[cfg(feature = "scenario")]
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use collapipe::scenario::{BUILTIN, ScenarioFile, SlotState};
/// use collapipe::simulation::carried_over;
/// use collapipe::solver::{Settings, solve, solve_radio};
/// let scenario = ScenarioFile::parse(BUILTIN, "".as_ref())?.build()?;
/// let state = scenario.sampler().next_slot();
/// let earlier = state.problem(|_| 0.0)?;
/// let solution = solve(&earlier.problem, &Settings::default())?;
/// let decision = &solution.certified().ok_or("infeasible")?.decision;
///
/// // The first device of the first cluster is gone.
/// let mut present = state.present().to_vec();
/// present[0].remove(0);
/// let now = SlotState::measured(&scenario, 1, present, state.gains().collect())?.problem(|_| 0.0)?;
/// let segments = carried_over((&earlier, decision), &now).ok_or("too little memory")?;
/// let radio = solve_radio(&now.problem, &segments, &Settings::default())?;
/// assert!(radio.certified().ok_or("no link")?.evaluation.feasibility.is_feasible(1e-9));
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "scenario"))]
/// # fn main() {}
/// ```
#[must_use]
pub fn carried_over((earlier, decision): (&SlotInstance, &Decision), now: &SlotInstance) -> Option<RadioFor> {
    let problem = &now.problem;
    problem.plans.get(decision.plan)?;
    if !problem.is_classical() || decision.clusters.len() != problem.clusters.len() {
        return None;
    }
    let clusters = problem.clusters.iter().enumerate().zip(&decision.clusters).map(|((n, cluster), choice)| {
        let (before, there) = (earlier.present.get(n)?, now.present.get(n)?);
        let mut sizes = vec![0; cluster.devices.len()];
        for (device, &size) in choice.active.iter().zip(&choice.sizes) {
            let of_scenario = before.get(device.0)?;
            // Lists of present devices are in order.
            if let Some(kept) = there.binary_search(of_scenario).ok().and_then(|k| sizes.get_mut(k)) {
                *kept = size;
            }
        }
        segments(problem, cluster, sizes)
    });
    Some(RadioFor { plan: decision.plan, clusters: clusters.collect::<Option<_>>()? })
}

/// Sizes that hold the encoder, from those given; `None` where there is not enough memory.
fn segments(problem: &SlotProblem, cluster: &Cluster, mut sizes: Vec<u32>) -> Option<Segments> {
    let Encoder::Equal(encoder) = &problem.encoder else { return None };
    let blocks = encoder.blocks;
    let all = problem.participation == Participation::All;
    let caps: Vec<u32> = cluster.devices.iter().map(|device| block_cap(problem, cluster, device).min(blocks)).collect();
    let times = cluster.devices.iter().map(|device| compute_time_per_sample(encoder, device).0);
    let times: Vec<f64> = times.collect();
    for (size, &cap) in sizes.iter_mut().zip(&caps) {
        *size = (*size).clamp(u32::from(all).min(cap), cap);
        if all && *size == 0 {
            return None;
        }
    }
    let finish = |(k, size): (usize, u32)| f64::from(size) * times.get(k).copied().unwrap_or(f64::INFINITY);
    loop {
        let placed: u32 = sizes.iter().sum();
        let each = sizes.iter().copied().enumerate();
        let change = match placed.cmp(&blocks) {
            std::cmp::Ordering::Equal => break,
            // Devices that joined hold a block each: it comes from the slowest segment.
            std::cmp::Ordering::Greater => {
                let slowest = each.filter(|&(_, size)| size > 1).max_by(|a, b| finish(*a).total_cmp(&finish(*b)));
                slowest.map(|(k, size)| (k, size - 1))
            }
            std::cmp::Ordering::Less => {
                let room = each.filter(|&(k, size)| caps.get(k).is_some_and(|cap| size < *cap));
                let larger: Vec<(usize, u32)> = room.map(|(k, size)| (k, size + 1)).collect();
                let first =
                    |of: &mut dyn Iterator<Item = (usize, u32)>| of.min_by(|a, b| finish(*a).total_cmp(&finish(*b)));
                // Whoever takes part already, first.
                first(&mut larger.iter().copied().filter(|&(_, size)| size > 1))
                    .or_else(|| first(&mut larger.iter().copied()))
            }
        };
        let (k, size) = change?;
        *sizes.get_mut(k)? = size;
    }
    let active = sizes.iter().enumerate().filter(|(_, size)| **size > 0).map(|(k, _)| DeviceId(k)).collect();
    Some(Segments { active, sizes: sizes.into_iter().filter(|size| *size > 0).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instances::InstanceSize;
    use crate::solver::{Settings, solve, solve_radio};
    use crate::units::Bytes;

    /// Every subset of the devices of small problems, from the decision with all of them.
    #[test]
    fn what_is_left_holds_the_encoder_or_cannot() {
        let mut refused = 0;
        for (seed, participation) in (0..40).zip([Participation::All, Participation::Select].into_iter().cycle()) {
            let size = InstanceSize { devices: 4, blocks: 7, plans: 3, participation, ..InstanceSize::default() };
            let mut spec = size.sample(seed).unwrap().into_spec();
            // Room for three blocks each: two devices are not enough.
            let per_block = crate::problem::program::block_memory(&spec.encoder.mean_block(), &spec.clusters[0]);
            for device in &mut spec.clusters[0].devices {
                device.memory_bytes = Bytes(3.0 * per_block);
            }
            let problem = SlotProblem::new(spec.clone()).unwrap();
            let solution = solve(&problem, &Settings::default()).unwrap();
            let decision = &solution.certified().unwrap().decision;
            let earlier = SlotInstance { problem, present: vec![vec![0, 1, 2, 3]] };
            for subset in 1_u32..16 {
                let present: Vec<usize> = (0..4).filter(|k| subset >> k & 1 == 1).collect();
                let mut left = spec.clone();
                let cluster = &mut left.clusters[0];
                cluster.devices = present.iter().map(|&k| cluster.devices[k].clone()).collect();
                let nodes: Vec<usize> = std::iter::once(0).chain(present.iter().map(|k| k + 1)).chain([5]).collect();
                let gains = cluster.gain_to_noise_hz_per_w.0.select_rows(&nodes).select_columns(&nodes);
                cluster.gain_to_noise_hz_per_w.0 = gains;
                let now = SlotInstance { problem: SlotProblem::new(left).unwrap(), present: vec![present.clone()] };
                match carried_over((&earlier, decision), &now) {
                    None => {
                        refused += 1;
                        assert!(present.len() < 3, "{present:?} have room");
                    }
                    Some(segments) => {
                        let radio = solve_radio(&now.problem, &segments, &Settings::default()).unwrap();
                        assert!(radio.certified().unwrap().evaluation.feasibility.is_feasible(1e-9));
                        if present.len() == 4 {
                            assert_eq!(segments, RadioFor::decision(decision), "nobody left");
                        }
                    }
                }
            }
        }
        assert_eq!(refused, 40 * 10, "all subsets of one or two devices, and no other");
    }

    /// Devices that join under participation `all` take blocks from the slowest.
    #[test]
    fn newcomers_take_a_block_each() {
        let size = InstanceSize { devices: 4, blocks: 5, plans: 1, ..InstanceSize::default() };
        let all = size.sample(5).unwrap();
        let mut spec = all.clone().into_spec();
        let cluster = &mut spec.clusters[0];
        cluster.devices.truncate(2);
        let gains = cluster.gain_to_noise_hz_per_w.0.select_rows(&[0, 1, 2, 5]).select_columns(&[0, 1, 2, 5]);
        cluster.gain_to_noise_hz_per_w.0 = gains;
        let earlier = SlotInstance { problem: SlotProblem::new(spec).unwrap(), present: vec![vec![0, 1]] };
        let solution = solve(&earlier.problem, &Settings::default()).unwrap();
        let decision = &solution.certified().unwrap().decision;
        let now = SlotInstance { problem: all, present: vec![vec![0, 1, 2, 3]] };
        let carried = carried_over((&earlier, decision), &now).unwrap();
        let (before, after) = (&decision.clusters[0].sizes, &carried.clusters[0].sizes);
        assert_eq!((after.len(), after.iter().sum::<u32>(), &after[2..]), (4, 5, &[1, 1][..]));
        assert!(after[0] <= before[0] && after[1] <= before[1]);
    }
}
