//! Robust least squares: Levenberg and Marquardt's steps on Huber's loss of the relative errors, within bounds.

use nalgebra::{DMatrix, DVector, SymmetricEigen};

use super::error::CalibrationError;
use super::fitted::{Calibration, Estimate, RowFit, Unidentified, name};
use super::model::{CalibrationSpec, Runner, Unknowns, Work};
use super::quantity::Quantity;
use crate::ground::check::FieldError;

/// Most rows of which each is left out once.
const MOST_LEFT_OUT: usize = 100;
/// Errors of this many deviations count in proportion, not squared: 95 % efficient where all errors are normal.
const HUBER: f64 = 1.345;
/// Deviations of a normal law per median of its absolute values.
const PER_MEDIAN: f64 = 1.4826;
/// Singular values below this share of the greatest one are directions without effect.
const SINGULAR: f64 = 1e-6;
/// Passes of estimating the scale of the errors, and steps within one.
const PASSES: usize = 30;
const STEPS: usize = 60;

/// Fits what [`CalibrationSpec::fit`] names to the rows. Deterministic.
///
/// ```
/// use collapipe::calibration::{CalibrationSpec, Quantity, Timing, Work, calibrate};
/// use collapipe::schedule::ScheduleKind;
/// // One device, 2 ms a block and sample, and half a second around every iteration of two copies.
/// let row = |blocks: u32, micro_batches: u32| Timing {
///     work: Work::Blocks { devices: vec!["pi".into()], blocks: vec![blocks], samples: 4.0 },
///     micro_batches,
///     schedule: ScheduleKind::FillDrain,
///     replicas: 2,
///     seconds: 0.5 + 0.002 * 4.0 * f64::from(blocks * micro_batches),
/// };
/// let spec = CalibrationSpec {
///     rows: vec![row(2, 2), row(4, 2), row(4, 8), row(6, 16)],
///     fit: vec![Quantity::BlockSeconds, Quantity::IterationOverhead],
///     ..CalibrationSpec::default()
/// };
/// let found = calibrate(&spec)?;
/// assert!((found.estimates[0].value - 0.002).abs() < 1e-6);
/// assert!((found.value(Quantity::IterationOverhead).ok_or("fitted")? - 0.5).abs() < 1e-4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`CalibrationError`] names a row's field that is out of range, or a row that cannot be run.
pub fn calibrate(spec: &CalibrationSpec) -> Result<Calibration, CalibrationError> {
    spec.check()?;
    let unknowns = Unknowns::new(spec);
    if unknowns.names.is_empty() {
        return Err(FieldError::new("fit", "nothing", "at least one quantity that the rows have").into());
    }
    let each = spec.rows.iter().enumerate();
    let runners = each.map(|(index, row)| Runner::new(spec, index, row)).collect::<Result<Vec<_>, _>>()?;
    let mut fit = Fit { typical: typical(spec, &unknowns), unknowns, runners };
    let all: Vec<usize> = (0..spec.rows.len()).collect();
    let solved = fit.best(&all);
    let (estimates, unidentified) = fit.read(&all, &solved);
    let left_out = fit.left_out(spec, &solved);
    let mut rows = Vec::with_capacity(spec.rows.len());
    for (index, row) in spec.rows.iter().enumerate() {
        let predicted = fit.seconds(index, &solved.numbers);
        rows.push(RowFit {
            measured_s: row.seconds,
            predicted_s: predicted,
            weight: weight(predicted / row.seconds - 1.0, solved.scale),
            left_out_s: left_out.get(index).copied().flatten(),
        });
    }
    let mean = |errors: Vec<f64>| errors.iter().sum::<f64>() / errors.len().max(1) as f64;
    let mean_error = mean(rows.iter().map(|row| (row.predicted_s / row.measured_s - 1.0).abs()).collect());
    let predicted: Vec<f64> =
        rows.iter().filter_map(|row| Some((row.left_out_s? / row.measured_s - 1.0).abs())).collect();
    let leave_one_out_error = (!predicted.is_empty()).then(|| mean(predicted));
    let backward_share = spec.backward_share;
    Ok(Calibration { estimates, unidentified, rows, mean_error, leave_one_out_error, backward_share })
}

