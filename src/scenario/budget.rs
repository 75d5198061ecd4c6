//! Nodes and their energy budgets, with the margins that are kept from them.

use super::build::{Node, Role};
use super::spec::{ClusterSpec, ScenarioSpec};
use crate::problem::FieldError;
use crate::units::Joules;

/// The nodes of cluster `n` whose energy is counted, with the budgets that are played: those stated, less a margin, the
/// scenario's where a node has none of its own.
pub(super) fn nodes(n: usize, cluster: &ClusterSpec, common: f64) -> impl Iterator<Item = Node> {
    let node = move |role, name, stated: Option<Joules>, own: Option<f64>| {
        let margin = own.unwrap_or(common);
        let budget = stated.map(|stated| Joules(stated.0 * (1.0 - margin)));
        let stated_budget = stated.filter(|_| margin > 0.0);
        Node { cluster: n, role, name, budget, stated_budget, price_s_per_j: 0.0 }
    };
    let of_unit = &cluster.control_unit;
    let name = format!("{}/control-unit", cluster.name);
    let unit = node(Role::ControlUnit, name, of_unit.budget_j_per_round, of_unit.budget_margin);
    let devices = cluster.devices.iter().enumerate().map(move |(k, device)| {
        let name = format!("{}/{}", cluster.name, device.name);
        node(Role::Device(k), name, device.budget_j_per_round, device.budget_margin)
    });
    let of_server = &cluster.edge_server;
    let server = of_server.compute_power_w.map(|_| Node {
        price_s_per_j: of_server.energy_price_s_per_j.unwrap_or(0.0),
        ..node(
            Role::EdgeServer,
            format!("{}/edge-server", cluster.name),
            of_server.budget_j_per_round,
            of_server.budget_margin,
        )
    });
    std::iter::once(unit).chain(devices).chain(server)
}

impl ScenarioSpec {
    /// The budgets, Ē, of all nodes whose energy is counted, in the order of [`Scenario::nodes`](super::Scenario::nodes).
    pub fn budgets_mut(&mut self) -> impl Iterator<Item = &mut Option<Joules>> {
        self.clusters.iter_mut().flat_map(|cluster| {
            let server = &mut cluster.edge_server;
            let server = server.compute_power_w.is_some().then_some(&mut server.budget_j_per_round);
            let devices = cluster.devices.iter_mut().map(|device| &mut device.budget_j_per_round);
            std::iter::once(&mut cluster.control_unit.budget_j_per_round).chain(devices).chain(server)
        })
    }
}

/// A node's budget and its own margin.
pub(super) fn check_budget(budget: Option<Joules>, margin: Option<f64>) -> Result<(), FieldError> {
    // Prices Q/Ē stay within what a slot problem admits.
    if let Some(Joules(value)) = budget.filter(|budget| !(1e-12..=1e18).contains(&budget.0)) {
        return Err(FieldError::new(
            "budget_j_per_round",
            format!("{value:?}"),
            "in [1e-12, 1e18] J, or left out for no limit",
        ));
    }
    match margin {
        Some(margin) if budget.is_none() => Err(FieldError::new(
            "budget_margin",
            format!("{margin:?}"),
            "left out for a node without budget_j_per_round",
        )),
        margin => check_margin(margin.unwrap_or(0.0)),
    }
}

/// Budgets that are played stay within the range of budgets.
pub(super) fn check_margin(margin: f64) -> Result<(), FieldError> {
    match (0.0..=0.9).contains(&margin) {
        true => Ok(()),
        false => Err(FieldError::new(
            "budget_margin",
            format!("{margin:?}"),
            "in [0, 0.9]: the share of every budget to leave unspent",
        )),
    }
}
