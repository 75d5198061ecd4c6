//! Certificates of runs of the built-in scenario, from the record alone.

use collapipe::lyapunov::certificate::{CertificateName, Claim};
use collapipe::report::{Summary, summary, write_folder};
use collapipe::scenario::{BUILTIN, Scenario, ScenarioFile};
use collapipe::simulation::{Effort, Pilot, Run, RunRecord, SlotOutcome};
use collapipe::solver::Settings;

fn scenario(slots: u64) -> Scenario {
    let mut file = ScenarioFile::parse(BUILTIN, "".as_ref()).unwrap();
    file.spec.slots = slots;
    file.build().unwrap()
}

fn play(scenario: &Scenario, initial: Option<&[f64]>) -> RunRecord {
    let mut run = Run::new(scenario, Settings::default()).unwrap();
    if let Some(initial) = initial {
        run = run.warm_start(initial).unwrap();
    }
    let slots = run.by_ref().collect::<Result<Vec<_>, _>>().unwrap();
    run.record(slots)
}

fn compared(slots: u64, initial: Option<&[f64]>) -> RunRecord {
    let scenario = scenario(slots);
    let mut record = play(&scenario, initial);
    record.comparison = Some(record.compare(&scenario, Settings::default(), Effort::Quick).unwrap());
    record
}

fn claim(summary: &Summary, name: CertificateName) -> Option<&Claim> {
    summary.certificates.iter().find(|claim| claim.name == name)
}

#[test]
fn proved_certificates_hold() {
    let record = compared(60, None);
    let summary = summary(&record);
    let budgets = record.nodes.iter().filter(|node| node.budget_j.is_some()).count();
    let of = |name| summary.certificates.iter().filter(|claim| claim.name == name).count();
    assert_eq!(of(CertificateName::C1), budgets);
    for name in [CertificateName::C3, CertificateName::C4, CertificateName::D] {
        let claim = claim(&summary, name).unwrap_or_else(|| panic!("no {name}: {:?}", summary.omitted_certificates));
        assert!(claim.holds && claim.is_verified(), "{claim:?}");
    }
    // The built-in scenario's fading is correlated: C2 says that it is not proved.
    assert!(claim(&summary, CertificateName::C2).is_some_and(Claim::is_void));
    // Whole blocks leave no slot in which every budget is kept: workshop's devices pay for 4 + 3 + 3 + 0 of 12 blocks.
    let without = record.comparison.as_ref().unwrap().without_slack.as_deref().unwrap();
    assert!(without.contains("workshop pay for 10 of the 12 blocks at most"), "{without}");
    // What is not given has a reason.
    for name in [CertificateName::C5, CertificateName::C7] {
        let omitted = summary.omitted_certificates.iter().any(|of| of.name == name && !of.reason.is_empty());
        assert!(claim(&summary, name).is_some() != omitted);
    }
    let offline = summary.offline.unwrap();
    assert!(offline.lower_bound_s <= offline.upper_estimate_s.unwrap());
    // D is a bound on what the run did, and so is C3: the mean lies between.
    let mean = record.history().unwrap().mean_penalty().unwrap();
    let (d, c3) = (claim(&summary, CertificateName::D).unwrap(), claim(&summary, CertificateName::C3).unwrap());
    assert!(d.value <= mean && d.bound == mean && c3.value == mean && mean <= c3.bound);
    assert_eq!(offline.distance_s, Some(d.bound - d.value));
}

#[test]
fn records_and_summaries_read_back() {
    let record = compared(20, None);
    let text = serde_json::to_string(&record).unwrap();
    let again: RunRecord = serde_json::from_str(&text).unwrap();
    assert_eq!(again, record);
    let of = summary(&record);
    let json = serde_json::to_value(&of).unwrap();
    let first = &json["certificates"][0];
    for field in ["name", "constraint", "value", "bound", "holds", "assumptions"] {
        assert!(first.get(field).is_some(), "{field} is missing in {first}");
    }
    assert_eq!(serde_json::from_value::<Summary>(json).unwrap(), of);
    // A record of a run that was not compared has neither of the new fields.
    let plain = serde_json::to_value(play(&scenario(2), None)).unwrap();
    assert!(plain.get("comparison").is_none() && plain.get("initial_queues").is_none());
}