/// What a number may be like: those of a stage's seconds, a message's bytes and so on, from medians of the rows.
fn typical(spec: &CalibrationSpec, unknowns: &Unknowns) -> Vec<f64> {
    let stage_of = |row: &super::Timing| {
        let stages = match &row.work {
            Work::Blocks { devices, .. } => devices.len(),
            Work::Known { computing, .. } => computing.len(),
        };
        row.seconds / (f64::from(row.micro_batches) + stages as f64 - 1.0)
    };
    let stage = median(spec.rows.iter().map(stage_of).collect());
    let blocks = spec.rows.iter().filter_map(|row| match &row.work {
        Work::Blocks { blocks, samples, .. } => {
            let most = blocks.iter().copied().max().unwrap_or(1);
            Some((f64::from(most), *samples))
        }
        Work::Known { .. } => None,
    });
    let (blocks, samples): (Vec<f64>, Vec<f64>) = blocks.unzip();
    let (blocks, samples) = (median(blocks).max(1.0), median(samples));
    let samples = if samples > 0.0 { samples } else { 1.0 };
    let bytes = samples * spec.boundary_bytes_per_sample;
    let whole = median(spec.rows.iter().map(|row| row.seconds).collect());
    let of = |quantity: Quantity| match quantity {
        Quantity::BlockSeconds => stage / (blocks * samples),
        Quantity::BlockOverhead => stage / blocks,
        Quantity::StageOverhead | Quantity::HopLatency | Quantity::HopOverhead => stage,
        Quantity::LinkSecondsPerByte | Quantity::StagingSecondsPerByte if bytes > 0.0 => stage / bytes,
        Quantity::LinkSecondsPerByte | Quantity::StagingSecondsPerByte | Quantity::StagingFactor => 1.0,
        Quantity::IterationOverhead => whole,
    };
    unknowns.names.iter().map(|(quantity, _)| of(*quantity)).collect()
}

/// 0 of nothing.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.len() % 2, values.get(middle.wrapping_sub(1)), values.get(middle)) {
        (0, Some(low), Some(high)) => 0.5 * (low + high),
        (_, _, Some(value)) => *value,
        _ => 0.0,
    }
}

/// Huber's weight of an error.
fn weight(error: f64, scale: f64) -> f64 {
    if error.abs() <= scale { 1.0 } else { scale / error.abs() }
}

/// Huber's loss of errors.
fn loss(errors: &DVector<f64>, scale: f64) -> f64 {
    let of = |error: &f64| match error.abs() {
        small if small <= scale => 0.5 * small * small,
        large => scale * (large - 0.5 * scale),
    };
    errors.iter().map(of).sum()
}

struct Fit<'a> {
    unknowns: Unknowns,
    runners: Vec<Runner<'a>>,
    /// What each number is counted in.
    typical: Vec<f64>,
}

#[derive(Clone, Debug)]
struct Solved {
    numbers: Vec<f64>,
    /// From which error on it counts in proportion.
    scale: f64,
}

