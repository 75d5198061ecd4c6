//! A cluster's nodes with their presets resolved.

use super::build::{field, within};
use super::chain::{EndWork, unread};
use super::error::Faults;
use super::links::{BySlot, Links, links};
use super::model::Parts;
use super::spec::{ClusterSpec, ControlUnitSpec, DeviceSpec, EdgeServerSpec};
use crate::problem::{Cluster, ControlUnit, Device, EdgeServer, EndStage, FieldError, Gains};
use crate::units::{Bytes, FlopsPerSecond, Watts};

/// The field's value if given, otherwise that of the preset.
fn resolve<T>(name: &str, given: Option<T>, preset: Option<T>) -> Result<T, FieldError> {
    given.or(preset).ok_or_else(|| field(name, "(missing)", "given, or a preset that has it"))
}

fn rate(
    name: &str,
    given: Option<FlopsPerSecond>,
    preset: Option<FlopsPerSecond>,
) -> Result<FlopsPerSecond, FieldError> {
    let rate = resolve(name, given, preset)?;
    // Stage times are work over rate: within what a slot problem admits for any model.
    if (1e-3..=1e24).contains(&rate.0) {
        Ok(rate)
    } else {
        Err(field(name, format!("{:?}", rate.0), "in [1e-3, 1e24] FLOP/s"))
    }
}

/// The cluster with its presets resolved, and which of its links change from slot to slot; none where a node's fields are
/// missing.
pub(super) fn template_cluster(
    spec: &ClusterSpec,
    (parts, latency_weight): (&Parts, f64),
    path: &str,
    faults: &mut Faults,
) -> Option<(Cluster, Vec<BySlot>)> {
    let unit = control_unit(spec, parts).map_err(|e| within(path.into(), e));
    let unit = faults.take(unit);
    let server = edge_server(spec, parts, latency_weight).map_err(|e| within(path.into(), e));
    let server = faults.take(server);
    let resolved = spec.devices.iter().enumerate();
    let resolved = resolved
        .filter_map(|(k, spec)| faults.take(device(spec).map_err(|e| within(format!("{path}.devices[{k}]"), e))));
    let devices: Vec<Device> = resolved.collect();
    let joined = faults.take(links(spec).map_err(|e| within(path.into(), e)));
    let ((control_unit, embedding), (edge_server, decoder)) = unit.zip(server)?;
    let Links { fixed, by_slot, latency, overhead, staging } = joined?;
    let nodes = spec.devices.len() + 2;
    let cluster = Cluster {
        batch_size: spec.batch_size,
        bandwidth_hz: spec.bandwidth_hz,
        fixed_seconds: spec.fixed_seconds,
        upload_bits: spec.upload_bits.unwrap_or(parts.upload_bits),
        embedding,
        decoder,
        hop_latency_s: latency,
        hop_overhead_s: overhead,
        staging_s_per_byte: staging,
        medium: spec.medium,
        control_unit,
        edge_server,
        devices,
        gain_to_noise_hz_per_w: Gains(nalgebra::DMatrix::zeros(nodes, nodes)),
        fixed_links: fixed,
        name: Some(spec.name.clone()),
    };
    (cluster.devices.len() + 2 == nodes).then_some((cluster, by_slot))
}

fn end_stage(
    work: EndWork,
    [(forward, given_forward), (backward, given_backward)]: [(Option<FlopsPerSecond>, Option<FlopsPerSecond>); 2],
) -> Result<EndStage, FieldError> {
    let forward = rate("forward_flops_per_second", given_forward, forward)?;
    let backward = rate("backward_flops_per_second", given_backward, backward)?;
    Ok(EndStage {
        forward_seconds_per_sample: work.forward_flops_per_sample / forward,
        backward_seconds_per_sample: work.backward_flops_per_sample / backward,
    })
}

/// What stands for a power that nothing is sent with.
const UNUSED: Watts = Watts(1.0);

