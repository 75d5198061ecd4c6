//! The numbers that parts compute with.

use collapipe::nalgebra::RealField;

/// f32 or f64.
pub trait Real: RealField + Copy + sealed::Sealed {
    /// The nearest value.
    fn of(value: f64) -> Self;

    /// As a double.
    fn to_f64(self) -> f64;

    /// Φ(x): the standard normal distribution function.
    fn normal_cdf(self) -> Self;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

impl Real for f32 {
    #[allow(clippy::cast_possible_truncation, reason = "the nearest value is what is asked for")]
    fn of(value: f64) -> Self {
        value as Self
    }

    fn to_f64(self) -> f64 {
        f64::from(self)
    }

    fn normal_cdf(self) -> Self {
        0.5 * libm::erfcf(-self * std::f32::consts::FRAC_1_SQRT_2)
    }
}

impl Real for f64 {
    fn of(value: f64) -> Self {
        value
    }

    fn to_f64(self) -> f64 {
        self
    }

    fn normal_cdf(self) -> Self {
        0.5 * libm::erfc(-self * std::f64::consts::FRAC_1_SQRT_2)
    }
}

/// GELU (Hendrycks and Gimpel 2016): x Φ(x).
pub fn gelu<T: Real>(x: T) -> T {
    x * x.normal_cdf()
}

/// Its derivative Φ(x) + x φ(x).
pub fn gelu_slope<T: Real>(x: T) -> T {
    let density = (-x * x * T::of(0.5)).exp() * T::of(0.398_942_280_401_432_7);
    x.normal_cdf() + x * density
}
