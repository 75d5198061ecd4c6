//! From a choice with solved phases to a decision in the problem's terms.

use crate::ground::phase::Phase;
use crate::ground::units::{Hertz, Watts};
use crate::problem::{ClusterDecision, Link};
use crate::solver::cluster::active::{Found, Workspace};
use crate::solver::cluster::{BlockTransfer, PlannedCluster};
use crate::solver::hop::Sending;
use crate::solver::hop::phase::PhaseRadio;

/// The cluster's part of the decision.
pub(crate) fn cluster_decision(
    cluster: &PlannedCluster,
    found: &Found,
    upload: Link,
    work: &mut Workspace,
) -> ClusterDecision {
    let mut links = |phase| {
        let mut radio = PhaseRadio::default();
        cluster.set_radio(&mut radio, phase, &found.choice.active);
        let sent = radio.sendings(&found.phases[phase], &mut work.buffers.scratch);
        sent.iter().map(link).collect::<Vec<Option<Link>>>()
    };
    let powers =
        |transfers: &[BlockTransfer]| found.choice.active.iter().map(|&k| Some(Watts(transfers[k.0].power))).collect();
    ClusterDecision {
        active: found.choice.active.clone(),
        sizes: found.choice.sizes.clone(),
        forward: links(Phase::Forward),
        backward: links(Phase::Backward),
        collection_power_w: powers(&cluster.at.collection),
        distribution_power_w: powers(&cluster.at.distribution),
        upload: Some(upload),
        ..ClusterDecision::default()
    }
}

fn link(sending: &Sending) -> Option<Link> {
    Some(Link { bandwidth_hz: Hertz(sending.band), power_w: Watts(sending.power) })
}
