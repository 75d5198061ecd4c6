//! The files of numbers that a scenario names, read into its data.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::chain::{CalibratedSpec, ProfileSpec};
use super::error::ScenarioError;
use super::file::ScenarioFileError;
use super::links::{LinkSpec, ReadLink};
use super::spec::{DeviceSpec, ScenarioSpec};
use crate::ground::check::{Range, real};
use crate::problem::FieldError;
use crate::text::{decode, nearest};
use crate::units::{BitsPerSecond, FlopsPerSecond, Seconds, SecondsPerByte};

/// Puts the contents of profiles and of links' traces in their places; relative files are looked up in `folder`.
///
/// # Errors
/// A file that cannot be read, a field out of range.
pub(super) fn read_tables(spec: &mut ScenarioSpec, folder: &Path) -> Result<(), ScenarioFileError> {
    if let Some(chain) = &mut spec.model.chain
        && let Some(profile) = chain.profile.take()
    {
        let path = "model.chain.profile";
        if !chain.blocks.is_empty() {
            let allowed = "left out where model.chain.profile gives them";
            return Err(wrong(FieldError::new("model.chain.blocks", "(given)", allowed)));
        }
        let field = "model.chain.measured_at_flops_per_second";
        let Some(rate) = chain.measured_at_flops_per_second.take() else {
            let allowed = "given: the rate at which the device of the profile computes";
            return Err(wrong(FieldError::new(field, "(missing)", allowed)));
        };
        real(field, rate.0, Range::Positive).map_err(wrong)?;
        check_samples(&profile, path)?;
        let text = text(&profile.file, path, folder)?;
        chain.blocks = profile.blocks(&text, rate).map_err(|source| no_profile(path, &profile, source))?;
    }
    let slots = spec.slots;
    for (n, cluster) in spec.clusters.iter_mut().enumerate() {
        for (k, device) in cluster.devices.iter_mut().enumerate() {
            if let Some(of) = device.calibrated.take() {
                calibrate(device, &of, &format!("clusters[{n}].devices[{k}].calibrated"), folder)?;
            }
            let Some(profile) = device.profile.take() else { continue };
            let path = format!("clusters[{n}].devices[{k}].profile");
            if device.block_seconds_per_sample.is_some() {
                let allowed = "left out where block_seconds_per_sample is given";
                return Err(wrong(FieldError::new(path, profile.file.display(), allowed)));
            }
            check_samples(&profile, &path)?;
            let text = text(&profile.file, &path, folder)?;
            let seconds = profile.block_seconds(&text).map_err(|source| no_profile(&path, &profile, source))?;
            device.block_seconds_per_sample = Some(seconds);
        }
        for (i, link) in cluster.links.iter_mut().enumerate() {
            if let Some(file) = link.calibrated.take() {
                calibrate_link(link, &file, &format!("clusters[{n}].links[{i}].calibrated"), folder)?;
            }
            let Some(trace) = &link.trace else { continue };
            let path = format!("clusters[{n}].links[{i}].trace");
            if let Some(name) = link.kind() {
                return Err(wrong(FieldError::new(path, "(given)", format!("left out where {name} is given"))));
            }
            link.bits_per_second_by_slot = trace.rates(folder, slots).map_err(|error| match error {
                ReadLink::File(error) => error.into(),
                ReadLink::Trace(source) => {
                    ScenarioFileError::Scenario { line: None, error: ScenarioError::Trace { path, source } }
                }
                ReadLink::Field(error) => wrong(error.within(path)),
            })?;
            link.trace = None;
        }
    }
    Ok(())
}

fn wrong(error: FieldError) -> ScenarioFileError {
    ScenarioFileError::Scenario { line: None, error: error.into() }
}

fn no_profile(path: &str, profile: &ProfileSpec, source: crate::partition::ProfileError) -> ScenarioFileError {
    ScenarioFileError::Profile { path: path.into(), file: profile.file.clone(), source: Box::new(source) }
}

fn check_samples(profile: &ProfileSpec, path: &str) -> Result<(), ScenarioFileError> {
    match profile.samples {
        0 => Err(wrong(FieldError::new(format!("{path}.samples"), 0, "an integer in [1, 4294967295]"))),
        _ => Ok(()),
    }
}

/// Devices and link of a file that `collapipe calibrate` wrote.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Calibrated {
    #[serde(default)]
    devices: BTreeMap<String, CalibratedDevice>,
    link: Option<CalibratedLink>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CalibratedLink {
    bits_per_second: Option<BitsPerSecond>,
    latency_s: Option<Seconds>,
    overhead_s: Option<Seconds>,
    staging_s_per_byte: Option<SecondsPerByte>,
}

fn calibrated(file: &Path, path: &str, folder: &Path) -> Result<Calibrated, ScenarioFileError> {
    let text = text(file, path, folder)?;
    toml::from_str(&text).map_err(|error| {
        let message = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
        let allowed = format!("a file that `collapipe calibrate` wrote ({message})");
        wrong(FieldError::new(path, file.display(), allowed))
    })
}

/// Fills in what the link does not say itself.
fn calibrate_link(link: &mut LinkSpec, file: &Path, path: &str, folder: &Path) -> Result<(), ScenarioFileError> {
    let Some(found) = calibrated(file, path, folder)?.link else {
        let allowed = "a file with a table [link], as `collapipe calibrate` writes it";
        return Err(wrong(FieldError::new(path, file.display(), allowed)));
    };
    if link.kind().is_none() && link.trace.is_none() {
        link.bits_per_second = found.bits_per_second;
    }
    link.latency_s = link.latency_s.or(found.latency_s);
    link.overhead_s = link.overhead_s.or(found.overhead_s);
    link.staging_s_per_byte = link.staging_s_per_byte.or(found.staging_s_per_byte);
    Ok(())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CalibratedDevice {
    forward_flops_per_second: Option<FlopsPerSecond>,
    backward_flops_per_second: Option<FlopsPerSecond>,
    stage_overhead_s: Option<Seconds>,
    block_overhead_s: Option<Seconds>,
}

/// Fills in what the device does not say itself.
fn calibrate(device: &mut DeviceSpec, of: &CalibratedSpec, path: &str, folder: &Path) -> Result<(), ScenarioFileError> {
    let refused = |path: String, value: String, allowed: String| wrong(FieldError::new(path, value, allowed));
    let mut read = calibrated(&of.file, path, folder)?;
    let Some(found) = read.devices.remove(&of.name) else {
        let names: Vec<&String> = read.devices.keys().collect();
        let near = nearest(&of.name, &names).map_or_else(String::new, |near| format!(" (did you mean {near:?}?)"));
        let allowed = format!("the name of a device in {}{near}", of.file.display());
        return Err(refused(format!("{path}.name"), format!("{:?}", of.name), allowed));
    };
    let own = &mut device.forward_flops_per_second;
    *own = own.or(found.forward_flops_per_second);
    let own = &mut device.backward_flops_per_second;
    *own = own.or(found.backward_flops_per_second);
    device.stage_overhead_s = device.stage_overhead_s.or(found.stage_overhead_s);
    device.block_overhead_s = device.block_overhead_s.or(found.block_overhead_s);
    Ok(())
}

fn text(file: &Path, path: &str, folder: &Path) -> Result<String, ScenarioFileError> {
    let file = folder.join(file);
    let bytes = std::fs::read(&file).map_err(|source| ScenarioFileError::Table {
        path: path.into(),
        file: file.clone(),
        source,
    })?;
    decode(&bytes).map_err(|source| ScenarioFileError::Text { path: path.into(), file, source })
}
