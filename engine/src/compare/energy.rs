//! Energy of a round: as planned, and from what was measured.

use std::collections::BTreeMap;

use collapipe::problem::{ClusterRound, Sent};
use collapipe::units::{Joules, Seconds};

use crate::roles::{Leg, MeasuredCluster, MeasuredRound, RoundOrder};
use crate::wire::{Address, Span};
use collapipe::schedule::OperationKind::{Backward, Forward, SendBackward, SendForward};

/// What nodes spent; those that spent nothing are left out. Edge servers are not counted.
pub type NodeEnergies = BTreeMap<Address, Joules>;

/// What the nodes of a round are to spend by its plan.
#[must_use]
pub fn planned_energies(order: &RoundOrder) -> NodeEnergies {
    let mut spent = NodeEnergies::new();
    for (cluster, round) in order.clusters.iter().enumerate() {
        let iterations = f64::from(round.plan.local_iterations);
        let uses = iterations * f64::from(round.plan.micro_batches);
        let mut add = |node: usize, joules: f64| add(&mut spent, Address { cluster, node }, joules);
        for (stage, energies) in round.stages.iter().zip(round.forward_energy.iter().zip(&round.backward_energy)) {
            add(stage.0, uses * (energies.0.0 + energies.1.0));
        }
        let hops = round.forward_hops.iter().chain(&round.backward_hops);
        hops.for_each(|sent| add(sent.from.0, uses * sent.energy.0));
        let once = round.distribution.iter().chain(&round.collection).chain([&round.upload]);
        once.for_each(|sent| add(sent.from.0, sent.energy.0));
    }
    spent
}

/// What the nodes of a round spent: every operation and transmission draws its planned power from when it was to begin until it
/// was measured to end, also in a round that failed.
#[must_use]
pub fn energies(order: &RoundOrder, measured: &MeasuredRound) -> NodeEnergies {
    let mut spent = NodeEnergies::new();
    for (cluster, (round, found)) in order.clusters.iter().zip(&measured.clusters).enumerate() {
        let mut add = |node: usize, joules: f64| add(&mut spent, Address { cluster, node }, joules);
        for span in found.iterations.iter().flat_map(|iteration| &iteration.spans) {
            let (energy, planned) = of_span(round, span);
            add(span.node, drawn(energy, planned, span.end_s - span.begin_s));
        }
        for (sent, leg) in legs(round, found) {
            add(sent.from.0, drawn(sent.energy, sent.occupied(), leg.end_s - leg.begin_s));
        }
    }
    spent
}

fn add(spent: &mut NodeEnergies, node: Address, joules: f64) {
    if joules > 0.0 {
        spent.entry(node).or_default().0 += joules;
    }
}

/// The planned power, for so long.
fn drawn(energy: Joules, planned: Seconds, measured_s: f64) -> f64 {
    if planned.0 > 0.0 { energy.0 * (measured_s / planned.0).max(0.0) } else { 0.0 }
}

/// Energy and duration of an operation, as planned.
fn of_span(round: &ClusterRound, span: &Span) -> (Joules, Seconds) {
    let stage = round.stages.iter().position(|stage| stage.0 == span.node);
    let of = |energies: &[Joules], times: &[Seconds]| {
        let stage = stage?;
        Some((*energies.get(stage)?, *times.get(stage)?))
    };
    let hop = |hops: &[Sent], hop: Option<usize>| {
        let sent = hops.get(hop?)?;
        Some((sent.energy, sent.occupied()))
    };
    let found = match span.operation.kind {
        Forward => of(&round.forward_energy, &round.forward),
        Backward => of(&round.backward_energy, &round.backward),
        SendForward => hop(&round.forward_hops, stage),
        SendBackward => hop(&round.backward_hops, stage.and_then(|stage| stage.checked_sub(1))),
        _ => None,
    };
    found.unwrap_or_default()
}

/// What was sent once, with its plan; what a failed round did not come to is left out.
fn legs<'a>(round: &'a ClusterRound, found: &'a MeasuredCluster) -> impl Iterator<Item = (&'a Sent, &'a Leg)> {
    let distribution = round.distribution.iter().zip(&found.distribution);
    let collection = round.collection.iter().zip(&found.collection);
    distribution.chain(collection).chain([(&round.upload, &found.upload)])
}
