//! The radio problem as a cone program in scaled units, solved by Clarabel.
//!
//! In units of a transmission's own (t₀, w₀), with s₀ = d/(t₀ w₀), κ = Pγ/w₀ and y ≥ 1/(t w):
//!
//! ```text
//! v² ≤ t w,  y^(1/3) v^(2/3) ≥ 1              second-order and power cone; y t ≥ 1 where w is given
//! z (d/γ) Σ_i c_i e^{θ_i s₀} r_i,  r_i ≥ e^{θ_i s₀ (y − 1)}      energy: quadrature of ∫₀¹ e^{θ s} dθ, exponential cones
//! w ln(1 + κ/w) ≥ s₀ q,  q t ≥ 1              power limit: exponential and second-order cone
//! ```
//!
//! Where exponents are so small that a cone would only see rounding, a polynomial takes its place with the same
//! guarantee: s₀ y/2 for the energy (error s²/6), κ − κ²/(2w) ≤ w ln(1 + κ/w) for the rate (error κ²/3).

use clarabel::algebra::CscMatrix;
use clarabel::solver::{DefaultSettings, DefaultSolver, IPSolver, SolverStatus, SupportedConeT};

use super::bound::ConePrices;
use super::quadrature::Rule;
use super::scaling::Scaling;
use crate::solver::backend::transmissions::{Band, RadioPoint, RadioProgram};

/// Below this exponent the polynomials are exact to 1e-10.
const SMALL: f64 = 1e-5;
/// The quadrature covers so many times the exponent at the scaling's reference.
const REACH: f64 = 3.0;

/// Slack, in the row's units, beyond which a constraint is moved closer: what is a thousand times longer than expected
/// is not found, but rows stay comparable. Answers stay feasible, and the bound does not know of it.
const SLACK: f64 = 1e3;

/// How one rung of the ladder runs Clarabel.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClarabelRun {
    pub max_step_fraction: f64,
    pub equilibrate: bool,
    /// Static regularization of the linear systems.
    pub regularization: f64,
    pub max_iterations: u32,
}

/// What Clarabel returned, in physical units.
#[derive(Clone, Debug)]
pub(super) struct Report {
    pub status: SolverStatus,
    pub iterations: u32,
    pub point: RadioPoint,
    pub prices: ConePrices,
}

/// constant + Σ coefficient·variable.
#[derive(Clone, Debug, Default)]
struct Affine {
    constant: f64,
    terms: Vec<(usize, f64)>,
}

impl Affine {
    fn constant(constant: f64) -> Self {
        Self { constant, terms: Vec::new() }
    }

    fn of(variable: usize, coefficient: f64) -> Self {
        Self { constant: 0.0, terms: vec![(variable, coefficient)] }
    }

    fn and(mut self, variable: usize, coefficient: f64) -> Self {
        self.terms.push((variable, coefficient));
        self
    }

    /// With no more slack than [`SLACK`].
    fn within_reach(mut self) -> Self {
        self.constant = self.constant.min(SLACK);
        self
    }

    fn plus(mut self, constant: f64) -> Self {
        self.constant += constant;
        self
    }
}

/// The program while it is put together.
#[derive(Default)]
struct Program {
    cost: Vec<f64>,
    /// ≥ 0.
    linear: Vec<Affine>,
    cones: Vec<(SupportedConeT<f64>, Vec<Affine>)>,
}

impl Program {
    fn variable(&mut self, cost: f64) -> usize {
        self.cost.push(cost);
        self.cost.len() - 1
    }

    /// `expression` ≥ 0; its row.
    fn nonnegative(&mut self, expression: Affine) -> usize {
        self.linear.push(expression);
        self.linear.len() - 1
    }

    fn cone(&mut self, cone: SupportedConeT<f64>, entries: Vec<Affine>) {
        self.cones.push((cone, entries));
    }

    /// a·b ≥ 1 with a, b ≥ 0.
    fn hyperbola(&mut self, a: usize, b: usize) {
        let sum = Affine::of(a, 1.0).and(b, 1.0);
        let difference = Affine::of(a, 1.0).and(b, -1.0);
        self.cone(SupportedConeT::SecondOrderConeT(3), vec![sum, difference, Affine::constant(2.0)]);
    }

