//! What every backend must satisfy on every instance of the catalogue.
//!
//! A backend is added by one call of [`whole_slot`] or [`radio`]; what it is allowed is in [`Allowed`].

mod kkt;

use collapipe::instances::{CatalogueEntry, Expected, catalogue};
use collapipe::problem::DeviceId;
use collapipe::problem::{Decision, SlotProblem, Status, evaluate};
use collapipe::solver::backend::{Backend, Exact, RadioFor, Segments, WholeSlot};
use collapipe::solver::{Certified, Settings, Solution, solve};

/// How far a backend may be from the exact solver. All numbers are relative to Σ |terms| of the objective.
#[derive(Clone, Copy, Debug)]
pub struct Allowed {
    /// Largest relative gap (objective − lower bound)/|objective| at which it says `optimal`.
    pub optimal: f64,
    /// Largest certified gap; `None` where its bound may be weak.
    pub gap: Option<f64>,
    /// Largest excess over the exact objective; `None` where it may be stuck in worse decisions.
    pub excess: Option<f64>,
    /// Largest residual of the optimality conditions of bandwidths, durations and powers; `None` where it does not
    /// claim the best radio for its integers.
    pub residual: Option<f64>,
    /// Entries that it is asked about.
    pub entries: fn(&CatalogueEntry) -> bool,
}

/// Whatever the catalogue has.
pub fn every_entry(_: &CatalogueEntry) -> bool {
    true
}

fn exact(problem: &SlotProblem) -> Solution {
    solve(problem, &Settings::default()).unwrap()
}

/// Entries that the backend is asked about; never none.
fn entries(allowed: &Allowed) -> Vec<CatalogueEntry> {
    let entries: Vec<CatalogueEntry> = catalogue().unwrap().into_iter().filter(allowed.entries).collect();
    assert!(entries.iter().any(CatalogueEntry::is_feasible) && entries.iter().any(|entry| !entry.is_feasible()));
    entries
}

/// The whole catalogue, everything left to the backend.
pub fn whole_slot(backend: &dyn Backend<WholeSlot>, allowed: &Allowed) {
    let mut worst = Worst::default();
    for entry in entries(allowed) {
        let place = format!("{} on {}", backend.name(), entry.name);
        let solution = backend.solve(&entry.problem, &WholeSlot).unwrap_or_else(|error| panic!("{place}: {error}"));
        match &entry.expected {
            Expected::Infeasible(reasons) => {
                assert_eq!(solution.status, Status::Infeasible, "{place}");
                assert_eq!(&solution.outcome.unwrap_err().reasons, reasons, "{place}");
            }
            _ => worst.check(&place, &entry.problem, &solution, &exact(&entry.problem), allowed),
        }
    }
    worst.print(backend.name());
}

/// The whole catalogue, integers given: those of the optimum, and the same segments under the first and the last plan.
/// Infeasible entries are asked with blocks dealt out evenly; the backend must answer as [`Exact`] does.
pub fn radio(backend: &dyn Backend<RadioFor>, allowed: &Allowed) {
    let reference = Exact::default();
    let mut worst = Worst::default();
    for entry in entries(allowed) {
        let problem = &entry.problem;
        if !entry.is_feasible() {
            let question = dealt_out(problem);
            let place = format!("{} on {} with {question:?}", backend.name(), entry.name);
            let expected = Backend::<RadioFor>::solve(&reference, problem, &question);
            let found = backend.solve(problem, &question);
            assert!(!matches!(&expected, Ok(solution) if solution.certified().is_some()), "{place}: feasible");
            match (found, expected) {
                (Ok(found), Ok(expected)) => {
                    assert_eq!(found.status, Status::Infeasible, "{place}");
                    assert_eq!(found.outcome.unwrap_err(), expected.outcome.unwrap_err(), "{place}");
                }
                (found, expected) => assert_eq!(found.unwrap_err(), expected.unwrap_err(), "{place}"),
            }
            continue;
        }
        let best = exact(problem).outcome.unwrap();
        let mut plans = vec![best.decision.plan, 0, problem.plans.len() - 1];
        plans.dedup();
        for plan in plans {
            let question = RadioFor { plan, ..RadioFor::decision(&best.decision) };
            let place = format!("{} on {} with plan {plan}", backend.name(), entry.name);
            let solution = backend.solve(problem, &question).unwrap_or_else(|error| panic!("{place}: {error}"));
            let expected = Backend::<RadioFor>::solve(&reference, problem, &question).unwrap();
            if let Ok(found) = &solution.outcome {
                assert_eq!(RadioFor::decision(&found.decision), question, "{place}: other integers");
            }
            worst.check(&place, problem, &solution, &expected, allowed);
        }
    }
    worst.print(backend.name());
}

