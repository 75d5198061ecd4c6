//! Which slot problems are admitted, and how a bad field is reported.
//!
//! The magnitude of every nonzero number lies within [[`MIN_MAGNITUDE`](crate::problem::MIN_MAGNITUDE), [`MAX_MAGNITUDE`](crate::problem::MAX_MAGNITUDE)]. The
//! longest product of a cost has eight factors, so that no cost of an admitted problem overflows.

use std::collections::HashMap;
use std::fmt::Display;

mod cluster;
mod schema;

use self::cluster::check_cluster;
use super::cluster::Cluster;
use super::encoder::{Block, Encoder, EqualBlocks};
use super::names::Names;
use super::slot::{CandidatePlan, Overlap, Schema, SlotSpec};
use crate::ground::blame::{Blame, Blamed};
use crate::ground::check::{Checked, FieldError, Range, count, length, real};

/// Most encoder blocks.
pub const MAX_BLOCKS: u32 = 65_536;
/// Most samples per batch.
pub const MAX_BATCH_SIZE: u32 = 1_000_000_000;
/// Most local iterations in a round.
pub const MAX_LOCAL_ITERATIONS: u32 = 1_000_000;
/// Most candidate plans.
pub const MAX_PLANS: usize = 1_000_000;
/// Most clusters.
pub const MAX_CLUSTERS: usize = 10_000_000;
/// Most devices of a cluster.
pub const MAX_DEVICES: usize = 65_536;
/// Most micro-batches times stages where forward and backward work take turns, or messages do: such a pipeline is run
/// event by event.
pub const MAX_SCHEDULED: u64 = 1_000_000;

/// Why data are not a slot problem.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProblemError {
    /// A field is out of range, or does not fit the other fields.
    #[error(transparent)]
    Field(#[from] FieldError),
}

impl Blamed for ProblemError {
    fn blame(&self) -> Blame {
        match self {
            Self::Field(error) => error.blame(),
        }
    }

    fn field(&self) -> Option<FieldError> {
        match self {
            Self::Field(error) => error.field(),
        }
    }
}

/// Checks every field; the first bad one is reported.
pub(super) fn validate(spec: &SlotSpec) -> Result<(), ProblemError> {
    faults(spec, 1).into_iter().next().map_or(Ok(()), |error| Err(error.into()))
}

/// Whether version 1 of the exchange format has all fields that are given.
pub(super) fn fits_first_version(spec: &SlotSpec) -> bool {
    let mut found = Faults { errors: Vec::new(), most: 1 };
    schema::check_first_version(spec, &mut found);
    found.errors.is_empty()
}

/// Bad fields, as many as are asked for at most, each group of fields in the order of the format.
pub(crate) fn faults(spec: &SlotSpec, most: usize) -> Vec<FieldError> {
    let mut found = Faults { errors: Vec::new(), most };
    if spec.schema == Schema::V1 {
        schema::check_first_version(spec, &mut found);
    }
    found.add("", real("latency_weight", spec.latency_weight, Range::Positive));
    if let Some(deadline) = spec.deadline_s {
        found.add("", real("deadline_s", deadline.0, Range::Positive));
    }
    found.add("", length("plans", spec.plans.len(), MAX_PLANS));
    found.add("", length("clusters", spec.clusters.len(), MAX_CLUSTERS));
    for (i, plan) in spec.plans.iter().enumerate() {
        if found.are_enough() {
            break;
        }
        check_plan(plan, format_args!("plans[{i}]"), &mut found);
    }
    check_encoder(&spec.encoder, &mut found);
    let names = spec.clusters.iter().map(|cluster| cluster.name.as_deref());
    check_names("clusters", names, "another cluster", "", &mut found);
    found.add("uplink", real("bandwidth_hz", spec.uplink.bandwidth_hz.0, Range::Positive));
    for (n, cluster) in spec.clusters.iter().enumerate() {
        if found.are_enough() {
            break;
        }
        check_cluster(cluster, spec.encoder.blocks(), format_args!("clusters[{n}]"), &mut found);
    }
    if found.errors.is_empty() {
        found.add("", check_divisors(spec));
        found.add("", check_events(spec));
        found.add("", check_stashes(spec));
        found.add("", check_medium(spec));
    }
    if found.errors.is_empty() {
        return found.errors;
    }
    let names = Names::of(spec);
    found.errors.into_iter().map(|error| names.own(error)).collect()
}

