//! What each region says of its paths, by itself: a search that finds the best set some other way hides what a bound of
//! another region loses.

use super::*;
use crate::solver::meter::Clock;

/// Every set of devices with its cheapest cost, under every plan of a problem.
fn each_with_sets(problem: &SlotProblem, mut check: impl FnMut(&PlannedCluster, &Domain, &[(Vec<DeviceId>, f64)])) {
    let cluster = &problem.clusters[0];
    let devices = cluster.devices.len();
    let domain = Domain { low: vec![0; devices], high: block_caps(problem, cluster) };
    let priced = PricedCluster::new(problem, cluster, problem.latency_weight);
    let mut work = Workspace::default();
    for plan in &problem.plans {
        let planned = PlannedCluster::new(&priced, plan, &domain);
        let mut sets = Vec::new();
        for set in 1..1_usize << devices {
            let low: Vec<u32> = (0..devices).map(|k| (set >> k & 1) as u32).collect();
            let high = low.iter().zip(&domain.high).map(|(&low, &high)| low * high).collect();
            let active = DeviceId::all(devices).filter(|k| set >> k.0 & 1 == 1).collect();
            if let Some(found) = work.best(&planned, &Domain { low, high }, ANY).found {
                sets.push((active, found.value));
            }
        }
        check(&planned, &domain, &sets);
    }
}

/// The least cost of all sets with as many devices as a region counts.
fn least_of(sets: &[(Vec<DeviceId>, f64)], count: Count) -> f64 {
    let counted = |active: &[DeviceId]| match count.or_more {
        true => active.len() >= count.devices,
        false => active.len() == count.devices,
    };
    sets.iter().filter(|(active, _)| counted(active)).map(|(_, value)| *value).fold(f64::INFINITY, f64::min)
}

fn below(bound: f64, least: f64, what: &str) {
    assert!(bound <= least * (1.0 + 1e-11), "{what}: bound {bound} above {least}");
}

/// Every number of devices is one of a region's, and no region is bounded above the cheapest of its sets: by the scans
/// of all regions together, or by one of its own.
#[test]
fn every_number_of_devices_is_bounded_by_its_cheapest_set() {
    let (mut near, mut touching, mut regions) = (0, 0, 0);
    for seed in 0..24 {
        let devices = 3 + seed as usize % 4;
        let problem = sampled(devices, [2, 5, 9][seed as usize % 3], 3, seed);
        each_with_sets(&problem, |planned, domain, sets| {
            for layers in 0..=devices {
                let mut work = Workspace { limits: Limits { layers, ..Limits::default() }, ..Workspace::default() };
                let mut subsets = Subsets::new(planned, domain, &mut work);
                subsets.set_roots();
                for (active, value) in sets {
                    let holds = |root: &&Region| least_of(&[(active.clone(), *value)], root.count).is_finite();
                    let held = subsets.roots.iter().filter(holds).count();
                    assert_eq!(held, 1, "seed {seed}, {layers} layers: regions with {active:?}");
                }
                for _ in 0..4 {
                    subsets.follow();
                    for root in &subsets.roots {
                        below(
                            root.bound,
                            least_of(sets, root.count),
                            &format!("seed {seed}, {layers} layers, scanned"),
                        );
                    }
                }
                let least = sets.iter().map(|(_, value)| *value).fold(f64::INFINITY, f64::min);
                below(subsets.bound(), least, "all regions");
                for mut root in subsets.roots.clone() {
                    subsets.relaxation.raise(&mut root, f64::INFINITY, MOST_ROUNDS);
                    let least = least_of(sets, root.count);
                    below(root.bound, least, &format!("seed {seed}, {layers} layers, raised"));
                    // At the best prices the bound of a region without paces touches: nothing may be left out of it then.
                    subsets.relaxation.raise(&mut root, f64::INFINITY, 80);
                    below(root.bound, least, &format!("seed {seed}, {layers} layers, raised further"));
                    touching += usize::from(root.bound >= (1.0 - 1e-9) * least);
                    regions += 1;
                    near += usize::from(root.bound >= 0.8 * least);
                }
            }
        });
    }
    println!("{near} of {regions} regions are bounded by at least four fifths");
    assert!(3 * near >= regions && touching >= 20, "{near} and {touching} of {regions}");
}

