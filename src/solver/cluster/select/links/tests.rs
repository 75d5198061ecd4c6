//! Tangents and minorants of links against what the links cost, at every pace.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::*;
use crate::instances::InstanceSize;
use crate::problem::{Participation, SlotProblem};
use crate::solver::cluster::{Domain, PricedCluster};
use crate::solver::hop::phase::Scratch;

fn sampled(seed: u64) -> SlotProblem {
    let participation = Participation::Select;
    InstanceSize { devices: 4, blocks: 6, plans: 4, participation, clusters: 1 }.sample(seed).unwrap()
}

/// Links of which some take longer than the pace of others on the widest band.
fn uneven(seed: u64) -> SlotProblem {
    let mut rng = Pcg64::seed_from_u64(seed);
    let mut spec = sampled(seed).into_spec();
    let gains = &mut spec.clusters[0].gain_to_noise_hz_per_w.0;
    gains.iter_mut().for_each(|gain| *gain *= 10f64.powf(rng.random_range(-7.0..0.5)));
    SlotProblem::new(spec).unwrap()
}

/// Runs `check` on the links of every plan and phase.
fn each(problem: &SlotProblem, mut check: impl FnMut(&PlannedCluster, &Graph, Links)) {
    let cluster = &problem.clusters[0];
    let domain = Domain { low: vec![0; 4], high: vec![6; 4] };
    let priced = PricedCluster::new(problem, cluster, problem.latency_weight);
    for plan in &problem.plans {
        let planned = PlannedCluster::new(&priced, plan, &domain);
        let graph = Graph::of_cluster(&planned.at.program, &domain);
        for phase in Phase::BOTH {
            check(&planned, &graph, Links::new(&planned, phase, &graph));
        }
    }
}

/// What a hop costs at a price of the band where it may take no longer than the pace; infinite where no band is enough.
fn cost(links: &Links, hop: &Hop, band_price: f64, pace: f64) -> f64 {
    let excess = pace - links.empty.latency - hop.shortest_time();
    if excess <= 0.0 {
        return f64::INFINITY;
    }
    let cap = if pace.is_finite() { Cap::new(hop.shortest_time(), excess) } else { Cap::NONE };
    let sent = send(hop, band_price, band_price.ln(), &cap, &mut true);
    sent.cost + band_price * sent.band
}

/// Between the ends of the interval, and at both of them: no tangent is above the cost of its link. Most touch it.
#[test]
fn tangents_are_nowhere_above_the_cost() {
    let mut rng = Pcg64::seed_from_u64(41);
    let (mut compared, mut touching, mut sloping) = (0, 0, 0);
    for seed in 0..18 {
        let problem = if seed < 12 { sampled(seed) } else { uneven(seed) };
        each(&problem, |planned, graph, mut links| {
            let mut radio = planned.radio();
            links.set_some(&mut radio);
            let guess = radio.guess(planned.bases.forward);
            for _ in 0..8 {
                let mut log = |low: f64, high: f64| 10f64.powf(low + (high - low) * rng.random::<f64>());
                let band_price = guess.band * log(-1.0, 1.0);
                let pace = if guess.pace.is_finite() { guess.pace } else { 1.0 };
                let low = pace * log(-1.0, 0.7);
                let high = if log(0.0, 1.0) < 1.5 { f64::INFINITY } else { low * (1.0 + log(-3.0, 0.7)) };
                let within = Within { band_price, low, high };
                let mut tangents = Vec::new();
                links.tangents(graph, &within, &mut tangents);
                for (tangent, link) in tangents.iter().zip(graph.names()) {
                    let hop = &links.hops[link];
                    let mut nearest = f64::INFINITY;
                    for step in 0..=32 {
                        let way = f64::from(step) / 32.0;
                        let (at, line) = if high.is_finite() {
                            (low + way * (high - low), tangent.low + way * (tangent.high - tangent.low))
                        } else {
                            assert_eq!(tangent.low, tangent.high);
                            (low * (1.0 + 9.0 * way), tangent.low)
                        };
                        let cost = cost(&links, hop, band_price, at);
                        let size = cost + tangent.low.abs() + tangent.high.abs();
                        assert!(
                            line <= cost + 1e-11 * size || cost == f64::INFINITY,
                            "seed {seed}: {line} above {cost} at {at} in {within:?}"
                        );
                        compared += usize::from(cost.is_finite());
                        nearest = nearest.min((cost - line) / cost);
                    }
                    touching += usize::from(nearest < 0.02);
                    sloping += usize::from(tangent.low > tangent.high * (1.0 + 1e-6));
                }
            }
        });
    }
    println!("{compared} compared, {touching} touch, {sloping} slope");
    assert!(compared > 100_000 && touching > 5000 && sloping > 2000, "{compared} {touching} {sloping}");
}

/// What the links say of a path is below what the path's phase costs, wherever the pace's floor is.
#[test]
fn minorants_of_paths_are_nowhere_above_the_phase() {
    let mut scratch = Scratch::default();
    let (mut near, mut compared) = (0, 0);
    for seed in 0..36 {
        let problem = if seed % 3 == 0 { sampled(seed) } else { uneven(seed) };
        each(&problem, |planned, _, mut links| {
            let mut radio = planned.radio();
            for active in [[0, 1], [1, 3], [0, 2], [2, 3]] {
                let active = active.map(DeviceId);
                links.set_path(&mut radio, &active);
                let free = radio.solve(0.0, None, &mut scratch).prices;
                let pace = if free.pace.is_finite() { free.pace } else { 1.0 };
                links.priced.clear();
                for factor in [0.3, 1.0, 2.0] {
                    links.add_prices(radio.solve(factor * pace, None, &mut scratch).prices, false);
                }
                for other in [[0, 1], [1, 2], [0, 3], [2, 3]] {
                    let other = other.map(DeviceId);
                    links.set_path(&mut radio, &other);
                    for factor in [0.0, 0.2, 0.7, 1.0, 1.5, 3.0, 30.0] {
                        let value = radio.solve(factor * pace, None, &mut scratch).value;
                        for minorant in links.minorants(&other) {
                            let low = minorant.at(factor * pace);
                            let size = value + minorant.intercept.abs() + minorant.slope * factor * pace;
                            assert!(low <= value + 1e-10 * size, "seed {seed}: {low} above {value}: {minorant:?}");
                            near += usize::from(low >= value * (1.0 - 1e-6));
                            compared += 1;
                        }
                    }
                }
            }
        });
    }
    println!("{near} of {compared} touch");
    assert!(near > 500, "{near} of {compared} touch");
}

/// Every pair of nodes has a place of its own.
#[test]
fn pairs_are_told_apart() {
    for nodes in 2..9 {
        let mut seen: Vec<usize> =
            (0..nodes).flat_map(|near| (near + 1..nodes).map(move |far| pair(nodes, near, far))).collect();
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..nodes * (nodes - 1) / 2), "{nodes} nodes");
    }
}
