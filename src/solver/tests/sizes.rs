//! The search over sizes against all sizes, and the small steps that it is made of.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::enumeration::compositions;
use crate::ground::phase::PerPhase;
use crate::solver::cluster::segments::{
    BestSizes, Buffers, PhaseSearch, Stage, Threshold, blocks_within, cheapest_fill, search,
};
use crate::solver::hop::Hop;
use crate::solver::hop::curve::Curve;
use crate::solver::hop::phase::{PhaseRadio, Scratch};

/// The quotient alone is off by one block where rounding decides, to either side.
#[test]
fn blocks_within_a_pace_are_judged_by_the_stage_time() {
    let mut rng = Pcg64::seed_from_u64(3);
    let mut corrected = (0, 0);
    for _ in 0..20_000 {
        let overhead = if rng.random::<bool>() { 0.0 } else { 10f64.powf(-4.0 + 4.0 * rng.random::<f64>()) };
        let per_block = 10f64.powf(-4.0 + 4.0 * rng.random::<f64>());
        let most = rng.random_range(1..40u32);
        let time = |blocks: u32| overhead + f64::from(blocks) * per_block;
        let stage = time(rng.random_range(0..=most));
        for pace in [stage.next_down(), stage, stage.next_up(), stage + 0.5 * per_block] {
            let expected = (1..=most).rev().find(|&blocks| time(blocks) <= pace).unwrap_or(0);
            let found = blocks_within(pace, overhead, per_block, most);
            assert_eq!(found, expected, "{pace} with {overhead} + d {per_block}, at most {most}");
            let quotient = ((pace - overhead) / per_block).clamp(0.0, f64::from(most)) as u32;
            corrected.0 += usize::from(quotient < expected);
            corrected.1 += usize::from(quotient > expected);
        }
    }
    assert!(corrected.0 > 100 && corrected.1 > 100, "{corrected:?}");
}

#[test]
fn a_bar_is_below_the_cutoff_by_the_tolerance_whatever_its_sign() {
    for cutoff in [3.0, 1e-9, -1e-9, -3.0, -1e9] {
        let bar = Threshold { cutoff, tolerance: 0.01 }.bar();
        assert!(bar < cutoff, "{bar} of {cutoff}");
        assert!(((cutoff - bar) / cutoff.abs() - 0.01).abs() < 1e-12, "{bar} of {cutoff}");
    }
    assert_eq!(Threshold { cutoff: 0.0, tolerance: 0.01 }.bar(), 0.0);
    assert_eq!(Threshold { cutoff: f64::INFINITY, tolerance: 0.01 }.bar(), f64::INFINITY);
}

/// Stages and phases by themselves: which of the two phases the sizes matter to is drawn.
struct Drawn {
    stages: Vec<Stage>,
    radios: PerPhase<PhaseRadio>,
    bases: PerPhase<f64>,
    blocks: u32,
}

fn drawn(rng: &mut Pcg64) -> Drawn {
    let mut log = |low: f64, high: f64| 10f64.powf(low + (high - low) * rng.random::<f64>());
    let devices = 2 + (log(0.0, 1.0) as usize) % 3;
    // A phase whose stages are too fast to matter is closed from the start: only the other one is searched.
    let fast = PerPhase { forward: log(0.0, 1.0) < 2.0, backward: log(0.0, 1.0) < 2.0 };
    // Choices that differ by a ten millionth: only a search that keeps its tolerance tells them apart.
    let flat = log(0.0, 1.0) < 2.0;
    let stages = (0..devices).map(|_| Stage {
        overhead: log(-4.0, -2.0),
        per_block: fast.map(|fast| log(-2.0, 0.0) * if fast { 1e-6 } else { 1.0 }),
        cost: if flat { 1.0 + 1e-8 * log(-2.0, 1.0) } else { log(-2.0, 1.0) },
        low: 1,
        high: log(0.3, 1.0) as u32,
    });
    let stages: Vec<Stage> = stages.collect();
    let radios = PerPhase::from_fn(|_| {
        let mut radio = PhaseRadio::new(2e7, log(0.0, 3.0) * if flat { 1e-7 } else { 1.0 }, log(-4.0, -2.0));
        for _ in 0..=devices {
            radio.push(Hop::new(log(4.0, 6.0), log(7.0, 10.0), 0.2, log(-1.0, 1.0), log(-1.0, 1.0)));
        }
        radio
    });
    let most: u32 = stages.iter().map(|stage| stage.high).sum();
    let bases = fast.map(|fast| if fast { 1.0 } else { 1e-3 });
    Drawn { stages, radios, bases, blocks: (devices as u32 + 4).min(most) }
}

