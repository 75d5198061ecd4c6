//! A solver that remembers answers as one that does not, bit for bit, and with less work.

use collapipe::instances::{InstanceSize, catalogue};
use collapipe::problem::{Participation, SlotProblem};
use collapipe::solver::{Settings, Solution, Solver, solve};

/// Iterations of warm and cold solves together.
#[derive(Default)]
struct Spent {
    warm: u64,
    cold: u64,
    slots: u64,
    infeasible: u64,
}

impl Spent {
    /// Solves a slot both ways and compares.
    fn compare(&mut self, solver: &mut Solver, problem: &SlotProblem, place: &str) {
        let (warm, cold) = (solver.solve(problem).unwrap(), solve(problem, &Settings::default()).unwrap());
        same(&warm, &cold, place);
        self.warm += warm.work.iterations;
        self.cold += cold.work.iterations;
        self.slots += 1;
        self.infeasible += u64::from(cold.certified().is_none());
    }
}

fn same(warm: &Solution, cold: &Solution, place: &str) {
    assert_eq!(warm.status, cold.status, "{place}");
    if let (Some(warm), Some(cold)) = (warm.certified(), cold.certified()) {
        assert_eq!(warm.decision, cold.decision, "{place}");
        let bits = |value: f64| value.to_bits();
        assert_eq!(bits(warm.objective()), bits(cold.objective()), "{place}");
        assert_eq!(
            bits(warm.lower_bound),
            bits(cold.lower_bound),
            "{place}: {} {}",
            warm.lower_bound,
            cold.lower_bound
        );
    }
    assert_eq!(warm.outcome, cold.outcome, "{place}");
}

#[test]
fn slots_that_change_a_little() {
    let mut spent = Spent::default();
    for seed in 0..10 {
        let mut solver = Solver::new(Settings::default()).unwrap();
        for (slot, problem) in InstanceSize::default().slots(seed).unwrap().take(25).enumerate() {
            spent.compare(&mut solver, &problem, &format!("seed {seed}, slot {slot}"));
        }
    }
    println!("{} slots: {} iterations warm, {} cold", spent.slots, spent.warm, spent.cold);
    assert!(spent.slots >= 200 && spent.infeasible == 0);
    // The first slot of each sequence is a cold one.
    assert!(spent.warm * 10 < spent.cold * 8, "{} iterations warm, {} cold", spent.warm, spent.cold);
}

#[test]
fn slots_that_choose_their_devices() {
    let size = InstanceSize { devices: 8, participation: Participation::Select, ..InstanceSize::default() };
    let mut spent = Spent::default();
    for seed in 0..4 {
        let mut solver = Solver::new(Settings::default()).unwrap();
        for (slot, problem) in size.slots(seed).unwrap().take(15).enumerate() {
            spent.compare(&mut solver, &problem, &format!("seed {seed}, slot {slot}"));
        }
    }
    println!("{} slots: {} iterations warm, {} cold", spent.slots, spent.warm, spent.cold);
    assert!(spent.slots >= 60 && spent.warm < spent.cold, "{} iterations warm, {} cold", spent.warm, spent.cold);
}

#[test]
fn slots_of_networks() {
    let mut spent = Spent::default();
    for participation in [Participation::All, Participation::Select] {
        for (clusters, devices) in [(2, 4), (3, 4), (2, 7)] {
            let size = InstanceSize { clusters, devices, blocks: 12, plans: 4, participation };
            for seed in 0..3 {
                let mut solver = Solver::new(Settings::default()).unwrap();
                for (slot, problem) in size.slots(seed).unwrap().take(10).enumerate() {
                    spent.compare(&mut solver, &problem, &format!("{size:?}, seed {seed}, slot {slot}"));
                }
            }
        }
    }
    println!("{} slots: {} iterations warm, {} cold", spent.slots, spent.warm, spent.cold);
    assert!(spent.slots >= 150 && spent.warm * 10 < spent.cold * 8, "{} warm, {} cold", spent.warm, spent.cold);
}

/// Devices that come and go, and plans that do, between the slots of a network.
#[test]
fn networks_that_change_their_devices() {
    let mut spent = Spent::default();
    for seed in 0..6 {
        let mut solver = Solver::new(Settings::default()).unwrap();
        for (devices, plans, clusters) in [(4, 3, 2), (3, 3, 2), (4, 3, 2), (4, 2, 2), (2, 4, 3), (4, 3, 2)] {
            let size = InstanceSize { clusters, devices, blocks: 8, plans, participation: Participation::Select };
            let problem = size.sample(seed).unwrap();
            spent.compare(&mut solver, &problem, &format!("{size:?}, seed {seed}"));
        }
    }
    assert!(spent.slots == 36);
}

/// Whatever comes after whatever: other numbers of devices, blocks and plans, other choices of participation, networks
/// and infeasible slots between them.
#[test]
fn any_slot_may_follow_any_other() {
    let mut spent = Spent::default();
    let mut solver = Solver::new(Settings::default()).unwrap();
    // Three plain draws of every size between two entries of the catalogue, some of which have no feasible decision.
    let entries = catalogue().unwrap();
    for slot in 0..240 {
        let problem = if slot % 4 == 0 {
            entries[slot * 7 % entries.len()].problem.clone()
        } else {
            let (devices, plans) = (1 + slot * 5 % 9, 1 + slot as u32 % 6);
            let blocks = devices as u32 + slot as u32 % 13;
            let clusters = if slot % 11 == 0 { 2 } else { 1 };
            let participation = if slot % 3 == 0 { Participation::Select } else { Participation::All };
            InstanceSize { clusters, devices, blocks, plans, participation }.sample(slot as u64).unwrap()
        };
        spent.compare(&mut solver, &problem, &format!("slot {slot}"));
    }
    println!(
        "{} slots, {} infeasible: {} iterations warm, {} cold",
        spent.slots, spent.infeasible, spent.warm, spent.cold
    );
    assert!(spent.slots >= 200 && spent.infeasible >= 10 && spent.infeasible * 2 < spent.slots);
    // Another problem's prices are a worse start than none, but not by much.
    assert!(spent.warm * 4 < spent.cold * 5, "{} iterations warm, {} cold", spent.warm, spent.cold);
}
