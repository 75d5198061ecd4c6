//! From a choice with solved phases to a decision in the problem's terms.

use crate::problem::costs::Phase;
use crate::problem::{ClusterDecision, Link};
use crate::solver::cluster::active::{Found, Workspace};
use crate::solver::cluster::{PlannedCluster, Transfer};
use crate::solver::hop::Sending;
use crate::solver::hop::phase::Radio;
use crate::units::{Hertz, Watts};

/// The cluster's part of the decision.
pub(crate) fn cluster_decision(
    cluster: &PlannedCluster,
    found: &Found,
    upload: Link,
    work: &mut Workspace,
) -> ClusterDecision {
    let mut links = |phase, solved| {
        let mut radio = Radio::default();
        cluster.set_radio(&mut radio, phase, &found.choice.active);
        let sent = radio.sendings(solved, &mut work.buffers.scratch);
        sent.iter().map(link).collect::<Vec<Link>>()
    };
    let powers = |transfers: &[Transfer]| found.choice.active.iter().map(|&k| Watts(transfers[k].power)).collect();
    ClusterDecision {
        active: found.choice.active.clone(),
        sizes: found.choice.sizes.clone(),
        forward: links(Phase::Forward, &found.forward),
        backward: links(Phase::Backward, &found.backward),
        collection_power_w: powers(&cluster.at.collection),
        distribution_power_w: powers(&cluster.at.distribution),
        upload,
    }
}

fn link(sending: &Sending) -> Link {
    Link { bandwidth_hz: Hertz(sending.band), power_w: Watts(sending.power) }
}