/// Names are not empty, and nobody has that of another one of the list.
fn check_names<'a>(
    list: &str,
    names: impl Iterator<Item = Option<&'a str>>,
    another: &str,
    parent: impl Display + Copy,
    found: &mut Faults,
) {
    let mut seen = HashMap::new();
    for (i, name) in names.enumerate() {
        let Some(name) = name else { continue };
        let first = seen.insert(name, i);
        if name.is_empty() || first.is_some() {
            let allowed = match first {
                Some(first) => format!("a name that no other has, and {list}[{first}] is {another} of this name"),
                None => "a name that is not empty, or left out".into(),
            };
            found.add(parent, Err(FieldError::new(format!("{list}[{i}].name"), format!("{name:?}"), allowed)));
        }
    }
}

/// Bad fields found so far.
struct Faults {
    errors: Vec<FieldError>,
    most: usize,
}

impl Faults {
    fn are_enough(&self) -> bool {
        self.errors.len() >= self.most
    }

    /// Takes the outcome of a check; `parent` is where the field's structure stands, empty at the top.
    fn add(&mut self, parent: impl Display, checked: Checked) {
        if let Err(error) = checked
            && !self.are_enough()
        {
            let parent = parent.to_string();
            self.errors.push(if parent.is_empty() { error } else { error.within(parent) });
        }
    }

    fn reals(&mut self, parent: impl Display + Copy, fields: &[(&str, f64, Range)]) {
        for &(path, value, range) in fields {
            self.add(parent, real(path, value, range));
        }
    }
}

fn check_plan(plan: &CandidatePlan, parent: impl Display + Copy, found: &mut Faults) {
    found.add(parent, count("local_iterations", plan.local_iterations, MAX_LOCAL_ITERATIONS));
    found.add(parent, count("micro_batches", plan.micro_batches, MAX_BATCH_SIZE));
    found.add(parent, real("penalty", plan.penalty, Range::Signed));
}

/// M divides every B exactly when it divides their greatest common divisor: linear in plans + clusters.
fn check_divisors(spec: &SlotSpec) -> Checked {
    let common = spec.clusters.iter().fold(0, |divisor, cluster| gcd(divisor, cluster.batch_size));
    for (i, plan) in spec.plans.iter().enumerate() {
        if common.is_multiple_of(plan.micro_batches) {
            continue;
        }
        let undivided = |c: &(usize, &Cluster)| !c.1.batch_size.is_multiple_of(plan.micro_batches);
        if let Some((n, cluster)) = spec.clusters.iter().enumerate().find(undivided) {
            let allowed = format!("a divisor of clusters[{n}].batch_size = {}", cluster.batch_size);
            return Err(FieldError::new(format!("plans[{i}].micro_batches"), plan.micro_batches, allowed));
        }
    }
    Ok(())
}

/// Versions of weights differ only where a backward pass runs between the forward passes of a batch.
fn check_stashes(spec: &SlotSpec) -> Checked {
    match spec.plans.iter().position(|plan| plan.stash_weights && !plan.schedule.alternates()) {
        Some(i) => {
            let schedule = spec.plans[i].schedule.name();
            let allowed = format!("false with schedule \"{schedule}\", whose micro-batches all see the same weights");
            Err(FieldError::new(format!("plans[{i}].stash_weights"), true, allowed))
        }
        None => Ok(()),
    }
}

