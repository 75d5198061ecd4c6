//! What no order of the same work can beat.

use super::durations::Layout;
use super::operation::{Operation, OperationKind};
use super::timeline::Timeline;

/// Seconds that at least lie before and behind every operation of a micro-batch, by the places of their durations: what
/// must be done before and after it for the same micro-batch.
struct Around {
    before: Vec<f64>,
    behind: Vec<f64>,
    /// Seconds that one micro-batch alone takes.
    alone: f64,
}

/// Results that an operation needs, of the same micro-batch: that of another one, and that of the slice next to it.
fn needs(of: &Timeline, operation: Operation) -> impl Iterator<Item = Operation> {
    let slice = match operation.kind {
        OperationKind::Forward => operation.slice.checked_sub(1),
        OperationKind::Backward => (operation.slice + 1 < of.shape().slices).then_some(operation.slice + 1),
        _ => None,
    };
    [of.shape().need_of(operation), slice.map(|slice| Operation { slice, ..operation })].into_iter().flatten()
}

impl Around {
    fn new(of: &Timeline, durations: &[f64]) -> Self {
        let layout = of.layout();
        let place = |operation: Operation| layout.place(operation.kind, operation.position, operation.slice);
        // Each behind those that it needs, and all micro-batches alike.
        let one: Vec<Operation> = of.operations().iter().copied().filter(|op| op.micro_batch == 0).collect();
        let mut around = Self { before: vec![0.0; layout.len()], behind: vec![0.0; layout.len()], alone: 0.0 };
        for &operation in &one {
            let arrival = |need| around.before[place(need)] + durations[place(need)] + late(layout, need, durations);
            around.before[place(operation)] = needs(of, operation).map(arrival).fold(0.0, f64::max);
        }
        for &operation in one.iter().rev() {
            let rest = durations[place(operation)] + around.behind[place(operation)];
            around.alone = around.alone.max(around.before[place(operation)] + rest);
            for need in needs(of, operation) {
                let behind = &mut around.behind[place(need)];
                *behind = behind.max(late(layout, need, durations) + rest);
            }
        }
        around
    }
}

/// By how much later the result of an operation arrives.
fn late(layout: Layout, operation: Operation, durations: &[f64]) -> f64 {
    let latency = layout.latencies(operation.kind).nth(operation.position as usize);
    latency.map_or(0.0, |place| durations[place])
}

impl Timeline {
    /// Seconds that no order of the same operations on the same machines can beat, at the durations of the last run.
    ///
    /// A machine cannot begin before its first operation has what it needs, does all its work, and at least what follows
    /// the last of it comes behind; and no schedule is faster than one micro-batch alone. For a stage s whose sends
    /// cost it nothing that is
    ///
    /// ```text
    /// Σ_{i<s} (F_i + f_i) + M (F_s + B_s) + Σ_{i<s} (B_i + b_i),
    /// ```
    ///
    /// latencies included in f and b. A maximum of sums: convex in the durations, as the makespan is.
    #[must_use]
    pub fn least_makespan_s(&self) -> f64 {
        let durations = self.durations();
        let around = Around::new(self, durations);
        let mut least = around.alone;
        let weight = self.layout().durations(OperationKind::Weight);
        for places in self.machine_places() {
            // Nothing follows a W, so that a machine's other work may say more alone.
            for with_weight in [true, false] {
                let (mut work, mut before, mut behind) = (0.0, f64::INFINITY, f64::INFINITY);
                for place in places.clone().filter(|place| with_weight || !weight.contains(place)) {
                    work += durations[place];
                    before = before.min(around.before[place]);
                    behind = behind.min(around.behind[place]);
                }
                let bound = before + work + behind;
                if bound.is_finite() {
                    least = least.max(bound);
                }
            }
        }
        least
    }
}
