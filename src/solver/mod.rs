//! The exact slot solver: the best decision of a slot and a proof of how good it is.
//!
//! Inside out: `hop` one transmission at given prices, and the hops of a phase, which share a band and a pace; `cluster`
//! the sizes and the devices that take part in one cluster; `network` all clusters together; `refusal` why a problem
//! has no solution. `backend` has other ways to the same answers. Method and proofs: `docs/solver.md`.

pub mod backend;
mod cluster;
mod hop;
mod meter;
mod network;
mod one_phase;
mod pipeline;
mod proof;
mod radio;
mod refusal;
mod settings;
mod solution;
#[cfg(test)]
mod tests;
mod traced;

pub use meter::{Progress, Stop};
pub use one_phase::{PhaseProblem, PhaseSolution};
pub use proof::{Unverified, bound_from_prices};
pub use radio::solve_radio;
pub(crate) use refusal::block_caps;
pub use refusal::{Infeasibility, Reason};
pub use settings::{Settings, SettingsError};
pub use solution::{Certified, Solution, SolveError};

use std::ops::ControlFlow;
use std::sync::{Arc, mpsc};

use cluster::active::Workspace;
use cluster::{Domain, PlannedCluster, PricedCluster, assemble, single};
use meter::{Cause, LOOK, Meter, Watch};
use network::memory::Memory as NetworkMemory;
use network::search;
use network::upload::Upload;

use crate::problem::program::ClusterProgram;
use crate::problem::{Beyond, Decision, Overlap, Participation, ShadowPrices, SlotProblem, Status, Work, evaluate};

/// A decision with its proof, before it is evaluated.
struct Proposal {
    decision: Decision,
    lower_bound: f64,
    shadow_prices: ShadowPrices,
}

/// A solver that remembers: for slots that follow one another.
///
/// The prices and the choice of one slot are where the next one starts, and its buffers are used again; of networks the
/// weights of the clusters and the choices that counted. That changes the time of a solve and nothing else: the decision
/// is the one that [`solve`] finds, bit for bit, unless two choices cost the same to within a hundredth of
/// [`Settings::gap`], where either may be returned. Any problem may follow any other. Networks whose search ends before
/// that is settled (at a limit, at a gap above 1e-4, or with dozens of clusters) keep their gap, and their decision may
/// be another one within it.
///
/// ```
/// use collapipe::instances::InstanceSize;
/// use collapipe::solver::{Settings, Solver, solve};
/// let mut solver = Solver::new(Settings::default())?;
/// for seed in 1..4 {
///     let problem = InstanceSize { devices: 3, blocks: 6, ..InstanceSize::default() }.sample(seed)?;
///     assert_eq!(solver.solve(&problem)?.outcome, solve(&problem, &Settings::default())?.outcome);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Solver {
    settings: Settings,
    memory: single::Memory,
    networks: NetworkMemory,
    work: Workspace,
}

