//! What becomes of a part in which nothing is left to tell apart.

use super::*;
use crate::instances::InstanceSize;
use crate::problem::{Participation, Schema, SlotProblem};
use crate::schedule::ScheduleKind;
use crate::solver::Settings;
use crate::solver::pipeline::program::planned;

/// Two clusters, each with one device that takes all blocks: a part of one choice each, whose bound is below the bar because
/// its gap has not closed. It cannot be cut, so that it is its bound that the network proves.
#[test]
fn a_part_that_cannot_be_cut_counts_in_the_bound() {
    for (devices, whole) in [(1, true), (2, false)] {
        let size = InstanceSize { clusters: 2, devices, blocks: 3, plans: 1, participation: Participation::Select };
        let mut spec = size.sample(7).unwrap().into_spec();
        spec.schema = Schema::V2;
        spec.plans[0].schedule = ScheduleKind::OneForwardOneBackward;
        let problem = SlotProblem::new(spec).unwrap();
        let of = |cluster| Cluster::new(planned(&problem, cluster, false));
        let mut clusters: Vec<Cluster> = problem.clusters.iter().map(of).collect();
        let shared = Shared { weight: problem.latency_weight, deadline: None, uplink: problem.uplink.bandwidth_hz.0 };
        let question = Question { shared, gap: 1e-7, most: 4000, enough: f64::NEG_INFINITY };
        let mut meter = Meter::start(&Settings::default(), None);
        let mut network = Network::new(&mut clusters, vec![0.0], question, None, &mut meter);
        let regions: Vec<_> = network.clusters.iter().map(|c| Arc::new(Root::all(&c.plans))).collect();
        let joint = Joint {
            prices: vec![0.5; 2],
            shares: vec![0.5; 2],
            ln_band: None,
            alpha: vec![vec![1.0]; 2],
            value: 2.0,
            decision: None,
        };
        let (mut heap, mut closed) = (BinaryHeap::new(), 5.0);
        let node = Node { plan: 0, bound: 2.0, regions, joint: None };
        network.branch(node, &[vec![0], vec![0]], joint, &mut heap, &mut closed);
        // Nothing that was open is forgotten: what is cut goes on with the bound, what is not has it counted.
        if whole {
            assert!(heap.is_empty() && closed == 2.0, "{closed}");
        } else {
            assert!(heap.len() == 2 && heap.iter().all(|half| half.bound == 2.0) && closed == 5.0, "{closed}");
        }
    }
}