#[test]
fn figure_shows_every_bound() {
    let folder = std::env::temp_dir().join(format!("collapipe-certificates-{}", std::process::id()));
    write_folder(&compared(20, None), &folder).unwrap();
    let svg = std::fs::read_to_string(folder.join("certificates.svg")).unwrap();
    for word in
        ["mean so far", "at most (C3)", "least (D)", "|Q|", "at most (C4)", "Mean round latency [s]", "[budgets]"]
    {
        assert!(svg.contains(word), "{word:?} is missing");
    }
    for word in ["NaN", "inf"] {
        assert!(!svg.contains(word), "{word:?} is there");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn comparison_does_not_depend_on_threads() {
    let scenario = scenario(10);
    let record = play(&scenario, None);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| record.compare(&scenario, Settings::default(), Effort::Quick).unwrap())
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn tampered_records_prove_nothing() {
    let good = compared(20, None);
    let without = |record: &RunRecord, name| {
        let summary = summary(record);
        assert!(claim(&summary, name).is_none());
        summary.omitted_certificates.into_iter().find(|omission| omission.name == name).unwrap().reason
    };
    // A queue that was capped.
    let mut record = good.clone();
    let node = (0..record.nodes.len()).max_by(|&a, &b| good.slots[19].queues[a].total_cmp(&good.slots[19].queues[b]));
    record.slots[19].queues[node.unwrap()] *= 0.5;
    assert!(without(&record, CertificateName::C1).contains("slot 19"));
    // A decision that was not made at the prices of its queues.
    let mut record = good.clone();
    record.slots[7].energy_prices.iter_mut().for_each(|price| *price *= 2.0);
    assert!(without(&record, CertificateName::C3).contains("slot 7: the gap of the decision is not known"));
    assert!(summary(&record).certificates.iter().any(|claim| claim.name == CertificateName::C1 && claim.holds));
    // A latency that was made smaller than the objective says.
    let mut record = good.clone();
    let SlotOutcome::Planned(planned) = &mut record.slots[3].outcome else { panic!("an outage") };
    planned.latency_s.0 *= 0.9;
    assert!(without(&record, CertificateName::C3).contains("slot 3"));
    // Weights that are no mixture.
    let mut record = good.clone();
    if let Some(comparison) = &mut record.comparison {
        comparison.slots[2].weights[0] += 0.5;
    }
    assert!(without(&record, CertificateName::C3).contains("no offline optimum"));
    let mut record = good;
    if let Some(comparison) = &mut record.comparison {
        comparison.slots.pop();
    }
    assert!(without(&record, CertificateName::C3).contains("does not fit"));
}

#[test]
fn warm_start_is_accounted_for() {
    let scenario = scenario(30);
    let pilot = Pilot::measure(&scenario, Settings::default()).unwrap();
    assert!(pilot.slots == 30 && pilot.measured.drift > 0.0 && pilot.measured.multiplier_norm > 0.0);
    let queues: Vec<f64> = pilot.multiplier.iter().map(|mu| 0.1 * mu).collect();
    let warm = compared(30, Some(&queues));
    assert_eq!(warm.initial_queues.len(), warm.nodes.len());
    let of_warm = summary(&warm);
    assert!(of_warm.certified());
    let c3 = claim(&of_warm, CertificateName::C3).unwrap();
    assert!(c3.holds && c3.is_verified());
    let worst = |summary: &Summary| {
        let claims = summary.certificates.iter().filter(|claim| claim.name == CertificateName::C1);
        claims.map(|claim| claim.value).fold(f64::NEG_INFINITY, f64::max)
    };
    let cold = summary(&play(&scenario, None));
    assert!(worst(&of_warm) < worst(&cold), "{} {}", worst(&of_warm), worst(&cold));
    let bad = Run::new(&scenario, Settings::default()).unwrap().warm_start(&[1.0]).unwrap_err();
    assert!(bad.to_string().contains("1 violations for 10 queues") || bad.to_string().starts_with("warm start"));
    let negative = vec![-1.0; 10];
    assert!(Run::new(&scenario, Settings::default()).unwrap().warm_start(&negative).is_err());
}
