//! `collapipe partition`: a chain of layers over devices without radio.

mod arguments;

use collapipe::partition::{
    DeviceOrder, LayerProfile, Links, Partition, PartitionDevice, PartitionError, PartitionObjective, PartitionProblem,
    PartitionSettings, PartitionSpec, PerPair, ProfileRows, Rates, ScheduleKind, Sending, StageCount, solve_partition,
};
use collapipe::report::partition_table;
use collapipe::{Blame, Blamed};
use serde::Serialize;

pub use arguments::PartitionArguments;
use arguments::{Objective, Order, TableArguments};

use super::args::Format;
use super::{Done, Failure, io};

/// What `--format json` prints.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Answer<'a> {
    Solved(&'a Partition),
    /// Why there is no plan.
    Infeasible(String),
}

pub fn partition(arguments: &PartitionArguments) -> Result<Done, Failure> {
    let text = io::read(&arguments.file)?;
    let problem = if text.trim_start().starts_with('{') {
        if let Some(option) = arguments.table.given() {
            return Err(Failure::input(format!(
                "{option} is for tables of layers: the problem has a field of its own for it"
            )));
        }
        PartitionProblem::from_json(&text).map_err(|error| io::bad_input(&arguments.file, &error))?
    } else {
        from_table(&text, arguments)?
    };
    if arguments.table.print_problem {
        io::print_json(&problem)?;
        return Ok(Done::Solved);
    }
    let mut settings = PartitionSettings::default();
    settings.work_limit = arguments.work_limit.or(settings.work_limit);
    match (solve_partition(&problem, &settings), arguments.format) {
        (Ok(found), Format::Table) => io::print_text(&partition_table(&problem, &found, io::width()))?,
        (Ok(found), Format::Json) => io::print_json(&Answer::Solved(&found))?,
        (Err(PartitionError::Infeasible(reason)), format) => {
            match format {
                Format::Table => io::print_text(&format!("infeasible: {reason}\n"))?,
                Format::Json => io::print_json(&Answer::Infeasible(reason.to_string()))?,
            }
            return Ok(Done::Infeasible);
        }
        (Err(error), _) => {
            return Err(match error.blame() {
                Blame::Input => io::bad_input(&arguments.file, &error),
                Blame::Infeasible | Blame::Machine => error.into(),
            });
        }
    }
    Ok(Done::Solved)
}

fn from_table(text: &str, arguments: &PartitionArguments) -> Result<PartitionProblem, Failure> {
    let options = &arguments.table;
    let rows = ProfileRows { only: options.only.clone(), order_by: options.order_by.clone() };
    let profile = LayerProfile::from_csv(text, &rows).map_err(|error| io::bad_input(&arguments.file, &error))?;
    if options.devices.is_empty() {
        return Err(Failure::input(
            "a table of layers needs --devices, as --devices 4x1 for four like the one measured",
        ));
    }
    let slowness = options.devices.iter().flat_map(|&(count, slowness)| std::iter::repeat_n(slowness, count));
    let mut devices: Vec<PartitionDevice> = slowness.map(|slowness| profile.device("", slowness)).collect();
    if !matches!(options.memory.len(), 0 | 1) && options.memory.len() != devices.len() {
        let (found, expected) = (options.memory.len(), devices.len());
        return Err(Failure::input(format!(
            "--memory has {found} numbers: must be one, or one for each of {expected} devices"
        )));
    }
    for (device, memory) in devices.iter_mut().zip(options.memory.iter().cycle()) {
        device.memory_bytes = Some(*memory);
    }
    let spec = PartitionSpec {
        layers: profile.layers,
        links: Links {
            bits_per_second: options.bits_per_second.map_or(Rates::Unlimited, Rates::Same),
            latency_s: PerPair::Same(options.latency.unwrap_or_default()),
            ..Links::none()
        },
        order: match options.order {
            None | Some(Order::Given) => DeviceOrder::Given,
            Some(Order::Free) => DeviceOrder::Free,
        },
        stages: options.stages.map_or(StageCount::Any, |stages| StageCount::Exactly(stages.into())),
        ..PartitionSpec::new(devices, objective(options)?)
    };
    PartitionProblem::new(spec).map_err(|error| io::bad_input(&arguments.file, &error))
}

fn objective(options: &TableArguments) -> Result<PartitionObjective, Failure> {
    let objective = options.objective.unwrap_or(Objective::Bottleneck);
    let micro_batches = match (objective.counts(), options.micro_batches) {
        (true, Some(micro_batches)) => micro_batches,
        (true, None) => return Err(Failure::input("this objective needs --micro-batches")),
        (false, None) => 1,
        (false, Some(_)) => return Err(Failure::input("--micro-batches: this objective does not count them")),
    };
    let schedule = |schedule| PartitionObjective::Schedule { schedule, micro_batches, sending: Sending::Overlapped };
    Ok(match objective {
        Objective::Bottleneck => PartitionObjective::Bottleneck,
        Objective::Latency => PartitionObjective::Latency,
        Objective::SumPlusMax => PartitionObjective::SumPlusMax { micro_batches },
        Objective::FillDrain => schedule(ScheduleKind::FillDrain),
        Objective::OneForwardOneBackward => schedule(ScheduleKind::OneForwardOneBackward),
        Objective::EagerOneForwardOneBackward => schedule(ScheduleKind::EagerOneForwardOneBackward),
        Objective::ForwardOnly => schedule(ScheduleKind::ForwardOnly),
    })
}