fn gcd(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// A pipeline that is run event by event must not have more events than can be run.
fn check_events(spec: &SlotSpec) -> Checked {
    let stages = |cluster: &Cluster| cluster.devices.len() as u64 + 2;
    let most = spec.clusters.iter().map(stages).max().unwrap_or(0);
    let shared =
        spec.clusters.iter().filter(|cluster| !cluster.medium.is_bands()).max_by_key(|cluster| stages(cluster));
    for (i, plan) in spec.plans.iter().enumerate() {
        let (why, stages) = match shared {
            _ if plan.schedule.alternates() => (format!("schedule \"{}\"", plan.schedule.name()), most),
            Some(cluster) => (format!("medium \"{}\"", cluster.medium.name()), stages(cluster)),
            None => continue,
        };
        if u64::from(plan.micro_batches) * stages > MAX_SCHEDULED {
            let allowed = format!("at most {} with {why} on up to {stages} stages", MAX_SCHEDULED / stages);
            return Err(FieldError::new(format!("plans[{i}].micro_batches"), plan.micro_batches, allowed));
        }
    }
    Ok(())
}

/// Sends that block are not ordered on a medium besides.
fn check_medium(spec: &SlotSpec) -> Checked {
    let blocking = spec.overlap == Overlap::None;
    match spec.clusters.iter().position(|cluster| blocking && !cluster.medium.is_bands()) {
        Some(n) => {
            let medium = format!("{:?}", spec.clusters[n].medium.name());
            let allowed = "\"bands\" where overlap is \"none\"; what keeps a sender busy is staging_s_per_byte";
            Err(FieldError::new(format!("clusters[{n}].medium"), medium, allowed))
        }
        None => Ok(()),
    }
}

fn check_encoder(encoder: &Encoder, found: &mut Faults) {
    match encoder {
        Encoder::Equal(equal) => check_equal_blocks(equal, found),
        Encoder::Chain(chain) => {
            let bits = chain.input_bits_per_sample.0;
            found.add("encoder", real("input_bits_per_sample", bits, Range::NonNegative));
            found.add("encoder", length("blocks", chain.blocks.len(), MAX_BLOCKS as usize));
            for (i, block) in chain.blocks.iter().enumerate() {
                if found.are_enough() {
                    return;
                }
                check_block(block, format_args!("encoder.blocks[{i}]"), found);
            }
        }
    }
}

fn check_equal_blocks(equal: &EqualBlocks, found: &mut Faults) {
    found.add("encoder", count("blocks", equal.blocks, MAX_BLOCKS));
    found.reals(
        "encoder",
        &[
            ("forward_flops_per_sample", equal.forward_flops_per_sample.0, Range::Positive),
            ("backward_flops_per_sample", equal.backward_flops_per_sample.0, Range::Positive),
            ("boundary_bits_per_sample", equal.boundary_bits_per_sample.0, Range::Positive),
            ("parameter_bits_per_block", equal.parameter_bits_per_block.0, Range::NonNegative),
            ("resident_bytes_per_block", equal.resident_bytes_per_block.0, Range::NonNegative),
            ("activation_bytes_per_sample", equal.activation_bytes_per_sample.0, Range::NonNegative),
        ],
    );
}

/// A block of a chain may be free of work, and need not send anything on.
fn check_block(block: &Block, parent: impl Display + Copy, found: &mut Faults) {
    found.reals(
        parent,
        &[
            ("forward_flops_per_sample", block.forward_flops_per_sample.0, Range::NonNegative),
            ("backward_flops_per_sample", block.backward_flops_per_sample.0, Range::NonNegative),
            ("boundary_bits_per_sample", block.boundary_bits_per_sample.0, Range::NonNegative),
            ("parameter_bits", block.parameter_bits.0, Range::NonNegative),
            ("resident_bytes", block.resident_bytes.0, Range::NonNegative),
            ("activation_bytes_per_sample", block.activation_bytes_per_sample.0, Range::NonNegative),
        ],
    );
}
