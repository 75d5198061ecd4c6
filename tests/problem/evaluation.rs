//! Evaluation against closed forms, and every kind of broken constraint.

use approx::assert_relative_eq;
use collapipe::problem::*;
use collapipe::units::*;

use crate::small::{decision, spec};

fn evaluated(spec: SlotSpec, decision: &Decision) -> Evaluation {
    evaluate(&SlotProblem::new(spec).unwrap(), decision).unwrap()
}

/// Micro-batches of 2 samples; messages of 0.2 Mbit at 2 Mbit/s take 0.1 s on air, 0.105 s as hops.
/// Stages forward 0.002, 0.01+1·(0.002+0.02) = 0.032, 0.01+3·0.022 = 0.076, 0.006;
/// backward 0.004, 0.01+0.002+0.08 = 0.092, 0.01+3·0.082 = 0.256, 0.008.
#[test]
fn closed_form_full_overlap() {
    let e = evaluated(spec(), &decision());
    assert!(e.feasibility.violations.is_empty(), "{}", e.feasibility);
    let parts = e.clusters[0].parts;
    assert_eq!(parts.fixed, Seconds(0.125));
    // The slowest forward stage is a hop, the slowest backward stage the second device.
    assert_relative_eq!(parts.forward.0, 2.0 * (0.116 + 3.0 * 0.105 + 3.0 * 0.105), max_relative = 1e-14);
    assert_relative_eq!(parts.backward.0, 2.0 * (0.36 + 3.0 * 0.105 + 3.0 * 0.256), max_relative = 1e-14);
    // 4 blocks of 4 Mbit on 3 MHz: up at 3 W (signal-to-noise ratio 1, 3 Mbit/s), down at 9 W (ratio 3, 6 Mbit/s).
    assert_relative_eq!(parts.collection.0, 16.0 / 3.0, max_relative = 1e-14);
    assert_relative_eq!(parts.distribution.0, 16.0 / 6.0, max_relative = 1e-14);
    // 10 Mbit on 5 MHz at 5 W: 5 Mbit/s.
    assert_relative_eq!(parts.upload.0, 2.0, max_relative = 1e-14);
    let latency = 0.125 + 2.0 * 0.746 + 2.0 * 1.443 + 16.0 / 3.0 + 16.0 / 6.0 + 2.0;
    assert_relative_eq!(e.round_latency.0, latency, max_relative = 1e-14);

    // Computing: 2 iterations of 8 samples, 3e7 FLOP per block and sample, 1e-10 J/FLOP.
    let energy = &e.clusters[0].device_energy;
    assert_relative_eq!(energy[0].compute.0, 0.048, max_relative = 1e-14);
    assert_relative_eq!(energy[1].compute.0, 0.144, max_relative = 1e-14);
    // Sending at 3 W draws 6.5 W: 8 forward and 8 backward messages of 0.1 s, then d·4/3 s of collection.
    assert_relative_eq!(energy[0].transmit.0, 6.5 * (1.6 + 4.0 / 3.0), max_relative = 1e-14);
    assert_relative_eq!(energy[1].transmit.0, 6.5 * (1.6 + 12.0 / 3.0), max_relative = 1e-14);
    assert_eq!(energy[0].total(), energy[0].compute + energy[0].transmit);
    // Control unit: 8 forward messages at 3 W (13 W drawn), distribution at 9 W (37 W), upload at 5 W (21 W).
    let unit = 13.0 * 0.8 + 37.0 * 16.0 / 6.0 + 21.0 * 2.0;
    assert_relative_eq!(e.clusters[0].control_unit_energy.0, unit, max_relative = 1e-14);

    assert_relative_eq!(e.terms.latency, 10.0 * latency, max_relative = 1e-14);
    assert_relative_eq!(e.terms.compute_energy, 2.0 * 0.192, max_relative = 1e-14);
    let sending = 2.0 * 6.5 * (3.2 + 16.0 / 3.0) + 0.5 * unit;
    assert_relative_eq!(e.terms.transmit_energy, sending, max_relative = 1e-14);
    assert_eq!(e.terms.plan_penalty, -0.25);
    assert_relative_eq!(e.objective, 10.0 * latency + 0.384 + sending - 0.25, max_relative = 1e-14);
}

