//! Edge servers that several clusters share, that cost something, and that hold so much and no more.

use approx::assert_relative_eq;

use collapipe::problem::{EdgeServer, Schema};
use collapipe::report::summary;
use collapipe::scenario::{BUILTIN, EdgeServerSpec, Role, Scenario, ScenarioFile, ScenarioSpec};
use collapipe::simulation::{Effort, NodeRole, OutageCause, PolicyKind, Run, RunRecord, SlotOutcome};
use collapipe::solver::Settings;
use collapipe::units::{Bytes, FlopsPerSecond, Joules, Watts};

fn spec(slots: u64, change: impl Fn(&mut EdgeServerSpec)) -> ScenarioSpec {
    let mut file = ScenarioFile::parse(BUILTIN, "".as_ref()).unwrap();
    file.spec.slots = slots;
    file.spec.clusters.iter_mut().for_each(|cluster| change(&mut cluster.edge_server));
    file.spec
}

fn scenario(slots: u64, change: impl Fn(&mut EdgeServerSpec)) -> Scenario {
    Scenario::new(spec(slots, change)).unwrap()
}

fn play(scenario: &Scenario, kind: PolicyKind) -> RunRecord {
    let mut run = Run::with_policy(scenario, kind.build(Settings::default(), 1).unwrap()).unwrap();
    let slots = run.by_ref().collect::<Result<Vec<_>, _>>().unwrap();
    run.record(slots)
}

/// Mean energy of the edge servers per slot.
fn server_energy(record: &RunRecord) -> f64 {
    let of = |slot: &collapipe::simulation::SlotRecord| -> f64 {
        let nodes = slot.energy_j.iter().zip(&record.nodes);
        nodes.filter(|(_, node)| node.role == NodeRole::EdgeServer).map(|(energy, _)| energy.0).sum()
    };
    record.slots.iter().map(of).sum::<f64>() / record.slots.len() as f64
}

fn mean_latency(record: &RunRecord) -> f64 {
    let all: Vec<f64> = record.planned_slots().map(|(_, planned)| planned.latency_s.0).collect();
    all.iter().sum::<f64>() / all.len() as f64
}

const ALL: [PolicyKind; 4] =
    [PolicyKind::Exact, PolicyKind::SplitLearning, PolicyKind::SplitFed, PolicyKind::FullModelFederated];

#[test]
fn sharing_is_a_share_of_the_speed() {
    let rtx = 24.79e12 * 0.4;
    let shared = scenario(3, |server| server.shared_by = Some(8));
    let slower = scenario(3, |server| {
        server.forward_flops_per_second = Some(FlopsPerSecond(rtx / 8.0));
        server.backward_flops_per_second = Some(FlopsPerSecond(rtx / 8.0));
    });
    for kind in ALL {
        assert_relative_eq!(
            mean_latency(&play(&shared, kind)),
            mean_latency(&play(&slower, kind)),
            max_relative = 1e-6
        );
    }
    assert_eq!(shared.nodes().len(), slower.nodes().len());
}

#[test]
fn nothing_changes_where_nothing_is_said() {
    let plain = scenario(4, |_| ());
    // Counted and free: the same rounds, and one node more for each cluster.
    let counted = scenario(4, |server| server.compute_power_w = Some(Watts(350.0)));
    let instance = plain.sampler().next_slot().problem(|_| 0.0).unwrap();
    assert_eq!(instance.problem.schema, Schema::V1);
    for kind in ALL {
        let (plain, counted) = (play(&plain, kind), play(&counted, kind));
        assert!(plain.nodes.iter().all(|node| node.role != NodeRole::EdgeServer));
        assert_eq!(plain.nodes.len() + 2, counted.nodes.len());
        for ((_, a), (_, b)) in plain.planned_slots().zip(counted.planned_slots()) {
            assert_eq!((a.latency_s, &a.decision, a.objective), (b.latency_s, &b.decision, b.objective), "{kind}");
            assert!(a.clusters.iter().all(|cluster| cluster.edge_server.is_none()));
        }
        let text = serde_json::to_string(&plain).unwrap();
        assert!(!text.contains("edge_server\":{\"busy_s") && !text.contains("server_energy"), "{kind}");
    }
}

