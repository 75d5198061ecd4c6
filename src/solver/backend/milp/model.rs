//! A mixed-integer linear program as plain data: scaled, handed to a solver, and its answer checked.

use good_lp::solvers::{ResolutionError, SolutionStatus};
use good_lp::{Expression, ProblemVariables, Solution, SolverModel, WithMipGap, WithTimeLimit, constraint, variable};

use super::{LinearSolver, NAME};
use crate::solver::SolveError;

/// By how much a solver's answer may violate a scaled row, a bound or integrality.
const FEASIBILITY: f64 = 1e-5;

/// Least coefficient, relative to the largest of its row, on which a cut may rest.
const LEAST_COEFFICIENT: f64 = 1e-6;

/// Index of a column.
pub(super) type Column = usize;

/// A linear expression.
#[derive(Clone, Debug, Default)]
pub(super) struct Linear {
    pub terms: Vec<(Column, f64)>,
    pub constant: f64,
}

impl Linear {
    pub fn add(&mut self, factor: f64, column: Column) {
        if factor != 0.0 {
            self.terms.push((column, factor));
        }
    }

    pub fn with(mut self, factor: f64, column: Column) -> Self {
        self.add(factor, column);
        self
    }

    /// Adds `factor` times another expression.
    pub fn add_all(&mut self, factor: f64, other: &Self) {
        self.constant += factor * other.constant;
        self.terms.extend(other.terms.iter().map(|&(column, value)| (column, factor * value)));
    }

    pub fn at(&self, values: &[f64]) -> f64 {
        self.constant + self.terms.iter().map(|&(column, factor)| factor * values[column]).sum::<f64>()
    }
}

#[derive(Clone, Copy, Debug)]
struct Variable {
    low: f64,
    high: f64,
    integer: bool,
    /// A typical value: what the solver sees is the column divided by it.
    unit: f64,
}

/// `expression >= 0`, or `= 0`.
#[derive(Clone, Debug)]
struct Row {
    expression: Linear,
    equality: bool,
}

/// Minimize `objective` subject to rows and bounds.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    columns: Vec<Variable>,
    rows: Vec<Row>,
    pub objective: Linear,
}

/// What a linear solver found, checked.
#[derive(Clone, Debug)]
pub(super) struct LinearSolution {
    pub values: Vec<f64>,
    /// The objective at these values, computed here.
    pub objective: f64,
}

impl Model {
    /// A real column within bounds, of which `unit` is a typical value.
    pub fn real(&mut self, low: f64, high: f64, unit: f64) -> Column {
        self.columns.push(Variable { low, high, integer: false, unit });
        self.columns.len() - 1
    }

    pub fn integer(&mut self, low: u32, high: u32) -> Column {
        self.columns.push(Variable { low: low.into(), high: high.into(), integer: true, unit: 1.0 });
        self.columns.len() - 1
    }

    /// `expression >= 0`
    pub fn at_least_zero(&mut self, expression: Linear) {
        self.rows.push(Row { expression, equality: false });
    }

    /// `expression >= 0` for a row that may be left out: it is where `key`'s coefficient is so small in the solver's
    /// units, next to the others, that the solver might take it for zero and the row for a stronger one.
    pub fn cut(&mut self, expression: Linear, key: Column) {
        let row = Row { expression, equality: false };
        let size = |&(column, factor): &(Column, f64)| (factor * self.columns[column].unit).abs();
        let own: f64 = row.expression.terms.iter().filter(|term| term.0 == key).map(size).sum();
        if own >= LEAST_COEFFICIENT * self.row_scale(&row) {
            self.rows.push(row);
        }
    }

    /// `expression = 0`
    pub fn zero(&mut self, expression: Linear) {
        self.rows.push(Row { expression, equality: true });
    }

    /// Minimizes; `None` where the solver says that nothing is feasible. `scale` is a typical value of the objective,
    /// and
    /// `relaxed` lets integers be fractions.
    ///
    /// The answer is not taken on trust: status, bounds, rows and integrality are checked here.
    pub fn minimize(
        &self,
        solver: LinearSolver,
        seconds: f64,
        scale: f64,
        relaxed: bool,
    ) -> Result<Option<LinearSolution>, SolveError> {
        let mut variables = ProblemVariables::new();
        let handles: Vec<good_lp::Variable> = (self.columns.iter())
            .map(|column| {
                let definition = variable().bounds(column.low / column.unit..=column.high / column.unit);
                variables.add(if column.integer && !relaxed { definition.integer() } else { definition })
            })
            .collect();
        let scaled = |linear: &Linear, scale: f64| {
            let mut expression = Expression::with_capacity(linear.terms.len());
            for &(column, factor) in &linear.terms {
                expression.add_mul(factor * self.columns[column].unit / scale, handles[column]);
            }
            expression + linear.constant / scale
        };
        let problem = variables.minimise(scaled(&self.objective, scale));
        let rows = self.rows.iter().map(|row| {
            let expression = scaled(&row.expression, self.row_scale(row));
            if row.equality { constraint!(expression == 0.0) } else { constraint!(expression >= 0.0) }
        });
        let values = match solver {
            LinearSolver::Microlp => solved(problem.using(good_lp::microlp), rows, seconds, &handles, false)?,
            #[cfg(feature = "highs")]
            LinearSolver::Highs => solved(precise(problem.using(good_lp::highs)), rows, seconds, &handles, true)?,
        };
        let Some(values) = values else { return Ok(None) };
        let values = values.iter().zip(&self.columns).map(|(value, column)| value * column.unit).collect();
        self.checked(values, relaxed).map(Some)
    }