/// Without overlap the pace is compute plus send: device 2 forward 0.076 + 0.105, backward 0.256 + 0.105.
#[test]
fn closed_form_no_overlap() {
    let e = evaluated(SlotSpec { overlap: Overlap::None, ..spec() }, &decision());
    let parts = e.clusters[0].parts;
    assert_relative_eq!(parts.forward.0, 2.0 * (0.116 + 3.0 * 0.105 + 3.0 * 0.181), max_relative = 1e-14);
    assert_relative_eq!(parts.backward.0, 2.0 * (0.36 + 3.0 * 0.105 + 3.0 * 0.361), max_relative = 1e-14);
}

/// The stage that sends nothing can set the pace: decoder forward, embedding backward.
#[test]
fn silent_stage_sets_the_pace_without_overlap() {
    let mut s = SlotSpec { overlap: Overlap::None, ..spec() };
    s.clusters[0].decoder.as_mut().unwrap().forward_seconds_per_sample = Seconds(1.0);
    s.clusters[0].embedding.as_mut().unwrap().backward_seconds_per_sample = Seconds(2.0);
    let parts = evaluated(s, &decision()).clusters[0].parts;
    assert_relative_eq!(parts.forward.0, 2.0 * (0.11 + 2.0 + 0.315 + 3.0 * 2.0), max_relative = 1e-14);
    assert_relative_eq!(parts.backward.0, 2.0 * (0.356 + 4.0 + 0.315 + 3.0 * 4.0), max_relative = 1e-14);
}

/// One micro-batch has no pace: the overlap makes no difference.
#[test]
fn one_micro_batch_is_the_sum() {
    let mut s = spec();
    s.plans[0].micro_batches = 1;
    let full = evaluated(s.clone(), &decision());
    let none = evaluated(SlotSpec { overlap: Overlap::None, ..s }, &decision());
    assert_eq!(full, none);
}

/// Two clusters: the slower one is the round; energies add up; the upload band is shared.
#[test]
fn round_waits_for_the_slowest_cluster() {
    let mut s = spec();
    s.clusters.push(s.clusters[0].clone());
    s.clusters[1].fixed_seconds = Seconds(7.0);
    let mut d = decision();
    d.clusters.push(d.clusters[0].clone());
    let (one, two) = (evaluated(spec(), &decision()), evaluated(s, &d));
    assert_eq!(two.round_latency, two.clusters[1].latency);
    assert_relative_eq!(two.round_latency.0, one.round_latency.0 + 6.875, max_relative = 1e-14);
    assert_relative_eq!(two.terms.transmit_energy, 2.0 * one.terms.transmit_energy, max_relative = 1e-14);
    assert_eq!(two.feasibility.violations.len(), 1);
    let violation = two.feasibility.violations[0];
    assert_eq!((violation.constraint, violation.amount), (Constraint::UplinkBand, 1.0));
    assert_eq!(violation.to_string(), "clusters[..].upload: bandwidths sum to 1e7 Hz, limit 5e6 Hz");
}

#[test]
fn nothing_to_send_takes_no_time_and_no_energy() {
    let mut s = spec();
    s.clusters[0].upload_bits = Bits(0.0);
    s.encoder.equal_mut().unwrap().parameter_bits_per_block = Bits(0.0);
    let mut d = decision();
    d.clusters[0].upload = Some(Link { bandwidth_hz: Hertz(0.0), power_w: Watts(0.0) });
    d.clusters[0].collection_power_w.fill(Some(Watts(0.0)));
    let e = evaluated(s, &d);
    assert!(e.feasibility.is_feasible(0.0), "{}", e.feasibility);
    let parts = e.clusters[0].parts;
    assert_eq!((parts.upload, parts.collection, parts.distribution), (Seconds(0.0), Seconds(0.0), Seconds(0.0)));
    assert_relative_eq!(e.clusters[0].control_unit_energy.0, 13.0 * 0.8, max_relative = 1e-14);
}

