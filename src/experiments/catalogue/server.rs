//! When a pipeline of devices pays: against policies that lean on the edge server, by how many clusters share it, by what
//! its time costs, and by how much memory it has.

use super::pieces::{always, lines, none};
use crate::experiments::cell::Cell;
use crate::experiments::error::ExperimentError;
use crate::experiments::experiment::{Experiment, Setup};
use crate::experiments::metric::Metric;
use crate::scenario::EdgeServerSpec;
use crate::simulation::PolicyKind;
use crate::units::{Bytes, Watts};

const SHARED: &str = "server";
const PRICED: &str = "server-price";
const SMALL: &str = "server-memory";

/// Power of the built-in scenario's server at work: NVIDIA's figure for the whole board of an RTX 3090.
const POWER: Watts = Watts(350.0);

const PLAYED: &[PolicyKind] = &[
    PolicyKind::Exact,
    PolicyKind::NoPipeline,
    PolicyKind::SplitLearning,
    PolicyKind::SplitFed,
    PolicyKind::FullModelFederated,
];

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: SHARED,
    title: "When a pipeline pays: clusters that share the edge server",
    question: "How many clusters may share an edge server before it is better not to leave it the blocks?",
    expectation: "A pipeline asks the server for its last stage alone and hardly notices others. Split learning and SplitFed leave it most blocks: they are faster where a cluster has the server to itself, and slower from some number of clusters on.",
    caption: "Each cluster has an equal, fixed share of the server's time (shared_by): to its latency N clusters of one server are the same as a server of 1/N of the speed. The server's energy, at 350 W while it computes, is counted and free.",
    plots: || {
        let metrics = [Metric::LatencyS, Metric::ServerEnergyJ, Metric::WorstBudgetUse];
        let mut panels = lines("clusters that share the edge server", true, &metrics);
        panels.iter_mut().for_each(|panel| panel.log_y = true);
        panels
    },
    contrast: none,
    skipped: always,
    cells: |setup| {
        vary(setup, SHARED, &[1.0, 4.0, 16.0, 64.0, 256.0, 1024.0], |server, sharers| {
            server.shared_by = Some(sharers as u32);
        })
    },
};

pub(super) const BY_PRICE: Experiment = Experiment {
    name: PRICED,
    title: "When a pipeline pays: what the edge server's time costs",
    question: "What may a second of the edge server cost before it is better not to leave it the blocks?",
    expectation: "What is minimized is the latency of a round and the priced time of the server. A pipeline needs little of it and hardly notices the price; split learning and SplitFed first pay, and then take blocks back to the devices.",
    caption: "The price of a second of the server, in seconds of the round, is that of its energy at 350 W (energy_price_s_per_j). Every policy knows it: the cut of split learning and SplitFed is the cheapest one at the price. A cluster has the server to itself.",
    plots: || {
        let metrics = [Metric::PricedLatencyS, Metric::LatencyS, Metric::ServerEnergyJ, Metric::WorstBudgetUse];
        let mut panels = lines("price of a second of the edge server [s of the round]", true, &metrics);
        panels.iter_mut().for_each(|panel| panel.log_y = true);
        panels
    },
    contrast: none,
    skipped: always,
    cells: |setup| {
        vary(setup, PRICED, &[1.0, 4.0, 16.0, 64.0, 256.0, 1024.0], |server, price| {
            server.energy_price_s_per_j = Some(price / POWER.0);
        })
    },
};

pub(super) const BY_MEMORY: Experiment = Experiment {
    name: SMALL,
    title: "When a pipeline pays: memory of the edge server",
    question: "How much memory must an edge server have for each cluster before it can take the blocks?",
    expectation: "A pipeline leaves the decoder with the server. Split learning leaves it one copy of its part of the model as well, SplitFed one copy for each device: with less memory more blocks stay on the devices, and both slow down.",
    caption: "Memory for one cluster, of a machine that is not shared: of 24 GB, N clusters have 24/N each. SplitFed keeps a copy of the server's part for each device. A policy whose least use of the server does not fit has no round.",
    plots: || {
        let metrics = [Metric::LatencyS, Metric::ServerMemoryBytes, Metric::OutageShare, Metric::WorstBudgetUse];
        let mut panels = lines("memory of the edge server [GB]", true, &metrics);
        panels.iter_mut().for_each(|panel| panel.log_y = panel.log_y || panel.metric == Metric::LatencyS);
        panels
    },
    contrast: none,
    skipped: always,
    cells: |setup| {
        vary(setup, SMALL, &[0.5, 1.0, 2.0, 4.0, 8.0, 16.0], |server, gigabytes| {
            server.memory_bytes = Some(Bytes(1e9 * gigabytes));
        })
    },
};

/// The built-in scenario with another edge server, whose energy is counted, for every value.
fn vary(
    setup: &Setup,
    name: &str,
    values: &[f64],
    change: impl Fn(&mut EdgeServerSpec, f64),
) -> Result<Vec<Cell>, ExperimentError> {
    setup.vary(name, &setup.values(values), PLAYED, |spec, value| {
        for cluster in &mut spec.clusters {
            cluster.edge_server.compute_power_w = Some(POWER);
            change(&mut cluster.edge_server, value);
        }
    })
}