    fn solve(self, settings: DefaultSettings<f64>) -> Option<clarabel::solver::DefaultSolution<f64>> {
        let mut cones = vec![SupportedConeT::NonnegativeConeT(self.linear.len())];
        let mut rows = self.linear;
        for (cone, entries) in self.cones {
            cones.push(cone);
            rows.extend(entries);
        }
        let (mut i, mut j, mut values) = (Vec::new(), Vec::new(), Vec::new());
        for (row, expression) in rows.iter().enumerate() {
            for &(variable, coefficient) in &expression.terms {
                i.push(row);
                j.push(variable);
                values.push(-coefficient);
            }
        }
        let constants: Vec<f64> = rows.iter().map(|row| row.constant).collect();
        let finite = |values: &[f64]| values.iter().all(|value| value.is_finite());
        if !finite(&values) || !finite(&constants) || !finite(&self.cost) {
            return None;
        }
        let variables = self.cost.len();
        let matrix = CscMatrix::new_from_triplets(rows.len(), variables, i, j, values);
        let quadratic = CscMatrix::zeros((variables, variables));
        let mut solver = DefaultSolver::new(&quadratic, &self.cost, &matrix, &constants, &cones, settings).ok()?;
        solver.solve();
        Some(solver.solution)
    }
}

/// Where the shared variables and rows are.
struct Layout {
    /// Per transmission.
    time: Vec<usize>,
    band: Vec<Option<usize>>,
    latency_rows: Vec<usize>,
    band_rows: Vec<usize>,
    cap_rows: Vec<Option<usize>>,
    floor_rows: Vec<usize>,
}

/// Builds and solves the program; `None` where a coefficient is out of range or Clarabel refuses it.
pub(super) fn solve(radio: &RadioProgram, scaling: &Scaling, run: &ClarabelRun) -> Option<Report> {
    let mut program = Program::default();
    let layout = shared(&mut program, radio, scaling);
    for j in 0..radio.transmissions.len() {
        transmission(&mut program, radio, scaling, &layout, j);
    }
    let settings = DefaultSettings {
        verbose: false,
        max_iter: run.max_iterations,
        max_step_fraction: run.max_step_fraction,
        equilibrate_enable: run.equilibrate,
        static_regularization_constant: run.regularization,
        max_threads: 1,
        ..DefaultSettings::default()
    };
    let solution = program.solve(settings)?;
    let x = |variable: usize| solution.x[variable];
    let z = |row: usize| solution.z[row];
    let scaled = RadioPoint {
        time: layout.time.iter().map(|&variable| x(variable)).collect(),
        band: layout.band.iter().map(|variable| variable.map_or(1.0, x)).collect(),
    };
    let multipliers = ConePrices {
        band: layout.band_rows.iter().map(|&row| z(row)).collect(),
        latency: layout.latency_rows.iter().map(|&row| z(row)).collect(),
        cap: layout.cap_rows.iter().map(|row| row.map_or(0.0, z)).collect(),
        floor: layout.floor_rows.iter().map(|&row| z(row)).collect(),
    };
    Some(Report {
        status: solution.status,
        iterations: solution.iterations,
        point: scaling.invert(&scaled),
        prices: scaling.invert_prices(radio, &multipliers),
    })
}

