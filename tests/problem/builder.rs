//! Problems of a few lines: those that the exchange format has, with every error of it.

use collapipe::nalgebra::DMatrix;
use collapipe::problem::*;
use collapipe::units::*;
use proptest::prelude::*;

proptest! {
    /// What the builder makes is what its fields make one by one, and what a file of it reads.
    #[test]
    fn a_built_problem_is_the_one_of_its_file(
        (blocks, flops, bits) in (4u32..24, 1e6..1e12, 1e3..1e9),
        rates in prop::collection::vec((1e8..1e13, 1e8..1e11, 1e-3..10.0), 1..5),
        (band, up, gain, weight) in (1e5..1e9, prop::option::of(1e5..1e9), 1e3..1e12, 1e-3..1e3),
        plans in prop::collection::vec((1u32..4, 0u32..4), 0..3),
        (select, order, deadline) in (any::<bool>(), any::<bool>(), prop::option::of(1.0..1e6)),
    ) {
        let plan = |(iterations, power): &(u32, u32)| (*iterations, 1 << power);
        let devices: Vec<Device> =
            rates.iter().map(|(rate, memory, power)| Device::new(FlopsPerSecond(*rate), Bytes(*memory), Watts(*power))).collect();
        let mut builder = SlotProblem::builder(EqualBlocks::new(blocks, Flops(flops), Bits(bits)))
            .latency_weight(weight)
            .cluster(Cluster::new(16, Hertz(band), devices.clone(), gain));
        for (iterations, micro_batches) in plans.iter().map(plan) {
            builder = builder.plan(iterations, micro_batches);
        }
        builder = if let Some(up) = up { builder.uplink(Hertz(up)) } else { builder };
        builder = if select { builder.select() } else { builder };
        builder = if order { builder.free_order() } else { builder };
        builder = if let Some(deadline) = deadline { builder.deadline(Seconds(deadline)) } else { builder };

        let power = Watts(rates.iter().map(|of| of.2).fold(0.0, f64::max));
        let mut candidates: Vec<CandidatePlan> = plans
            .iter()
            .map(plan)
            .map(|(local_iterations, micro_batches)| CandidatePlan { local_iterations, micro_batches, ..CandidatePlan::default() })
            .collect();
        if candidates.is_empty() {
            candidates.push(CandidatePlan::default());
        }
        let by_hand = SlotSpec {
            schema: if order || deadline.is_some() { Schema::V2 } else { Schema::V1 },
            participation: if select { Participation::Select } else { Participation::All },
            order: if order { Order::Free } else { Order::Given },
            latency_weight: weight,
            deadline_s: deadline.map(Seconds),
            plans: candidates,
            encoder: EqualBlocks {
                blocks,
                forward_flops_per_sample: Flops(flops),
                backward_flops_per_sample: Flops(2.0 * flops),
                boundary_bits_per_sample: Bits(bits),
                ..EqualBlocks::default()
            }
            .into(),
            uplink: Uplink { bandwidth_hz: Hertz(up.unwrap_or(band)) },
            clusters: vec![Cluster {
                batch_size: 16,
                bandwidth_hz: Hertz(band),
                embedding: Some(EndStage::default()),
                decoder: Some(EndStage::default()),
                control_unit: ControlUnit { max_power_w: power, ..ControlUnit::default() },
                edge_server: EdgeServer { max_power_w: power, ..EdgeServer::default() },
                gain_to_noise_hz_per_w: Gains(DMatrix::from_element(devices.len() + 2, devices.len() + 2, gain)),
                devices,
                ..Cluster::default()
            }],
            ..SlotSpec::default()
        };
        match SlotProblem::new(by_hand) {
            Ok(problem) => {
                let built = builder.build().unwrap();
                prop_assert_eq!(&built, &problem);
                prop_assert_eq!(SlotProblem::from_json(&built.to_json().unwrap()).unwrap(), built);
            }
            Err(error) => prop_assert_eq!(builder.build().unwrap_err().to_string(), error.to_string()),
        }
    }
}

#[test]
fn what_is_wrong_is_named_when_the_problem_is_built() {
    let board = Device::new(FlopsPerSecond(40e9), Bytes(2e9), Watts(0.2));
    let blocks = || SlotProblem::builder(EqualBlocks::new(4, Flops(2e8), Bits(5e5)));
    let error = |builder: SlotBuilder| builder.build().unwrap_err().to_string();
    let cluster = |devices| Cluster::new(16, Hertz(20e6), devices, 2e9);
    assert!(error(blocks()).starts_with("clusters"), "{}", error(blocks()));
    let without = error(blocks().cluster(cluster(Vec::new())));
    assert!(without.starts_with("clusters[0]."), "{without}");
    let slow = Device { forward_flops_per_second: FlopsPerSecond(0.0), ..board.clone() };
    let slow = error(blocks().cluster(cluster(vec![board.clone(), slow])));
    assert!(slow.starts_with("clusters[0].devices[1].forward_flops_per_second = 0.0: must be"), "{slow}");
    // A fault of version 2 is not taken for one of the version.
    let late = error(blocks().cluster(cluster(vec![board])).deadline(Seconds(-1.0)));
    assert!(late.starts_with("deadline_s"), "{late}");
}
