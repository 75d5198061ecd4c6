//! Stashed weights are activations that do not depend on the batch: the solver finds the optimum of that problem.

use collapipe::instances::InstanceSize;
use collapipe::problem::{Chain, Encoder, Order, Participation, Schema, SlotProblem, SlotSpec};
use collapipe::schedule::ScheduleKind;
use collapipe::solver::{Settings, solve};
use collapipe::units::Bytes;

/// Five devices, 1F1B with weights stashed, memory for little more than an even share.
fn stashed(seed: u64, participation: Participation) -> SlotSpec {
    let size = InstanceSize { devices: 5, blocks: 12, plans: 3, participation, ..InstanceSize::default() };
    let mut spec = size.sample(seed).unwrap().into_spec();
    spec.schema = Schema::V2;
    spec.order = Order::Given;
    let block = spec.encoder.equal().unwrap().block();
    let input_bits_per_sample = block.boundary_bits_per_sample;
    spec.encoder = Chain { input_bits_per_sample, blocks: vec![block; 12] }.into();
    spec.plans.truncate(1);
    spec.plans[0].micro_batches = 8;
    spec.plans[0].schedule = ScheduleKind::OneForwardOneBackward;
    spec.plans[0].stash_weights = true;
    let samples = f64::from(spec.clusters[0].batch_size) / 8.0;
    let version = block.parameter_bits.0 / 8.0;
    let per_block =
        |flying: f64| block.resident_bytes.0 + flying * (block.activation_bytes_per_sample.0 * samples + version);
    for (k, device) in spec.clusters[0].devices.iter_mut().enumerate() {
        device.memory_bytes = Bytes((2.0 + ((seed as usize + k) % 3) as f64) * per_block(3.0));
    }
    spec
}

#[test]
fn a_version_is_an_activation_that_no_batch_changes() {
    let (mut solved, mut bound) = (0, 0);
    for seed in 0..12 {
        for participation in [Participation::All, Participation::Select] {
            let spec = stashed(seed, participation);
            let mut plain = spec.clone();
            plain.plans[0].stash_weights = false;
            let free = SlotProblem::new(plain.clone()).unwrap();
            let samples = f64::from(spec.clusters[0].batch_size) / 8.0;
            let Encoder::Chain(chain) = &mut plain.encoder else { panic!("no chain") };
            for block in &mut chain.blocks {
                let version = block.parameter_bits.0 / 8.0;
                block.resident_bytes.0 -= version;
                block.activation_bytes_per_sample.0 += version / samples;
                assert!(block.resident_bytes.0 > 0.0);
            }
            let [one, other, free] = [SlotProblem::new(spec).unwrap(), SlotProblem::new(plain).unwrap(), free]
                .map(|problem| solve(&problem, &Settings::default()).unwrap().certified().map(|best| best.objective()));
            assert_eq!(one.is_some(), other.is_some(), "seed {seed}");
            let (Some(one), Some(other), Some(free)) = (one, other, free) else { continue };
            assert!((one / other - 1.0).abs() < 2e-7, "seed {seed}: {one} against {other}");
            assert!(one >= free * (1.0 - 2e-7));
            solved += 1;
            bound += usize::from(one > free * (1.0 + 1e-4));
        }
    }
    // Some have to do without the plan that memory would allow without stashes.
    assert!(solved >= 10 && bound >= 3, "{solved} solved, {bound} bound");
}