impl Solver {
    /// A solver that has nothing to remember yet.
    ///
    /// # Errors
    /// [`SettingsError`] for a setting out of its range.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        settings.validate()?;
        Ok(Self { settings, ..Self::default() })
    }

    /// Minimizes a slot problem, as [`solve`] does.
    ///
    /// # Errors
    /// As [`solve`], but for the settings.
    pub fn solve(&mut self, problem: &SlotProblem) -> Result<Solution, SolveError> {
        self.run(problem, None)
    }

    /// The same until another thread raises a flag: what has been found and proved until then comes back, within
    /// milliseconds, with status [`Status::Interrupted`].
    ///
    /// # Errors
    /// As [`Solver::solve`].
    pub fn solve_until(&mut self, problem: &SlotProblem, stop: &Stop) -> Result<Solution, SolveError> {
        self.run(problem, Some(stop))
    }

    /// The same, watched: `look` is called on this thread about every 10 ms, while the solve goes on in another one, and once
    /// at the end; it says whether to go on. Breaking ends the solve as a [`Stop`] does, within milliseconds.
    ///
    /// ```
    /// use collapipe::instances::InstanceSize;
    /// use collapipe::solver::{Settings, Solver};
    /// use std::ops::ControlFlow;
    /// let problem = InstanceSize { devices: 3, blocks: 6, ..InstanceSize::default() }.sample(3)?;
    /// let mut seen = Vec::new();
    /// let solution = Solver::new(Settings::default())?.solve_watched(&problem, &mut |progress| {
    ///     seen.push(progress);
    ///     ControlFlow::Continue(())
    /// })?;
    /// let (best, last) = (solution.certified().ok_or("infeasible")?, seen.last().ok_or("not called")?);
    /// assert!(last.lower_bound <= last.objective && last.work > 0);
    /// assert!((last.objective.ok_or("no decision")? / best.objective() - 1.0).abs() < 1e-9);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Solver::solve`].
    ///
    /// # Panics
    /// Where the system has no thread to give.
    pub fn solve_watched(
        &mut self,
        problem: &SlotProblem,
        look: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Solution, SolveError> {
        let watch = Arc::new(Watch::default());
        let meter = Meter::start(&self.settings, None).watched(watch.clone());
        let solution = std::thread::scope(|scope| {
            let (done, waiting) = mpsc::channel::<()>();
            let solving = scope.spawn(move || {
                let solution = self.metered(problem, meter);
                // The other end waits until this one is gone, at the latest.
                drop(done);
                solution
            });
            while let Err(mpsc::RecvTimeoutError::Timeout) = waiting.recv_timeout(LOOK) {
                if look(watch.progress()).is_break() {
                    watch.stop();
                    break;
                }
            }
            solving.join().unwrap_or_else(|panicked| std::panic::resume_unwind(panicked))
        })?;
        // Nothing is left to end.
        let _ = look(watch.progress());
        Ok(solution)
    }

    fn run(&mut self, problem: &SlotProblem, stop: Option<&Stop>) -> Result<Solution, SolveError> {
        let solved = self.metered(problem, Meter::start(&self.settings, stop));
        match stop {
            None if Stop::of_thread().is_some_and(|stop| stop.is_raised()) => Err(Cause::Stop.no_decision()),
            _ => solved,
        }
    }

    fn metered(&mut self, problem: &SlotProblem, meter: Meter) -> Result<Solution, SolveError> {
        traced::begun(problem, &self.settings);
        let solved = self.decide(problem, meter);
        traced::ended(&solved);
        solved
    }

    fn decide(&mut self, problem: &SlotProblem, mut meter: Meter) -> Result<Solution, SolveError> {
        let phases = problem.falls_into_phases();
        let paced = problem.plans.iter().filter(|plan| phases && plan.is_classical()).count();
        let sized = check_sizes(problem);
        if paced == problem.plans.len() {
            match sized.clone().map(|()| domains(problem)) {
                Ok(Ok(domains)) => return self.within(problem, &domains, meter),
                // The other search takes more devices, and has words for what limits of blocks rule out.
                _ if !problem.is_classical() => {}
                Ok(Err(reasons)) => return Ok(Solution::infeasible(problem, reasons)),
                Err(error) => return Err(error),
            }
        } else if paced > 0 && problem.clusters.len() == 1 && sized.is_ok() {
            let mut spent = Work::default();
            if let Some(found) = self.paced_first(problem, &mut meter, &mut spent)? {
                return finish(problem, found, &self.settings, spent, &meter);
            }
        }
        self.by_timelines(problem, &mut meter)
    }

    /// Minimizes a problem of any kind, without paces.
    fn by_timelines(&self, problem: &SlotProblem, meter: &mut Meter) -> Result<Solution, SolveError> {
        let short = refusal::server_reasons(problem);
        if !short.is_empty() {
            return Ok(Solution::infeasible(problem, short));
        }
        let mut spent = Work::default();
        match pipeline::solve(problem, &self.settings, meter, &mut spent)? {
            Ok(proposal) => finish(problem, proposal, &self.settings, spent, meter),
            Err(reasons) => Ok(Solution::infeasible(problem, reasons)),
        }
    }

    /// Of one cluster: plans that fall into phases are solved by their paces, then the others are searched for something
    /// better. `None` where the first have no decision.
    fn paced_first(
        &mut self,
        problem: &SlotProblem,
        meter: &mut Meter,
        spent: &mut Work,
    ) -> Result<Option<Proposal>, SolveError> {
        let (paced, others): (Vec<usize>, Vec<usize>) =
            (0..problem.plans.len()).partition(|&plan| problem.plans[plan].is_classical());
        let part = problem.with_plans(&paced);
        let Ok(domains) = domains(&part) else { return Ok(None) };
        let (found, work, kept) = self.propose(&part, &domains, std::mem::take(meter));
        (*meter, *spent) = (kept, work);
        let Some(mut best) = found else { return Ok(None) };
        best.decision.plan = paced[best.decision.plan];
        let objective = cost(problem, &best.decision)?;
        let part = problem.with_plans(&others);
        let (better, bound) = pipeline::improve(&part, objective, &self.settings, meter, spent)?;
        let lower_bound = best.lower_bound.min(bound);
        if let Some(mut better) = better {
            better.decision.plan = others[better.decision.plan];
            if cost(problem, &better.decision)? < objective {
                best = better;
            }
        }
        Ok(Some(Proposal { lower_bound, ..best }))
    }

    /// Minimizes over domains that hold a feasible choice for every cluster.
    fn within(&mut self, problem: &SlotProblem, domains: &[Domain], meter: Meter) -> Result<Solution, SolveError> {
        let (proposal, spent, meter) = self.propose(problem, domains, meter);
        let proposal = proposal.ok_or_else(|| match meter.cause() {
            Some(cause) => cause.no_decision(),
            None => SolveError::Numerical,
        })?;
        finish(problem, proposal, &self.settings, spent, &meter)
    }

    fn propose(&mut self, problem: &SlotProblem, domains: &[Domain], meter: Meter) -> (Option<Proposal>, Work, Meter) {
        let Self { settings, memory, networks, work } = self;
        work.buffers.meter = meter;
        (work.buffers.nodes, work.buffers.scratch.evaluations) = (0, 0);
        let proposal = match domains {
            [domain] => single_cluster(problem, domain, settings, memory, work),
            _ => search::solve(problem, domains.to_vec(), settings, networks, work),
        };
        let spent = Work { nodes: work.buffers.nodes, iterations: work.buffers.scratch.evaluations, rounds: 0 };
        (proposal, spent, std::mem::take(&mut work.buffers.meter))
    }
}

