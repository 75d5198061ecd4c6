//! Who may send when, and what keeps a sender busy, by hand.

use approx::assert_relative_eq;
use collapipe::problem::*;
use collapipe::schedule::ScheduleKind;
use collapipe::solver::{Settings, solve};
use collapipe::units::*;
use nalgebra::DMatrix;

use crate::schema2::spec;
use crate::small;

fn with(change: impl FnOnce(&mut SlotSpec)) -> Result<SlotProblem, String> {
    let mut s = spec();
    change(&mut s);
    SlotProblem::new(s).map_err(|error| error.to_string())
}

fn evaluated(change: impl FnOnce(&mut SlotSpec)) -> Evaluation {
    evaluate(&with(change).unwrap(), &small::decision()).unwrap()
}

/// A message of 25 kB keeps its sender busy for 10 ms: part of the stage, forward of the nearer one, backward of the farther.
#[test]
fn staging_is_part_of_the_senders_stage() {
    let plain = evaluated(|_| {});
    let found = evaluated(|s| s.clusters[0].staging_s_per_byte = SecondsPerByte(4e-7).into());
    let parts = found.clusters[0].parts;
    // Stages 2, 32, 76, 6 ms and hops of 105 ms; backward 4, 92, 256, 8 ms.
    let forward = 2.0 * (0.116 + 0.03 + 0.315 + 3.0 * 0.105);
    let backward = 2.0 * (0.360 + 0.03 + 0.315 + 3.0 * 0.266);
    assert_relative_eq!(parts.forward.0, forward, max_relative = 1e-12);
    assert_relative_eq!(parts.backward.0, backward, max_relative = 1e-12);
    // What is sent once takes longer: 2 MB of parameters, 1.25 MB of the upload.
    assert_relative_eq!(parts.collection.0, plain.clusters[0].parts.collection.0 + 0.8, max_relative = 1e-12);
    assert_relative_eq!(parts.distribution.0, plain.clusters[0].parts.distribution.0 + 0.8, max_relative = 1e-12);
    assert_relative_eq!(parts.upload.0, plain.clusters[0].parts.upload.0 + 0.5, max_relative = 1e-12);
    assert_eq!(found.terms.transmit_energy, plain.terms.transmit_energy);
    // The sender's pair: of the first device to the second alone.
    let mut matrix = DMatrix::from_element(4, 4, SecondsPerByte(0.0));
    matrix[(1, 2)] = SecondsPerByte(4e-7);
    let found = evaluated(|s| s.clusters[0].staging_s_per_byte = PerPair::Pairs(matrix.clone()));
    assert_relative_eq!(found.clusters[0].parts.forward.0, 2.0 * (0.116 + 0.01 + 0.315 + 0.315), max_relative = 1e-12);
    assert_eq!(found.clusters[0].parts.backward, plain.clusters[0].parts.backward);
    // Where sending blocks, it comes before: 76 + 10 + 105 ms is the pace.
    let blocking = evaluated(|s| {
        s.overlap = Overlap::None;
        s.clusters[0].staging_s_per_byte = SecondsPerByte(4e-7).into();
    });
    let forward = 2.0 * (0.116 + 0.03 + 0.315 + 3.0 * 0.191);
    assert_relative_eq!(blocking.clusters[0].parts.forward.0, forward, max_relative = 1e-12);
}

