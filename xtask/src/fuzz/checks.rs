//! What must hold of every solution, checked without the solver's help.

use std::time::{Duration, Instant};

use collapipe::problem::{Decision, Link, Participation, SlotProblem, SlotSpec, Status, evaluate};
use collapipe::solver::{Certified, Settings, Solution, solve};
use collapipe::units::{Bytes, Hertz};

use super::problems::Draw;

/// Worst values over all problems.
#[derive(Default)]
pub struct Summary {
    pub solved: u64,
    pub infeasible: u64,
    pub enumerated: u64,
    pub choices: u64,
    /// (value, seed)
    pub gap_single: (f64, u64),
    pub gap_network: (f64, u64),
    pub gap_of_size: (f64, u64),
    pub violation: (f64, u64),
    pub gain_by_perturbation: (f64, u64),
    pub excess_over_enumeration: (f64, u64),
    pub slowest_single: (f64, u64),
    pub slowest_network: (f64, u64),
    pub total: Duration,
}

fn raise(worst: &mut (f64, u64), value: f64, seed: u64) {
    if value > worst.0 || value.is_nan() {
        *worst = (value, seed);
    }
}

impl Summary {
    /// Adds what has been seen elsewhere.
    pub fn merge(&mut self, other: Self) {
        self.solved += other.solved;
        self.infeasible += other.infeasible;
        self.enumerated += other.enumerated;
        self.choices += other.choices;
        self.total += other.total;
        for (worst, (value, seed)) in [
            (&mut self.gap_single, other.gap_single),
            (&mut self.gap_network, other.gap_network),
            (&mut self.gap_of_size, other.gap_of_size),
            (&mut self.violation, other.violation),
            (&mut self.gain_by_perturbation, other.gain_by_perturbation),
            (&mut self.excess_over_enumeration, other.excess_over_enumeration),
            (&mut self.slowest_single, other.slowest_single),
            (&mut self.slowest_network, other.slowest_network),
        ] {
            raise(worst, value, seed);
        }
    }
}

/// What is wrong, and with which problem if it is not the one that was drawn.
pub struct Failure {
    pub text: String,
    pub problem: Option<Box<SlotProblem>>,
    /// Whether all is valid but the bound of a network, which may leave a gap, leaves an unusually wide one.
    pub wide_gap: bool,
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self { text, problem: None, wide_gap: false }
    }
}

/// Solves a problem to the gap that is asked of its kind, and notes the time that it takes.
pub fn solved(problem: &SlotProblem, seed: u64, summary: &mut Summary) -> Result<(Solution, Settings), Failure> {
    let single = problem.clusters.len() == 1;
    let settings = Settings { gap: if single { 1e-7 } else { 1e-4 }, ..Settings::default() };
    let start = Instant::now();
    let solution = solve(problem, &settings).map_err(|error| format!("error: {error}"))?;
    let elapsed = start.elapsed();
    summary.total += elapsed;
    let slowest = if single { &mut summary.slowest_single } else { &mut summary.slowest_network };
    raise(slowest, elapsed.as_secs_f64(), seed);
    if solution.certified().is_some() {
        summary.solved += 1
    } else {
        summary.infeasible += 1
    }
    Ok((solution, settings))
}

/// What must hold of a decision, its bound and its status, whatever the problem; returns the gap relative to the size of its terms.
pub fn check_answer(
    problem: &SlotProblem,
    (solution, best): (&Solution, &Certified),
    settings: &Settings,
    seed: u64,
    summary: &mut Summary,
) -> Result<f64, Failure> {
    let single = problem.clusters.len() == 1;
    let again = evaluate(problem, &best.decision).map_err(|error| format!("decision: {error}"))?;
    raise(&mut summary.violation, again.feasibility.worst(), seed);
    if !again.feasibility.is_feasible(1e-9) {
        return Err(format!("violates constraints: {}", again.feasibility).into());
    }
    if best.lower_bound > best.objective() || best.lower_bound.is_nan() {
        return Err(format!("lower bound {} above the objective {}", best.lower_bound, best.objective()).into());
    }
    raise(if single { &mut summary.gap_single } else { &mut summary.gap_network }, best.gap, seed);
    let scale = best.evaluation.terms.magnitude();
    let relative = if scale > 0.0 { (best.objective() - best.lower_bound) / scale } else { 0.0 };
    if single {
        raise(&mut summary.gap_of_size, relative, seed);
    }
    if is_wide(relative, single) {
        let text = format!("gap {:e} of {:e}, status {:?}", best.gap, best.objective(), solution.status);
        return Err(Failure { text, problem: None, wide_gap: !single });
    }
    if best.gap <= settings.gap && solution.status != Status::Optimal {
        return Err(format!("gap {:e} but status {:?}", best.gap, solution.status).into());
    }
    Ok(relative)
}