/// What a decision of ours costs.
fn cost(problem: &SlotProblem, decision: &Decision) -> Result<f64, SolveError> {
    evaluate(problem, decision).map(|evaluation| evaluation.objective).map_err(|_| SolveError::Numerical)
}

/// Evaluates a proposal; its status says whether a limit is why the gap is not met.
fn finish(
    problem: &SlotProblem,
    proposal: Proposal,
    settings: &Settings,
    spent: Work,
    meter: &Meter,
) -> Result<Solution, SolveError> {
    let mut solution = Solution::certified_by(problem, proposal, settings.gap, spent)?;
    if let Some(best) = solution.certified() {
        meter.show_best(best.objective());
        meter.show_bound(best.lower_bound);
    }
    if let (Status::Feasible, Some(cause)) = (solution.status, meter.cause()) {
        solution.status = cause.status();
    }
    Ok(solution)
}

/// Refuses what is beyond the classical problem.
fn check_classical(problem: &SlotProblem) -> Result<(), SolveError> {
    match problem.beyond_classical() {
        Some(Beyond { field, value, instead, .. }) => Err(SolveError::Unsupported { field, value, instead }),
        None => Ok(()),
    }
}

/// What the solver supports.
fn check(problem: &SlotProblem) -> Result<(), SolveError> {
    check_classical(problem)?;
    if problem.overlap != Overlap::Full {
        return Err(SolveError::Unsupported { field: "overlap", value: "none", instead: "\"full\"" });
    }
    check_sizes(problem)
}

/// Refuses more devices than active sets of which fit into memory.
fn check_sizes(problem: &SlotProblem) -> Result<(), SolveError> {
    if problem.participation == Participation::Select {
        for (index, cluster) in problem.clusters.iter().enumerate() {
            cluster::select::check(index, cluster.devices.len(), problem.encoder.blocks() as usize)?;
        }
    }
    Ok(())
}