#[test]
fn what_the_server_does_by_hand() {
    let counted = scenario(2, |server| {
        server.compute_power_w = Some(Watts(350.0));
        server.shared_by = Some(4);
    });
    let costs = *counted.model().unwrap();
    let rate = 24.79e12 * 0.4;
    let decoder = costs.decoder.forward_flops_per_sample.0 + costs.decoder.backward_flops_per_sample.0;
    let block = costs.block.forward_flops_per_sample.0 + costs.block.backward_flops_per_sample.0;
    for kind in ALL {
        let record = play(&counted, kind);
        for (slot, planned) in record.slots.iter().filter_map(|slot| Some((slot, slot.planned()?))) {
            let plan = &record.plans[planned.plan];
            for (n, cluster) in planned.clusters.iter().enumerate() {
                let of_cluster = &counted.spec().clusters[n];
                let samples = f64::from(of_cluster.batch_size) * f64::from(plan.local_iterations);
                let on_device = f64::from(*cluster.sizes.iter().max().unwrap());
                let left = f64::from(record.blocks) - on_device;
                let present = slot.present[n].len() as f64;
                // All samples pass once through what is on the server, at the whole machine's rate.
                let machine_s = match kind {
                    PolicyKind::Exact => samples * decoder / rate,
                    PolicyKind::FullModelFederated => 0.0,
                    _ => samples * (decoder + left * block) / rate,
                };
                let server = &cluster.edge_server;
                assert_relative_eq!(server.energy.0, 350.0 * machine_s, max_relative = 1e-9);
                assert_relative_eq!(server.busy.0, 4.0 * machine_s, max_relative = 1e-9);
                let batch = f64::from(of_cluster.batch_size);
                let [resident, per_sample] = costs.decoder_memory().map(|bytes| bytes.0);
                let per_block = |samples: f64| {
                    costs.block.resident_bytes_per_block.0 + costs.block.activation_bytes_per_sample.0 * samples
                };
                let share = batch / present;
                let copy = left * per_block(share) + resident + per_sample * share;
                let memory = match kind {
                    PolicyKind::Exact => resident + per_sample * batch,
                    PolicyKind::FullModelFederated => 0.0,
                    PolicyKind::SplitLearning => copy,
                    _ => present * copy,
                };
                assert_relative_eq!(server.memory.0, memory, max_relative = 1e-9);
                let node = record.nodes.iter().position(|of| of.cluster == n && of.role == NodeRole::EdgeServer);
                assert_eq!(slot.energy_j[node.unwrap()], server.energy);
            }
        }
    }
}

#[test]
fn a_budget_of_the_server_is_kept_by_taking_blocks_back() {
    let power = Some(Watts(350.0));
    for kind in [PolicyKind::SplitLearning, PolicyKind::SplitFed] {
        let free = play(&scenario(60, |server| server.compute_power_w = power), kind);
        let budget = 0.5 * server_energy(&free) / 2.0;
        let limited = scenario(60, |server| {
            server.compute_power_w = power;
            server.budget_j_per_round = Some(Joules(budget));
        });
        assert!(
            limited.nodes().iter().any(|node| node.role == Role::EdgeServer && node.budget == Some(Joules(budget)))
        );
        let record = play(&limited, kind);
        // Queues grow before they settle.
        assert!(server_energy(&record) < 0.9 * server_energy(&free), "{kind}");
        assert!(mean_latency(&record) > mean_latency(&free), "{kind}");
        let history = record.history().unwrap();
        let names = record.constraint_names();
        assert!(names.iter().any(|name| name.ends_with("/edge-server")), "{names:?}");
        assert_eq!(history.steps()[0].violations.len(), names.len());
    }
}