fn control_unit(of: &ClusterSpec, parts: &Parts) -> Result<(ControlUnit, Option<EndStage>), FieldError> {
    let spec = &of.control_unit;
    let silent = parts.embedding.is_none() && parts.stay && of.upload_bits.is_none_or(|bits| bits.0 == 0.0);
    if *spec == ControlUnitSpec::default() && !silent {
        let allowed = "given, or left out where the ends of the pipeline are on devices and parameters stay";
        return Err(field("control_unit", "(missing)", allowed));
    }
    let within_it = |error| within("control_unit".into(), error);
    let preset = spec.preset.map(|preset| preset.profile());
    let preset = preset.as_ref();
    let unused = silent.then_some(UNUSED);
    let embedding = parts.embedding.map(|work| {
        let forward = (preset.map(|p| p.forward_flops_per_second), spec.forward_flops_per_second);
        let backward = (preset.map(|p| p.backward_flops_per_second), spec.backward_flops_per_second);
        end_stage(work, [forward, backward])
    });
    let embedding = embedding.transpose().map_err(within_it)?;
    let max_power = preset.map(|p| p.max_power_w).or(unused);
    let circuit = preset.map(|p| p.circuit_power_w).or(unused.map(|_| Watts(0.0)));
    let efficiency = preset.map(|p| p.amplifier_efficiency).or(unused.map(|_| 1.0));
    let unit = || {
        Ok(ControlUnit {
            max_power_w: resolve("max_power_w", spec.max_power_w, max_power)?,
            energy_price: 0.0,
            circuit_power_w: resolve("circuit_power_w", spec.circuit_power_w, circuit)?,
            amplifier_efficiency: resolve("amplifier_efficiency", spec.amplifier_efficiency, efficiency)?,
        })
    };
    Ok((unit().map_err(within_it)?, embedding))
}

fn edge_server(
    of: &ClusterSpec,
    parts: &Parts,
    latency_weight: f64,
) -> Result<(EdgeServer, Option<EndStage>), FieldError> {
    let spec = &of.edge_server;
    let upload = of.upload_bits.unwrap_or(parts.upload_bits);
    if *spec == EdgeServerSpec::default() && (parts.decoder.is_some() || upload.0 > 0.0) {
        let allowed = "given, or left out where the ends of the pipeline are on devices and nothing is uploaded";
        return Err(field("edge_server", "(missing)", allowed));
    }
    let within_it = |error| within("edge_server".into(), error);
    let preset = spec.preset.map(|preset| preset.profile());
    let preset = preset.as_ref();
    let decoder = parts.decoder.map(|work| {
        let forward = (preset.map(|p| p.forward_flops_per_second), spec.forward_flops_per_second);
        let backward = (preset.map(|p| p.backward_flops_per_second), spec.backward_flops_per_second);
        end_stage(work, [forward, backward])
    });
    let decoder = decoder.transpose().map_err(within_it)?;
    // It sends back what the decoder gives, and nothing else.
    let unused = decoder.is_none().then_some(UNUSED);
    let max_power_w = resolve("max_power_w", spec.max_power_w, preset.map(|p| p.max_power_w).or(unused));
    let max_power_w = max_power_w.map_err(within_it)?;
    check_shared(spec, parts).map_err(within_it)?;
    let sharers = spec.sharers();
    let decoder = decoder.map(|stage: EndStage| EndStage {
        forward_seconds_per_sample: stage.forward_seconds_per_sample * sharers,
        backward_seconds_per_sample: stage.backward_seconds_per_sample * sharers,
    });
    let [resident, per_sample] = parts.decoder_memory;
    let counted = spec.memory_bytes.is_some() || spec.compute_power_w.is_some();
    let server = EdgeServer {
        max_power_w,
        // A share of the machine draws a share of its power, for longer.
        compute_power_w: spec.compute_power_w.map_or(Watts(0.0), |power| power / sharers),
        // The scenario's own price; those of queues come on top.
        energy_price: spec.energy_price_s_per_j.map_or(0.0, |price| latency_weight * price),
        memory_bytes: spec.memory_bytes.map(|memory| memory / sharers),
        decoder_bytes: if counted { resident + per_sample * f64::from(of.batch_size) } else { Bytes(0.0) },
    };
    Ok((server, decoder))
}

