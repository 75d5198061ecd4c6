//! Baselines that train in another way: their costs by formulas of the test's own.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};

use collapipe::problem::{CandidatePlan, Cluster, SlotProblem};
use collapipe::scenario::{BUILTIN, Scenario, ScenarioFile, ScenarioSpec};
use collapipe::simulation::policy::OwnRound;
use collapipe::simulation::{Choice, Effort, Policy, PolicyKind, Run, RunError, RunRecord, SlotContext, SlotOutcome};
use collapipe::solver::Settings;

const OWN: [PolicyKind; 3] = [PolicyKind::FullModelFederated, PolicyKind::SplitLearning, PolicyKind::SplitFed];

fn scenario(slots: u64, change: impl Fn(&mut ScenarioSpec)) -> Scenario {
    let mut file = ScenarioFile::parse(BUILTIN, "".as_ref()).unwrap();
    file.spec.slots = slots;
    change(&mut file.spec);
    file.build().unwrap()
}

type Seen = Arc<Mutex<Vec<(SlotProblem, OwnRound)>>>;

/// Notes the problems and rounds of a policy.
#[derive(Debug)]
struct Watched(Box<dyn Policy>, Seen);

impl Policy for Watched {
    fn name(&self) -> Cow<'static, str> {
        self.0.name()
    }

    fn refuses(&self, scenario: &Scenario) -> Option<String> {
        self.0.refuses(scenario)
    }

    fn decide(&mut self, slot: &SlotContext<'_>) -> Result<Choice, RunError> {
        let choice = self.0.decide(slot)?;
        match &choice {
            Choice::Round(round) => self.1.lock().unwrap().push((slot.problem().clone(), round.clone())),
            other => panic!("no round of its own: {other:?}"),
        }
        Ok(choice)
    }
}

fn watch(kind: PolicyKind, scenario: &Scenario) -> (Vec<(SlotProblem, OwnRound)>, RunRecord) {
    let seen = Seen::default();
    let policy = Watched(kind.build(Settings::default(), 1).unwrap(), Arc::clone(&seen));
    let mut run = Run::with_policy(scenario, Box::new(policy)).unwrap();
    let slots = run.by_ref().collect::<Result<Vec<_>, _>>().unwrap();
    let record = run.record(slots);
    let seen = seen.lock().unwrap().clone();
    (seen, record)
}

/// Shannon's rate at full power from node to node.
fn rate(cluster: &Cluster, from: usize, to: usize, band: f64) -> f64 {
    let power = match from {
        0 => cluster.control_unit.max_power_w.0,
        k if k <= cluster.devices.len() => cluster.devices[k - 1].max_power_w.0,
        _ => cluster.edge_server.max_power_w.0,
    };
    band * (1.0 + power * cluster.gain_to_noise_hz_per_w.0[(from, to)] / band).log2()
}

/// T and Σ Z·E of a cluster by the formulas of the policies' documentation, for d blocks on every device.
fn costs(
    kind: PolicyKind,
    problem: &SlotProblem,
    cluster: &Cluster,
    plan: &CandidatePlan,
    d: f64,
    flops: [f64; 2],
) -> (f64, f64) {
    let (encoder, devices) = (problem.encoder.equal().unwrap(), cluster.devices.len());
    let (count, server, band) = (devices as f64, devices + 1, cluster.bandwidth_hz.0);
    let (i, m) = (f64::from(plan.local_iterations), f64::from(plan.micro_batches));
    let b = f64::from(cluster.batch_size) / (count * m);
    let (cf, cb) = (encoder.forward_flops_per_sample.0, encoder.backward_flops_per_sample.0);
    let decoder = cluster.decoder.unwrap();
    let decoder = [decoder.forward_seconds_per_sample.0, decoder.backward_seconds_per_sample.0];
    let left = f64::from(encoder.blocks) - d;
    let at_server = b * (left * (cf * decoder[0] / flops[0] + cb * decoder[1] / flops[1]) + decoder[0] + decoder[1]);
    let unit = &cluster.control_unit;
    let drawn_by_unit = unit.max_power_w.0 / unit.amplifier_efficiency + unit.circuit_power_w.0;
    let up_band = problem.uplink.bandwidth_hz.0 / problem.clusters.len() as f64;
    let upload = cluster.upload_bits.0 / rate(cluster, 0, server, up_band);
    let mut energy = unit.energy_price * drawn_by_unit * upload;
    let (mut carried, mut one_by_one, mut slowest, mut slowest_up, mut slowest_down) = (0.0, 0.0, 0f64, 0f64, 0f64);
    for (k, device) in cluster.devices.iter().enumerate() {
        let stage = |c: f64, f: f64| device.stage_overhead_s.0 + d * (device.block_overhead_s.0 + b * c / f);
        let forward = stage(cf, device.forward_flops_per_second.0);
        let backward = stage(cb, device.backward_flops_per_second.0);
        let bits = d * encoder.parameter_bits_per_block.0;
        let (out, back) = (bits / rate(cluster, 0, k + 1, band), bits / rate(cluster, k + 1, 0, band));
        carried += out + back;
        let shared = if kind == PolicyKind::SplitFed { band / count } else { band };
        let tensor = b * encoder.boundary_bits_per_sample.0;
        let (up, down) = match kind {
            PolicyKind::FullModelFederated => (0.0, 0.0),
            _ => (tensor / rate(cluster, k + 1, server, shared), tensor / rate(cluster, server, k + 1, shared)),
        };
        let hop = cluster.hop_latency_s.same().unwrap().0;
        slowest = slowest.max(forward + backward);
        slowest_up = slowest_up.max(forward + hop + up);
        slowest_down = slowest_down.max(backward + hop + down);
        one_by_one += forward + backward + 2.0 * hop + up + down + at_server;
        let drawn = device.max_power_w.0 / device.amplifier_efficiency + device.circuit_power_w.0;
        let computed = i * m * b * d * (cf + cb) * device.joules_per_flop.0;
        energy += device.energy_price * (computed + drawn * (back + i * m * up));
        energy += unit.energy_price * drawn_by_unit * out;
    }
    let trained = match kind {
        PolicyKind::FullModelFederated => slowest,
        PolicyKind::SplitLearning => one_by_one,
        _ => slowest_up + slowest_down + count * at_server,
    };
    (cluster.fixed_seconds.0 + carried + i * m * trained + upload, energy)
}