#[test]
fn a_price_of_the_server_is_part_of_what_is_minimized() {
    let priced = |price: f64| {
        scenario(6, move |server| {
            server.compute_power_w = Some(Watts(350.0));
            server.energy_price_s_per_j = Some(price);
        })
    };
    let (free, dear) = (priced(0.0), priced(20.0));
    for kind in [PolicyKind::SplitLearning, PolicyKind::SplitFed] {
        assert!(server_energy(&play(&dear, kind)) < 0.7 * server_energy(&play(&free, kind)), "{kind}");
    }
    let record = play(&dear, PolicyKind::Exact);
    let history = record.history().unwrap();
    for ((slot, step), planned) in record.slots.iter().zip(history.steps()).zip(record.planned_slots()) {
        let servers = slot.energy_j.iter().zip(&record.nodes).filter(|(_, node)| node.role == NodeRole::EdgeServer);
        let priced: f64 = servers.map(|(energy, node)| node.price_s_per_j * energy.0).sum();
        assert!(priced > 0.0);
        assert_relative_eq!(step.penalty, planned.1.latency_s.0 + priced, max_relative = 1e-12);
        let terms = &planned.1.terms;
        assert_relative_eq!(terms.server_energy, dear.spec().latency_weight * priced, max_relative = 1e-9);
        // The proof of the slot is one of latency and price together.
        assert!(step.gap.is_some_and(|gap| gap <= 1e-6 * planned.1.objective.abs()), "{:?}", step.gap);
    }
    let mut compared = record.clone();
    compared.comparison = Some(record.compare(&dear, Settings::default(), Effort::Full).unwrap());
    let summary = summary(&compared);
    assert!(!summary.certificates.is_empty() && summary.certificates.iter().all(|claim| claim.holds));
}

#[test]
fn memory_of_the_server_decides_who_has_a_round() {
    let with = |gigabytes: f64| scenario(2, move |server| server.memory_bytes = Some(Bytes(1e9 * gigabytes)));
    let needed = |kind: PolicyKind, scenario: &Scenario| -> Vec<f64> {
        let record = play(scenario, kind);
        let clusters = record.planned_slots().flat_map(|(_, planned)| planned.clusters.clone());
        clusters.map(|cluster| cluster.edge_server.memory.0).collect()
    };
    let ample = with(100.0);
    for kind in [PolicyKind::SplitLearning, PolicyKind::SplitFed] {
        let most = needed(kind, &ample).into_iter().fold(0.0, f64::max);
        let half = with(0.5e-9 * most);
        let held = needed(kind, &half);
        assert!(!held.is_empty() && held.iter().all(|bytes| *bytes <= 0.5 * most), "{kind}");
        assert!(mean_latency(&play(&half, kind)) > mean_latency(&play(&ample, kind)), "{kind}");
    }
    let none = with(1e-3);
    for kind in [PolicyKind::Exact, PolicyKind::UniformSegments, PolicyKind::SplitLearning, PolicyKind::SplitFed] {
        for slot in &play(&none, kind).slots {
            let SlotOutcome::Outage(outage) = &slot.outcome else { panic!("{kind}: a round") };
            assert!(outage.reason.contains("edge server's memory"), "{kind}: {}", outage.reason);
            assert!(kind != PolicyKind::Exact || outage.cause == Some(OutageCause::Infeasible));
        }
    }
    // Who asks nothing of the server does not mind.
    assert_eq!(play(&none, PolicyKind::FullModelFederated).planned_slots().count(), 2);
}

#[test]
fn bad_fields_are_named() {
    let error = |change: fn(&mut EdgeServerSpec)| Scenario::new(spec(1, change)).unwrap_err().to_string();
    assert!(error(|server| server.shared_by = Some(0)).contains("clusters[0].edge_server.shared_by = 0"));
    assert!(error(|server| server.compute_power_w = Some(Watts(-1.0))).contains("edge_server.compute_power_w = -1.0"));
    assert!(error(|server| server.budget_j_per_round = Some(Joules(1.0))).contains("compute_power_w"));
    assert!(error(|server| server.energy_price_s_per_j = Some(1.0)).contains("compute_power_w"));
    let nan = error(|server| {
        server.compute_power_w = Some(Watts(1.0));
        server.energy_price_s_per_j = Some(f64::NAN);
    });
    assert!(nan.contains("edge_server.energy_price_s_per_j = NaN"), "{nan}");
    let budget = error(|server| {
        server.compute_power_w = Some(Watts(1.0));
        server.budget_j_per_round = Some(Joules(0.0));
    });
    assert!(budget.contains("clusters[0].edge_server.budget_j_per_round"), "{budget}");
    assert!(error(|server| server.memory_bytes = Some(Bytes(-1.0))).contains("edge_server.memory_bytes"));
    let plain = EdgeServer { max_power_w: Watts(1.0), ..EdgeServer::default() };
    assert!(!plain.is_accounted());
}