/// Breaks the feasible decision, expects exactly one violation, and reads it.
fn violation(change: impl Fn(&mut SlotSpec, &mut ClusterDecision)) -> (Violation, String) {
    let (mut s, mut d) = (spec(), decision());
    change(&mut s, &mut d.clusters[0]);
    let report = evaluated(s, &d).feasibility;
    assert_eq!(report.violations.len(), 1, "{report}");
    assert_eq!(report.worst(), report.violations[0].amount);
    assert!(!report.is_feasible(0.9 * report.worst().min(1e300)));
    (report.violations[0], report.to_string())
}

#[test]
fn band() {
    let (v, text) = violation(|_, d| d.forward[1].as_mut().unwrap().bandwidth_hz = Hertz(1.6e6));
    assert_eq!(v.constraint, Constraint::Band { cluster: 0, phase: Phase::Forward });
    assert_relative_eq!(v.amount, 0.2, max_relative = 1e-14);
    assert_eq!(text, "clusters[0].forward: bandwidths sum to 3.6e6 Hz, limit 3e6 Hz");
}

#[test]
fn power_of_each_kind_of_transmission() {
    let (v, text) = violation(|_, d| d.forward[2].as_mut().unwrap().power_w = Watts(4.5));
    let transfer = Transfer::Hop { phase: Phase::Forward, hop: 2 };
    assert_eq!(v.constraint, Constraint::Power { cluster: 0, node: NodeId(2), transfer });
    assert_eq!(v.amount, 0.5);
    assert_eq!(text, "clusters[0].forward[2].power_w: node 2 sends with 4.5 W, limit 3 W");
    // Backward, the receiver of the forward hop sends: hop 0 is device 1's, hop 2 the edge server's.
    let (v, _) = violation(|_, d| d.backward[0].as_mut().unwrap().power_w = Watts(4.5));
    let transfer = Transfer::Hop { phase: Phase::Backward, hop: 0 };
    assert_eq!(v.constraint, Constraint::Power { cluster: 0, node: NodeId(1), transfer });
    let (v, _) = violation(|_, d| d.backward[2].as_mut().unwrap().power_w = Watts(30.0));
    let transfer = Transfer::Hop { phase: Phase::Backward, hop: 2 };
    assert_eq!(v.constraint, Constraint::Power { cluster: 0, node: NodeId(3), transfer });
    let (_, text) = violation(|_, d| d.collection_power_w[1] = Some(Watts(4.5)));
    assert_eq!(text, "clusters[0].collection_power_w[1]: node 2 sends with 4.5 W, limit 3 W");
    let (_, text) = violation(|_, d| d.distribution_power_w[0] = Some(Watts(18.0)));
    assert_eq!(text, "clusters[0].distribution_power_w[0]: node 0 sends with 18 W, limit 9 W");
    let (_, text) = violation(|_, d| d.upload.as_mut().unwrap().power_w = Watts(18.0));
    assert_eq!(text, "clusters[0].upload.power_w: node 0 sends with 18 W, limit 9 W");
}

