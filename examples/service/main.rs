//! A service that plans: boards come, go and fade; every tick it has a decision before its deadline, or says so.
//!
//! `cargo run --release --example service [TICKS [MILLISECONDS_PER_TICK]]`, described in `docs/online.md`. A tick stands
//! for a round of training. Halfway the service is stopped, and another one goes on from its state file.

mod metrics;
mod world;

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use collapipe::lyapunov::FleetController;
use collapipe::problem::{Decision, Evaluation, Status};
use collapipe::scenario::{Scenario, SlotError, SlotInstance, SlotState};
use collapipe::simulation::carried_over;
use collapipe::solver::{Certified, Settings, Solution, SolveError, Solver, Stop, solve_radio};
use collapipe::units::Joules;
use metrics::Metrics;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};
use tracing::{Level, info, warn};
use world::{CLUSTER, Hall, Message, Random, Registry};

/// What of the deadline a solve may take, when the service stops waiting for it, and what bandwidths and powers for the
/// last segments may take instead.
const SOLVE: f64 = 0.6;
const WAIT: f64 = 0.8;
const RADIO: f64 = 0.1;

type Solved = (Solver, Result<Solution, SolveError>);
type Fallible<T> = Result<T, Box<dyn Error>>;

/// A round: the one that the boards are at, or the last one that they were at.
struct Round {
    instance: SlotInstance,
    decision: Decision,
    evaluation: Evaluation,
}

struct Service {
    scenario: Scenario,
    registry: Registry,
    /// Queues of the energy budgets: what has to survive.
    fleet: FleetController,
    /// None while it is at work.
    solver: Option<Solver>,
    /// A solve that nobody waits for any longer, with the solver in it.
    overdue: Option<JoinHandle<Solved>>,
    /// How long after a tick the decision is wanted.
    deadline: Duration,
    round: Option<Round>,
    /// Whether the boards are at the round.
    running: bool,
    metrics: Metrics,
    meter: Random,
}

impl Service {
    fn new(fleet: FleetController, deadline: Duration) -> Fallible<Self> {
        let settings = Settings { time_limit: Some(deadline.mul_f64(SOLVE)), ..Settings::default() };
        Ok(Self {
            scenario: Scenario::new(world::scenario())?,
            registry: Registry::default(),
            fleet,
            solver: Some(Solver::new(settings)?),
            overdue: None,
            deadline,
            round: None,
            running: false,
            metrics: Metrics::default(),
            meter: Random(7),
        })
    }

    /// Another service, from the state that this one leaves behind.
    fn restarted(self, state: &Path) -> Fallible<Self> {
        self.fleet.save(state)?;
        let mut next = Self::new(FleetController::load(state)?, self.deadline)?;
        if next.fleet != self.fleet {
            return Err("the state was not read as it was written".into());
        }
        info!(rounds = next.fleet.rounds(), "restarted with queues and certificates");
        // What this program pretends to know from elsewhere: the boards go on meanwhile.
        (next.registry, next.metrics) = (self.registry, self.metrics);
        (next.round, next.running) = (self.round, self.running);
        Ok(next)
    }

    /// Whether the round has to be planned anew: a board that takes part has gone.
    fn hears(&mut self, message: Message) -> bool {
        let gone = match &message {
            Message::Gone { board } => Some(*board),
            Message::Here { .. } => None,
        };
        let changed = self.registry.take(message);
        changed && gone.is_some_and(|board| self.takes_part(board))
    }

    fn takes_part(&self, board: usize) -> bool {
        self.round.as_ref().filter(|_| self.running).is_some_and(|round| {
            let active = &round.decision.clusters[0].active;
            active.iter().any(|device| round.instance.present[0][device.0] == board)
        })
    }

