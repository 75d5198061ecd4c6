//! Edge servers whose energy has a price and whose memory has a limit.

use approx::assert_relative_eq;
use collapipe::instances::InstanceSize;
use collapipe::problem::{Beyond, Cluster, EdgeServer, EndStage, PerPair, Schema, SlotProblem, SlotSpec, evaluate};
use collapipe::solver::{Certified, Reason, Settings, bound_from_prices, solve};
use collapipe::units::{Bytes, Seconds, Watts};

fn built(spec: SlotSpec) -> SlotProblem {
    SlotProblem::new(spec).unwrap()
}

/// The optimum of a feasible problem, to the gap.
fn solved_to(problem: &SlotProblem, gap: f64) -> Certified {
    let best = solve(problem, &Settings { gap, ..Settings::default() }).unwrap().outcome.unwrap();
    assert!(best.gap <= gap && best.evaluation.feasibility.is_feasible(1e-9), "{:e}", best.gap);
    best
}

/// A problem of version 2 with decoders that take their time, under several plans.
fn problem(clusters: usize, seed: u64) -> SlotSpec {
    let size = InstanceSize { clusters, devices: 3, blocks: 6, plans: 3, ..InstanceSize::default() };
    let mut spec = size.sample(seed).unwrap().into_spec();
    spec.schema = Schema::V2;
    for cluster in &mut spec.clusters {
        cluster.hop_latency_s = PerPair::Same(Seconds(0.0));
        cluster.decoder =
            Some(EndStage { forward_seconds_per_sample: Seconds(2e-3), backward_seconds_per_sample: Seconds(5e-3) });
    }
    for (index, plan) in spec.plans.iter_mut().enumerate() {
        plan.local_iterations = 1 + index as u32;
        plan.penalty = -3.0 * f64::from(plan.local_iterations);
    }
    spec
}

fn priced(mut spec: SlotSpec, power: f64, price: f64) -> SlotSpec {
    for (n, cluster) in spec.clusters.iter_mut().enumerate() {
        let price = price * (1.0 + n as f64);
        cluster.edge_server = EdgeServer { compute_power_w: Watts(power), energy_price: price, ..cluster.edge_server };
    }
    spec
}

/// By hand: price · power · I · B · (g_F + g_B).
fn server_cost(cluster: &Cluster, local_iterations: u32) -> f64 {
    let server = &cluster.edge_server;
    let samples = f64::from(local_iterations) * f64::from(cluster.batch_size);
    server.energy_price * server.compute_power_w.0 * samples * 7e-3
}

/// The least over the plans of the optimum without a server's price, and what the server costs under the plan.
fn by_plan(spec: &SlotSpec, gap: f64) -> f64 {
    let each = spec.plans.iter().map(|plan| {
        let mut alone = priced(spec.clone(), 0.0, 0.0);
        alone.plans = vec![*plan];
        let servers: f64 = spec.clusters.iter().map(|cluster| server_cost(cluster, plan.local_iterations)).sum();
        solved_to(&built(alone), gap).objective() + servers
    });
    each.fold(f64::INFINITY, f64::min)
}

#[test]
fn the_price_of_a_server_is_a_cost_of_the_plan() {
    let mut plans = Vec::new();
    for (clusters, gap) in [(1, 1e-7), (2, 1e-4)] {
        for seed in 0..4 {
            for price in [0.0, 0.01, 0.5] {
                let spec = priced(problem(clusters, seed), 300.0, price);
                let best = solved_to(&built(spec.clone()), gap);
                let expected = by_plan(&spec, gap);
                assert_relative_eq!(best.objective(), expected, max_relative = 3.0 * gap, epsilon = 1e-9);
                assert!(best.lower_bound <= expected + 1e-9 * expected.abs());
                let of_plan = spec.plans[best.decision.plan].local_iterations;
                let servers: f64 = spec.clusters.iter().map(|cluster| server_cost(cluster, of_plan)).sum();
                assert_relative_eq!(best.evaluation.terms.server_energy, servers, max_relative = 1e-12);
                assert_relative_eq!(best.evaluation.terms.total(), best.objective(), max_relative = 1e-12);
                plans.push(best.decision.plan);
            }
        }
    }
    // A price that never matters tests nothing.
    plans.dedup();
    assert!(plans.len() > 2, "{plans:?}");
}

#[test]
fn every_path_of_the_solver_knows_the_price() {
    for seed in 0..3 {
        let spec = priced(problem(1, seed), 300.0, 0.2);
        let classical = solved_to(&built(spec.clone()), 1e-7);
        // A deadline that is no limit: the path beyond the classical problem.
        let beyond = SlotSpec { deadline_s: Some(Seconds(1e6)), ..spec.clone() };
        assert!(matches!(beyond.beyond_classical(), Some(Beyond { field: "deadline_s", .. })));
        let other = solved_to(&built(beyond), 1e-6);
        assert_relative_eq!(other.objective(), classical.objective(), max_relative = 1e-5);
        assert_eq!(other.evaluation.terms.server_energy, classical.evaluation.terms.server_energy);
        let checked = bound_from_prices(&built(spec), &classical.shadow_prices, classical.lower_bound);
        assert_relative_eq!(checked.unwrap(), classical.lower_bound, max_relative = 1e-6);
    }
}

#[test]
fn a_server_without_memory_for_the_decoder_is_the_reason() {
    for deadline_s in [None, Some(Seconds(1e6))] {
        let mut spec = problem(2, 1);
        spec.deadline_s = deadline_s;
        let fits = solve(&built(spec.clone()), &Settings::default()).unwrap();
        spec.clusters[1].edge_server.memory_bytes = Some(Bytes(1e9));
        spec.clusters[1].edge_server.decoder_bytes = Bytes(1e9);
        let just = solve(&built(spec.clone()), &Settings::default()).unwrap();
        assert_eq!(just.certified().unwrap().objective(), fits.certified().unwrap().objective());
        spec.clusters[1].edge_server.decoder_bytes = Bytes(1.5e9);
        let problem = built(spec);
        let short = solve(&problem, &Settings::default()).unwrap();
        let reasons = &short.outcome.as_ref().unwrap_err().reasons;
        let expected = Reason::ServerMemory { cluster: 1, needed_bytes: 1.5e9, limit_bytes: 1e9 };
        assert_eq!(*reasons, [expected]);
        assert!(short.outcome.unwrap_err().to_string().contains("edge server's memory"));
        let decision = &just.certified().unwrap().decision;
        let report = evaluate(&problem, decision).unwrap().feasibility;
        assert!(report.to_string().contains("decoder needs 1.5e9 bytes, limit 1e9 bytes"), "{report}");
        assert!((report.worst() - 0.5).abs() < 1e-12);
    }
}

#[test]
fn the_first_version_knows_no_such_server() {
    let mut spec = problem(1, 0);
    spec.schema = Schema::V1;
    spec.clusters[0].edge_server.compute_power_w = Watts(10.0);
    let error = SlotProblem::new(spec).unwrap_err().to_string();
    assert!(error.contains("clusters[0].edge_server.compute_power_w") && error.contains("slot-problem/2"), "{error}");
}
