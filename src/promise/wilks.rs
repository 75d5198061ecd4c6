//! How many runs a tolerance bound takes.

use super::study::MAX_RUNS;
use crate::problem::FieldError;

/// Least n with 1 − coverageⁿ ≥ confidence: with that confidence the largest of n independent values bounds at least the
/// share `coverage` of their law (Wilks 1941). 59 for 0.95 and 0.95.
///
/// ```
/// use collapipe::promise::runs_needed;
/// assert_eq!(runs_needed(0.95, 0.95)?, 59);
/// assert!(runs_needed(0.95, 1.0).is_err());
/// # Ok::<(), collapipe::problem::FieldError>(())
/// ```
///
/// # Errors
/// [`FieldError`] for a number that is not in (0, 1), and for more than [`MAX_RUNS`] runs.
pub fn runs_needed(confidence: f64, coverage: f64) -> Result<usize, FieldError> {
    for (name, value) in [("confidence", confidence), ("coverage", coverage)] {
        if !(value > 0.0 && value < 1.0) {
            return Err(FieldError::new(name, format!("{value:?}"), "a number above 0 and below 1"));
        }
    }
    // Equality is meant up to rounding, relative to the confidence.
    let reached = |runs: usize| 1.0 - coverage.powf(runs as f64) >= confidence * (1.0 - 1e-12);
    // The logarithms give it up to one for rounding.
    let about = ((1.0 - confidence).ln() / coverage.ln()).floor();
    if about < MAX_RUNS as f64 {
        let first = (about as usize).saturating_sub(1).max(1);
        if let Some(runs) = (first..=MAX_RUNS.min(first + 3)).find(|&runs| reached(runs)) {
            return Ok(runs);
        }
    }
    let allowed = format!("less: with confidence {confidence} it takes more than {MAX_RUNS} runs");
    Err(FieldError::new("coverage", format!("{coverage:?}"), allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn least_numbers_are_those_of_the_tables() {
        // First-order one-sided tolerance bounds, as tabulated since Wilks.
        for (confidence, coverage, runs) in [
            (0.95, 0.95, 59),
            (0.90, 0.95, 45),
            (0.99, 0.95, 90),
            (0.95, 0.90, 29),
            (0.99, 0.99, 459),
            (0.5, 0.5, 1),
            (0.1, 0.9, 1),
        ] {
            assert_eq!(runs_needed(confidence, coverage), Ok(runs), "{confidence} {coverage}");
        }
        for bad in [0.0, 1.0, -0.5, 1.5, f64::NAN, f64::INFINITY] {
            assert!(runs_needed(bad, 0.95).is_err_and(|error| error.to_string().contains("confidence")));
            assert!(runs_needed(0.95, bad).is_err_and(|error| error.to_string().contains("coverage")));
        }
        let many = runs_needed(0.999, 0.99999).unwrap_err();
        assert!(many.to_string().contains("more than"), "{many}");
    }
}
