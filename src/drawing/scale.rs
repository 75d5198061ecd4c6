//! Where values stand along an axis, and which of them are written there.

use super::figure::Axis;

/// A value on an axis and its text.
pub(super) type Tick = (f64, String);

/// Where values stand along an axis.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scale {
    low: f64,
    high: f64,
    kind: Kind,
    /// Lists of ticks, the best first: the first one whose texts do not touch is written.
    ticks: Vec<Vec<Tick>>,
    /// Of a logarithmic axis, the values with a mark and no text.
    minor: Vec<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Linear,
    Log,
    /// Names, at 0, 1, ...
    Places,
}

impl Scale {
    /// Logarithmic, from below the least to above the greatest of the positive values; without any, from 1 to 10.
    pub(crate) fn log(values: impl Iterator<Item = f64>) -> Self {
        let usable = values.filter(|value| *value > 0.0 && value.is_finite());
        let (low, high) = usable.fold((f64::INFINITY, 0.0_f64), |(low, high), v| (low.min(v), high.max(v)));
        let (low, high) = if low <= high { (low, high) } else { (1.0, 10.0) };
        // Room of a twentieth of the span, and at least a tenth above and below a single value.
        let room = (0.05 * (high / low).ln()).max(0.1).exp();
        let (low, high) = (low / room, high * room);
        let decades = low.log10().floor() as i32..=high.log10().ceil() as i32;
        let inside = |steps: &[f64]| -> Vec<f64> {
            let all = decades.clone().flat_map(|decade| steps.iter().map(move |step| step * 10f64.powi(decade)));
            all.filter(|tick| (low..=high).contains(tick)).collect()
        };
        let tens = inside(&[1.0]);
        let mut all = vec![inside(&[1.0, 2.0, 5.0]), inside(&[1.0, 1.5, 2.0, 3.0, 5.0, 7.0]), inside(&[1.0, 3.0])];
        all.extend((1..=6).map(|every| tens.iter().copied().step_by(every).collect()));
        // Three numbers or more, where there is room; less than a decade may hold none of these.
        let least = |count: usize| all.iter().filter(move |list| list.len() >= count).cloned();
        let lists = least(3).chain(least(2)).chain([4, 3, 2].map(|count| nice(low, high, count)));
        let minor = inside(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
        Self { low, high, kind: Kind::Log, ticks: lists.map(named).collect(), minor }
    }

    /// From below the least to above the greatest value; `include` is always within.
    pub(crate) fn linear(values: impl Iterator<Item = f64>, include: Option<f64>) -> Self {
        let usable = values.chain(include).filter(|value| value.is_finite());
        let (low, high) = usable.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        let (low, high) = if low <= high { (low, high) } else { (0.0, 1.0) };
        // Nothing but zeros: the axis needs some length all the same.
        let (low, high) = if low == high && low == 0.0 { (0.0, 1.0) } else { (low, high) };
        let room = (0.08 * (high - low)).max(1e-3 * high.abs()).max(f64::MIN_POSITIVE);
        // A quantity without a sign has no room below zero.
        let floor = if low >= 0.0 { (low - room).max(0.0) } else { low - room };
        Self::between(floor, high + room)
    }

    /// Linear, with these ends.
    pub(crate) fn between(low: f64, high: f64) -> Self {
        let (low, high) = if low < high && (high - low).is_finite() { (low, high) } else { (0.0, 1.0) };
        let ticks = [8, 6, 5, 4, 3, 2, 1].map(|count| named(nice(low, high, count))).into();
        Self { low, high, kind: Kind::Linear, ticks, minor: Vec::new() }
    }

    /// From 0 to 1, in per cent.
    pub(crate) fn shares() -> Self {
        let list = |values: &[f64]| values.iter().map(|share| (*share, format!("{:.0}", 100.0 * share))).collect();
        let ticks = vec![list(&[0.0, 0.25, 0.5, 0.75, 1.0]), list(&[0.0, 0.5, 1.0]), list(&[0.0, 1.0])];
        Self { low: 0.0, high: 1.0, kind: Kind::Linear, ticks, minor: Vec::new() }
    }

    /// The numbers of slots, with half a slot of room on either side.
    pub(crate) fn slots(mut slots: impl Iterator<Item = u64>) -> Self {
        let first = slots.next().unwrap_or_default();
        let last = slots.last().unwrap_or(first);
        let mut scale = Self::between(first as f64 - 0.5, last as f64 + 0.5);
        for list in &mut scale.ticks {
            list.retain(|(value, _)| value.fract() == 0.0);
        }
        scale.ticks.retain(|list| !list.is_empty());
        scale.ticks.push(named(vec![first as f64]));
        scale
    }

    /// One place per name, at 0, 1, ..., from left to right.
    pub(crate) fn places(names: impl Iterator<Item = String>) -> Self {
        let names: Vec<Tick> = (0u32..).map(f64::from).zip(names).collect();
        let high = names.len().max(1) as f64 - 0.5;
        let every = |step: usize| names.iter().cloned().step_by(step).collect();
        let ticks = [1, 2, 3, 4, 5, 8, 10, 15, 20, 30, 50, 100, 200, 500, 1000].into_iter().map(every).collect();
        Self { low: -0.5, high, kind: Kind::Places, ticks, minor: Vec::new() }
    }

    /// The same from above to below, for rows.
    pub(crate) fn rows(names: impl Iterator<Item = String>) -> Self {
        let Self { low, high, mut ticks, .. } = Self::places(names);
        // A row without a name would be of no use.
        ticks.truncate(1);
        Self { low: high, high: low, kind: Kind::Places, ticks, minor: Vec::new() }
    }

    /// This axis with ticks at these values, where their texts do not touch.
    pub(crate) fn ticks_at(mut self, values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        if !values.is_empty() {
            self.ticks.insert(0, named(values));
        }
        self
    }

    /// Share of the axis below a value; far outside is as good as just outside.
    pub(crate) fn at(&self, value: f64) -> f64 {
        let share = match self.kind {
            Kind::Log => (value / self.low).ln() / (self.high / self.low).ln(),
            _ => (value - self.low) / (self.high - self.low),
        };
        if share.is_nan() { -1.0 } else { share.clamp(-1.0, 2.0) }
    }

    /// Its ends.
    pub(crate) fn range(&self) -> (f64, f64) {
        (self.low, self.high)
    }

    pub(crate) fn is_log(&self) -> bool {
        self.kind == Kind::Log
    }

    /// Whether names stand along it.
    pub(super) fn has_names(&self) -> bool {
        self.kind == Kind::Places
    }

    pub(super) fn minor(&self) -> &[f64] {
        &self.minor
    }

    /// The best ticks whose texts keep their distance along an axis of this length; `room` is what a text takes, with
    /// the distance. The last list, if none does.
    pub(super) fn fitting(&self, length: f64, room: impl Fn(&str) -> f64) -> &[Tick] {
        let apart = |pair: &[Tick]| match pair {
            [(a, first), (b, second)] => {
                let distance = (self.at(*b) - self.at(*a)).abs() * length;
                distance >= (room(first) + room(second)) / 2.0
            }
            _ => true,
        };
        let fits = |list: &&Vec<Tick>| !list.is_empty() && list.windows(2).all(apart);
        let best = self.ticks.iter().find(fits).or(self.ticks.last());
        best.map(Vec::as_slice).unwrap_or_default()
    }
}

impl Axis {
    /// Its title; of a logarithmic axis that says so.
    pub(super) fn heading(&self) -> String {
        match (self.scale.is_log(), self.title.is_empty()) {
            (true, false) => format!("{} (log)", self.title),
            _ => self.title.clone(),
        }
    }
}

/// About `count` round values within a range.
fn nice(low: f64, high: f64, count: u32) -> Vec<f64> {
    let rough = (high - low) / f64::from(count);
    let decade = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|factor| factor * decade).into_iter().find(|step| *step >= rough);
    let step = step.unwrap_or(rough);
    let first = (low / step).ceil();
    // Whole multiples, so that ticks carry no rounding of sums; + 0 makes a negative zero positive.
    (0u32..=2 * count).map(|k| (first + f64::from(k)) * step + 0.0).take_while(|tick| *tick <= high).collect()
}