fn is_wide(relative: f64, single: bool) -> bool {
    relative > if single { 1e-6 } else { 1e-3 }
}

/// Every plan with every choice of a part for each cluster, where these are few; what is wrong with one of them ends it.
pub fn each_choice<T>(
    per_cluster: &[Vec<T>],
    plans: usize,
    most_choices: usize,
    summary: &mut Summary,
    mut check: impl FnMut(usize, &[&T], &mut Summary) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let count = per_cluster.iter().map(Vec::len).product::<usize>() * plans;
    if count == 0 || count > most_choices {
        return Ok(());
    }
    summary.enumerated += 1;
    summary.choices += count as u64;
    for plan in 0..plans {
        let mut index = vec![0; per_cluster.len()];
        loop {
            let chosen: Vec<&T> = per_cluster.iter().zip(&index).map(|(choices, &i)| &choices[i]).collect();
            check(plan, &chosen, summary)?;
            let Some(next) = (0..index.len()).find(|&n| index[n] + 1 < per_cluster[n].len()) else { break };
            index[next] += 1;
            index[..next].fill(0);
        }
    }
    Ok(())
}

/// A choice by itself must not cost less than what is proved of all of them.
pub fn check_choice(
    best: &Certified,
    alone: &Certified,
    (seed, described): (u64, &dyn Fn() -> String),
    summary: &mut Summary,
) -> Result<(), Failure> {
    let scale = best.evaluation.terms.magnitude();
    if alone.objective() < best.lower_bound - 1e-12 * scale {
        let (found, bound) = (alone.objective(), best.lower_bound);
        return Err(format!("{} costs {found}, below the lower bound {bound}", described()).into());
    }
    raise(&mut summary.excess_over_enumeration, (best.objective() - alone.objective()) / scale, seed);
    Ok(())
}

/// Solves and checks one problem.
pub fn check(problem: &SlotProblem, seed: u64, most_choices: usize, summary: &mut Summary) -> Result<(), Failure> {
    let (solution, settings) = solved(problem, seed, summary)?;
    let possible = (0..problem.clusters.len()).all(|cluster| is_feasible(problem, cluster));
    let best = match &solution.outcome {
        Err(reason) if possible => return Err(format!("feasible, but reported infeasible: {reason}").into()),
        Err(_) => return Ok(()),
        Ok(_) if !possible => return Err(String::from("infeasible, but reported feasible").into()),
        Ok(best) => best,
    };
    let scale = best.evaluation.terms.magnitude();
    let relative = check_answer(problem, (&solution, best), &settings, seed, summary)?;
    let shares: f64 = best.shadow_prices.latency_share.iter().sum();
    if (shares - 1.0).abs() > 1e-9 {
        return Err(format!("latency shares sum to {shares}").into());
    }
    let gain = best_perturbation(problem, best, seed) / scale;
    raise(&mut summary.gain_by_perturbation, gain, seed);
    if gain > relative.max(0.0) + 1e-9 {
        return Err(format!("a perturbed decision is better by {gain:e} of the objective's size").into());
    }
    enumerate(problem, best, &settings, (seed, most_choices), summary)
}

fn cap(problem: &SlotProblem, cluster: usize, device: usize) -> u32 {
    (problem.clusters[cluster].devices[device].memory_bytes.0 as u32).min(problem.encoder.blocks())
}

/// Whether the links that an active set needs exist.
fn connected(problem: &SlotProblem, cluster: usize, active: &[usize]) -> bool {
    let data = &problem.clusters[cluster];
    let gains = &data.gain_to_noise_hz_per_w.0;
    let server = data.devices.len() + 1;
    let both = |i: usize, j: usize| gains[(i, j)] > 0.0 && gains[(j, i)] > 0.0;
    let path: Vec<usize> = std::iter::once(0).chain(active.iter().map(|k| k + 1)).chain([server]).collect();
    path.windows(2).all(|hop| both(hop[0], hop[1]))
        && (problem.encoder.mean_block().parameter_bits_per_block.0 == 0.0 || active.iter().all(|k| both(0, k + 1)))
        && (data.upload_bits.0 == 0.0 || gains[(0, server)] > 0.0)
}

