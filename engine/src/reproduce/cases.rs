//! What is executed.

use collapipe::instances::InstanceSize;
use collapipe::schedule::{ScheduleKind, Sending};
use collapipe::solver::{Settings, solve};

use super::ReproduceError;
use crate::roles::{Pace, RoundOrder};

/// A round to be executed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Case {
    /// Case, policy, schedule, overlap.
    pub names: [String; 4],
    /// Of the problem.
    pub seed: u64,
    /// The round.
    pub order: RoundOrder,
}

const SCHEDULES: [ScheduleKind; 3] =
    [ScheduleKind::FillDrain, ScheduleKind::OneForwardOneBackward, ScheduleKind::EagerOneForwardOneBackward];
const SENDINGS: [Sending; 4] = [Sending::Overlapped, Sending::Blocking, Sending::HalfDuplex, Sending::Medium];

const KERNEL_SENDINGS: [Sending; 2] = [Sending::Overlapped, Sending::Blocking];

/// What the overlap of a case over links of the kernel is called: this, and whom sending occupies.
pub const KERNEL: &str = "kernel-";

/// Seeded problems as in [`configurations`], for links that the kernel shapes, which share nothing.
///
/// # Errors
/// [`ReproduceError::Plan`].
pub fn kernel_configurations(number: u64, seconds: f64) -> Result<Vec<Case>, ReproduceError> {
    let mut cases = cases(number, seconds, &KERNEL_SENDINGS)?;
    cases.iter_mut().for_each(|case| case.names[3].insert_str(0, KERNEL));
    Ok(cases)
}

/// Seeded problems with their exact decisions, each under every schedule and overlap, with hops that have a latency; each
/// round takes about `seconds` of the wall clock. Devices, clusters and micro-batches differ from one problem to the next.
///
/// # Errors
/// [`ReproduceError::Plan`] for a problem that cannot be solved.
pub fn configurations(number: u64, seconds: f64) -> Result<Vec<Case>, ReproduceError> {
    cases(number, seconds, &SENDINGS)
}

fn cases(number: u64, seconds: f64, sendings: &[Sending]) -> Result<Vec<Case>, ReproduceError> {
    let mut cases = Vec::new();
    for seed in 0..number {
        let devices = 2 + seed as usize % 3;
        let name = format!("instance {seed}");
        let failed = |reason: String| ReproduceError::plan(&format!("instance {seed}"), reason);
        let size = InstanceSize { devices, clusters: 1, blocks: 8, ..InstanceSize::default() };
        let problem = size.sample(seed).map_err(|error| failed(error.to_string()))?;
        let solution = solve(&problem, &Settings::default()).map_err(|error| failed(error.to_string()))?;
        // An instance without a decision has nothing to execute.
        let Some(best) = solution.certified() else { continue };
        for kind in SCHEDULES {
            for &sending in sendings {
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
                cases.push(Case { names, seed, order });
            }
        }
    }
    Ok(cases)
}
