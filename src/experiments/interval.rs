//! Means over seeds and how well they are known.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::metric::Metric;
use super::table::{ResultTable, Row};

/// Least number of values that have an interval: with two, Student's t of one degree of freedom makes it 13 standard errors
/// wide on either side, which says nothing.
const LEAST: usize = 3;

/// No interval of a change in per cent of something positive reaches below.
const LEAST_CHANGE: f64 = -100.0;

/// A mean with its 95 % confidence interval.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Interval {
    /// Mean.
    pub mean: f64,
    /// Half width of the interval, t s/√n with Student's t of n − 1 degrees of freedom; none for fewer than three values.
    pub half_width: Option<f64>,
    /// n.
    pub count: usize,
    /// The least and the largest value that is possible: where the interval ends at the latest.
    pub range: [f64; 2],
}

impl Interval {
    /// Of independent values; `None` without any, and where one is not finite.
    ///
    /// ```
    /// use collapipe::experiments::Interval;
    /// let interval = Interval::of(&[1.0, 2.0, 3.0]).ok_or("three values")?;
    /// assert_eq!(interval.mean, 2.0);
    /// // t(0.975, 2) = 4.3027, s = 1.
    /// assert!(interval.half_width.is_some_and(|half| (half - 4.3027 / 3f64.sqrt()).abs() < 1e-4));
    /// assert_eq!(Interval::of(&[7.0, 9.0]).and_then(|two| two.half_width), None);
    /// # Ok::<(), &str>(())
    /// ```
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        let count = values.len();
        if count == 0 || values.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let mean = values.iter().sum::<f64>() / count as f64;
        let half_width = (count >= LEAST).then(|| {
            let freedom = count as f64 - 1.0;
            let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / freedom;
            let quantile = StudentsT::new(0.0, 1.0, freedom).map_or(f64::NAN, |t| t.inverse_cdf(0.975));
            quantile * (variance / count as f64).sqrt()
        });
        Some(Self { mean, half_width, count, range: [f64::NEG_INFINITY, f64::INFINITY] })
    }

    /// The same of numbers that cannot leave a range.
    ///
    /// ```
    /// use collapipe::experiments::Interval;
    /// let shares = Interval::of(&[0.0, 0.0, 3.0]).ok_or("three values")?.within([0.0, 100.0]);
    /// assert_eq!(shares.ends().0, 0.0);
    /// # Ok::<(), &str>(())
    /// ```
    #[must_use]
    pub const fn within(self, range: [f64; 2]) -> Self {
        Self { range, ..self }
    }

    /// The interval, as far as values are possible; the mean alone where there are too few values for one.
    #[must_use]
    pub fn ends(&self) -> (f64, f64) {
        let half = self.half_width.unwrap_or(0.0);
        let ([least, most], mean) = (self.range, self.mean);
        // A mean that rounding puts beyond the range stays in its own interval.
        ((mean - half).max(least).min(mean), (mean + half).min(most).max(mean))
    }

    /// Whether the interval ends where values end, so that it is not `mean ± half width`.
    pub(super) fn is_cut(&self) -> bool {
        let half = self.half_width.unwrap_or(0.0);
        self.ends() != (self.mean - half, self.mean + half)
    }
}

/// A place on the axis of what is varied.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Place {
    pub x: Option<f64>,
    pub label: String,
}

/// The reference of a contrast against another series at a place.
pub(super) struct Compared<'t> {
    pub place: Place,
    pub series: &'t str,
    /// One per column.
    pub changes: Vec<Option<Interval>>,
}

impl ResultTable {
    /// The series, in the order of their first rows.
    pub(super) fn series(&self) -> Vec<&str> {
        distinct(self.rows.iter().map(|row| row.series.as_str()))
    }

    /// What was varied, in the order of the first rows.
    pub(super) fn places(&self) -> Vec<Place> {
        distinct(self.rows.iter().map(|row| Place { x: row.x, label: row.x_label.clone() }))
    }

    /// The metrics that some row has, those of the plots first.
    pub(super) fn metrics(&self) -> Vec<Metric> {
        let plotted = self.plots.iter().map(|plot| plot.metric);
        let all = distinct(plotted.chain(self.rows.iter().flat_map(|row| row.metrics.keys().copied())));
        all.into_iter().filter(|metric| self.rows.iter().any(|row| row.metrics.contains_key(metric))).collect()
    }

    /// The contrast's columns at every place, of every series but the reference that has any of them.
    pub(super) fn compared(&self) -> Vec<Compared<'_>> {
        let Some(contrast) = &self.contrast else { return Vec::new() };
        let others: Vec<&str> = self.series().into_iter().filter(|name| *name != contrast.reference).collect();
        let row = |place: &Place, series| {
            let changes = contrast.columns.iter().map(|column| self.change(column.metric, place, series));
            Compared { place: place.clone(), series, changes: changes.collect() }
        };
        let rows = self
            .places()
            .into_iter()
            .flat_map(|place| others.iter().map(|other| row(&place, *other)).collect::<Vec<_>>());
        rows.filter(|row| row.changes.iter().any(Option::is_some)).collect()
    }

    /// By how much a metric of the contrast's reference differs from another series, in per cent of the other's value:
    /// mean and interval of the differences seed by seed. `None` where no seed has both, or the other's value is zero.
    fn change(&self, metric: Metric, place: &Place, series: &str) -> Option<Interval> {
        let reference = &self.contrast.as_ref()?.reference;
        let of = |name: &str, seed: u64| {
            let here =
                |row: &&Row| row.series == name && row.seed == seed && row.x == place.x && row.x_label == place.label;
            self.rows.iter().find(here)?.metrics.get(&metric).copied()
        };
        let seeds = distinct(self.rows.iter().map(|row| row.seed)).into_iter();
        let pairs = seeds.filter_map(|seed| Some((of(reference, seed)?, of(series, seed)?)));
        let changes = Interval::of(&pairs.map(|(own, other)| 100.0 * (own / other - 1.0)).collect::<Vec<_>>())?;
        Some(changes.within([LEAST_CHANGE, f64::INFINITY]))
    }

    /// A metric over the seeds, in its unit for reading.
    pub(super) fn interval(&self, metric: Metric, place: &Place, series: &str) -> Option<Interval> {
        let here = |row: &&Row| row.series == series && row.x == place.x && row.x_label == place.label;
        let values = self.rows.iter().filter(here).filter_map(|row| row.metrics.get(&metric));
        Some(Interval::of(&values.map(|value| metric.in_unit(*value)).collect::<Vec<_>>())?.within(metric.range()))
    }
}

fn distinct<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut found = Vec::new();
    values.for_each(|value| {
        if !found.contains(&value) {
            found.push(value);
        }
    });
    found
}