/// Latencies, paces and bands: all linear.
fn shared(program: &mut Program, radio: &RadioProgram, scaling: &Scaling) -> Layout {
    let (latency_origin, latency_unit) = scaling.latency;
    let latency = program.variable(radio.latency_price * latency_unit / scaling.objective);
    let pace: Vec<usize> = radio.paces.iter().map(|_| program.variable(0.0)).collect();
    let (mut time, mut band) = (Vec::new(), Vec::new());
    for (j, sent) in radio.transmissions.iter().enumerate() {
        time.push(program.variable(sent.time_price * scaling.time[j] / scaling.objective));
        band.push(matches!(sent.band, Band::Shared(_)).then(|| program.variable(0.0)));
    }
    // T ≥ constant_n + …, from the origin and in units of the latency.
    let mut rows: Vec<Affine> = (radio.latency.iter())
        .map(|constant| Affine::of(latency, 1.0).plus((latency_origin - constant) / latency_unit))
        .collect();
    for (index, paced) in radio.paces.iter().enumerate() {
        let (origin, unit) = scaling.pace[index];
        let row = &mut rows[paced.cluster];
        row.constant -= paced.latency_uses * origin / latency_unit;
        row.terms.push((pace[index], -paced.latency_uses * unit / latency_unit));
    }
    for (j, sent) in radio.transmissions.iter().enumerate() {
        rows[sent.cluster].terms.push((time[j], -sent.latency_uses * scaling.time[j] / latency_unit));
    }
    let latency_rows = rows.into_iter().map(|row| program.nonnegative(row.within_reach())).collect();
    let mut rows: Vec<Affine> = radio.bands.iter().map(|_| Affine::constant(1.0)).collect();
    for (j, sent) in radio.transmissions.iter().enumerate() {
        if let (Band::Shared(index), Some(variable)) = (sent.band, band[j]) {
            rows[index].terms.push((variable, -scaling.band[j] / scaling.width[index]));
        }
    }
    let band_rows = rows.into_iter().map(|row| program.nonnegative(row)).collect();
    let floor_rows = pace.iter().map(|&variable| program.nonnegative(Affine::of(variable, 1.0))).collect();
    let cap_rows = (radio.transmissions.iter().enumerate())
        .map(|(j, sent)| {
            let (index, offset) = sent.pace?;
            let (origin, unit) = scaling.pace[index];
            let row = Affine::of(pace[index], 1.0).and(time[j], -scaling.time[j] / unit);
            Some(program.nonnegative(row.plus((origin - offset) / unit).within_reach()))
        })
        .collect();
    Layout { time, band, latency_rows, band_rows, cap_rows, floor_rows }
}

/// Energy and power limit of one transmission.
fn transmission(program: &mut Program, radio: &RadioProgram, scaling: &Scaling, layout: &Layout, j: usize) {
    let sent = &radio.transmissions[j];
    let (time, band) = (layout.time[j], layout.band[j]);
    let s = scaling.efficiency(radio, j);
    let snr = sent.max_power * sent.gain / scaling.band[j];
    if let Some(band) = band {
        let rate = program.variable(0.0);
        program.hyperbola(rate, time);
        if snr < SMALL {
            // s₀ q ≤ κ − κ² v/2 with v ≥ 1/w, both sides over κ.
            let inverse = program.variable(0.0);
            program.hyperbola(inverse, band);
            program.nonnegative(Affine::constant(1.0).and(inverse, -0.5 * snr).and(rate, -s / snr));
        } else {
            // (a, b, c) with b e^{a/b} ≤ c, shifted by e^{−k} so that c is about 1.
            let shift = snr.ln_1p();
            let (scale, rest) = (1.0 / (1.0 + snr), snr / (1.0 + snr));
            let a = Affine::of(rate, s).and(band, -shift);
            let c = Affine::of(band, scale).plus(rest);
            program.cone(SupportedConeT::ExponentialConeT(), vec![a, Affine::of(band, 1.0), c]);
        }
    } else {
        program.nonnegative(Affine::of(time, 1.0).plus(-s / snr.ln_1p()));
    }
    if sent.energy_price == 0.0 {
        return;
    }
    let inverse = program.variable(0.0);
    match band {
        Some(band) => {
            // v² ≤ t w and y^(1/3) v^(2/3) ≥ 1.
            let mean = program.variable(0.0);
            let (sum, difference) = (Affine::of(time, 1.0).and(band, 1.0), Affine::of(time, 1.0).and(band, -1.0));
            program.cone(SupportedConeT::SecondOrderConeT(3), vec![sum, difference, Affine::of(mean, 2.0)]);
            let entries = vec![Affine::of(inverse, 1.0), Affine::of(mean, 1.0), Affine::constant(1.0)];
            program.cone(SupportedConeT::PowerConeT(1.0 / 3.0), entries);
        }
        None => program.hyperbola(inverse, time),
    }
    let unit = sent.energy_price * (sent.nats / sent.gain) / scaling.objective;
    if s < SMALL {
        program.cost[inverse] += unit * 0.5 * s;
        return;
    }
    for (node, weight) in Rule::up_to(REACH * s).nodes {
        let exponent = node * s;
        let value = program.variable(unit * weight * exponent.exp());
        let a = Affine::of(inverse, exponent).plus(-exponent);
        program.cone(SupportedConeT::ExponentialConeT(), vec![a, Affine::constant(1.0), Affine::of(value, 1.0)]);
    }
}