/// Minimizes a slot problem: plan, active devices, segment sizes, bandwidths and powers together.
///
/// One cluster is solved to [`Settings::gap`] with participation `all`. With `select` the search over active sets is
/// exact as well unless it reaches its limit of work (seen with far more than 60 devices); then, and for networks, the
/// gap is certified and reported. Whatever ends a solve, there is a decision and a bound. Deterministic.
///
/// ```
/// use collapipe::instances::InstanceSize;
/// use collapipe::solver::{Settings, solve};
/// let problem = InstanceSize { devices: 3, blocks: 6, ..InstanceSize::default() }.sample(3)?;
/// let solution = solve(&problem, &Settings::default())?;
/// let best = solution.certified().ok_or("infeasible")?;
/// assert!(best.gap <= 1e-7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`SolveError`] for settings out of range, and for more devices to choose from, or to put into a free order, than fit into
/// memory. An infeasible problem is not an error: it comes back with status
/// [`Status::Infeasible`] and the reasons.
pub fn solve(problem: &SlotProblem, settings: &Settings) -> Result<Solution, SolveError> {
    Solver::new(*settings)?.solve(problem)
}

/// The choices of every cluster that memory, participation and the links of the devices' own transfers leave.
///
/// # Errors
/// All reasons why no choice is feasible.
fn domains(problem: &SlotProblem) -> Result<Vec<Domain>, Vec<Reason>> {
    let caps: Vec<Vec<u32>> = problem.clusters.iter().map(|cluster| refusal::block_caps(problem, cluster)).collect();
    let mut reasons = refusal::server_reasons(problem);
    reasons.extend(caps.iter().enumerate().flat_map(|(index, caps)| refusal::reasons(problem, index, caps)));
    if !reasons.is_empty() {
        return Err(reasons);
    }
    let low = u32::from(problem.participation == Participation::All);
    Ok(caps.into_iter().map(|high| Domain { low: vec![low; high.len()], high }).collect())
}

/// How much of the gap asked for the searches may use up, and the finest that double precision resolves.
fn search_tolerance(settings: &Settings) -> f64 {
    (0.01 * settings.gap).max(1e-11)
}

/// From this gap on one asks for speed: the search of one cluster ends as soon as the gap is met.
const COARSE_GAP: f64 = 1e-4;

fn single_cluster(
    problem: &SlotProblem,
    domain: &Domain,
    settings: &Settings,
    memory: &mut single::Memory,
    work: &mut Workspace,
) -> Option<Proposal> {
    let (cluster, price) = (problem.clusters.first()?, problem.latency_weight);
    let upload = Upload::new(&ClusterProgram::new(problem, cluster));
    let (sent, uplink_price) = upload.send_alone(price, problem.uplink.bandwidth_hz.0);
    let mut search = |tolerance, work: &mut Workspace| {
        single::best_plan(problem, cluster, domain, (price, sent.cost, tolerance), memory, work)
    };
    let coarse = if settings.gap > COARSE_GAP { Some(search(0.9 * settings.gap, work)?) } else { None };
    let best = match coarse {
        // Penalties below zero make the objective less than what the tolerance is relative to.
        Some(best)
            if best.gap(problem.plan_cost(problem.plans.get(best.plan)?)) <= settings.gap
                || work.buffers.meter.ended() =>
        {
            best
        }
        _ => search(search_tolerance(settings), work)?,
    };
    let priced = PricedCluster::new(problem, cluster, price);
    let planned = PlannedCluster::new(&priced, problem.plans.get(best.plan)?, domain);
    let link = upload.link(price, &sent, problem.uplink.bandwidth_hz.0);
    let decision = assemble::cluster_decision(&planned, &best.found, link, work);
    Some(Proposal {
        decision: Decision { plan: best.plan, clusters: vec![decision] },
        lower_bound: best.lower_bound,
        shadow_prices: ShadowPrices {
            forward_band_per_hz: vec![best.found.phases.forward.prices.band],
            backward_band_per_hz: vec![best.found.phases.backward.prices.band],
            uplink_per_hz: uplink_price,
            latency_share: vec![1.0],
            ..ShadowPrices::default()
        },
    })
}
