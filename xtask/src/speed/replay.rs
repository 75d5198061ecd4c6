//! The built-in scenario's slots, one after the other: a solver that remembers beside one that does not.

use std::error::Error;
use std::hint::black_box;

use collapipe::problem::SlotProblem;
use collapipe::scenario::{BUILTIN, ScenarioFile};
use collapipe::simulation::Run;
use collapipe::solver::{Settings, Solver, solve};

use super::timing::{seconds, timed};

/// The slot problems of the built-in scenario, at the queues that exact decisions lead to.
fn problems() -> Result<Vec<SlotProblem>, Box<dyn Error>> {
    let scenario = ScenarioFile::parse(BUILTIN, "".as_ref())?.build()?;
    let mut run = Run::new(&scenario, Settings::default())?;
    let mut problems = Vec::new();
    for _ in 0..scenario.spec().slots {
        problems.push(run.next_problem()?.problem);
        run.next().ok_or("the run has ended early")??;
    }
    Ok(problems)
}

/// Solves every slot both ways in turn, so that a busy machine slows both, and prints the times and their ratio.
pub fn run() -> Result<(), Box<dyn Error>> {
    let problems = problems()?;
    let settings = Settings::default();
    let mut solver = Solver::new(settings)?;
    let (mut warm, mut cold, mut same) = (0.0, 0.0, 0);
    for problem in &problems {
        let (time, alone) = timed(|| black_box(solve(problem, &settings)));
        cold += time;
        let (time, remembering) = timed(|| black_box(solver.solve(problem)));
        warm += time;
        same += usize::from(alone?.outcome == remembering?.outcome);
    }
    println!(
        "\n{} slots of the built-in scenario: {} warm, {} cold, ratio {:.2}; the same answer bit for bit in {same}",
        problems.len(),
        seconds(warm),
        seconds(cold),
        warm / cold
    );
    Ok(())
}
