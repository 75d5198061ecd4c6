//! Radio decisions that are made before the segments are.

use super::{Segments, SegmentsFor};
use crate::ground::check::same_length;
use crate::ground::phase::Phase;
use crate::ground::route::{DeviceId, NodeId, Route};
use crate::ground::units::{Hertz, Watts};
use crate::problem::program::Transmitter;
use crate::problem::{Cluster, ClusterDecision, Decision, DecisionError, FieldError, Link, SlotProblem, evaluate};

/// How far given bandwidths may exceed their band, relative: the rounding of a sum.
const ROUNDING: f64 = 1e-9;

/// Bandwidth and power of every transmission that a cluster may have to make.
///
/// Nodes are those of the problem: 0 control unit, k+1 device k, K+1 edge server. A link without bandwidth or power
/// cannot be used.
#[derive(Clone, Debug, PartialEq)]
pub struct GivenRadio {
    /// `forward[i][j]` for nodes i < j: the hop from i to j in the forward phase. Other entries are not read.
    pub forward: Vec<Vec<Link>>,
    /// `backward[i][j]` for nodes i < j: the same link in the backward phase, in which node j sends to node i.
    pub backward: Vec<Vec<Link>>,
    /// Power of every device's collection, on the cluster's whole band.
    pub collection_power_w: Vec<Watts>,
    /// Power of every device's distribution, on the cluster's whole band.
    pub distribution_power_w: Vec<Watts>,
    /// The control unit's upload.
    pub upload: Link,
}

/// A link that cannot be used.
const CLOSED: Link = Link { bandwidth_hz: Hertz(0.0), power_w: Watts(0.0) };

impl GivenRadio {
    /// Equal shares of the band for as many hops as the longest path has, and full power.
    fn equal_shares(problem: &SlotProblem, cluster: &Cluster) -> Self {
        let nodes = cluster.devices.len() + 2;
        let band = cluster.bandwidth_hz / (nodes as f64 - 1.0);
        let table = |phase: Phase| {
            let link = |i: usize, j: usize| {
                let sender = NodeId(phase.directed(i, j).0);
                Link { bandwidth_hz: band, power_w: Transmitter::of(cluster, sender).max_power }
            };
            (0..nodes).map(|i| (0..nodes).map(|j| if i < j { link(i, j) } else { CLOSED }).collect()).collect()
        };
        Self {
            forward: table(Phase::Forward),
            backward: table(Phase::Backward),
            collection_power_w: cluster.devices.iter().map(|device| device.max_power_w).collect(),
            distribution_power_w: vec![cluster.control_unit.max_power_w; cluster.devices.len()],
            upload: Link {
                bandwidth_hz: problem.uplink.bandwidth_hz / problem.clusters.len() as f64,
                power_w: cluster.control_unit.max_power_w,
            },
        }
    }

    /// Nothing but a decision's transmissions; everything else is closed.
    fn decision(cluster: &Cluster, decision: &ClusterDecision) -> Self {
        let nodes = cluster.devices.len() + 2;
        let closed = vec![vec![CLOSED; nodes]; nodes];
        let none = vec![Watts(0.0); cluster.devices.len()];
        let mut given = Self {
            forward: closed.clone(),
            backward: closed,
            collection_power_w: none.clone(),
            distribution_power_w: none,
            upload: CLOSED,
        };
        given.take_over(cluster, decision);
        given
    }

    /// Takes over what a decision says of the transmissions it makes. It must fit the cluster.
    pub(crate) fn take_over(&mut self, cluster: &Cluster, decision: &ClusterDecision) {
        let route = Route::through(&decision.active, cluster.devices.len());
        for ((near, far), (&forward, &backward)) in route.hops().zip(decision.forward.iter().zip(&decision.backward)) {
            self.forward[near.0][far.0] = forward.unwrap_or(CLOSED);
            self.backward[near.0][far.0] = backward.unwrap_or(CLOSED);
        }
        for (position, k) in decision.active.iter().enumerate() {
            self.collection_power_w[k.0] = decision.collection_power_w[position].unwrap_or_default();
            self.distribution_power_w[k.0] = decision.distribution_power_w[position].unwrap_or_default();
        }
        self.upload = decision.upload.unwrap_or(CLOSED);
    }

    /// The link between two nodes in one of the phases.
    pub(crate) fn hop(&self, phase: Phase, near: NodeId, far: NodeId) -> Link {
        match phase {
            Phase::Forward => self.forward[near.0][far.0],
            Phase::Backward => self.backward[near.0][far.0],
        }
    }

    /// The decision that the given radio makes of a choice of segments. It must fit the cluster.
    pub(crate) fn with_segments(&self, cluster: &Cluster, segments: &Segments) -> ClusterDecision {
        let active = &segments.active;
        let route = Route::through(active, cluster.devices.len());
        let hops = |phase| route.hops().map(|(near, far)| Some(self.hop(phase, near, far))).collect();
        ClusterDecision {
            active: active.clone(),
            sizes: segments.sizes.clone(),
            forward: hops(Phase::Forward),
            backward: hops(Phase::Backward),
            collection_power_w: active.iter().map(|k| Some(self.collection_power_w[k.0])).collect(),
            distribution_power_w: active.iter().map(|k| Some(self.distribution_power_w[k.0])).collect(),
            upload: Some(self.upload),
            ..ClusterDecision::default()
        }
    }