/// Latency and objective by the test's formulas, the cut and the plan by trying all.
#[test]
fn rounds_cost_what_the_formulas_say() {
    let scenario = scenario(12, |_| {});
    let decoder = scenario.model().unwrap().decoder;
    let flops = [decoder.forward_flops_per_sample.0, decoder.backward_flops_per_sample.0];
    for kind in OWN {
        let (seen, record) = watch(kind, &scenario);
        assert_eq!(seen.len(), 12, "{kind}");
        for (slot, (problem, _)) in record.slots.iter().zip(&seen) {
            let SlotOutcome::Planned(planned) = &slot.outcome else { panic!("{kind}: an outage") };
            let most = f64::from(problem.encoder.blocks());
            let cuts: Vec<f64> = match kind {
                PolicyKind::FullModelFederated => vec![most],
                _ => (1..=problem.encoder.blocks()).map(f64::from).collect(),
            };
            let of_plan = |plan: &CandidatePlan| {
                let (mut latency, mut energy) = (0f64, 0.0);
                for cluster in &problem.clusters {
                    let all = cuts.iter().map(|&d| costs(kind, problem, cluster, plan, d, flops));
                    let alone = |(t, e): &(f64, f64)| problem.latency_weight * t + e;
                    let (t, e) = all.min_by(|a, b| alone(a).total_cmp(&alone(b))).unwrap();
                    latency = latency.max(t);
                    energy += e;
                }
                (problem.latency_weight * latency + energy + plan.penalty, latency)
            };
            let (objective, latency) = problem.plans.iter().map(of_plan).min_by(|a, b| a.0.total_cmp(&b.0)).unwrap();
            assert!((planned.objective / objective - 1.0).abs() < 1e-9, "{kind}: {} {objective}", planned.objective);
            assert!((planned.latency_s.0 / latency - 1.0).abs() < 1e-9, "{kind}: {} {latency}", planned.latency_s);
        }
    }
}

#[test]
fn whole_models_need_the_memory_of_all_blocks_and_splits_that_of_few() {
    let scenario = scenario(6, |_| {});
    let largest = |kind| {
        let (_, record) = watch(kind, &scenario);
        let clusters = record.planned_slots().flat_map(|(_, planned)| &planned.clusters);
        clusters.flat_map(|cluster| &cluster.memory_bytes).map(|bytes| bytes.0).fold(0.0, f64::max)
    };
    // One device's share of activations, but all 12 blocks' parameters and optimizer state.
    let encoder = scenario.model().unwrap().block;
    assert!(largest(PolicyKind::FullModelFederated) > 12.0 * encoder.resident_bytes_per_block.0);
    assert!(largest(PolicyKind::FullModelFederated) > largest(PolicyKind::SplitFed));
}

#[test]
fn more_band_is_never_slower_and_absent_devices_do_nothing() {
    for kind in OWN {
        let latency = |factor: f64| {
            let scenario = scenario(1, |spec| {
                spec.uplink.bandwidth_hz.0 *= factor;
                spec.clusters.iter_mut().for_each(|cluster| cluster.bandwidth_hz.0 *= factor);
            });
            let (_, record) = watch(kind, &scenario);
            match &record.slots[0].outcome {
                SlotOutcome::Planned(planned) => planned.latency_s.0,
                _ => panic!("{kind}: an outage"),
            }
        };
        assert!(latency(2.0) < latency(1.0) && latency(1.0) < latency(0.5), "{kind}");
        let absent = scenario(3, |spec| {
            spec.clusters[0].devices.iter_mut().for_each(|device| device.absence_probability = 0.0);
            spec.clusters[0].devices[1].absent_slots = vec![1];
        });
        let (seen, record) = watch(kind, &absent);
        assert_eq!(seen[1].0.clusters[0].devices.len() + 1, seen[0].0.clusters[0].devices.len());
        // Node 0 is the control unit.
        assert_eq!(record.slots[1].energy_j[2].0, 0.0, "{kind}");
        assert!(record.slots[0].energy_j[2].0 > 0.0, "{kind}");
    }
}

#[test]
fn queues_follow_their_law_whoever_decides() {
    let scenario = scenario(20, |_| {});
    for kind in OWN {
        let (_, record) = watch(kind, &scenario);
        let history = record.history().unwrap();
        assert_eq!(history.steps().len(), 20);
        assert!(history.steps().iter().all(|step| step.gap.is_none()), "{kind}: nothing is proved of it");
        assert!(collapipe::report::summary(&record).certified(), "{kind}");
        // The pipeline's optima are no bounds on these rounds.
        let refused = record.compare(&scenario, Settings::default(), Effort::Quick).unwrap_err();
        assert_eq!(refused, RunError::OwnRound { slot: 0 }, "{kind}");
    }
}
