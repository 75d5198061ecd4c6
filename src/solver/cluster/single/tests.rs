//! What a plan's search proves, once its best choice has been solved anew.

use super::proved_beside;
use crate::solver::cluster::segments::Threshold;

/// The searches look for what is below the bar of nine tenths of the tolerance: no more than that is proved, wherever the
/// settled value lies. Where it is as good as the searched one the bound is told from it alone.
#[test]
fn no_more_is_proved_than_was_searched_for() {
    for tolerance in [1e-9, 1e-3, 0.5] {
        for penalty in [0.0, 3.0, -20.0] {
            for searched in [1.0, 7.0, 1e6, 1e-6] {
                let searched = searched + penalty;
                let size = searched - penalty;
                let bar = Threshold { cutoff: size, tolerance: 0.9 * tolerance }.bar() + penalty;
                for off in [-1e3, -1.0, -0.3, -0.01, 0.0, 0.01, 0.09, 0.0999, 0.11, 0.2, 0.5, 0.89, 1.0, 1.1, 3.0, 1e3]
                {
                    let settled = searched + off * tolerance * size;
                    let proved = proved_beside(penalty, (searched, settled), tolerance);
                    let rounding = 1e-15 * (searched.abs() + penalty.abs());
                    assert!(proved <= bar + rounding, "{proved} above {bar}: {settled} settled, {searched} searched");
                    let told = if off <= 0.1 { settled } else { searched };
                    let expected = told - tolerance * (told - penalty).abs();
                    assert!((proved - expected).abs() <= 2.0 * rounding, "{proved}, not {expected}");
                }
            }
        }
    }
}
