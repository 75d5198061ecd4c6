//! The price of a deadline is what the optimum changes by when the deadline does.

use collapipe::instances::InstanceSize;
use collapipe::problem::{Participation, ProblemError, Schema, SlotProblem};
use collapipe::schedule::ScheduleKind;
use collapipe::solver::{Certified, Settings, SolveError, solve};
use collapipe::units::Seconds;

fn drawn(clusters: usize, seed: u64, schedule: ScheduleKind) -> Result<SlotProblem, ProblemError> {
    let size = InstanceSize {
        clusters,
        devices: 3,
        blocks: 7,
        plans: 3,
        participation: if seed.is_multiple_of(2) { Participation::All } else { Participation::Select },
    };
    let mut spec = size.sample(seed)?.into_spec();
    spec.schema = Schema::V2;
    spec.plans.iter_mut().for_each(|plan| plan.schedule = schedule);
    SlotProblem::new(spec)
}

fn by(problem: &SlotProblem, deadline: Option<Seconds>) -> Result<Option<Certified>, SolveError> {
    let mut spec = problem.clone().into_spec();
    spec.deadline_s = deadline;
    let problem = SlotProblem::new(spec).unwrap_or_else(|error| panic!("{error}"));
    Ok(solve(&problem, &Settings { gap: 1e-9, ..Settings::default() })?.certified().cloned())
}

/// Whether two answers differ in the radio alone.
fn alike(a: &Certified, b: &Certified) -> bool {
    let choice = |c: &Certified| -> Vec<_> {
        c.decision.clusters.iter().map(|cluster| (cluster.active.clone(), cluster.sizes.clone())).collect()
    };
    a.decision.plan == b.decision.plan && choice(a) == choice(b)
}

#[test]
fn it_is_the_slope_of_the_optimum() -> Result<(), Box<dyn std::error::Error>> {
    const STEP: f64 = 2e-3;
    let mut compared = 0;
    for (clusters, seeds) in [(1, 0..12), (2, 0..6)] {
        for seed in seeds {
            for schedule in [ScheduleKind::FillDrain, ScheduleKind::OneForwardOneBackward] {
                let problem = drawn(clusters, seed, schedule)?;
                let free = by(&problem, None)?.ok_or("nothing without a deadline")?;
                assert_eq!(free.shadow_prices.deadline_per_s, None);
                let latency = free.evaluation.round_latency;
                let late = by(&problem, Some(latency * 1.5))?.ok_or("nothing by a late deadline")?;
                assert_eq!(late.shadow_prices.deadline_per_s, Some(0.0), "a deadline that binds nobody");
                for tight in [0.98, 0.9, 0.8] {
                    let around = [-STEP, 0.0, STEP].map(|step| by(&problem, Some(latency * (tight + step))));
                    let [Ok(Some(before)), Ok(Some(at)), Ok(Some(after))] = around else { continue };
                    if !alike(&before, &at) || !alike(&at, &after) {
                        continue;
                    }
                    let Some(price) = at.shadow_prices.deadline_per_s else { continue };
                    let saved = before.objective() - after.objective();
                    let slope = saved / (2.0 * STEP * latency.0);
                    // A convex curve's slope lies between its differences on both sides; costs are accurate to 1e-9.
                    let noise = 4e-9 * at.objective().abs() / (STEP * latency.0);
                    let left = (before.objective() - at.objective()) / (STEP * latency.0);
                    let right = (at.objective() - after.objective()) / (STEP * latency.0);
                    assert!(
                        price <= left * (1.0 + 1e-3) + noise && price >= right * (1.0 - 1e-3) - noise,
                        "{clusters} clusters, seed {seed}, {schedule:?}, {tight}: {price} beside {left}, {slope}, {right}"
                    );
                    compared += 1;
                }
            }
        }
    }
    // Many deadlines cannot be kept, or change the choice.
    assert!(compared >= 15, "{compared} compared");
    Ok(())
}