/// The parts of a region bound, together, whatever it held: split by the pace or by a device, and with the links gone that
/// only lead to what is not below a bar.
#[test]
fn parts_of_a_region_hold_all_of_its_sets() {
    let (mut paces, mut branches, mut fixed) = (0, 0, 0);
    for seed in 0..16 {
        let problem = sampled(5, [4, 8][seed as usize % 2], 3, seed + 50);
        each_with_sets(&problem, |planned, domain, sets| {
            let mut work = Workspace::default();
            let mut subsets = Subsets::new(planned, domain, &mut work);
            subsets.set_roots();
            for root in subsets.roots.clone() {
                let least = least_of(sets, root.count);
                if least.is_infinite() {
                    continue;
                }
                let mut parts = vec![root];
                // Each round splits the part of the least bound, as the search does, in either way.
                for round in 0..12 {
                    parts.sort_by(|a, b| b.bound.total_cmp(&a.bound));
                    let mut part = parts.pop().unwrap();
                    let relaxation = &mut subsets.relaxation;
                    let path = relaxation.raise(&mut part, f64::INFINITY, MOST_ROUNDS);
                    if let Some(path) = path {
                        // A bar that the best set of the region just stays below.
                        if round % 3 == 2 {
                            relaxation.fix(&mut part, least * (1.0 + 1e-9));
                            fixed += 1;
                        }
                        let by_pace = if round % 2 == 0 { part.split(&path, 0.0) } else { None };
                        paces += usize::from(by_pace.is_some());
                        let split = by_pace.or_else(|| part.branch(&path)).or_else(|| part.split(&path, 0.0));
                        match split {
                            Some(halves) => {
                                branches += 1;
                                parts.extend(halves);
                            }
                            None => parts.push(part),
                        }
                    } else {
                        parts.push(part);
                    }
                    let bound = parts.iter().map(|part| part.bound).fold(f64::INFINITY, f64::min);
                    below(bound, least, &format!("seed {seed}, {} parts", parts.len()));
                }
            }
        });
    }
    assert!(paces > 100 && branches > 300 && fixed > 100, "{paces} {branches} {fixed}");
}

/// The listing of a region holds every set below the bar, each bounded by no more than it costs.
#[test]
fn listings_hold_every_set_below_the_bar() {
    let mut listed = 0;
    for seed in 0..16 {
        let problem = sampled(5, [4, 8][seed as usize % 2], 3, seed + 90);
        each_with_sets(&problem, |planned, domain, sets| {
            let mut work = Workspace::default();
            let mut subsets = Subsets::new(planned, domain, &mut work);
            subsets.set_roots();
            for mut root in subsets.roots.clone() {
                let least = least_of(sets, root.count);
                subsets.relaxation.raise(&mut root, f64::INFINITY, MOST_ROUNDS);
                for above in [1e-9, 0.02, 0.3] {
                    subsets.threshold.cutoff = least * (1.0 + above);
                    let Some(candidates) = subsets.list(&root, u64::MAX, &mut work) else { panic!("seed {seed}") };
                    // What is listed and not solved any more stays open.
                    let first = candidates.iter().map(|candidate| candidate.bound).fold(f64::INFINITY, f64::min);
                    let unlimited = std::mem::replace(&mut work.buffers.meter, crate::solver::meter::Meter::over());
                    subsets.open = f64::INFINITY;
                    subsets.solve_all(candidates.clone(), &mut work);
                    assert_eq!(subsets.open, first, "seed {seed}");
                    work.buffers.meter = unlimited;
                    for (active, value) in sets.iter().filter(|(active, _)| active.len() == root.count.devices) {
                        let candidate = candidates.iter().find(|candidate| candidate.active == *active);
                        match candidate {
                            Some(candidate) => below(candidate.bound, *value, "a candidate"),
                            None => assert!(*value >= subsets.threshold.cutoff, "seed {seed}: {active:?} is missing"),
                        }
                        listed += usize::from(candidate.is_some());
                    }
                }
            }
        });
    }
    assert!(listed > 1000, "{listed}");
}

