//! Problems of schema 2: schedules, unequal chains and devices in any order.

use std::error::Error;
use std::hint::black_box;
use std::time::Duration;

use collapipe::instances::InstanceSize;
use collapipe::problem::{Block, CandidatePlan, Chain, Order, Participation, ProblemError, Schema, SlotProblem};
use collapipe::schedule::ScheduleKind;
use collapipe::solver::{Settings, solve};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::timing::{median, seconds, timed};

/// Where a search is ended that has not ended by itself.
const LIMIT: Duration = Duration::from_secs(20);

struct Case {
    name: &'static str,
    size: InstanceSize,
    micro_batches: &'static [u32],
    schedules: &'static [ScheduleKind],
    uneven: bool,
    order: Order,
    seeds: u64,
}

fn cases() -> Vec<Case> {
    const BOTH: &[ScheduleKind] = &[ScheduleKind::FillDrain, ScheduleKind::OneForwardOneBackward];
    let all = InstanceSize::default();
    let select = InstanceSize { participation: Participation::Select, ..all };
    let case = |name, size| Case {
        name,
        size,
        micro_batches: &[1, 4, 16, 64],
        schedules: BOTH,
        uneven: false,
        order: Order::Given,
        seeds: 10,
    };
    let free =
        |name, size| Case { order: Order::Free, micro_batches: &[16], schedules: &BOTH[1..], ..case(name, size) };
    vec![
        case("10 devices, 24 blocks, all", all),
        case("the same, select", select),
        Case { schedules: &BOTH[1..], ..case("1F1B alone, all", all) },
        Case { schedules: &BOTH[1..], ..case("the same, select", select) },
        Case { uneven: true, ..case("10 devices, chain of 48, select", InstanceSize { blocks: 48, ..select }) },
        free("8 devices, 24 blocks, any order, all", InstanceSize { devices: 8, ..all }),
        free("the same, select", InstanceSize { devices: 8, ..select }),
        free("16 devices, 24 blocks, any order, all", InstanceSize { devices: 16, ..all }),
        free("the same, select", InstanceSize { devices: 16, ..select }),
    ]
}

impl Case {
    fn problem(&self, seed: u64) -> Result<SlotProblem, ProblemError> {
        let mut spec = self.size.sample(seed)?.into_spec();
        (spec.schema, spec.order) = (Schema::V2, self.order);
        if let Some(&base) = spec.plans.first() {
            let plans = self.schedules.iter().flat_map(|&schedule| {
                self.micro_batches.iter().map(move |&micro_batches| CandidatePlan { micro_batches, schedule, ..base })
            });
            spec.plans = plans.collect();
        }
        if self.uneven {
            let mut rng = Pcg64::seed_from_u64(seed);
            let mean = spec.encoder.mean_block();
            let blocks = (0..spec.encoder.blocks()).map(|_| {
                let mut factor = || 0.5 + 1.5 * rng.random::<f64>();
                Block {
                    forward_flops_per_sample: mean.forward_flops_per_sample * factor(),
                    backward_flops_per_sample: mean.backward_flops_per_sample * factor(),
                    boundary_bits_per_sample: mean.boundary_bits_per_sample * factor(),
                    parameter_bits: mean.parameter_bits_per_block * factor(),
                    resident_bytes: mean.resident_bytes_per_block,
                    activation_bytes_per_sample: mean.activation_bytes_per_sample,
                }
            });
            let blocks = blocks.collect();
            spec.encoder = Chain { input_bits_per_sample: mean.boundary_bits_per_sample, blocks }.into();
        }
        SlotProblem::new(spec)
    }

    fn line(&self) -> Result<String, Box<dyn Error>> {
        let settings = Settings { time_limit: Some(LIMIT), ..Settings::default() };
        let (mut times, mut gaps, mut nodes) = (Vec::new(), Vec::new(), Vec::new());
        for seed in 0..self.seeds {
            let problem = self.problem(seed)?;
            let (time, solution) = timed(|| black_box(solve(&problem, &settings)));
            let solution = solution?;
            // Memory may forbid every plan of a drawn problem.
            let Some(certified) = solution.certified() else { continue };
            times.push(time);
            gaps.push(certified.gap);
            nodes.push(solution.work.nodes as f64);
        }
        let worst = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
        let (slowest, widest) = (worst(&times), worst(&gaps));
        let middle = |values: Vec<f64>| median(values).ok_or("no problem has a decision");
        Ok(format!(
            "{:<40} {:>9} {:>9} {:>7.0} {:>10.1e} {widest:>10.1e}",
            self.name,
            seconds(middle(times)?),
            seconds(slowest),
            middle(nodes)?,
            middle(gaps)?,
        ))
    }
}

/// Prints medians over seeded problems.
pub fn run() -> Result<(), Box<dyn Error>> {
    println!("{:<40} {:>9} {:>9} {:>7} {:>10} {:>10}", "case", "median", "slowest", "nodes", "gap", "worst gap");
    for case in cases() {
        println!("{}", case.line()?);
    }
    Ok(())
}
