//! Powers of a circular convolution, by fast Fourier transform.

/// Replaces the values of a distribution on a ring of 2^k points by that of the sum of `power` independent draws.
pub(super) fn convolution_power(values: &mut [f64], power: u64) {
    let mut real = values.to_vec();
    let mut imaginary = vec![0.0; values.len()];
    let turns = Turns::new(values.len());
    turns.transform(&mut real, &mut imaginary, false);
    for (re, im) in real.iter_mut().zip(&mut imaginary) {
        // In polar form: the length and the angle of the power keep their digits.
        let (length, angle) = (re.hypot(*im), im.atan2(*re));
        let length = (power as f64 * length.ln()).exp();
        let angle = power as f64 * angle;
        (*re, *im) = (length * angle.cos(), length * angle.sin());
    }
    turns.transform(&mut real, &mut imaginary, true);
    let count = values.len() as f64;
    values.iter_mut().zip(&real).for_each(|(value, re)| *value = (re / count).max(0.0));
}

/// e^(−2πi k/n) for k < n/2.
struct Turns(Vec<(f64, f64)>);

impl Turns {
    fn new(count: usize) -> Self {
        let angle = |k: usize| -2.0 * std::f64::consts::PI * k as f64 / count as f64;
        Self((0..count / 2).map(|k| (angle(k).cos(), angle(k).sin())).collect())
    }

    /// In place, of a power of two of points; the inverse without its factor 1/n.
    fn transform(&self, real: &mut [f64], imaginary: &mut [f64], inverse: bool) {
        let count = real.len();
        let bits = count.trailing_zeros();
        for i in 1..count {
            let j = i.reverse_bits() >> (usize::BITS - bits);
            if i < j {
                real.swap(i, j);
                imaginary.swap(i, j);
            }
        }
        let mut size = 2;
        while size <= count {
            let (half, stride) = (size / 2, count / size);
            for start in (0..count).step_by(size) {
                for k in 0..half {
                    let (c, s) = self.0[k * stride];
                    let s = if inverse { -s } else { s };
                    let (low, high) = (start + k, start + k + half);
                    let re = real[high] * c - imaginary[high] * s;
                    let im = real[high] * s + imaginary[high] * c;
                    (real[high], imaginary[high]) = (real[low] - re, imaginary[low] - im);
                    real[low] += re;
                    imaginary[low] += im;
                }
            }
            size *= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sum of n coins.
    #[test]
    fn binomial() {
        let mut values = vec![0.0; 64];
        (values[0], values[1]) = (0.75, 0.25);
        convolution_power(&mut values, 20);
        let mut expected = 0.75_f64.powi(20);
        for (k, value) in values.iter().enumerate().take(21) {
            assert!((value - expected).abs() < 1e-15, "{k}: {value} instead of {expected}");
            expected *= (20 - k) as f64 / (k + 1) as f64 / 3.0;
        }
        assert!(values[21..].iter().all(|value| *value < 1e-15));
    }
}