/// Checks what is said of a server beyond its rates and its radio.
fn check_shared(spec: &EdgeServerSpec, parts: &Parts) -> Result<(), FieldError> {
    let given = [
        ("shared_by", spec.shared_by.is_some()),
        ("compute_power_w", spec.compute_power_w.is_some()),
        ("memory_bytes", spec.memory_bytes.is_some()),
    ];
    if let Some((name, _)) = given.iter().find(|(_, given)| *given).filter(|_| parts.decoder.is_none()) {
        return Err(field(*name, "(given)", "left out where the edge server computes nothing"));
    }
    if let Some(sharers) = spec.shared_by.filter(|sharers| !(1..=MOST_SHARERS).contains(sharers)) {
        return Err(field("shared_by", sharers, format!("an integer in [1, {MOST_SHARERS}]")));
    }
    if let Some(Watts(power)) = spec.compute_power_w.filter(|power| !(1e-6..=1e12).contains(&power.0)) {
        return Err(field(
            "compute_power_w",
            format!("{power:?}"),
            "in [1e-6, 1e12] W, or left out for energy that nobody counts",
        ));
    }
    if let Some(price) = spec.energy_price_s_per_j.filter(|price| !(0.0..=1e12).contains(price)) {
        return Err(field("energy_price_s_per_j", format!("{price:?}"), "in [0, 1e12] s/J"));
    }
    let needing = [
        ("energy_price_s_per_j", spec.energy_price_s_per_j.is_some()),
        ("budget_j_per_round", spec.budget_j_per_round.is_some()),
        ("budget_margin", spec.budget_margin.is_some()),
    ];
    match needing.iter().find(|(_, given)| *given).filter(|_| spec.compute_power_w.is_none()) {
        Some((name, _)) => {
            Err(field(*name, "(given)", "left out, or given with compute_power_w, which says what the server spends"))
        }
        None => Ok(()),
    }
}

/// Most clusters of one machine.
const MOST_SHARERS: u32 = 1_000_000;

fn device(spec: &DeviceSpec) -> Result<Device, FieldError> {
    if let Some(calibrated) = &spec.calibrated {
        return Err(field("calibrated", calibrated.file.display(), unread("rates and overheads")));
    }
    if let Some(profile) = &spec.profile {
        return Err(field("profile", profile.file.display(), unread("block_seconds_per_sample")));
    }
    let preset = spec.preset.map(|preset| preset.profile());
    let preset = preset.as_ref();
    Ok(Device {
        forward_flops_per_second: rate(
            "forward_flops_per_second",
            spec.forward_flops_per_second,
            preset.map(|p| p.forward_flops_per_second),
        )?,
        backward_flops_per_second: rate(
            "backward_flops_per_second",
            spec.backward_flops_per_second,
            preset.map(|p| p.backward_flops_per_second),
        )?,
        joules_per_flop: resolve("joules_per_flop", spec.joules_per_flop, preset.map(|p| p.joules_per_flop))?,
        memory_bytes: resolve("memory_bytes", spec.memory_bytes, preset.map(|p| p.memory_bytes))?,
        stage_overhead_s: resolve("stage_overhead_s", spec.stage_overhead_s, preset.map(|p| p.stage_overhead_s))?,
        block_overhead_s: resolve("block_overhead_s", spec.block_overhead_s, preset.map(|p| p.block_overhead_s))?,
        max_power_w: resolve("max_power_w", spec.max_power_w, preset.map(|p| p.max_power_w))?,
        energy_price: 0.0,
        circuit_power_w: resolve("circuit_power_w", spec.circuit_power_w, preset.map(|p| p.circuit_power_w))?,
        amplifier_efficiency: resolve(
            "amplifier_efficiency",
            spec.amplifier_efficiency,
            preset.map(|p| p.amplifier_efficiency),
        )?,
        min_blocks: spec.min_blocks,
        max_blocks: spec.max_blocks,
        block_seconds_per_sample: spec.block_seconds_per_sample.clone(),
        name: Some(spec.name.clone()),
    })
}
