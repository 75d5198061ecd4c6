//! The catalogue: valid, distinct, and solved as it says.

use std::collections::HashSet;

use collapipe::instances::{Expected, catalogue};
use collapipe::problem::SlotProblem;
use collapipe::solver::{Settings, solve};

#[test]
fn names_are_unique_and_problems_survive_the_exchange_format() {
    let entries = catalogue().unwrap();
    let names: HashSet<_> = entries.iter().map(|entry| entry.name).collect();
    assert_eq!(names.len(), entries.len());
    for entry in &entries {
        assert!(!entry.what.is_empty());
        let again = SlotProblem::from_json(&entry.problem.to_json().unwrap()).unwrap();
        assert_eq!(again, entry.problem, "{}", entry.name);
    }
}

#[test]
fn every_entry_ends_as_expected() {
    for entry in catalogue().unwrap() {
        let solution = solve(&entry.problem, &Settings::default()).unwrap();
        match &entry.expected {
            Expected::Infeasible(reasons) => {
                assert_eq!(&solution.outcome.unwrap_err().reasons, reasons, "{}", entry.name);
            }
            _ => assert!(solution.certified().is_some(), "{}", entry.name),
        }
    }
}