/// Values with their shortest texts.
fn named(values: Vec<f64>) -> Vec<Tick> {
    values.into_iter().map(|value| (value, number_of_tick(value))).collect()
}

fn number_of_tick(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    if !(1e-3..1e5).contains(&value.abs()) {
        let text = format!("{value:.2e}");
        let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
        let digits = digits.trim_end_matches('0').trim_end_matches('.');
        return format!("{digits}e{power}").replace('-', "−");
    }
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(scale: &Scale, length: f64) -> Vec<&str> {
        scale
            .fitting(length, |text| 5.0 * text.chars().count() as f64 + 5.0)
            .iter()
            .map(|tick| tick.1.as_str())
            .collect()
    }

    #[test]
    fn scales_hold_their_values_and_have_round_ticks() {
        let log = Scale::log([0.01, 1.0, 0.0, f64::NAN].into_iter());
        assert!(log.at(0.01) > 0.0 && log.at(1.0) < 1.0 && (log.at(0.1) - 0.5).abs() < 1e-12);
        assert_eq!(texts(&log, 400.0), ["0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1"]);
        assert_eq!(texts(&log, 100.0), ["0.01", "0.1", "1"]);
        // Where three have no room there are two, far apart.
        assert_eq!(texts(&Scale::log([10.0, 5000.0].into_iter()), 55.0), ["10", "1000"]);
        assert!(texts(&Scale::log([115.0, 126.0].into_iter()), 300.0).len() >= 3);
        let linear = Scale::linear([-3.0, 7.0].into_iter(), Some(0.0));
        assert_eq!(texts(&linear, 150.0), ["−2", "0", "2", "4", "6"]);
        for empty in [Scale::log(std::iter::empty()), Scale::linear(std::iter::empty(), None)] {
            assert!(empty.low < empty.high && !texts(&empty, 200.0).is_empty());
        }
        let one = Scale::linear([5.0].into_iter(), None);
        assert!(one.low < 5.0 && one.high > 5.0);
    }

    #[test]
    fn slots_are_whole_and_places_named_while_there_is_room() {
        assert_eq!(texts(&Scale::slots(0..3), 300.0), ["0", "1", "2"]);
        assert_eq!(texts(&Scale::slots(7..8), 300.0), ["7"]);
        let places = Scale::places((0..100).map(|place| place.to_string()));
        assert!(texts(&places, 300.0).len() <= 20);
        assert_eq!((places.at(-0.5), places.at(99.5)), (0.0, 1.0));
        let rows = Scale::rows(["a", "b"].map(String::from).into_iter());
        assert_eq!((rows.at(0.0), rows.at(1.0)), (0.75, 0.25));
    }

    #[test]
    fn numbers_are_short() {
        let values = [0.0, 0.25, -2.5, 200.0, 2e7, 1.25e-5].map(number_of_tick);
        assert_eq!(values, ["0", "0.25", "−2.5", "200", "2e7", "1.25e−5"].map(String::from));
    }
}
