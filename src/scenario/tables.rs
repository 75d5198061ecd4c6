//! The files of numbers that a scenario names, read into its data.

use std::path::Path;

use super::chain::ProfileSpec;
use super::error::ScenarioError;
use super::file::ScenarioFileError;
use super::links::ReadLink;
use super::spec::ScenarioSpec;
use crate::ground::check::{Range, real};
use crate::problem::FieldError;
use crate::text::decode;

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
        let text = text(&profile, path, folder)?;
        chain.blocks = profile.blocks(&text, rate).map_err(|source| no_profile(path, &profile, source))?;
    }
    let slots = spec.slots;
    for (n, cluster) in spec.clusters.iter_mut().enumerate() {
        for (k, device) in cluster.devices.iter_mut().enumerate() {
            let Some(profile) = device.profile.take() else { continue };
            let path = format!("clusters[{n}].devices[{k}].profile");
            if device.block_seconds_per_sample.is_some() {
                let allowed = "left out where block_seconds_per_sample is given";
                return Err(wrong(FieldError::new(path, profile.file.display(), allowed)));
            }
            let text = text(&profile, &path, folder)?;
            let seconds = profile.block_seconds(&text).map_err(|source| no_profile(&path, &profile, source))?;
            device.block_seconds_per_sample = Some(seconds);
        }
        for (i, link) in cluster.links.iter_mut().enumerate() {
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
    ScenarioFileError::Profile { path: path.into(), file: profile.file.clone(), source }
}

fn text(profile: &ProfileSpec, path: &str, folder: &Path) -> Result<String, ScenarioFileError> {
    if profile.samples == 0 {
        return Err(wrong(FieldError::new(format!("{path}.samples"), 0, "an integer in [1, 4294967295]")));
    }
    let file = folder.join(&profile.file);
    let bytes = std::fs::read(&file).map_err(|source| ScenarioFileError::Table {
        path: path.into(),
        file: file.clone(),
        source,
    })?;
    decode(&bytes).map_err(|source| ScenarioFileError::Text { path: path.into(), file, source })
}