impl Fit<'_> {
    fn seconds(&mut self, row: usize, numbers: &[f64]) -> f64 {
        let Self { runners, unknowns, .. } = self;
        runners.get_mut(row).map_or(f64::INFINITY, |runner| runner.seconds(unknowns, numbers))
    }

    fn errors(&mut self, rows: &[usize], numbers: &[f64]) -> DVector<f64> {
        let Self { runners, unknowns, .. } = self;
        let error = |row: &usize| runners.get_mut(*row).map_or(0.0, |runner| runner.error(unknowns, numbers));
        DVector::from_iterator(rows.len(), rows.iter().map(error))
    }

    /// Changes of the errors per typical change of each number.
    fn jacobian(&mut self, rows: &[usize], numbers: &[f64]) -> DMatrix<f64> {
        let mut jacobian = DMatrix::zeros(rows.len(), numbers.len());
        let mut moved = numbers.to_vec();
        for (j, number) in numbers.iter().enumerate() {
            let step = 1e-6 * self.typical[j].max(*number);
            // To both sides, but never below 0.
            let low = (number - step).max(0.0);
            moved[j] = number + step;
            let above = self.errors(rows, &moved);
            moved[j] = low;
            let below = self.errors(rows, &moved);
            moved[j] = *number;
            jacobian.set_column(j, &((above - below) * (self.typical[j] / (number + step - low))));
        }
        jacobian
    }

    /// The best of what two starts lead to: messages and overheads that cost nothing, or a tenth of a stage.
    fn best(&mut self, rows: &[usize]) -> Solved {
        let start = |rest: f64| {
            let names = self.unknowns.names.iter().zip(&self.typical);
            let numbers = names.map(|((quantity, _), typical)| match quantity {
                Quantity::BlockSeconds => *typical,
                _ => rest * typical,
            });
            numbers.collect::<Vec<f64>>()
        };
        let starts = [start(0.0), start(0.1)];
        let [first, second] = starts.map(|start| self.solve(rows, start));
        // On one scale.
        let scale = first.scale.min(second.scale);
        let [of_first, of_second] = [&first, &second].map(|solved| {
            let errors = self.errors(rows, &solved.numbers);
            loss(&errors, scale)
        });
        if of_second < of_first { second } else { first }
    }

    fn solve(&mut self, rows: &[usize], mut numbers: Vec<f64>) -> Solved {
        let mut errors = self.errors(rows, &numbers);
        let mut solved = Solved { numbers: numbers.clone(), scale: f64::INFINITY };
        for _ in 0..PASSES {
            let scale = HUBER * PER_MEDIAN * median(errors.iter().map(|error| error.abs()).collect());
            let scale = scale.max(1e-9);
            let before = numbers.clone();
            self.descend(rows, scale, &mut numbers, &mut errors);
            solved = Solved { numbers: numbers.clone(), scale };
            let still = before.iter().zip(&numbers).zip(&self.typical);
            if still.into_iter().all(|((before, now), typical)| (before - now).abs() <= 1e-9 * typical) {
                break;
            }
        }
        solved
    }

    /// Steps at one scale of the errors, until none is better.
    fn descend(&mut self, rows: &[usize], scale: f64, numbers: &mut Vec<f64>, errors: &mut DVector<f64>) {
        let (mut now, mut damping) = (loss(errors, scale), 1e-3);
        for _ in 0..STEPS {
            let jacobian = self.jacobian(rows, numbers);
            let weights = errors.map(|error| weight(error, scale));
            let gradient = jacobian.tr_mul(&weights.component_mul(errors));
            let free: Vec<usize> = (0..numbers.len()).filter(|&j| numbers[j] > 0.0 || gradient[j] < 0.0).collect();
            let columns = jacobian.select_columns(&free);
            let weighted = DMatrix::from_fn(columns.nrows(), columns.ncols(), |i, j| weights[i] * columns[(i, j)]);
            let normal = columns.tr_mul(&weighted);
            let least = 1e-12 * normal.diagonal().amax().max(1e-300);
            let mut better = false;
            while damping < 1e12 {
                let mut damped = normal.clone();
                for j in 0..free.len() {
                    damped[(j, j)] += damping * normal[(j, j)] + least;
                }
                let right = DVector::from_iterator(free.len(), free.iter().map(|&j| -gradient[j]));
                let Some(step) = damped.cholesky().map(|factors| factors.solve(&right)) else {
                    damping *= 4.0;
                    continue;
                };
                let mut moved = numbers.clone();
                for (&j, step) in free.iter().zip(step.iter()) {
                    moved[j] = (moved[j] + step * self.typical[j]).max(0.0);
                }
                let tried = self.errors(rows, &moved);
                let after = loss(&tried, scale);
                if after < now {
                    better = now - after > 1e-14 * now;
                    (*numbers, *errors, now) = (moved, tried, after);
                    damping = (damping / 3.0).max(1e-12);
                    break;
                }
                damping *= 4.0;
            }
            if !better {
                return;
            }
        }
    }

    /// The numbers with their intervals, and the directions without effect.
    fn read(&mut self, rows: &[usize], solved: &Solved) -> (Vec<Estimate>, Vec<Unidentified>) {
        let (count, errors) = (solved.numbers.len(), self.errors(rows, &solved.numbers));
        let jacobian = self.jacobian(rows, &solved.numbers);
        let weights = errors.map(|error| weight(error, solved.scale));
        let weighted = DMatrix::from_fn(jacobian.nrows(), count, |i, j| weights[i].sqrt() * jacobian[(i, j)]);
        let lengths: Vec<f64> = (0..count).map(|j| weighted.column(j).norm()).collect();
        // A number at its bound moves only upwards, and explains less there.
        let gradient = jacobian.tr_mul(&weights.component_mul(&errors));
        let at_zero: Vec<bool> =
            (0..count).map(|j| solved.numbers[j] == 0.0 && gradient[j] > 1e-12 * lengths[j]).collect();
        let moving: Vec<usize> = (0..count).filter(|&j| !at_zero[j]).collect();
        let unit = DMatrix::from_fn(weighted.nrows(), moving.len(), |i, j| {
            let j = moving[j];
            if lengths[j] > 1e-9 { weighted[(i, j)] / lengths[j] } else { 0.0 }
        });
        let eigen = SymmetricEigen::new(unit.tr_mul(&unit));
        let greatest = eigen.eigenvalues.max().max(0.0).sqrt();
        let relative = |value: f64| if greatest > 0.0 { value.max(0.0).sqrt() / greatest } else { 0.0 };
        let label = |j: usize| {
            let (quantity, device) = &self.unknowns.names[j];
            name(*quantity, device.as_deref())
        };
        let (mut unidentified, mut told) = (Vec::new(), vec![true; count]);
        let mut variance = vec![0.0; count];
        for (value, direction) in eigen.eigenvalues.iter().zip(eigen.eigenvectors.column_iter()) {
            if relative(*value) >= SINGULAR {
                for (&j, part) in moving.iter().zip(direction.iter()) {
                    variance[j] += part * part / value;
                }
                continue;
            }
            let takes_part: Vec<usize> =
                moving.iter().zip(direction.iter()).filter(|(_, part)| part.abs() > 0.05).map(|(j, _)| *j).collect();
            takes_part.iter().for_each(|&j| told[j] = false);
            let names = takes_part.into_iter().map(label).collect();
            unidentified.push(Unidentified { names, relative_singular_value: relative(*value) });
        }
        let freedom = rows.len().saturating_sub(moving.len() - unidentified.len());
        let squares: f64 = errors.iter().zip(weights.iter()).map(|(error, weight)| weight * error * error).sum();
        let deviation = (squares / freedom.max(1) as f64).sqrt();
        let estimates = self.unknowns.names.iter().enumerate().map(|(j, (quantity, device))| {
            let value = solved.numbers[j];
            let half = deviation * variance[j].sqrt() / lengths[j] * self.typical[j] * student(freedom);
            let has_interval = told[j] && !at_zero[j] && freedom > 0;
            Estimate {
                quantity: *quantity,
                device: device.clone(),
                value,
                unit: quantity.unit(),
                interval: has_interval.then(|| [(value - half).max(0.0), value + half]),
                at_zero: at_zero[j],
            }
        });
        (estimates.collect(), unidentified)
    }

    /// For each row what a fit to the others predicts; none for a device that no other row has.
    fn left_out(&mut self, spec: &CalibrationSpec, solved: &Solved) -> Vec<Option<f64>> {
        let count = spec.rows.len();
        if !(3..=MOST_LEFT_OUT).contains(&count) {
            return Vec::new();
        }
        let all = spec.devices();
        let mut predicted = Vec::with_capacity(count);
        for row in 0..count {
            let mut others = spec.clone();
            others.rows.remove(row);
            if others.devices().len() < all.len() {
                predicted.push(None);
                continue;
            }
            let rows: Vec<usize> = (0..count).filter(|other| *other != row).collect();
            let without = self.solve(&rows, solved.numbers.clone());
            predicted.push(Some(self.seconds(row, &without.numbers)));
        }
        predicted
    }
}

/// Student's t of 97.5 % (Cornish and Fisher's expansion from three degrees of freedom on).
fn student(freedom: usize) -> f64 {
    let (z, n) = (1.959_963_984_540_054_f64, freedom as f64);
    match freedom {
        0 | 1 => 12.706_204_736,
        2 => 4.302_652_730,
        // The series below converges too slowly for these.
        3 => 3.182_446_305,
        4 => 2.776_445_105,
        _ => {
            let terms = [
                (z.powi(3) + z) / 4.0,
                (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0,
                (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0,
            ];
            terms.iter().zip(1..).fold(z, |sum, (term, power)| sum + term / n.powi(power))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn student_is_that_of_tables() {
        for (freedom, t) in [(1, 12.706), (2, 4.303), (3, 3.182), (5, 2.571), (10, 2.228), (30, 2.042), (1000, 1.962)] {
            assert!((student(freedom) / t - 1.0).abs() < 5e-3, "{freedom}: {}", student(freedom));
        }
    }
}