/// A pace that is said to be out of reach of so many devices is: their blocks do not fit within it.
#[test]
fn least_paces_are_out_of_reach() {
    let mut above = 0;
    for seed in 0..20 {
        let problem = sampled(5, [4, 8, 20][seed as usize % 3], 3, seed + 130);
        each_with_sets(&problem, |planned, domain, sets| {
            let mut work = Workspace::default();
            let subsets = Subsets::new(planned, domain, &mut work);
            for phase in Phase::BOTH {
                for (active, _) in sets {
                    let pace = subsets.least_pace(active.len(), phase);
                    assert!(pace >= planned.bases[phase]);
                    if pace > planned.bases[phase] {
                        let within = |k: &DeviceId| {
                            let stage = &planned.stages[k.0];
                            (1..=stage.high).rev().find(|&d| stage.time(phase, d) < pace).unwrap_or(0)
                        };
                        let fit: u32 = active.iter().map(within).sum();
                        assert!(fit < problem.encoder.blocks(), "seed {seed}: {active:?} within {pace}");
                        above += 1;
                    }
                }
            }
        });
    }
    assert!(above > 500, "{above}");
}

/// The cheapest path at given prices is found by the tables: against every path and all sizes.
#[test]
fn tables_hold_the_cheapest_path() {
    use rand::{RngExt, SeedableRng};
    let mut rng = rand_pcg::Pcg64::seed_from_u64(77);
    for round in 0..400 {
        let (devices, blocks) = (1 + round % 4, 1 + round % 7);
        let graph = Graph::new(devices + 2, |near, far| {
            !(near.0 == 0 && far.0 == devices + 1) && (round % 3 > 0 || (near.0 + 2 * far.0 + round) % 4 > 0)
        });
        let places: Vec<tables::Place> = (0..devices)
            .map(|_| tables::Place {
                constant: rng.random(),
                cost: rng.random_range(-1.0..1.0),
                fewest: rng.random_range(1..3),
                most: rng.random_range(0..6),
            })
            .collect();
        let link: Vec<f64> = (0..graph.len()).map(|_| rng.random_range(0.0..2.0)).collect();
        // Every path by its devices, with every division of the blocks.
        let mut least = vec![f64::INFINITY; devices + 1];
        for set in 1..1_usize << devices {
            let active: Vec<usize> = (0..devices).filter(|k| set >> k & 1 == 1).collect();
            let nodes: Vec<usize> = [0].into_iter().chain(active.iter().map(|k| k + 1)).chain([devices + 1]).collect();
            let mut cost = 0.0;
            for ends in nodes.windows(2) {
                let at = graph.links(ends[0]).find(|&at| graph.to(at) == ends[1]);
                cost += at.map_or(f64::INFINITY, |at| link[at]);
            }
            let mut divided = vec![f64::INFINITY; blocks + 1];
            divided[0] = 0.0;
            for &k in &active {
                let place = &places[k];
                let before = std::mem::replace(&mut divided, vec![f64::INFINITY; blocks + 1]);
                for (n, cost) in before.iter().enumerate() {
                    for d in place.fewest..=place.most {
                        if n + d <= blocks {
                            divided[n + d] = divided[n + d].min(cost + place.constant + place.cost * d as f64);
                        }
                    }
                }
            }
            least[active.len()] = least[active.len()].min(cost + divided[blocks]);
        }
        for or_more in [false, true] {
            let most = if or_more { round % (devices + 1) } else { devices };
            let count = Count { devices: most, or_more };
            let mut filled = tables::Tables::default();
            assert!(filled.fill(&graph, &places, blocks, count, &link, &Clock::default()));
            for of in usize::from(!or_more)..=most {
                // With more devices than they are told apart by, so many stand for as many or more.
                let expected =
                    if or_more { least[of..].iter().copied().fold(f64::INFINITY, f64::min) } else { least[of] };
                let found = filled.least(of);
                assert!(
                    (found - expected).abs() <= 1e-12 || found == expected,
                    "round {round}, {of} devices of {count:?}: {found}, not {expected}"
                );
            }
        }
    }
}