impl Drawn {
    /// The cost of every choice of sizes, each with its phases solved alone.
    fn least(&self) -> f64 {
        let caps: Vec<u32> = self.stages.iter().map(|stage| stage.high).collect();
        let mut scratch = Scratch::default();
        let cost = |sizes: &Vec<u32>| {
            let linear: f64 = self.stages.iter().zip(sizes).map(|(s, &size)| s.cost * f64::from(size)).sum();
            let phases = PerPhase::from_fn(|phase| {
                let times = self.stages.iter().zip(sizes).map(|(stage, &size)| stage.time(phase, size));
                let floor = times.fold(self.bases[phase], f64::max);
                self.radios[phase].solve(floor, None, &mut scratch).value
            });
            linear + phases.sum()
        };
        compositions(&caps, self.blocks).iter().map(cost).fold(f64::INFINITY, f64::min)
    }

    fn search(&self, constant: f64, threshold: Threshold, buffers: &mut Buffers) -> Option<BestSizes> {
        let (mut forward, mut backward) = (Curve::default(), Curve::default());
        let mut phases = PerPhase {
            forward: PhaseSearch { radio: &self.radios.forward, curve: &mut forward, base: self.bases.forward },
            backward: PhaseSearch { radio: &self.radios.backward, curve: &mut backward, base: self.bases.backward },
        };
        search(&self.stages, self.blocks, constant, &mut phases, threshold, buffers)
    }
}

#[test]
fn the_search_over_sizes_finds_the_cheapest_ones() {
    let mut rng = Pcg64::seed_from_u64(17);
    let mut buffers = Buffers::default();
    for round in 0..1500 {
        let drawn = drawn(&mut rng);
        let least = drawn.least();
        let any = Threshold { cutoff: f64::INFINITY, tolerance: 1e-9 };
        let found = drawn.search(0.0, any, &mut buffers).unwrap();
        assert!((found.value - least).abs() <= 3e-9 * least, "round {round}: {} but {least} exists", found.value);
        // Under a constant that makes every value negative, and under cutoffs on both sides.
        let constant = -3.0 * least;
        let found = drawn.search(constant, any, &mut buffers).unwrap();
        assert!((found.value + 2.0 * least).abs() <= 3e-9 * least, "round {round}: {} below zero", found.value);
        for constant in [0.0, constant] {
            let near = |share: f64| Threshold { cutoff: least + constant + share * least, tolerance: 1e-9 };
            assert!(drawn.search(constant, near(1e-7), &mut buffers).is_some(), "round {round}");
            assert!(drawn.search(constant, near(-1e-7), &mut buffers).is_none(), "round {round}");
        }
    }
}

#[test]
fn the_cheapest_fill_is_that_of_all_sizes() {
    let mut rng = Pcg64::seed_from_u64(18);
    let mut buffers = Buffers::default();
    for _ in 0..500 {
        let Drawn { stages, blocks, .. } = drawn(&mut rng);
        let caps: Vec<u32> = stages.iter().map(|stage| stage.high).collect();
        let cost = |sizes: &Vec<u32>| -> f64 {
            stages.iter().zip(sizes).map(|(stage, &size)| stage.cost * f64::from(size)).sum()
        };
        let least = compositions(&caps, blocks).iter().map(cost).fold(f64::INFINITY, f64::min);
        let filled = cheapest_fill(&stages, blocks, &mut buffers).unwrap();
        assert!((filled - least).abs() <= 1e-12 * least, "{filled} but {least} exists");
        assert_eq!(cheapest_fill(&stages, caps.iter().sum::<u32>() + 1, &mut buffers), None);
        assert_eq!(cheapest_fill(&stages, stages.len() as u32 - 1, &mut buffers), None);
    }
}
