//! Measured radio.

use super::pieces::{bars, exact_against_others, scale_budgets};
use crate::experiments::cell::Cell;
use crate::experiments::error::ExperimentError;
use crate::experiments::experiment::{Experiment, Setup};
use crate::experiments::metric::Metric;
use crate::network::radio::{ChannelConfig, RateTrace, TraceChannel, TraceFormat, TraceGaps, read_traces};
use crate::scenario::Scenario;
use crate::simulation::PolicyKind;
use crate::units::{Hertz, Seconds, Watts};

const NAME: &str = "traces";

const POLICIES: &[PolicyKind] = &[
    PolicyKind::Exact,
    PolicyKind::FixedSegments,
    PolicyKind::FixedPlan,
    PolicyKind::UniformSegments,
    PolicyKind::FixedRadio,
    PolicyKind::NoPipeline,
];

/// Energy budgets relative to the base scenario's: sending takes much longer at these rates.
const BUDGETS: f64 = 10.0;

/// The file in the folder of traces.
const FILE: &str = "lumos5g_traces.csv";

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: NAME,
    title: "Planning anew on measured 4G and 5G rates against a plan fixed at the start",
    question: "What is planning anew in every slot worth on rates that were measured on the move?",
    expectation: "The more rates vary, the more a plan that follows them gains over one that was best at the start; 5G rates on the move are larger than 4G rates and vary more. Adapting bandwidths and powers alone (fixed-segments) recovers a part of what a plan that is kept loses (fixed-plan); the rest takes other devices and segments where links get worse.",
    caption: "Every link of the scenario follows a trace of its own (Lumos5G, Narayanan et al., IMC 2020, CC BY 4.0), all devices stay, and budgets are ten times those of the base scenario, because sending takes much longer. Seeds differ in which traces they get, which makes intervals of the means wide; the table compares policies on the same seeds.",
    plots: || bars("radio", &[Metric::LatencyS, Metric::EnergyJ, Metric::WorstBudgetUse, Metric::OutageShare]),
    contrast: || Some(exact_against_others(&[(Metric::LatencyS, ""), (Metric::EnergyJ, "")])),
    skipped,
    cells,
};

fn skipped(setup: &Setup) -> Option<String> {
    setup.traces.is_none().then(|| {
        format!(
            "the measured rates are not shipped with the program: get the traces of Lumos5G 1.0 (Narayanan et al., IMC 2020, CC BY 4.0; \
             from the repository SIGCOMM21-5G/artifact, folder Video-Streaming/Network-Traces/Lumous5G), write them as {FILE} with \
             columns trace and mbps_per_second (docs/radio.md), and name their folder with --traces"
        )
    })
}

fn cells(setup: &Setup) -> Result<Vec<Cell>, ExperimentError> {
    let Some(folder) = &setup.traces else { return Ok(Vec::new()) };
    let path = folder.join(FILE);
    let traces = read_traces(&path)?;
    let mut cells = Vec::new();
    for (technology, prefix) in [("4G", "4g"), ("5G", "5g")] {
        let own: Vec<RateTrace> =
            traces.iter().filter(|trace| trace.name().to_ascii_lowercase().starts_with(prefix)).cloned().collect();
        if own.is_empty() {
            return Err(ExperimentError::NoTraces { path, prefix });
        }
        let mut spec = setup.base()?;
        scale_budgets(&mut spec, BUDGETS);
        spec.channel = Some(ChannelConfig::Trace(TraceChannel {
            // The file's name alone: digests do not depend on where it lies.
            file: FILE.into(),
            format: TraceFormat::Auto,
            gaps: TraceGaps::Refuse,
            names: own.iter().map(|trace| trace.name().to_owned()).collect(),
            reference_band_hz: Hertz(100e6),
            reference_power_w: Watts(0.2),
            seconds_per_slot: Seconds(10.0),
            start_s: None,
            floor_mbps: 1.0,
        }));
        let devices = spec.clusters.iter_mut().flat_map(|cluster| &mut cluster.devices);
        devices.for_each(|device| device.absence_probability = 0.0);
        let of_clusters = vec![own; spec.clusters.len()];
        for spec in setup.seeded(&spec) {
            let scenario = Scenario::with_traces(spec, &of_clusters)
                .map_err(|source| ExperimentError::Scenario { experiment: NAME.into(), source: Box::new(source) })?;
            cells.extend(Setup::each(None, technology, POLICIES, &scenario));
        }
    }
    Ok(cells)
}
