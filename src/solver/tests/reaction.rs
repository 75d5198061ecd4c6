//! Analytic derivatives against differences.

use super::*;
use crate::ground::route::DeviceId;
use crate::solver::cluster::{PlannedCluster, PricedCluster, Segments};

/// Latency at a price of it, for given sizes.
#[test]
fn latencies_react_to_their_price() {
    let mut work = Workspace::default();
    let (mut compared, mut smooth) = (0, 0);
    for seed in 0..60 {
        let problem = InstanceSize { devices: 5, blocks: 11, ..InstanceSize::default() }.sample(seed).unwrap();
        let cluster = &problem.clusters[0];
        let domain = Domain { low: vec![1; 5], high: vec![11; 5] };
        let choice = Segments { active: DeviceId::all(5).collect(), sizes: vec![3, 1, 2, 4, 1] };
        for plan in &problem.plans {
            let mut at = |price: f64| {
                let priced = PricedCluster::new(&problem, cluster, price);
                let planned = PlannedCluster::new(&priced, plan, &domain);
                let found = work.fixed(&planned, &choice, None);
                (found.latency, work.latency_by_weight(&planned, &found), found.value)
            };
            let (price, step) = (problem.latency_weight, 1e-4);
            let (here, below, above) = (at(price), at(price * (1.0 - step)), at(price * (1.0 + step)));
            let (left, right) = ((here.0 - below.0) / step, (above.0 - here.0) / step);
            compared += 1;
            // The value's derivative is the latency (envelope theorem).
            let slope = (above.2 - below.2) / (2.0 * step * price);
            assert!((slope / here.0 - 1.0).abs() < 1e-6, "seed {seed}: {slope} for {}", here.0);
            // Where a limit starts to bind the slopes differ.
            if (left - right).abs() < 1e-3 * (left.abs() + 1e-6 * here.0) {
                smooth += 1;
                let difference = 0.5 * (left + right);
                assert!(
                    (here.1 - difference).abs() < 1e-3 * difference.abs() + 1e-7 * here.0,
                    "seed {seed}, {plan:?}: {} for {difference}",
                    here.1
                );
            }
        }
    }
    assert!(smooth * 10 >= 9 * compared, "{smooth} of {compared}");
}
