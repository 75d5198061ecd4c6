//! Why no choice at all is feasible, deadline or not.

use super::instance::{Instance, Medium};
use super::program::planned;
use super::windows::Windows;
use crate::ground::route::NodeId;
use crate::problem::{Participation, SlotProblem};
use crate::solver::refusal::Reason;

/// What makes the clusters infeasible, one by one; empty where every cluster has a choice under some common plan.
pub(super) fn reasons(problem: &SlotProblem) -> Vec<Reason> {
    let mut reasons = Vec::new();
    // Whether every cluster so far has a choice, by plan.
    let mut common = vec![true; problem.plans.len()];
    for (cluster, data) in problem.clusters.iter().enumerate() {
        let (devices, blocks) = (data.devices.len(), problem.encoder.blocks());
        if problem.participation == Participation::All && devices > blocks as usize {
            reasons.push(Reason::TooManyDevices { cluster, devices, blocks });
            continue;
        }
        let plans = planned(problem, data, false);
        if let Some(planned) = plans.first() {
            let instance = &planned.instance;
            let pair = instance.pair(0, instance.edge_server());
            if instance.upload_bits > 0.0 && pair.medium == Medium::Missing {
                let (from, to) = (NodeId(0), NodeId(instance.edge_server()));
                reasons.push(Reason::NoLink { cluster, from, to });
                continue;
            }
        }
        let fits: Vec<bool> = plans.iter().map(|planned| exists(&planned.instance, false)).collect();
        let joined: Vec<bool> = plans.iter().map(|planned| exists(&planned.instance, true)).collect();
        if !fits.contains(&true) {
            reasons.push(Reason::Segments { cluster });
        } else if !joined.contains(&true) {
            reasons.push(Reason::NoPath { cluster });
        }
        common.iter_mut().zip(&joined).for_each(|(common, joined)| *common &= joined);
    }
    if reasons.is_empty() && !common.contains(&true) {
        reasons.push(Reason::NoCommonPlan);
    }
    reasons
}

/// Whether some choice fits the devices, and if `joined` has all its links.
///
/// Devices of a free order are not kept apart by their sets where there are many positions: a depth-first search with
/// failures remembered by (device, cut, set).
fn exists(instance: &Instance, joined: bool) -> bool {
    let most = instance.devices.min(instance.blocks);
    let least = if instance.all { instance.devices } else { 1 };
    (least..=most).any(|positions| {
        let open =
            if joined { Windows::all(instance, positions) } else { Windows::all(&moveable(instance), positions) };
        let mut failed = std::collections::HashSet::new();
        (0..instance.devices).any(|k| {
            let enters = instance.ends[0].is_none() || !joined || link(instance, 0, k + 1, 0);
            enters && reaches(instance, &open, (0, k, 0), 1 << (k % 64), joined, &mut failed)
        })
    })
}

/// The same instance as if every segment could be moved.
fn moveable(instance: &Instance) -> Instance {
    let mut out = instance.clone();
    out.parameters_before.fill(0.0);
    out
}

/// Whether a link carries what stands at a cut, in every phase.
fn link(instance: &Instance, near: usize, far: usize, cut: usize) -> bool {
    let works = |from: usize, to: usize| instance.pair(from, to).medium != Medium::Missing;
    instance.boundary[cut] == 0.0 || (works(near, far) && (!instance.kind.has_backward() || works(far, near)))
}

fn reaches(
    instance: &Instance,
    open: &Windows,
    (s, k, first): (usize, usize, usize),
    set: u64,
    joined: bool,
    failed: &mut std::collections::HashSet<(usize, usize, usize, u64)>,
) -> bool {
    // In a given order the devices used say nothing that the last one does not.
    let key = (s, k, first, if instance.given { 0 } else { set });
    if failed.contains(&key) {
        return false;
    }
    let (low, high) = open.get(s, k, first);
    let last = s + 1 == open.positions;
    for past in low..=high {
        if last {
            let leaves = instance.ends[1].is_none() || !joined || link(instance, k + 1, instance.edge_server(), past);
            if past == instance.blocks && leaves {
                return true;
            }
            continue;
        }
        if past >= instance.blocks {
            continue;
        }
        for j in 0..instance.devices {
            let used = if instance.given { j <= k } else { set & (1 << (j % 64)) != 0 };
            if used || (joined && !link(instance, k + 1, j + 1, past)) {
                continue;
            }
            if reaches(instance, open, (s + 1, j, past), set | 1 << (j % 64), joined, failed) {
                return true;
            }
        }
    }
    failed.insert(key);
    false
}
