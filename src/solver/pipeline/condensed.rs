//! The Newton system of a block without its paths: each of their weights stands in one row of its own with what all of them
//! share, and is eliminated by it.
//!
//! In units of the objective, with u the relative changes of the weights and v those of the rest (the head),
//!
//! ```text
//! [ −d  E ] [u]   [r]
//! [ Eᵀ  Q ] [v] = [q]        (Q + Eᵀ d⁻¹ E) v = q + Eᵀ d⁻¹ r,     u = (E v − r)/d
//! ```
//!
//! where d = s μ tends to zero on the paths that stay. The head has one unknown per place at which messages are sent, however
//! many paths there are. What elimination loses at small d, a step of refinement brings back.

use super::linear::Lu;

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Condensed {
    size: usize,
    /// Q, by rows.
    head: Vec<f64>,
    /// E, a row per path.
    rows: Vec<f64>,
    /// d.
    products: Vec<f64>,
    lu: Lu,
    side: Vec<f64>,
    residual: Vec<f64>,
}

/// Residuals of the head that are refined away, relative to its largest term.
const REFINED: f64 = 1e-9;
const MOST_REFINEMENTS: u32 = 2;

impl Condensed {
    /// An empty system of so many unknowns in the head, and no paths.
    pub fn reset(&mut self, size: usize) {
        self.size = size;
        self.head.clear();
        self.head.resize(size * size, 0.0);
        self.rows.clear();
        self.products.clear();
    }

    /// Adds to an entry of Q and its mirror image.
    #[inline]
    pub fn add_both(&mut self, row: usize, column: usize, value: f64) {
        self.head[row * self.size + column] += value;
        self.head[column * self.size + row] += value;
    }

    /// Adds to the diagonal of Q.
    #[inline]
    pub fn add(&mut self, at: usize, value: f64) {
        self.head[at * self.size + at] += value;
    }

    /// Adds a multiple of some numbers to the beginning of a row, of whose mirror image [`Self::mirror`] takes care.
    #[inline]
    pub fn add_products(&mut self, row: usize, factor: f64, numbers: &[f64]) {
        let line = &mut self.head[row * self.size..];
        line.iter_mut().zip(numbers).for_each(|(entry, number)| *entry += factor * number);
    }

    /// Copies what is below the diagonal of the first so many rows above it.
    pub fn mirror(&mut self, rows: usize) {
        for row in 0..rows {
            for column in 0..row {
                self.head[column * self.size + row] = self.head[row * self.size + column];
            }
        }
    }

    /// Scales rows and columns of Q.
    pub fn scale(&mut self, scale: &[f64], objective: f64) {
        for (row, &by) in self.head.chunks_exact_mut(self.size).zip(scale) {
            let by = by / objective;
            row.iter_mut().zip(scale).for_each(|(value, scale)| *value *= by * scale);
        }
    }

    /// One more path: its d, and its row of E to be filled.
    pub fn path(&mut self, product: f64) -> &mut [f64] {
        let begin = self.rows.len();
        self.products.push(product);
        self.rows.resize(begin + self.size, 0.0);
        &mut self.rows[begin..]
    }

    /// Eliminates the paths and factors what is left; `false` where it is singular.
    pub fn factor(&mut self) -> bool {
        let n = self.size;
        if self.products.is_empty() {
            self.lu.rows.clone_from(&self.head);
            return self.lu.factor_filled(n);
        }
        self.lu.reset(n);
        for (row, &product) in self.rows.chunks_exact(n).zip(&self.products) {
            let inverse = 1.0 / product;
            for (at, &value) in row.iter().enumerate() {
                if value != 0.0 {
                    let factor = value * inverse;
                    let line = &mut self.lu.rows[at * n..at * n + at + 1];
                    line.iter_mut().zip(row).for_each(|(entry, other)| *entry += factor * other);
                }
            }
        }
        for row in 0..n {
            for column in 0..row {
                self.lu.rows[column * n + row] = self.lu.rows[row * n + column];
            }
        }
        self.lu.rows.iter_mut().zip(&self.head).for_each(|(entry, own)| *entry += own);
        self.lu.factor()
    }

    /// Replaces a right side, of the paths and then of the head, by the solution.
    pub fn solve(&mut self, side: &mut [f64]) {
        if self.products.is_empty() {
            return self.lu.solve(side);
        }
        let n = self.size;
        let (paths, head) = side.split_at_mut(self.products.len());
        let paired = || self.rows.chunks_exact(n).zip(&self.products);
        self.side.clear();
        self.side.extend_from_slice(head);
        for ((row, product), path) in paired().zip(&*paths) {
            let factor = path / product;
            self.side.iter_mut().zip(row).for_each(|(sum, value)| *sum += factor * value);
        }
        self.lu.solve(&mut self.side);
        let mut residual = std::mem::take(&mut self.residual);
        for ((row, product), path) in paired().zip(paths.iter_mut()) {
            *path = (super::paths::dot(row, &self.side) - *path) / product;
        }
        for _ in 0..MOST_REFINEMENTS {
            residual.clear();
            let mut most = 0.0f64;
            for (at, (line, value)) in self.head.chunks_exact(n).zip(&*head).enumerate() {
                let mut left = *value;
                most = most.max(left.abs());
                for (own, solved) in line.iter().zip(&self.side) {
                    left -= own * solved;
                }
                most = most.max((line[at] * self.side[at]).abs());
                residual.push(left);
            }
            for (row, path) in self.rows.chunks_exact(n).zip(&*paths) {
                residual.iter_mut().zip(row).for_each(|(left, value)| *left -= path * value);
            }
            let left = residual.iter().fold(0.0f64, |most, left| most.max(left.abs()));
            if left.is_nan() || left <= REFINED * most {
                break;
            }
            self.lu.solve(&mut residual);
            self.side.iter_mut().zip(&residual).for_each(|(solved, change)| *solved += change);
            for ((row, product), path) in self.rows.chunks_exact(n).zip(&self.products).zip(paths.iter_mut()) {
                *path += super::paths::dot(row, &residual) / product;
            }
        }
        self.residual = residual;
        head.copy_from_slice(&self.side);
    }
}