    /// The largest coefficient of a row in the solver's units.
    fn row_scale(&self, row: &Row) -> f64 {
        let sizes = row.expression.terms.iter().map(|&(column, factor)| (factor * self.columns[column].unit).abs());
        let largest = sizes.fold(0.0, f64::max);
        if largest > 0.0 { largest } else { 1.0 }
    }

    /// Values that are feasible within tolerances, integers rounded.
    fn checked(&self, mut values: Vec<f64>, relaxed: bool) -> Result<LinearSolution, SolveError> {
        let broken = |what: String| SolveError::Backend { backend: NAME, what };
        for (at, (value, column)) in values.iter_mut().zip(&self.columns).enumerate() {
            let slack = FEASIBILITY * column.unit * 1f64.max(value.abs() / column.unit);
            // NaN is outside.
            if !(*value >= column.low - slack && *value <= column.high + slack) {
                return Err(broken(format!("column {at} = {value:e} outside [{:e}, {:e}]", column.low, column.high)));
            }
            if column.integer && !relaxed {
                let rounded = value.round();
                if (*value - rounded).abs() > FEASIBILITY {
                    return Err(broken(format!("column {at} = {value:e} is not an integer")));
                }
                *value = rounded;
            }
            *value = value.clamp(column.low, column.high);
        }
        for (at, row) in self.rows.iter().enumerate() {
            let residual = row.expression.at(&values) / self.row_scale(row);
            let violation = if row.equality { residual.abs() } else { -residual };
            // Relative to the terms that the row sums up: with large integers they are large.
            let sizes = row.expression.terms.iter().map(|&(column, factor)| (factor * values[column]).abs());
            let size = 1f64.max(sizes.sum::<f64>() / self.row_scale(row));
            // NaN does not.
            let holds = violation <= FEASIBILITY * size;
            if !holds {
                return Err(broken(format!("row {at} violated by {violation:e}")));
            }
        }
        Ok(LinearSolution { objective: self.objective.at(&values), values })
    }
}

/// Accuracy asked of HiGHS, in scaled units: of rows, bounds, integers, reduced costs and the objective. Its defaults
/// of 1e-6 are as large as what bounds are lowered by.
#[cfg(feature = "highs")]
const PRECISE: f64 = 1e-9;

#[cfg(feature = "highs")]
fn precise(model: good_lp::solvers::highs::HighsProblem) -> good_lp::solvers::highs::HighsProblem {
    let options =
        ["primal_feasibility_tolerance", "dual_feasibility_tolerance", "mip_feasibility_tolerance", "mip_abs_gap"];
    // What is smaller it takes for zero, and a row for a stronger one; this is the least it can be told.
    let model = model.set_option("small_matrix_value", 1e-12);
    options.into_iter().fold(model, |model, option| model.set_option(option, PRECISE))
}

/// Runs a solver; `None` where it says that nothing is feasible. `rounded` says whether it reports an optimum with a
/// gap of rounding errors as one that a limit on the gap has ended: as no gap is allowed, both are optima.
fn solved<M>(
    mut model: M,
    rows: impl Iterator<Item = good_lp::Constraint>,
    seconds: f64,
    handles: &[good_lp::Variable],
    rounded: bool,
) -> Result<Option<Vec<f64>>, SolveError>
where
    M: SolverModel<Error = ResolutionError> + WithMipGap + WithTimeLimit,
{
    for row in rows {
        model.add_constraint(row);
    }
    let failed = |what: String| SolveError::Backend { backend: NAME, what };
    // No gap: what some solvers accept as optimal by default is too coarse for a bound.
    let model = model.with_time_limit(seconds).with_mip_gap(0.0).map_err(|error| failed(error.to_string()))?;
    match model.solve() {
        Ok(found) => match found.status() {
            status
                if matches!(status, SolutionStatus::Optimal)
                    || (rounded && matches!(status, SolutionStatus::GapLimit)) =>
            {
                Ok(Some(handles.iter().map(|&handle| found.value(handle)).collect()))
            }
            status => Err(failed(format!("the linear solver stopped before it had proved an optimum: {status:?}"))),
        },
        Err(ResolutionError::Infeasible) => Ok(None),
        Err(error) => Err(failed(error.to_string())),
    }
}
