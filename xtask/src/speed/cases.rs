//! What is measured.

use std::error::Error;
use std::fmt;
use std::hint::black_box;

use collapipe::instances::InstanceSize;
use collapipe::problem::{Participation, SlotProblem, evaluate};
use collapipe::solver::backend::{Alternating, Backend, Conic, Exact, Exhaustive, Milp, RadioFor, WholeSlot};
use collapipe::solver::{Settings, Solution, SolveError, Solver, solve, solve_radio};

use super::timing::{median, seconds, timed};

/// Numbers of clusters and of devices for the exponents of growth.
pub const GROWTH_IN_CLUSTERS: [usize; 4] = [10, 50, 200, 1000];
pub const GROWTH_IN_DEVICES: [usize; 4] = [10, 30, 100, 200];

/// How our solver is asked.
#[derive(Clone, Copy)]
enum Ask {
    /// The radio for the optimum's integers.
    Radio,
    /// The whole slot, nothing remembered.
    Cold,
    /// The whole slot, after another whose gains differed by a few percent.
    Warm,
}

/// A solver with its problem.
type Run<'a> = Box<dyn FnMut() -> Result<Solution, SolveError> + 'a>;

/// A family of problems with the solvers that are timed on it.
pub struct Case {
    name: String,
    size: InstanceSize,
    seeds: u64,
    /// Repetitions of ours per problem, of which the fastest counts.
    repeats: usize,
    gap: f64,
    ask: Ask,
    milp: bool,
    alternating: bool,
    exhaustive: bool,
}

/// One line of the table.
pub struct Line {
    name: String,
    ours: f64,
    evaluation: f64,
    others: [Option<f64>; 4],
    gap: f64,
}

pub fn cases() -> Vec<Case> {
    let base = InstanceSize::default();
    let select = Participation::Select;
    let case = |name: &str, size, ask| Case {
        name: name.into(),
        size,
        seeds: 30,
        repeats: 5,
        gap: Settings::default().gap,
        ask,
        milp: false,
        alternating: false,
        exhaustive: false,
    };
    let tiny = InstanceSize { devices: 3, blocks: 6, plans: 3, ..base };
    let all = |case| Case { milp: true, alternating: true, exhaustive: true, seeds: 10, ..case };
    vec![
        case("radio only, 10 hops", InstanceSize { devices: 9, ..base }, Ask::Radio),
        Case { milp: true, alternating: true, seeds: 15, ..case("10 devices, 24 blocks, 8 plans", base, Ask::Cold) },
        case("the same, from the slot before", base, Ask::Warm),
        Case {
            alternating: true,
            ..case("10 devices, select", InstanceSize { participation: select, ..base }, Ask::Cold)
        },
        all(case("3 devices, 6 blocks, 3 plans", tiny, Ask::Cold)),
        all(case("the same, select", InstanceSize { participation: select, ..tiny }, Ask::Cold)),
        all(case(
            "2 clusters of 2 devices, 4 blocks",
            InstanceSize { clusters: 2, devices: 2, blocks: 4, ..tiny },
            Ask::Cold,
        )),
        Case {
            seeds: 10,
            ..case("100 devices, 200 blocks", InstanceSize { devices: 100, blocks: 200, ..base }, Ask::Cold)
        },
        Case::network(10),
        Case::network(100),
        Case::network(1000),
    ]
}

impl Case {
    /// So many clusters of 10 devices.
    pub fn network(clusters: usize) -> Self {
        Self {
            name: format!("{clusters} clusters of 10 devices, gap 1e-3"),
            size: InstanceSize { clusters, ..InstanceSize::default() },
            seeds: if clusters > 10_000 { 1 } else { 3 },
            repeats: 1,
            gap: 1e-3,
            ask: Ask::Cold,
            milp: false,
            alternating: false,
            exhaustive: false,
        }
    }

    /// One cluster of so many devices.
    pub fn devices(devices: usize) -> Self {
        let size = InstanceSize { devices, blocks: 2 * devices as u32, ..InstanceSize::default() };
        let seeds = 10;
        Self { name: format!("{devices} devices"), size, seeds, repeats: 3, gap: 1e-7, ..Self::network(1) }
    }

