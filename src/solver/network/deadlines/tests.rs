//! Bounds over intervals of deadlines against the lines that they are made of.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::*;
use crate::ground::route::DeviceId;
use crate::solver::cluster::Segments;

/// Clusters with a few pieces of a few lines each: tangents of convex functions of the deadline, as prices make them.
fn drawn(rng: &mut Pcg64) -> Vec<Cluster> {
    let mut pieces = |count: usize| -> Vec<Piece> {
        let each = (0..count).map(|_| {
            let (energy, slope): (f64, f64) = (rng.random_range(0.1..2.0), rng.random_range(0.1..3.0));
            let lines = (0..1 + count).map(|_| {
                // Of energy + slope/T at T: the tangent has the weight slope/T².
                let at: f64 = rng.random_range(0.2..4.0);
                Line { weight: slope / (at * at), value: energy + 2.0 * slope / at }
            });
            Piece { domain: Arc::default(), lines: lines.collect(), known: Vec::new() }
        });
        each.collect()
    };
    (1..4).map(|count| Cluster { pieces: pieces(count), weight: 1.0, best: None }).collect()
}

/// What the lines prove at one deadline, from their definition.
fn proved(timed: &Timed, deadline: f64) -> f64 {
    let of_piece = |piece: &Piece| {
        let each = piece.lines.iter().map(|line| line.value - line.weight * deadline);
        each.fold(f64::NEG_INFINITY, f64::max)
    };
    let of_cluster = |cluster: &Cluster| cluster.pieces.iter().map(of_piece).fold(f64::INFINITY, f64::min);
    timed.price * deadline + timed.clusters.iter().map(of_cluster).sum::<f64>() + timed.constant
}

#[test]
fn intervals_are_bounded_by_what_the_lines_prove_within() {
    let mut rng = Pcg64::seed_from_u64(8);
    let (mut narrow, mut ended) = (0, 0);
    for round in 0..300 {
        let clusters = drawn(&mut rng);
        let timed =
            Timed { clusters: &clusters, price: rng.random_range(0.2..3.0), constant: rng.random_range(-2.0..2.0) };
        let from = rng.random_range(0.0..2.0);
        for width in [0.0, 0.01, 0.5, 3.0] {
            let to = from + width;
            let Interval { bound, .. } = timed.interval(from, to);
            for step in 0..=20 {
                let deadline = from + width * f64::from(step) / 20.0;
                let there = proved(&timed, deadline);
                assert!(bound <= there + 1e-12, "round {round}: {bound} above {there} at {deadline} of {from} to {to}");
            }
            if width == 0.0 {
                assert!((bound - proved(&timed, from)).abs() <= 1e-12, "round {round}");
            }
            narrow += usize::from(width == 0.01 && bound >= proved(&timed, from) - 0.2);
        }
        // The least over all deadlines up to the latest, as nearly as asked for; no more than the bar is wanted.
        let latest = 6.0;
        let least =
            (0..=6000).map(|step| proved(&timed, latest * f64::from(step) / 6000.0)).fold(f64::INFINITY, f64::min);
        for slack in [1e-6, 0.1] {
            let (bound, at) = timed.least(latest, f64::INFINITY, slack, &mut Meter::default());
            assert!(bound <= least + 1e-12, "round {round}: {bound} above {least}");
            assert!(bound >= least - slack - 1e-2, "round {round}: {bound} of {least}");
            assert!(proved(&timed, at) <= bound + slack + 1e-9, "round {round}: {at}");
        }
        for bar in [least - 0.5, least + 0.5] {
            let (bound, _) = timed.least(latest, bar, 1e-6, &mut Meter::default());
            assert!(bound <= least + 1e-12, "round {round}: {bound} above {least}");
            assert_eq!(bound >= bar, least > bar, "round {round}: {bound}, {least}, {bar}");
        }
        // Where it has to end at once the first interval is what is known.
        let (bound, _) = timed.least(latest, f64::INFINITY, 1e-9, &mut Meter::over());
        assert!(bound <= least + 1e-12, "round {round}: {bound} above {least}");
        ended += usize::from(bound < least - 1e-3);
    }
    assert!(narrow > 250 && ended > 100, "{narrow} {ended}");
}

/// Whatever ends later than the latest deadline costs more by its latency and its plan alone, and no other does.
#[test]
fn later_deadlines_cost_more_than_the_best() {
    for (best, plan_cost, price) in [(10.0, 0.0, 2.0), (10.0, 3.0, 0.5), (-4.0, -5.0, 8.0), (1e-3, 0.0, 1e3)] {
        let latest = latest(best, plan_cost, price);
        assert!(price * latest * (1.0 + 1e-9) + plan_cost > best && price * latest * (1.0 - 1e-9) + plan_cost < best);
    }
}

/// A piece split in two holds what it held, each choice once.
#[test]
fn halves_of_a_piece_hold_all_of_its_choices() {
    let domain = Domain { low: vec![0, 1, 0], high: vec![4, 3, 2] };
    let choices = |domain: &Domain| {
        let each = (0..=4).flat_map(|a| (0..=3).flat_map(move |b| (0..=2).map(move |c| [a, b, c])));
        each.filter(|sizes| {
            let held = sizes.iter().enumerate().filter(|&(_, &size)| size > 0);
            let active = held.clone().map(|(k, _)| DeviceId(k)).collect();
            fits(domain, &Segments { active, sizes: held.map(|(_, &size)| size).collect() })
        })
        .collect::<Vec<_>>()
    };
    let whole = choices(&domain);
    assert_eq!(whole.len(), 5 * 3 * 3);
    let piece = Piece { domain: Arc::new(domain), lines: vec![Line { weight: 1.0, value: 2.0 }], known: Vec::new() };
    for (device, most) in [(0, 0), (0, 3), (1, 1), (1, 2), (2, 0), (2, 1), (0, 4), (1, 0)] {
        let halves = piece.split(Branch { cluster: 0, device: DeviceId(device), most });
        let mut held: Vec<[u32; 3]> = halves.iter().flat_map(|half| choices(&half.domain)).collect();
        held.sort_unstable();
        assert_eq!(held, whole, "device {device}, at most {most}");
        assert!(halves.iter().all(|half| half.lines.len() == 1));
        // Every half is smaller, or there is one alone.
        assert!(halves.len() == 1 || halves.iter().all(|half| choices(&half.domain).len() < whole.len()));
    }
}

/// Where two choices differ a branch tells them apart.
#[test]
fn branches_tell_choices_apart() {
    let choice = |active: &[usize], sizes: &[u32]| Segments {
        active: active.iter().map(|&k| DeviceId(k)).collect(),
        sizes: sizes.to_vec(),
    };
    let choices = [
        choice(&[0, 1], &[3, 3]),
        choice(&[0, 1], &[2, 4]),
        choice(&[1, 2], &[1, 5]),
        choice(&[0], &[6]),
        choice(&[2], &[6]),
    ];
    for (i, one) in choices.iter().enumerate() {
        for (j, other) in choices.iter().enumerate() {
            let branch = Branch::between(0, one, other);
            if i == j {
                assert!(branch.is_none());
                continue;
            }
            let branch = branch.unwrap();
            let within = |choice: &Segments| choice.blocks_on(branch.device) <= branch.most;
            assert_ne!(within(one), within(other), "{one:?} and {other:?} by {branch:?}");
        }
    }
}