/// Active sets whose links and memories suffice.
fn active_sets(problem: &SlotProblem, cluster: usize) -> Vec<Vec<usize>> {
    let devices = problem.clusters[cluster].devices.len();
    let blocks = problem.encoder.blocks();
    let masks = match problem.participation {
        Participation::All => (1 << devices) - 1..1 << devices,
        _ => 1..1u32 << devices,
    };
    let sets = masks.map(|mask| (0..devices).filter(|k| mask >> k & 1 == 1).collect::<Vec<usize>>());
    sets.filter(|active| {
        let caps: Vec<u32> = active.iter().map(|&k| cap(problem, cluster, k)).collect();
        active.len() as u32 <= blocks
            && caps.iter().all(|&cap| cap > 0)
            && caps.iter().sum::<u32>() >= blocks
            && connected(problem, cluster, active)
    })
    .collect()
}

fn is_feasible(problem: &SlotProblem, cluster: usize) -> bool {
    !active_sets(problem, cluster).is_empty()
}

/// All size vectors of sum `left` within 1 and the caps.
pub fn compositions(caps: &[u32], left: u32) -> Vec<Vec<u32>> {
    let Some((&first, rest)) = caps.split_first() else {
        return if left == 0 { vec![Vec::new()] } else { Vec::new() };
    };
    let mut all = Vec::new();
    for size in 1..=first.min(left) {
        for mut tail in compositions(rest, left - size) {
            tail.insert(0, size);
            all.push(tail);
        }
    }
    all
}

/// Solves every discrete choice on its own: participation `all`, the chosen devices, memories that hold just their
/// sizes.
fn enumerate(
    problem: &SlotProblem,
    best: &Certified,
    settings: &Settings,
    (seed, most_choices): (u64, usize),
    summary: &mut Summary,
) -> Result<(), Failure> {
    let mut per_cluster: Vec<Vec<(Vec<usize>, Vec<u32>)>> = Vec::new();
    for cluster in 0..problem.clusters.len() {
        let mut choices = Vec::new();
        for active in active_sets(problem, cluster) {
            let caps: Vec<u32> = active.iter().map(|&k| cap(problem, cluster, k)).collect();
            choices.extend(compositions(&caps, problem.encoder.blocks()).into_iter().map(|d| (active.clone(), d)));
        }
        per_cluster.push(choices);
    }
    each_choice(&per_cluster, problem.plans.len(), most_choices, summary, |plan, chosen, summary| {
        let restricted = restrict(problem, plan, chosen)?;
        let fail = |text: String| Failure { text, problem: Some(Box::new(restricted.clone())), wide_gap: false };
        let solution = solve(&restricted, settings).map_err(|error| fail(format!("one choice: error: {error}")))?;
        let alone = solution.certified().ok_or_else(|| fail("one choice: infeasible".into()))?;
        let relative = (alone.objective() - alone.lower_bound) / alone.evaluation.terms.magnitude();
        let single = chosen.len() == 1;
        if is_wide(relative, single) {
            let failure = fail(format!("one choice: gap {relative:e}, {:?}", alone.evaluation.terms));
            return Err(Failure { wide_gap: !single, ..failure });
        }
        check_choice(best, alone, (seed, &|| format!("plan {plan}, {chosen:?}")), summary)
    })
}

/// The problem that leaves one plan and one choice of devices and sizes.
fn restrict(problem: &SlotProblem, plan: usize, chosen: &[&(Vec<usize>, Vec<u32>)]) -> Result<SlotProblem, String> {
    let mut spec: SlotSpec = problem.clone().into_spec();
    spec.participation = Participation::All;
    spec.plans = vec![problem.plans[plan]];
    for (cluster, (active, sizes)) in spec.clusters.iter_mut().zip(chosen) {
        let server = cluster.devices.len() + 1;
        let nodes: Vec<usize> = std::iter::once(0).chain(active.iter().map(|k| k + 1)).chain([server]).collect();
        let gains = cluster.gain_to_noise_hz_per_w.0.select_rows(&nodes).select_columns(&nodes);
        cluster.gain_to_noise_hz_per_w.0 = gains;
        cluster.devices = active.iter().map(|&k| cluster.devices[k].clone()).collect();
        for (device, &size) in cluster.devices.iter_mut().zip(sizes) {
            device.memory_bytes = Bytes(f64::from(size));
        }
    }
    SlotProblem::new(spec).map_err(|error| error.to_string())
}

