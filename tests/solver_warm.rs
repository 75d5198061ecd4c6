//! A solver that remembers finds what a new one finds, with less work.

use collapipe::instances::InstanceSize;
use collapipe::problem::{Participation, SlotProblem};
use collapipe::solver::{Settings, Solver, solve};
use collapipe::units::Bytes;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

/// The same cluster in another slot: gains and energy prices have moved by up to a tenth.
fn next_slot(base: &SlotProblem, rng: &mut Pcg64) -> SlotProblem {
    let mut spec = base.clone().into_spec();
    let mut factor = || (0.2 * rng.random::<f64>() - 0.1).exp();
    for cluster in &mut spec.clusters {
        for gain in cluster.gain_to_noise_hz_per_w.0.iter_mut() {
            *gain *= factor();
        }
        for device in &mut cluster.devices {
            device.energy_price *= factor();
        }
    }
    SlotProblem::new(spec).unwrap()
}

#[test]
fn memory_changes_nothing_but_the_work() {
    let mut rng = Pcg64::seed_from_u64(2026);
    let settings = Settings::default();
    let mut solver = Solver::new(settings).unwrap();
    let (mut warm, mut cold, mut slots) = (0, 0, 0);
    for seed in 0..24 {
        let participation = if seed % 3 == 2 { Participation::Select } else { Participation::All };
        let size = InstanceSize { devices: 3 + (seed % 5) as usize, participation, ..InstanceSize::default() };
        let base = size.sample(seed).unwrap();
        for slot in 0..12 {
            let mut problem = next_slot(&base, &mut rng);
            if slot == 6 {
                // A slot that nothing can be done in: what was known before must not leak into it, nor it into the next.
                let mut spec = problem.into_spec();
                spec.clusters[0].devices.iter_mut().for_each(|device| device.memory_bytes = Bytes(0.0));
                problem = SlotProblem::new(spec).unwrap();
            }
            let (remembered, fresh) = (solver.solve(&problem).unwrap(), solve(&problem, &settings).unwrap());
            assert_eq!(remembered.outcome, fresh.outcome, "seed {seed}, slot {slot}");
            assert_eq!(remembered.status, fresh.status);
            if slot > 0 {
                warm += remembered.work.iterations;
                cold += fresh.work.iterations;
            }
            slots += 1;
        }
    }
    assert_eq!(slots, 288);
    assert!(10 * warm < 8 * cold, "{warm} evaluations with memory, {cold} without");
}
