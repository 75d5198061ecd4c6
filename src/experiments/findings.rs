//! What came out, in words: sentences computed from the rows, true of these runs and of no others.

use super::interval::Place;
use super::metric::Metric;
use super::table::{Drawing, PlotSpec, ResultTable};
use crate::report::table::number;

/// Means that differ by less than this, relative to the smaller one, count as equal: the digits that are shown.
const ALIKE: f64 = 1e-3;

/// Most cases that a sentence lists.
const MOST: usize = 6;

/// The findings of an experiment, a sentence each: how the first series moves along the axis, who is best and worst, who exceeds a
/// limit, who has no round, who is left out. Means over the seeds.
///
/// They are computed from the rows of the table, so that they hold for it whatever was played; where there are no rows there
/// are no findings.
#[must_use]
pub fn findings(table: &ResultTable) -> Vec<String> {
    if table.rows.is_empty() {
        return Vec::new();
    }
    let ranked = table.plots.iter().find(|plot| is_ranked(plot.metric));
    let about = |plot: &PlotSpec| match plot.metric {
        Metric::WorstBudgetUse => vec![beyond_limit(table, plot)],
        Metric::OutageShare => vec![without_rounds(table, plot)],
        Metric::Blocks => left_out(table, plot),
        metric if is_ranked(metric) => {
            let mut all: Vec<Option<String>> = vec![trend(table, plot)];
            if ranked.is_some_and(|first| first.metric == metric) {
                all.extend([crossing(table, plot), extreme(table, plot, true), extreme(table, plot, false)]);
            }
            all
        }
        _ => Vec::new(),
    };
    table.plots.iter().flat_map(about).flatten().collect()
}

/// Whether less of a metric is better, so that there is a first and a last.
const fn is_ranked(metric: Metric) -> bool {
    matches!(
        metric,
        Metric::LatencyS
            | Metric::PricedLatencyS
            | Metric::Gap
            | Metric::ConvergenceBound
            | Metric::TimeRatio
            | Metric::PredictionError
            | Metric::HeldOutLoss
    )
}

/// A value with its unit.
fn shown(metric: Metric, value: f64) -> String {
    match metric.unit() {
        "" => number(value),
        "% of budget" => format!("{} %", number(value)),
        unit => format!("{} {unit}", number(value)),
    }
}

/// The means of a series at the places that have one.
fn means(table: &ResultTable, metric: Metric, series: &str) -> Vec<(Place, f64)> {
    let at = |place: Place| Some((table.interval(metric, &place, series)?.mean, place));
    table.places().into_iter().filter_map(at).map(|(mean, place)| (place, mean)).collect()
}

/// How the first series moves from one end of the axis to the other.
fn trend(table: &ResultTable, plot: &PlotSpec) -> Option<String> {
    if plot.drawing != Drawing::Lines {
        return None;
    }
    let series = *table.series().first()?;
    let mut means = means(table, plot.metric, series);
    means.sort_by(|(a, _), (b, _)| a.x.unwrap_or(f64::NAN).total_cmp(&b.x.unwrap_or(f64::NAN)));
    let ((first, from), (last, to)) = (means.first()?, means.last()?);
    if means.len() < 2 {
        return None;
    }
    let (least, low) = means.iter().min_by(|(_, a), (_, b)| a.total_cmp(b))?;
    let verb = if (from - to).abs() <= ALIKE * from.abs().min(to.abs()) {
        "begins and ends alike,"
    } else if from > to {
        "falls"
    } else {
        "rises"
    };
    let inside = if *low < from.min(*to) * (1.0 - ALIKE) {
        format!(", least with {} at {}", shown(plot.metric, *low), least.label)
    } else {
        String::new()
    };
    Some(format!(
        "{}: {series} {verb} from {} at {} to {} at {} ({}){inside}.",
        plot.metric.title(),
        shown(plot.metric, *from),
        first.label,
        shown(plot.metric, *to),
        last.label,
        plot.x_axis,
    ))
}

/// From where on along the axis the first series is the least of those that are not so at its beginning.
fn crossing(table: &ResultTable, plot: &PlotSpec) -> Option<String> {
    if plot.drawing != Drawing::Lines {
        return None;
    }
    let all = table.series();
    let (first, others) = all.split_first()?;
    let own = means(table, plot.metric, first);
    let met = |name: &&str| {
        let theirs = means(table, plot.metric, name);
        let mut both: Vec<(&Place, bool)> = own
            .iter()
            .filter_map(|(place, own)| {
                let (_, theirs) = theirs.iter().find(|(other, _)| other == place)?;
                Some((place, *own <= *theirs))
            })
            .collect();
        both.sort_by(|(a, _), (b, _)| a.x.unwrap_or(f64::NAN).total_cmp(&b.x.unwrap_or(f64::NAN)));
        let behind = both.iter().rposition(|(_, ahead)| !ahead)?;
        let (last, (from, _)) = (both.get(behind)?.0, both.get(behind + 1)?);
        Some(format!("{name} from somewhere between {} and {} on", last.label, from.label))
    };
    let met: Vec<String> = others.iter().filter_map(met).collect();
    (!met.is_empty()).then(|| format!("{}: {first} is below {} ({}).", plot.metric.title(), list(&met), plot.x_axis))
}

