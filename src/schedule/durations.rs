//! How long operations take.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::operation::OperationKind;
use super::schedule::Shape;
use crate::ground::check::{self, Checked, FieldError, real};

/// How long the operations of a pipeline take, in seconds: all micro-batches alike.
///
/// One number per position of the model (`forward`, `backward`, `weight`) or per link, of which link j joins positions
/// j and j + 1. Where micro-batches are cut into n slices there are n numbers per position and link, those of one
/// position side by side; latencies stay one per link.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Durations {
    /// F.
    pub forward: Vec<f64>,
    /// B; empty where there is no backward work.
    #[serde(default)]
    pub backward: Vec<f64>,
    /// f: for how long a message occupies whom the sending mode says.
    #[serde(default)]
    pub forward_link: Vec<f64>,
    /// b: the same on the way back.
    #[serde(default)]
    pub backward_link: Vec<f64>,
    /// By how much later a message arrives, which occupies nobody; empty: not at all.
    #[serde(default)]
    pub forward_latency: Vec<f64>,
    /// The same on the way back.
    #[serde(default)]
    pub backward_latency: Vec<f64>,
    /// W; empty where the schedule does not split it off.
    #[serde(default)]
    pub weight: Vec<f64>,
}

/// Where every duration stands in one flat list, and every count of a critical path:
///
/// ```text
/// F of each position | B | f of each link | b | latency of f | latency of b | W where it is split off
/// ```
///
/// F, B, f, b and W have one place per slice, those of one position or link side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    positions: usize,
    slices: usize,
    weight: bool,
}

impl Layout {
    pub(super) fn new(shape: &Shape) -> Self {
        let (positions, slices) = (shape.positions(), shape.slices as usize);
        Self { positions, slices, weight: shape.weight }
    }

    fn links(self) -> usize {
        self.positions - 1
    }

    fn start(self, kind: OperationKind) -> usize {
        let (stages, links) = (self.positions * self.slices, self.links() * self.slices);
        match kind {
            OperationKind::Forward => 0,
            OperationKind::Backward => stages,
            OperationKind::SendForward => 2 * stages,
            OperationKind::SendBackward => 2 * stages + links,
            OperationKind::Weight => 2 * stages + 2 * links + 2 * self.links(),
        }
    }

    /// The places of a kind's durations.
    #[must_use]
    pub fn durations(self, kind: OperationKind) -> Range<usize> {
        let number = match kind {
            OperationKind::SendForward | OperationKind::SendBackward => self.links(),
            OperationKind::Forward | OperationKind::Backward => self.positions,
            OperationKind::Weight => self.positions * usize::from(self.weight),
        };
        let start = self.start(kind);
        start..start + number * self.slices
    }

    /// The places of the latencies that follow the transmissions of a kind; empty for computations.
    #[must_use]
    pub fn latencies(self, kind: OperationKind) -> Range<usize> {
        let behind_links = self.start(OperationKind::SendBackward) + self.links() * self.slices;
        match kind {
            OperationKind::SendForward => behind_links..behind_links + self.links(),
            OperationKind::SendBackward => behind_links + self.links()..behind_links + 2 * self.links(),
            _ => behind_links..behind_links,
        }
    }

    /// Number of durations.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "there is always a stage")]
    pub fn len(self) -> usize {
        self.durations(OperationKind::Weight).end
    }

    /// A name for each duration: that of its operations without the micro-batch, with the slice in front of the
    /// position where there are several; `latency f@0` for latencies.
    #[must_use]
    pub fn names(self) -> Vec<String> {
        let mut names = vec![String::new(); self.len()];
        for kind in OperationKind::ALL {
            for (index, place) in self.durations(kind).enumerate() {
                let (position, slice) = (index / self.slices, index % self.slices);
                names[place] = match self.slices {
                    1 => format!("{}@{position}", kind.letter()),
                    _ => format!("{}.{slice}@{position}", kind.letter()),
                };
            }
            for (link, place) in self.latencies(kind).enumerate() {
                names[place] = format!("latency {}@{link}", kind.letter());
            }
        }
        names
    }

    /// The place of an operation's duration.
    pub(super) fn place(self, kind: OperationKind, position: u32, slice: u32) -> usize {
        self.start(kind) + position as usize * self.slices + slice as usize
    }

    /// Lists of a [`Durations`] in the order of the flat list: name, places, values.
    fn lists(self, of: &Durations) -> [(&'static str, Range<usize>, &[f64]); 7] {
        use OperationKind::{Backward, Forward, SendBackward, SendForward, Weight};
        [
            ("forward", self.durations(Forward), &of.forward),
            ("backward", self.durations(Backward), &of.backward),
            ("forward_link", self.durations(SendForward), &of.forward_link),
            ("backward_link", self.durations(SendBackward), &of.backward_link),
            ("forward_latency", self.latencies(SendForward), &of.forward_latency),
            ("backward_latency", self.latencies(SendBackward), &of.backward_latency),
            ("weight", self.durations(Weight), &of.weight),
        ]
    }

    /// Checks the lists and puts them into the flat one, which is as long as this layout.
    pub(super) fn fill(self, of: &Durations, has_backward: bool, flat: &mut [f64]) -> Checked {
        for (name, places, values) in self.lists(of) {
            let optional = name.ends_with("latency") || (!has_backward && name.starts_with("backward"));
            if !(optional && values.is_empty()) {
                let why = match (places.is_empty(), name) {
                    (true, "weight") => "because the schedule does not split W off",
                    (true, _) => "because there is one position",
                    _ if name.ends_with("latency") => "one per link",
                    _ if name.ends_with("link") => "one per link and slice",
                    _ => "one per position and slice",
                };
                check::same_length(name, values.len(), places.len(), why)?;
            }
            for (index, &value) in values.iter().enumerate() {
                if !check::Range::NonNegative.contains(value) {
                    real(&format!("{name}[{index}]"), value, check::Range::NonNegative)?;
                }
            }
        }
        for (_, places, values) in self.lists(of) {
            let Some(target) = flat.get_mut(places) else { continue };
            if values.is_empty() {
                target.fill(0.0);
            } else {
                target.copy_from_slice(values);
            }
        }
        Ok(())
    }

    /// Checks a flat list.
    pub(super) fn check(self, flat: &[f64]) -> Result<(), FieldError> {
        check::same_length("durations", flat.len(), self.len(), "in the order of the counts")?;
        match flat.iter().position(|value| !(0.0..=f64::MAX).contains(value)) {
            Some(index) => {
                let allowed = "a finite number, at least 0";
                Err(FieldError::new(format!("durations[{index}]"), format!("{:?}", flat[index]), allowed))
            }
            None => Ok(()),
        }
    }
}
