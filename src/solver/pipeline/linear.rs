//! Small dense systems of linear equations.

/// Factors of a matrix, in a buffer that is used again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lu {
    pub rows: Vec<f64>,
    order: Vec<usize>,
    size: usize,
    scratch: Vec<f64>,
}

impl Lu {
    /// A zero matrix to be filled.
    pub fn reset(&mut self, size: usize) {
        self.size = size;
        self.rows.clear();
        self.rows.resize(size * size, 0.0);
    }

    #[inline]
    pub fn add(&mut self, row: usize, column: usize, value: f64) {
        self.rows[row * self.size + column] += value;
    }

    /// Adds to both sides of the diagonal.
    #[inline]
    pub fn add_both(&mut self, row: usize, column: usize, value: f64) {
        self.add(row, column, value);
        self.add(column, row, value);
    }

    /// [`Self::factor`] of so many rows that have been filled in.
    pub fn factor_filled(&mut self, size: usize) -> bool {
        self.size = size;
        self.factor()
    }

    /// Elimination with partial pivoting; `false` where the matrix is singular to working precision.
    pub fn factor(&mut self) -> bool {
        let n = self.size;
        self.order.clear();
        self.order.extend(0..n);
        for column in 0..n {
            let (mut pivot, mut most) = (column, self.rows[column * n + column].abs());
            for row in column + 1..n {
                let size = self.rows[row * n + column].abs();
                if size > most {
                    (pivot, most) = (row, size);
                }
            }
            if !(most > 1e-290 && most.is_finite()) {
                return false;
            }
            if pivot != column {
                self.order.swap(pivot, column);
                let (a, b) = self.rows.split_at_mut(pivot * n);
                a[column * n..(column + 1) * n].swap_with_slice(&mut b[..n]);
            }
            let (above, below) = self.rows.split_at_mut((column + 1) * n);
            let top = &above[column * n..];
            let inverse = 1.0 / top[column];
            for row in below.chunks_exact_mut(n) {
                let factor = row[column] * inverse;
                row[column] = factor;
                if factor != 0.0 {
                    for (x, y) in row[column + 1..].iter_mut().zip(&top[column + 1..]) {
                        *x -= factor * y;
                    }
                }
            }
        }
        true
    }

    /// Replaces a right side by the solution.
    pub fn solve(&mut self, side: &mut [f64]) {
        let n = self.size;
        self.scratch.clear();
        self.scratch.extend(self.order.iter().map(|&row| side[row]));
        let x = &mut self.scratch;
        for row in 1..n {
            let value: f64 = self.rows[row * n..row * n + row].iter().zip(x.iter()).map(|(a, b)| a * b).sum();
            x[row] -= value;
        }
        for row in (0..n).rev() {
            let line = &self.rows[row * n..(row + 1) * n];
            let value: f64 = line[row + 1..].iter().zip(&x[row + 1..]).map(|(a, b)| a * b).sum();
            x[row] = (x[row] - value) / line[row];
        }
        side.copy_from_slice(x);
    }
}

#[cfg(test)]
mod tests {
    use super::Lu;

    #[test]
    fn solves_with_pivoting() {
        let mut lu = Lu::default();
        lu.reset(3);
        lu.rows.copy_from_slice(&[0.0, 2.0, 1.0, 1.0, 1.0, 0.0, 3.0, 0.0, 1.0]);
        assert!(lu.factor());
        let mut x = vec![3.0, 2.0, 5.0];
        lu.solve(&mut x);
        assert!((2.0 * x[1] + x[2] - 3.0).abs() < 1e-12 && (x[0] + x[1] - 2.0).abs() < 1e-12);
        assert!((3.0 * x[0] + x[2] - 5.0).abs() < 1e-12);
    }
}