/// How much the best of many changes of the decision saves: pairs of bandwidths, powers, sizes, plans. How large the
/// changes are depends on the seed.
fn best_perturbation(problem: &SlotProblem, best: &Certified, seed: u64) -> f64 {
    let mut draw = Draw::new(seed ^ 0x5eed);
    let mut gain: f64 = 0.0;
    let mut attempt = |decision: &Decision| {
        if let Ok(other) = evaluate(problem, decision)
            && other.feasibility.is_feasible(best.evaluation.feasibility.worst().max(1e-15))
        {
            gain = gain.max(best.objective() - other.objective);
        }
    };
    let step = [1e-6, 1e-4, 1e-2, 0.3][(seed % 4) as usize];
    {
        for n in 0..problem.clusters.len() {
            let hops = best.decision.clusters[n].forward.len();
            for (i, j) in (0..hops).flat_map(|i| (0..hops).map(move |j| (i, j))) {
                for forward in [true, false] {
                    let mut decision = best.decision.clone();
                    let choice = &mut decision.clusters[n];
                    let links = if forward { &mut choice.forward } else { &mut choice.backward };
                    if i == j {
                        scale_power(&mut links[i], 1.0 - step);
                        attempt(&decision);
                        continue;
                    }
                    let moved = links[i].map_or(0.0, |link| link.bandwidth_hz.0) * step;
                    add_band(&mut links[i], -moved);
                    add_band(&mut links[j], moved);
                    attempt(&decision);
                    for link in [i, j] {
                        let mut louder = decision.clone();
                        let choice = &mut louder.clusters[n];
                        let links = if forward { &mut choice.forward } else { &mut choice.backward };
                        scale_power(&mut links[link], 1.0 + step);
                        attempt(&louder);
                    }
                }
            }
            for sign in [-1.0, 1.0] {
                let factor = 1.0 + sign * step;
                for position in 0..hops - 1 {
                    let mut decision = best.decision.clone();
                    let power = &mut decision.clusters[n].collection_power_w[position];
                    *power = power.map(|power| power * factor);
                    attempt(&decision);
                    let mut decision = best.decision.clone();
                    let power = &mut decision.clusters[n].distribution_power_w[position];
                    *power = power.map(|power| power * factor);
                    attempt(&decision);
                }
                for hop in 0..hops {
                    let mut decision = best.decision.clone();
                    scale_power(&mut decision.clusters[n].forward[hop], factor);
                    attempt(&decision);
                    let mut decision = best.decision.clone();
                    scale_power(&mut decision.clusters[n].backward[hop], factor);
                    attempt(&decision);
                }
                let mut decision = best.decision.clone();
                scale_power(&mut decision.clusters[n].upload, factor);
                attempt(&decision);
                // Everything at once, at random.
                for _ in 0..20 {
                    let mut decision = best.decision.clone();
                    let choice = &mut decision.clusters[n];
                    for links in [&mut choice.forward, &mut choice.backward] {
                        let before: f64 = links.iter().flatten().map(|link| link.bandwidth_hz.0).sum();
                        for link in links.iter_mut().flatten() {
                            link.bandwidth_hz = link.bandwidth_hz * (1.0 + step * draw.uniform(-0.5, 0.5));
                            link.power_w = link.power_w * (1.0 + step * draw.uniform(-0.5, 0.5));
                        }
                        let after: f64 = links.iter().flatten().map(|link| link.bandwidth_hz.0).sum();
                        let filled = links.iter_mut().flatten();
                        filled.for_each(|link| link.bandwidth_hz = link.bandwidth_hz * (before / after));
                    }
                    attempt(&decision);
                }
            }
            for m in 0..problem.clusters.len() {
                let mut decision = best.decision.clone();
                let moved = decision.clusters[n].upload.map_or(0.0, |link| link.bandwidth_hz.0) * step;
                add_band(&mut decision.clusters[n].upload, -moved);
                add_band(&mut decision.clusters[m].upload, moved);
                attempt(&decision);
            }
        }
    }
    for n in 0..problem.clusters.len() {
        let devices = best.decision.clusters[n].sizes.len();
        for (i, j) in (0..devices).flat_map(|i| (0..devices).map(move |j| (i, j))).filter(|(i, j)| i != j) {
            let mut decision = best.decision.clone();
            let sizes = &mut decision.clusters[n].sizes;
            if sizes[i] > 1 {
                sizes[i] -= 1;
                sizes[j] += 1;
                attempt(&decision);
            }
        }
    }
    for plan in 0..problem.plans.len() {
        attempt(&Decision { plan, ..best.decision.clone() });
    }
    gain
}

fn scale_power(link: &mut Option<Link>, factor: f64) {
    link.iter_mut().for_each(|link| link.power_w = link.power_w * factor);
}

fn add_band(link: &mut Option<Link>, more: f64) {
    link.iter_mut().for_each(|link| link.bandwidth_hz = Hertz(link.bandwidth_hz.0 + more));
}
