//! A policy of one's own, compared with the exact one on the same states.
//!
//! `cargo run --release --example own_policy`

use std::borrow::Cow;

use collapipe::report::summary;
use collapipe::scenario::{BUILTIN, ScenarioFile};
use collapipe::simulation::{Choice, Outage, Policy, PolicyKind, Run, RunError, SlotContext};
use collapipe::solver::{Settings, solve};

/// Pays double for the energy of whoever has a budget: more careful than the queues ask for.
#[derive(Debug)]
struct Careful;

impl Policy for Careful {
    fn name(&self) -> Cow<'static, str> {
        "careful".into()
    }

    fn decide(&mut self, slot: &SlotContext<'_>) -> Result<Choice, RunError> {
        let price = |n: usize, node: usize| {
            let cluster = &slot.problem().clusters[n];
            2.0 * if node == 0 { cluster.control_unit.energy_price } else { cluster.devices[node - 1].energy_price }
        };
        Ok(match solve(&slot.with_energy_prices(price)?, &Settings::default())?.outcome {
            Ok(best) => Choice::Decision(best.decision),
            Err(reasons) => Choice::Outage(Outage::infeasible(&reasons)),
        })
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut file = ScenarioFile::parse(BUILTIN, "".as_ref())?;
    file.spec.slots = 100;
    let scenario = file.build()?;
    println!("{:<20}  {:>16}  {:>21}  {:>13}", "policy", "mean latency [s]", "largest budget use [%]", "largest queue");
    let named = PolicyKind::ALL.iter().filter(|kind| **kind != PolicyKind::Alternating);
    let named = named.map(|kind| kind.build(Settings::default(), scenario.spec().seed));
    for policy in std::iter::once(Ok(Box::new(Careful) as Box<dyn Policy>)).chain(named) {
        let mut run = Run::with_policy(&scenario, policy?)?;
        let slots = run.by_ref().collect::<Result<Vec<_>, _>>()?;
        let summary = summary(&run.record(slots));
        let latency = summary.latency.map_or("none".into(), |latency| format!("{:.1}", latency.mean_s.0));
        let used = summary.nodes.iter().filter_map(|node| node.budget_share).fold(0.0, f64::max);
        let queue = summary.nodes.iter().map(|node| node.final_queue).fold(0.0, f64::max);
        println!("{:<20}  {latency:>16}  {:>21.1}  {queue:>13.2}", summary.provenance.policy, 100.0 * used);
    }
    Ok(())
}