    fn check(&self, cluster: &Cluster) -> Result<(), FieldError> {
        let (devices, nodes) = (cluster.devices.len(), cluster.devices.len() + 2);
        for (phase, table) in [(Phase::Forward, &self.forward), (Phase::Backward, &self.backward)] {
            let name = phase.name();
            same_length(name, table.len(), nodes, "one row per node")?;
            for (i, row) in table.iter().enumerate() {
                same_length(&format!("{name}[{i}]"), row.len(), nodes, "one entry per node")?;
                for (j, link) in row.iter().enumerate().skip(i + 1) {
                    let path = format!("{name}[{i}][{j}]");
                    let sender = NodeId(phase.directed(i, j).0);
                    at_most(&format!("{path}.bandwidth_hz"), link.bandwidth_hz.0, cluster.bandwidth_hz.0)?;
                    power(&format!("{path}.power_w"), link.power_w, cluster, sender)?;
                }
            }
        }
        for (name, powers) in
            [("collection_power_w", &self.collection_power_w), ("distribution_power_w", &self.distribution_power_w)]
        {
            same_length(name, powers.len(), devices, "one entry per device")?;
            for (k, &found) in powers.iter().enumerate() {
                let device = DeviceId(k).node();
                let sender = if name == "collection_power_w" { device } else { NodeId::CONTROL_UNIT };
                power(&format!("{name}[{k}]"), found, cluster, sender)?;
            }
        }
        power("upload.power_w", self.upload.power_w, cluster, NodeId::CONTROL_UNIT)
    }
}

fn power(path: &str, found: Watts, cluster: &Cluster, sender: NodeId) -> Result<(), FieldError> {
    at_most(path, found.0, Transmitter::of(cluster, sender).max_power.0)
}

fn at_most(path: &str, found: f64, limit: f64) -> Result<(), FieldError> {
    if (0.0..=limit * (1.0 + ROUNDING)).contains(&found) {
        return Ok(());
    }
    Err(FieldError::new(path, format!("{found:?}"), format!("a number from 0 to {limit:?}")))
}

impl SegmentsFor {
    /// Every link at full power on an equal share of the band, small enough for the longest path; the plan is free.
    #[must_use]
    pub fn equal_shares(problem: &SlotProblem) -> Self {
        let clusters = problem.clusters.iter().map(|cluster| GivenRadio::equal_shares(problem, cluster)).collect();
        Self { plan: None, clusters }
    }

    /// The radio of a decision: only the links that it uses are open, so that its active devices are given as well; the
    /// plan is free.
    ///
    /// # Errors
    /// [`DecisionError`] where the decision does not fit the problem.
    pub fn decision(problem: &SlotProblem, decision: &Decision) -> Result<Self, DecisionError> {
        evaluate(problem, decision)?;
        let clusters = problem.clusters.iter().zip(&decision.clusters);
        Ok(Self { plan: None, clusters: clusters.map(|(at, chosen)| GivenRadio::decision(at, chosen)).collect() })
    }

    /// The same question with the plan given.
    #[must_use]
    pub fn with_plan(self, plan: usize) -> Self {
        Self { plan: Some(plan), ..self }
    }

    /// Whether the given radio fits the problem's dimensions and limits. Bandwidths of hops are compared with the band
    /// one by one: that a path's hops share it is a constraint on the choice.
    ///
    /// # Errors
    /// [`FieldError`] names the first entry that does not fit.
    pub fn check(&self, problem: &SlotProblem) -> Result<(), FieldError> {
        let plans = problem.plans.len();
        if let Some(plan) = self.plan.filter(|&plan| plan >= plans) {
            return Err(FieldError::new("plan", plan, format!("below {plans}, the number of plans")));
        }
        same_length("clusters", self.clusters.len(), problem.clusters.len(), "one entry per cluster")?;
        let mut uploads = 0.0;
        for (n, (given, cluster)) in self.clusters.iter().zip(&problem.clusters).enumerate() {
            given.check(cluster).map_err(|error| error.within(format_args!("clusters[{n}]")))?;
            uploads += given.upload.bandwidth_hz.0;
            // Each by itself as well, so that a negative one cannot hide in the sum.
            at_most(&format!("clusters[{n}].upload.bandwidth_hz"), given.upload.bandwidth_hz.0, uplink(problem))?;
        }
        at_most("clusters[..].upload.bandwidth_hz", uploads, uplink(problem))
    }

    /// The plans that may be chosen.
    pub(crate) fn plans(&self, problem: &SlotProblem) -> std::ops::Range<usize> {
        self.plan.map_or(0..problem.plans.len(), |plan| plan..plan + 1)
    }

    /// The decision of a plan and segments under the given radio. They must fit the problem.
    pub(crate) fn choose(&self, problem: &SlotProblem, plan: usize, segments: &[Segments]) -> Decision {
        let each = self.clusters.iter().zip(&problem.clusters).zip(segments);
        let clusters = each.map(|((given, cluster), segments)| given.with_segments(cluster, segments)).collect();
        Decision { plan, clusters }
    }
}

fn uplink(problem: &SlotProblem) -> f64 {
    problem.uplink.bandwidth_hz.0
}