/// Five blocks of equal time on a medium: with messages that take next to no time it is the pipeline as ever, and where
/// computing takes next to none the medium is always busy.
#[test]
fn a_medium_taken_in_turns_by_hand() {
    let of = |medium, rates: f64, bits: f64| {
        evaluated(|s| {
            s.clusters[0].medium = medium;
            s.clusters[0].hop_overhead_s = PerPair::default();
            let Encoder::Equal(equal) = &mut s.encoder else { panic!() };
            equal.boundary_bits_per_sample = Bits(bits);
            for device in &mut s.clusters[0].devices {
                (device.stage_overhead_s, device.block_overhead_s) = (Seconds(0.0), Seconds(0.0));
                device.forward_flops_per_second = FlopsPerSecond(rates);
                device.backward_flops_per_second = FlopsPerSecond(rates);
            }
            let none = EndStage::default();
            (s.clusters[0].embedding, s.clusters[0].decoder) = (Some(none), Some(none));
        })
        .clusters[0]
            .parts
    };
    // Four micro-batches over three hops of 0.1 s, twice: 2.4 s each way.
    let busy = of(MediumAccess::Turns, 1e20, 1e5);
    assert_relative_eq!(busy.forward.0 + busy.backward.0, 4.8, max_relative = 1e-9);
    // Radios: the middle hop shares one with each of the others, which may go at the same time. By tenths of a second the
    // hops' messages begin at 0, 1, 3, 5; 2, 4, 6, 8; 5, 7, 9, 10. (No order takes less than 9 for one that takes 11.)
    let half = of(MediumAccess::HalfDuplex, 1e20, 1e5);
    assert_relative_eq!(half.forward.0 + half.backward.0, 4.0 * 1.1, max_relative = 1e-9);
    let bands = of(MediumAccess::Bands, 1e20, 1e5);
    assert_relative_eq!(bands.forward.0 + bands.backward.0, 4.0 * (0.3 + 3.0 * 0.1), max_relative = 1e-9);
    for medium in [MediumAccess::HalfDuplex, MediumAccess::Turns] {
        let (found, plain) = (of(medium, 1e9, 1e-3), of(MediumAccess::Bands, 1e9, 1e-3));
        assert_relative_eq!(found.total().0, plain.total().0, max_relative = 1e-6);
    }
}

/// The same decision takes the longer, the fewer may send at a time.
#[test]
fn fewer_at_a_time_take_longer() {
    for kind in ScheduleKind::ALL {
        let times: Vec<f64> = [MediumAccess::Bands, MediumAccess::HalfDuplex, MediumAccess::Turns]
            .into_iter()
            .map(|medium| {
                let problem = with(|s| {
                    s.plans[0].schedule = kind;
                    s.clusters[0].medium = medium;
                });
                let mut decision = small::decision();
                if !kind.has_backward() {
                    decision.clusters[0].backward.clear();
                }
                evaluate(&problem.unwrap(), &decision).unwrap().round_latency.0
            })
            .collect();
        assert!(times[0] < times[1] && times[1] < times[2], "{kind}: {times:?}");
    }
}

/// In turns every hop may have the whole band, and none more.
#[test]
fn bands_of_hops_in_turns() {
    let mut decision = small::decision();
    for link in decision.clusters[0].forward.iter_mut().flatten() {
        link.bandwidth_hz = Hertz(3e6);
    }
    let in_turns = with(|s| s.clusters[0].medium = MediumAccess::Turns).unwrap();
    assert!(evaluate(&in_turns, &decision).unwrap().feasibility.is_feasible(0.0));
    let at_once = evaluate(&with(|s| s.clusters[0].medium = MediumAccess::HalfDuplex).unwrap(), &decision).unwrap();
    let expected = Constraint::Band { cluster: 0, phase: Phase::Forward };
    assert_eq!(at_once.feasibility.violations[0].constraint, expected);
    decision.clusters[0].backward[1].as_mut().unwrap().bandwidth_hz = Hertz(4e6);
    let report = evaluate(&in_turns, &decision).unwrap().feasibility;
    let transfer = Transfer::Hop { phase: Phase::Backward, hop: 1 };
    assert_eq!(report.violations[0].constraint, Constraint::WholeBand { cluster: 0, transfer });
    let message = report.to_string();
    assert!(message.contains("clusters[0].backward[1].bandwidth_hz: 4e6 Hz, limit 3e6 Hz"), "{message}");
}

