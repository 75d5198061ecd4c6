//! What is executed.

use std::path::Path;

use collapipe::instances::InstanceSize;
use collapipe::scenario::{BUILTIN, ScenarioFile};
use collapipe::schedule::{ScheduleKind, Sending};
use collapipe::simulation::PolicyKind;
use collapipe::solver::{Settings, solve};

use super::{Outcome, ReproduceError};
use crate::emulate::Clock;
use crate::roles::{Pace, RoundOrder, Threads};
use crate::training::{TrainingSettings, members, train};

/// A round to be executed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Case {
    /// Case, policy, schedule, overlap.
    pub names: [String; 4],
    /// The round.
    pub order: RoundOrder,
}

const SCHEDULES: [ScheduleKind; 3] =
    [ScheduleKind::FillDrain, ScheduleKind::OneForwardOneBackward, ScheduleKind::EagerOneForwardOneBackward];
const SENDINGS: [Sending; 4] = [Sending::Overlapped, Sending::Blocking, Sending::HalfDuplex, Sending::Medium];

/// Seeded problems with their exact decisions, each under every schedule and overlap, with hops that have a latency; each
/// round takes about `seconds` of the wall clock. Devices, clusters and micro-batches differ from one problem to the next.
///
/// # Errors
/// [`ReproduceError::Plan`] for a problem that cannot be solved.
pub fn configurations(number: u64, seconds: f64) -> Result<Vec<Case>, ReproduceError> {
    let mut cases = Vec::new();
    for seed in 0..number {
        let devices = 2 + seed as usize % 3;
        let name = format!("instance {seed}");
        let failed = |reason: String| ReproduceError::Plan { case: format!("instance {seed}"), reason };
        let size = InstanceSize { devices, clusters: 1, blocks: 8, ..InstanceSize::default() };
        let problem = size.sample(seed).map_err(|error| failed(error.to_string()))?;
        let solution = solve(&problem, &Settings::default()).map_err(|error| failed(error.to_string()))?;
        // An instance without a decision has nothing to execute.
        let Some(best) = solution.certified() else { continue };
        for kind in SCHEDULES {
            for sending in SENDINGS {
                let order = RoundOrder::synthetic(&problem, &best.decision, Pace::Emulated { scale: 1.0 });
                let mut order = order.map_err(|error| failed(error.to_string()))?.sending(sending);
                let mut longest_s = 0.0_f64;
                for cluster in &mut order.clusters {
                    cluster.plan.schedule = kind;
                    cluster.plan.micro_batches = 4 << (seed % 2);
                    // What a message is late by is a tenth of the longest stage.
                    let stage_s = cluster.forward.iter().fold(0.0_f64, |longest, time| longest.max(time.0));
                    let hops = cluster.forward_hops.iter_mut().chain(&mut cluster.backward_hops);
                    hops.for_each(|hop| hop.latency.0 = 0.1 * stage_s);
                    let (_, makespan_s) = cluster.timeline().map_err(|error| failed(error.to_string()))?;
                    let once = cluster.distribution.iter().chain(&cluster.collection).chain([&cluster.upload]);
                    let once_s: f64 = once.map(|sent| sent.total().0).sum();
                    longest_s = longest_s.max(once_s + makespan_s * f64::from(cluster.plan.local_iterations));
                }
                order.pace = Pace::Emulated { scale: seconds / longest_s };
                let names = [name.clone(), "exact".into(), kind.to_string(), sending.to_string()];
                cases.push(Case { names, order });
            }
        }
    }
    Ok(cases)
}

/// A policy on the built-in scenario.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PolicyRound {
    /// The round, predicted and measured.
    pub outcome: Outcome,
    /// Measured latency, in planned seconds.
    pub latency_s: f64,
    /// What stages computed, of the time that they were there for: mean over the clusters.
    pub efficiency: f64,
}

/// Rounds of the built-in scenario under policies, each of about `seconds` of the wall clock.
///
/// # Errors
/// [`ReproduceError`].
pub fn policies(
    kinds: &[PolicyKind],
    rounds: u64,
    seconds: f64,
    real: bool,
) -> Result<Vec<PolicyRound>, ReproduceError> {
    let mut found = Vec::new();
    for kind in kinds {
        let failed = |reason: String| ReproduceError::Plan { case: kind.to_string(), reason };
        let mut file = ScenarioFile::parse(BUILTIN, Path::new("")).map_err(|error| failed(error.to_string()))?;
        file.spec.slots = rounds;
        let scenario = file.build().map_err(|error| failed(error.to_string()))?;
        let build = || kind.build(Settings::default(), scenario.spec().seed).map_err(|error| failed(error.to_string()));
        let mut settings = TrainingSettings::default();
        // How long a round takes is known once it is planned: the first one sets the scale.
        let planned = {
            let mut threads = Threads::start(&members(&scenario), Clock::pretended())?;
            let coordinator = threads.coordinator().map_err(|error| failed(error.to_string()))?;
            settings.rounds = 1;
            train(&scenario, build()?, coordinator, &settings, |_| {}).map_err(|error| failed(error.to_string()))?
        };
        let Some(first) = planned.rounds.first() else { continue };
        settings.rounds = rounds;
        settings.pace = Pace::Emulated { scale: seconds / first.measured.latency_s };
        let clock = if real { Clock::real() } else { Clock::pretended() };
        let mut threads = Threads::start(&members(&scenario), clock)?;
        let coordinator = threads.coordinator().map_err(|error| failed(error.to_string()))?;
        let trained = train(&scenario, build()?, coordinator, &settings, |_| {});
        let trained = trained.map_err(|error| failed(error.to_string()))?;
        if let Some(error) = trained.ended {
            return Err(failed(error.to_string()));
        }
        for round in trained.rounds {
            let part = |name: &str| {
                let parts = round.comparison.parts.iter().filter(|part| part.cluster.is_some() && part.part == name);
                parts.map(|part| part.measured_s).collect::<Vec<f64>>()
            };
            let shares = part("stages").into_iter().zip(part("bubble")).map(|(busy, idle)| busy / (busy + idle));
            let shares: Vec<f64> = shares.collect();
            let names =
                [format!("built-in round {}", round.slot), kind.to_string(), "as planned".into(), "as planned".into()];
            found.push(PolicyRound {
                latency_s: round.measured.latency_s,
                efficiency: shares.iter().sum::<f64>() / shares.len().max(1) as f64,
                outcome: Outcome { names, comparison: round.comparison },
            });
        }
    }
    Ok(found)
}