    /// Books the last round, takes in who came and who went, and plans the next.
    async fn tick(&mut self, begun: Instant, stalled: bool) -> Fallible<()> {
        self.book()?;
        let present = self.registry.present();
        let nodes = self.scenario.nodes();
        // Node 0 is the control unit, which is always there.
        let members = std::iter::once(0).chain(present.iter().map(|board| board + 1)).map(|node| &nodes[node]);
        let changes = self.fleet.set_members(members.map(|node| (node.name.as_str(), node.budget)))?;
        self.metrics.ticks += 1;
        self.metrics.joined += (changes.joined.len() + changes.back.len()) as u64;
        self.metrics.left += changes.left.len() as u64;
        self.metrics.present = present.len();
        self.plan(begun, stalled).await
    }

    /// What the nodes' meters say after a round; one that did nothing, nothing.
    fn book(&mut self) -> Fallible<()> {
        let Some(round) = self.round.as_ref().filter(|_| self.running) else { return Ok(()) };
        let planned = round.instance.energies(&self.scenario, &round.evaluation.clusters);
        let metered = planned.iter().map(|energy| Joules(energy.0 * (0.97 + 0.06 * self.meter.uniform())));
        let of_nodes = self.scenario.nodes().iter().zip(metered);
        let spent = of_nodes.map(|(node, energy)| (node.name.as_str(), energy));
        let spent: Vec<_> = spent.filter(|(name, _)| self.fleet.is_member(name)).collect();
        self.fleet.spend(spent)?;
        self.running = false;
        Ok(())
    }