/// Who has all of a shared medium decides no share of it; the upload still has one of the uplink.
#[test]
fn shares_of_a_medium_that_is_taken_in_turns() {
    let every = |shares_band| {
        let link = |(from, to)| FixedLink {
            from: NodeId(from),
            to: NodeId(to),
            bits_per_second: BitsPerSecond(2e6),
            joules_per_bit: JoulesPerBit(1e-8),
            shares_band,
        };
        (0..4).flat_map(|i| (0..4).map(move |j| (i, j))).filter(|(i, j)| i != j).map(link).collect::<Vec<_>>()
    };
    let problem = with(|s| {
        s.clusters[0].medium = MediumAccess::Turns;
        s.clusters[0].fixed_links = every(true);
    })
    .unwrap();
    let best = solve(&problem, &Settings::default()).unwrap();
    let best = best.certified().unwrap();
    let cluster = &best.decision.clusters[0];
    assert!(cluster.forward.iter().chain(&cluster.backward).all(Option::is_none));
    assert_eq!(cluster.upload.unwrap().bandwidth_hz, Hertz(5e6));
    assert!(best.gap <= 1e-7 && best.evaluation.feasibility.is_feasible(0.0));
    // A cable has no place in the order, unless nobody's pipeline goes over it.
    let message = with(|s| {
        s.clusters[0].medium = MediumAccess::HalfDuplex;
        s.clusters[0].fixed_links = every(false);
    })
    .unwrap_err();
    let expected = "clusters[0].fixed_links[0].shares_band = false: must be true where medium is \"half-duplex\": a cable \
                    has no place in the order of its messages";
    assert_eq!(message, expected);
    let upload = |s: &mut SlotSpec| {
        s.clusters[0].medium = MediumAccess::Turns;
        s.clusters[0].fixed_links = every(false);
        s.clusters[0].fixed_links.retain(|link| (link.from.0, link.to.0) == (0, 3));
    };
    assert!(with(upload).is_ok());
}

#[test]
fn bad_media_and_staging_are_named() {
    let error = |change: fn(&mut SlotSpec)| with(change).unwrap_err();
    let message = error(|s| {
        s.overlap = Overlap::None;
        s.clusters[0].medium = MediumAccess::Turns;
    });
    let expected = "clusters[0].medium = \"turns\": must be \"bands\" where overlap is \"none\"; what keeps a sender busy is \
                    staging_s_per_byte";
    assert_eq!(message, expected);
    let message = error(|s| {
        s.clusters[0].medium = MediumAccess::Turns;
        s.clusters[0].batch_size = 300_000;
        s.plans[0].micro_batches = 300_000;
    });
    let expected = "plans[0].micro_batches = 300000: must be at most 250000 with medium \"turns\" on up to 4 stages";
    assert_eq!(message, expected);
    let message = error(|s| s.clusters[0].staging_s_per_byte = SecondsPerByte(-1.0).into());
    assert_eq!(message, "clusters[0].staging_s_per_byte = -1.0: must be 0 or a finite number in [1e-30, 1e30]");
    let mut text = serde_json::to_value(with(|_| {}).unwrap()).unwrap();
    text["clusters"][0]["medium"] = "half_duplex".into();
    let message = SlotProblem::from_json(&text.to_string()).unwrap_err().to_string();
    assert!(message.contains("unknown variant `half_duplex`: did you mean `half-duplex`?"), "{message}");
    // Both fields come back as they were written.
    let problem = with(|s| {
        s.clusters[0].medium = MediumAccess::HalfDuplex;
        s.clusters[0].staging_s_per_byte = SecondsPerByte(3e-8).into();
    })
    .unwrap();
    assert_eq!(SlotProblem::from_json(&problem.to_json().unwrap()).unwrap(), problem);
    let beyond = |problem: &SlotProblem| problem.beyond_classical().map(|beyond| (beyond.field, beyond.value));
    assert_eq!(beyond(&problem), Some(("clusters[..].staging_s_per_byte", "above 0")));
    let problem = with(|s| s.clusters[0].medium = MediumAccess::HalfDuplex).unwrap();
    assert_eq!(beyond(&problem), Some(("clusters[..].medium", "\"half-duplex\"")));
}