    /// The median time of ours alone.
    pub fn median(&self) -> Result<f64, Box<dyn Error>> {
        let times: Result<Vec<f64>, Box<dyn Error>> = (0..self.seeds)
            .map(|seed| {
                let problem = self.size.sample(seed)?;
                let mut ours = self.ours(&problem)?;
                Ok((0..self.repeats).map(|_| timed(|| black_box(ours())).0).fold(f64::INFINITY, f64::min))
            })
            .collect();
        Ok(median(times?).ok_or("no seeds")?)
    }

    /// Our solver, ready to be asked.
    fn ours<'a>(&self, problem: &'a SlotProblem) -> Result<Run<'a>, Box<dyn Error>> {
        let settings = Settings { gap: self.gap, ..Settings::default() };
        Ok(match self.ask {
            Ask::Cold => Box::new(move || solve(problem, &settings)),
            Ask::Radio => {
                let given = integers(problem)?;
                Box::new(move || solve_radio(problem, &given, &settings))
            }
            // A slot of the same cluster with other gains comes before, untimed.
            Ask::Warm => {
                let mut solver = Solver::new(settings)?;
                solver.solve(&moved(problem)?)?;
                Box::new(move || solver.solve(problem))
            }
        })
    }

    pub fn run(&self) -> Result<Line, Box<dyn Error>> {
        let (mut ours, mut evaluations, mut gap) = (Vec::new(), Vec::new(), 0.0f64);
        let mut others: [Vec<f64>; 4] = Default::default();
        for seed in 0..self.seeds {
            let problem = self.size.sample(seed)?;
            let mut best = f64::INFINITY;
            let mut answer = None;
            for _ in 0..self.repeats {
                let mut ask = self.ours(&problem)?;
                let (time, solution) = timed(|| black_box(ask()));
                best = best.min(time);
                answer = Some(solution?);
            }
            let answer = answer.ok_or("no repeats")?;
            let certified = answer.certified().ok_or("infeasible")?;
            gap = gap.max(certified.gap);
            ours.push(best);
            evaluations.push(timed(|| black_box(evaluate(&problem, &certified.decision))).0);
            let ratio = |time: f64| time / best;
            if let Ask::Radio = self.ask {
                let given = RadioFor::decision(&certified.decision);
                others[0].push(ratio(timed(|| black_box(Conic::default().solve(&problem, &given))).0));
            }
            if self.milp {
                others[1].push(ratio(timed(|| black_box(Milp::default().solve(&problem, &WholeSlot))).0));
            }
            if self.alternating {
                others[2].push(ratio(alternating(&problem)));
            }
            if self.exhaustive {
                let every = Exhaustive::<Exact>::default();
                others[3].push(ratio(timed(|| black_box(every.solve(&problem, &WholeSlot))).0));
            }
        }
        Ok(Line {
            name: self.name.clone(),
            ours: median(ours).ok_or("no seeds")?,
            evaluation: median(evaluations).ok_or("no seeds")?,
            others: others.map(median),
            gap,
        })
    }
}

/// Seconds of the alternating backend, without the solve that bounds its answer.
fn alternating(problem: &SlotProblem) -> f64 {
    let whole = timed(|| black_box(Alternating::<Milp>::default().solve(problem, &WholeSlot))).0;
    let bound = timed(|| black_box(solve(problem, &Settings::default()))).0;
    (whole - bound).max(0.0)
}

/// The optimum's integers.
fn integers(problem: &SlotProblem) -> Result<RadioFor, Box<dyn Error>> {
    let solution = Exact::default().solve(problem, &WholeSlot)?;
    Ok(RadioFor::decision(&solution.certified().ok_or("infeasible")?.decision))
}

/// The same cluster in another slot: every gain differs by up to 5 %.
fn moved(problem: &SlotProblem) -> Result<SlotProblem, Box<dyn Error>> {
    let mut spec = problem.clone().into_spec();
    for cluster in &mut spec.clusters {
        for (i, gain) in cluster.gain_to_noise_hz_per_w.0.iter_mut().enumerate() {
            *gain *= 1.0 + 0.05 * (1.7 * i as f64).sin();
        }
    }
    Ok(SlotProblem::new(spec)?)
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let floor = self.ours / self.evaluation;
        write!(f, "{:<40} {:>9} {floor:>8.0}", self.name, seconds(self.ours))?;
        for (ratio, width) in self.others.iter().zip([8, 8, 8, 11]) {
            match ratio {
                Some(ratio) => write!(f, " {ratio:>width$.0}")?,
                None => write!(f, " {:>width$}", "-")?,
            }
        }
        write!(f, " {:>10.1e}", self.gap)
    }
}