    async fn plan(&mut self, begun: Instant, stalled: bool) -> Fallible<()> {
        let nodes = self.scenario.nodes();
        // Who came within a tick has no account yet.
        let mut present = self.registry.present();
        present.retain(|board| self.fleet.is_member(&nodes[board + 1].name));
        let state =
            SlotState::measured(&self.scenario, self.fleet.rounds(), vec![present], vec![self.registry.gains()])?;
        // Absent boards are not part of the problem, whatever their price.
        let instance = match state.problem(|node| self.fleet.price(&nodes[node].name).unwrap_or(0.0)) {
            Ok(instance) => instance,
            Err(nobody @ SlotError::NoDevices { .. }) => return self.without_round(&nobody.to_string()),
            Err(error) => return Err(error.into()),
        };
        match self.solve(instance.clone(), begun + self.deadline.mul_f64(WAIT), stalled).await? {
            Ok(Solution { outcome: Ok(best), status, .. }) => {
                self.metrics.planned(status, best.gap);
                self.begin(instance, best, begun);
            }
            Ok(Solution { outcome: Err(reasons), .. }) => self.without_round(&reasons.to_string())?,
            Err(SolveError::NoDecision { by }) => self.carry_over(instance, by, begun)?,
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Solves beside the service's own work. The solver keeps to its time limit; where the machine does not let it, the
    /// service stops waiting.
    async fn solve(
        &mut self,
        instance: SlotInstance,
        longest: Instant,
        stalled: bool,
    ) -> Fallible<Result<Solution, SolveError>> {
        if let Some(overdue) = self.overdue.take() {
            self.solver = Some(overdue.await?.0);
        }
        let mut solver = self.solver.take().ok_or("the solver is at work")?;
        let (stop, pause) = (Stop::default(), if stalled { self.deadline } else { Duration::ZERO });
        let flag = stop.clone();
        let mut work = tokio::task::spawn_blocking(move || {
            std::thread::sleep(pause);
            let solved = solver.solve_until(&instance.problem, &flag);
            (solver, solved)
        });
        if let Ok(done) = timeout_at(longest, &mut work).await {
            let (solver, solved) = done?;
            self.solver = Some(solver);
            return Ok(solved);
        }
        stop.raise();
        self.overdue = Some(work);
        Ok(Err(SolveError::NoDecision { by: "the service" }))
    }

    fn begin(&mut self, instance: SlotInstance, best: Certified, begun: Instant) {
        let after = begun.elapsed();
        self.metrics.answered(after);
        if after > self.deadline {
            self.metrics.late += 1;
            warn!(?after, "the decision is late");
        }
        self.round = Some(Round { instance, decision: best.decision, evaluation: best.evaluation });
        self.running = true;
    }

    /// Goes on with the last segments where no new ones were found in time.
    fn carry_over(&mut self, instance: SlotInstance, ended_by: &str, begun: Instant) -> Fallible<()> {
        let last = self.round.as_ref();
        let segments = last.and_then(|last| carried_over((&last.instance, &last.decision), &instance));
        let Some(segments) = segments else { return self.without_round("no decision, and none to go on with") };
        let settings = Settings { time_limit: Some(self.deadline.mul_f64(RADIO)), ..Settings::default() };
        match solve_radio(&instance.problem, &segments, &settings) {
            Ok(Solution { outcome: Ok(best), .. }) => {
                warn!(
                    ended_by,
                    gap = best.gap,
                    "no new decision: the last segments go on, with bandwidths and powers of their own"
                );
                self.metrics.carried_over += 1;
                self.begin(instance, best, begun);
                Ok(())
            }
            Ok(Solution { outcome: Err(reasons), .. }) => self.without_round(&reasons.to_string()),
            Err(none @ SolveError::NoDecision { .. }) => self.without_round(&none.to_string()),
            Err(error) => Err(error.into()),
        }
    }

    fn without_round(&mut self, reason: &str) -> Fallible<()> {
        warn!(reason, "no round in this tick: everybody saves energy");
        self.metrics.outages += 1;
        self.running = false;
        self.fleet.spend([])?;
        Ok(())
    }
}

/// Sends what the boards say, until nobody listens.
async fn boards(messages: mpsc::Sender<Message>, every: Duration) {
    let (mut hall, mut clock) = (Hall::new(2026), interval(every));
    loop {
        clock.tick().await;
        for message in hall.step() {
            if messages.send(message).await.is_err() {
                return;
            }
        }
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Fallible<()> {
    tracing_subscriber::fmt().with_max_level(Level::INFO).with_writer(std::io::stderr).init();
    let mut arguments = std::env::args().skip(1);
    let ticks: u64 = arguments.next().map_or(Ok(40), |ticks| ticks.parse())?;
    let tick = Duration::from_millis(arguments.next().map_or(Ok(100), |tick| tick.parse())?);
    let folder = tempfile::tempdir()?;

    let (sender, mut messages) = mpsc::channel(1024);
    tokio::spawn(boards(sender, tick));
    let mut service = Service::new(FleetController::new(), tick / 2)?;
    // The boards speak first.
    let mut clock = tokio::time::interval_at(Instant::now() + tick / 2, tick);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut played = 0;
    while played < ticks {
        tokio::select! {
            biased;
            Some(message) = messages.recv() => {
                if service.hears(message) {
                    service.metrics.replanned += 1;
                    service.plan(Instant::now(), false).await?;
                }
            }
            _ = clock.tick() => {
                // Once the machine stalls.
                service.tick(Instant::now(), played == ticks / 4).await?;
                played += 1;
                if played == ticks / 2 {
                    service = service.restarted(&folder.path().join("controller.json"))?;
                }
            }
        }
    }
    service.book()?;

    print!("{}", service.metrics);
    let (metrics, fleet) = (&service.metrics, &service.fleet);
    let broken: Vec<&str> = fleet.certificates().filter(|(_, c1)| !c1.holds()).map(|(name, _)| name).collect();
    let limited = metrics.solved.iter().filter(|(status, _)| *status == Status::TimeLimit).map(|(_, count)| count);
    println!(
        "# {} of {} boards known in {}; {} rounds planned, {} of them cut short by the time limit; C1 holds for {} accounts",
        fleet.accounts().count() - 1,
        service.scenario.spec().clusters[0].devices.len(),
        CLUSTER,
        metrics.solves() + metrics.carried_over,
        limited.sum::<u64>(),
        fleet.certificates().count() - broken.len(),
    );
    let planned = metrics.solves() + metrics.carried_over + metrics.outages;
    if !broken.is_empty() || planned != metrics.ticks + metrics.replanned || fleet.rounds() != metrics.ticks {
        return Err(format!("{planned} plans in {} ticks, C1 broken for {broken:?}", metrics.ticks).into());
    }
    Ok(())
}