#[test]
fn memory_sizes_and_participation() {
    // A block needs 6e5 + 8·5e4 = 1e6 bytes; three fit exactly.
    let (v, text) = violation(|s, _| s.clusters[0].devices[1].memory_bytes = Bytes(2.5e6));
    assert_eq!(v.constraint, Constraint::Memory { cluster: 0, device: DeviceId(1) });
    assert_relative_eq!(v.amount, 0.2, max_relative = 1e-14);
    assert_eq!(text, "clusters[0].devices[1]: segment needs 3e6 bytes, limit 2.5e6 bytes");
    let (v, text) = violation(|_, d| d.sizes = vec![1, 2]);
    assert_eq!((v.constraint, v.amount), (Constraint::SizeSum { cluster: 0 }, 0.25));
    assert_eq!(text, "clusters[0].sizes: sum to 3 blocks, must be 4 blocks");
    let (v, text) = violation(|s, d| {
        s.clusters[0].devices[1].memory_bytes = Bytes(4e6);
        d.sizes = vec![0, 4];
    });
    assert_eq!((v.constraint, v.amount), (Constraint::SizeAtLeastOne { cluster: 0, device: DeviceId(0) }, 1.0));
    assert_eq!(text, "clusters[0].devices[0]: active with 0 blocks, must be at least 1");
    let leave_out = |s: &mut SlotSpec, d: &mut ClusterDecision| {
        s.clusters[0].devices[1].memory_bytes = Bytes(4e6);
        d.active = vec![DeviceId(1)];
        d.sizes = vec![4];
        d.forward.pop();
        d.backward.pop();
        d.collection_power_w.pop();
        d.distribution_power_w.pop();
    };
    let (v, text) = violation(leave_out);
    assert_eq!((v.constraint, v.amount), (Constraint::Participation { cluster: 0, device: DeviceId(0) }, 1.0));
    assert_eq!(text, "clusters[0].devices[0]: left out, but participation is \"all\"");

    // The same decision is fine where devices may be left out; the absent device spends nothing.
    let (mut s, mut d) = (SlotSpec { participation: Participation::Select, ..spec() }, decision());
    leave_out(&mut s, &mut d.clusters[0]);
    let e = evaluated(s, &d);
    assert!(e.feasibility.is_feasible(0.0));
    assert_eq!(e.clusters[0].device_energy[0].total(), Joules(0.0));
    assert_relative_eq!(e.clusters[0].device_energy[1].compute.0, 0.192, max_relative = 1e-14);
}

#[test]
fn no_rate_is_infinitely_slow_but_free_where_unpriced() {
    let (v, text) = violation(|s, d| {
        s.clusters[0].control_unit.energy_price = 0.0;
        d.upload.as_mut().unwrap().power_w = Watts(0.0);
    });
    assert_eq!(
        (v.constraint, v.amount),
        (Constraint::NoRate { cluster: 0, transfer: Transfer::Upload }, f64::INFINITY)
    );
    assert_eq!(text, "clusters[0].upload: 1e7 bit to send at 0 bit/s take infinite time");
    let (v, _) = violation(|_, d| d.backward[1].as_mut().unwrap().bandwidth_hz = Hertz(0.0));
    let transfer = Transfer::Hop { phase: Phase::Backward, hop: 1 };
    assert_eq!(v.constraint, Constraint::NoRate { cluster: 0, transfer });

    let (mut s, mut d) = (spec(), decision());
    s.clusters[0].gain_to_noise_hz_per_w.0[(0, 3)] = 0.0;
    s.clusters[0].control_unit.energy_price = 0.0;
    d.clusters[0].upload.as_mut().unwrap().power_w = Watts(0.1);
    let e = evaluated(s, &d);
    assert_eq!(e.round_latency, Seconds(f64::INFINITY));
    assert_eq!(e.objective, f64::INFINITY);
    assert!(e.terms.transmit_energy.is_finite());
    assert!(!e.feasibility.is_feasible(1e300));
}

#[test]
fn rates() {
    let rate = |w: f64, p, g| shannon_rate(Hertz(w), Watts(p), g);
    assert_eq!(rate(1e6, 3.0, 1e6), 2e6);
    for (w, p, g) in [(0.0, 1.0, 1.0), (1.0, 0.0, 1.0), (1.0, 1.0, 0.0)] {
        assert_eq!(rate(w, p, g), 0.0);
    }
    // Far below the noise the rate is pγ/ln 2, whatever the bandwidth.
    assert_relative_eq!(rate(1e9, 1e-3, 1e-9), 1e-12 / std::f64::consts::LN_2, max_relative = 1e-14);
    // A ratio beyond the range of floats: log₂(1e360) = 360 log₂ 10.
    assert_relative_eq!(rate(1e-300, 1e30, 1e30), 1e-300 * 360.0 * 10f64.log2(), max_relative = 1e-14);
}

#[test]
fn evaluation_serializes_with_units() {
    let e = evaluated(spec(), &decision());
    let json = serde_json::to_value(&e).unwrap();
    assert_eq!(json["round_latency_s"], e.round_latency.0);
    assert_eq!(json["clusters"][0]["device_energy"][1]["transmit_j"], e.clusters[0].device_energy[1].transmit.0);
    assert_eq!(json["feasibility"]["violations"], serde_json::json!([]));
}