/// Who has the least (or the largest) of a metric, at how many places.
fn extreme(table: &ResultTable, plot: &PlotSpec, least: bool) -> Option<String> {
    let (places, series) = (table.places(), table.series());
    if series.len() < 2 {
        return None;
    }
    let mut wins = vec![0_usize; series.len()];
    let mut all = 0;
    for place in &places {
        let means: Vec<Option<f64>> =
            series.iter().map(|name| Some(table.interval(plot.metric, place, name)?.mean)).collect();
        let better = |a: f64, b: f64| if least { a.min(b) } else { a.max(b) };
        let Some(best) = means.iter().flatten().copied().reduce(better) else { continue };
        all += 1;
        for (count, mean) in wins.iter_mut().zip(&means) {
            *count += usize::from(mean.is_some_and(|mean| (mean - best).abs() <= ALIKE * best.abs()));
        }
    }
    let most = wins.iter().copied().max().filter(|most| *most > 0)?;
    let names: Vec<&str> = series.iter().zip(&wins).filter(|(_, wins)| **wins == most).map(|(name, _)| *name).collect();
    if names.len() == series.len() {
        return least.then(|| format!("{}: all are alike.", plot.metric.title()));
    }
    let (which, times) = (if least { "least" } else { "largest" }, if all == 1 { "place" } else { "places" });
    Some(format!("{}: {which} for {} at {most} of {all} {times}.", plot.metric.title(), list(&names)))
}

/// Whose worst node spends more than its budget, and where.
fn beyond_limit(table: &ResultTable, plot: &PlotSpec) -> Option<String> {
    let limit = plot.metric.limit()?;
    let mut found = Vec::new();
    for series in table.series() {
        let over = means(table, plot.metric, series).into_iter().filter(|(_, mean)| *mean > limit * (1.0 + ALIKE));
        let over: Vec<String> =
            over.map(|(place, mean)| format!("{} ({})", place.label, shown(plot.metric, mean))).collect();
        if !over.is_empty() {
            found.push(format!("{series} at {}", list(&over)));
        }
    }
    if found.is_empty() {
        return Some("Every policy keeps every budget in the mean.".into());
    }
    Some(format!("The worst node spends more than its budget: {}.", found.join("; ")))
}

/// Who loses most slots.
fn without_rounds(table: &ResultTable, plot: &PlotSpec) -> Option<String> {
    let worst = |series: &&str| {
        let worst = means(table, plot.metric, series).into_iter().max_by(|(_, a), (_, b)| a.total_cmp(b))?;
        (worst.1 > 0.0).then(|| ((*series).to_owned(), worst))
    };
    let mut losers: Vec<(String, (Place, f64))> = table.series().iter().filter_map(worst).collect();
    losers.sort_by(|(_, (_, a)), (_, (_, b))| b.total_cmp(a));
    if losers.is_empty() {
        return Some("Every slot has a round.".into());
    }
    let most = |(name, (place, share)): &(String, (Place, f64))| {
        format!("{name} up to {} (at {})", shown(plot.metric, *share), place.label)
    };
    Some(format!("Slots without a round: {}.", list(&losers.iter().map(most).collect::<Vec<_>>())))
}

/// Which places (devices) hold nothing, by series.
fn left_out(table: &ResultTable, plot: &PlotSpec) -> Vec<Option<String>> {
    let of = |series: &str| {
        let empty = means(table, plot.metric, series).into_iter().filter(|(_, mean)| *mean == 0.0);
        let empty: Vec<String> = empty.map(|(place, _)| place.label).collect();
        (!empty.is_empty()).then(|| format!("{series} never gives a block to {}.", list(&empty)))
    };
    table.series().into_iter().map(of).collect()
}

/// `a, b and c`; the first few where there are many.
fn list<S: AsRef<str>>(all: &[S]) -> String {
    let names: Vec<&str> = all.iter().map(AsRef::as_ref).collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] if names.len() <= MOST => format!("{} and {last}", first.join(", ")),
        _ => format!("{} and {} more", names.get(..MOST).unwrap_or_default().join(", "), names.len() - MOST),
    }
}