/// The optimality conditions notice when a decision is not optimal: a tenth of one hop's band given to another, one
/// power halved.
pub fn conditions_are_not_idle() {
    let entry = catalogue().unwrap().into_iter().find(|entry| entry.name == "five-devices").unwrap();
    let problem = &entry.problem;
    let best = exact(problem).outcome.unwrap();
    let size = best.evaluation.terms.magnitude();
    assert!(kkt::residual(problem, &best, size).worst() <= 1e-6);
    let changes: [fn(&mut Decision); 3] = [
        |decision| {
            let hops = &mut decision.clusters[0].forward;
            let moved = hops[0].unwrap().bandwidth_hz * 0.1;
            let from = &mut hops[0].as_mut().unwrap().bandwidth_hz;
            *from = *from - moved;
            hops[1].as_mut().unwrap().bandwidth_hz += moved;
        },
        |decision| decision.clusters[0].backward[2].as_mut().unwrap().power_w.0 *= 0.5,
        |decision| decision.clusters[0].collection_power_w[1].as_mut().unwrap().0 *= 0.5,
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut other = best.clone();
        change(&mut other.decision);
        other.evaluation = evaluate(problem, &other.decision).unwrap();
        let residual = kkt::residual(problem, &other, size);
        assert!(residual.worst() > 5e-4, "change {index}: {residual:?}");
    }
}

/// All devices take part (at most L of them), blocks dealt out one by one.
fn dealt_out(problem: &SlotProblem) -> RadioFor {
    let blocks = problem.encoder.blocks() as usize;
    let clusters = problem.clusters.iter().map(|cluster| {
        let active: Vec<DeviceId> = (0..cluster.devices.len().min(blocks)).map(DeviceId).collect();
        let sizes = active.iter().map(|k| ((blocks - k.0).div_ceil(active.len())) as u32).collect();
        Segments { active, sizes }
    });
    RadioFor { plan: 0, clusters: clusters.collect() }
}

/// The worst of what was seen, and where.
#[derive(Default)]
struct Worst {
    solved: usize,
    gap: (f64, String),
    excess: (f64, String),
    residual: (f64, String),
}

fn raise(worst: &mut (f64, String), value: f64, place: &str) {
    if value > worst.0 {
        *worst = (value, place.into());
    }
}

fn at_most(place: &str, what: &str, value: f64, limit: Option<f64>) {
    if let Some(limit) = limit {
        assert!(value <= limit, "{place}: {what} {value:e}, allowed {limit:e}");
    }
}

impl Worst {
    fn check(&mut self, place: &str, problem: &SlotProblem, found: &Solution, exact: &Solution, allowed: &Allowed) {
        let (status, exact) = (found.status, exact.certified().unwrap());
        let found =
            found.outcome.as_ref().unwrap_or_else(|reasons| panic!("{place}: said to be infeasible: {reasons}"));
        let size = exact.evaluation.terms.magnitude().max(found.evaluation.terms.magnitude());
        assert_eq!(status == Status::Optimal, found.gap <= allowed.optimal, "{place}: {status:?}, gap {:e}", found.gap);
        is_what_it_says(place, problem, found);
        // No bound lies above a feasible decision, and no decision below a bound.
        assert!(found.lower_bound <= exact.objective() + 1e-9 * size, "{place}: bound {}", found.lower_bound);
        assert!(found.objective() >= exact.lower_bound - 1e-9 * size, "{place}: objective {}", found.objective());
        let gap = (found.objective() - found.lower_bound) / size;
        let excess = (found.objective() - exact.objective()) / size;
        at_most(place, "gap", gap, allowed.gap);
        at_most(place, "excess", excess, allowed.excess);
        self.solved += 1;
        raise(&mut self.gap, gap, place);
        raise(&mut self.excess, excess, place);
        if allowed.residual.is_some() {
            let residual = kkt::residual(problem, found, size);
            at_most(place, &format!("{residual:?}, worst"), residual.worst(), allowed.residual);
            raise(&mut self.residual, residual.worst(), &format!("{place}: {residual:?}"));
        }
    }

    fn print(&self, name: &str) {
        println!("{name}: {} answers", self.solved);
        for (what, (value, place)) in [("gap", &self.gap), ("excess", &self.excess), ("residual", &self.residual)] {
            println!("  worst {what} {value:.1e} ({place})");
        }
    }
}

/// The numbers of an answer belong to its decision, and the decision is feasible.
fn is_what_it_says(place: &str, problem: &SlotProblem, found: &Certified) {
    let decision: &Decision = &found.decision;
    let evaluation = evaluate(problem, decision).unwrap_or_else(|error| panic!("{place}: {error}"));
    assert_eq!(evaluation, found.evaluation, "{place}");
    assert!(evaluation.feasibility.is_feasible(1e-9), "{place}: {}", evaluation.feasibility);
    assert!(found.lower_bound.is_finite() && found.lower_bound <= found.objective(), "{place}");
    let gap = (found.objective() - found.lower_bound) / found.objective().abs();
    assert!(found.gap == gap || found.objective() == found.lower_bound, "{place}: gap {:e} is {gap:e}", found.gap);
}
