//! Which look a series has: a policy the same mark and dash in all figures, and no two of a figure the same.

use crate::drawing::look::{COLOURS, Look, MARKS};
use crate::simulation::PolicyKind;

/// The looks of these series. Policies that take no number have mark and dash of their place in [`PolicyKind::ALL`]; others
/// the first that none of the figure has. Beyond [`MARKS`] series they begin again. Colours are those of the places too, unless
/// one is taken and another is free.
pub(super) fn looks(series: &[&str]) -> Vec<Look> {
    let known = |name: &str| PolicyKind::ALL.iter().position(|kind| kind.to_string() == name);
    let mut taken: Vec<usize> = series.iter().filter_map(|name| known(name)).collect();
    let of = |name: &&str| {
        known(name).unwrap_or_else(|| {
            let free = (0..MARKS).find(|place| !taken.contains(place)).unwrap_or(taken.len());
            taken.push(free);
            free
        })
    };
    let places: Vec<usize> = series.iter().map(of).collect();
    let mut left: Vec<usize> = (0..COLOURS).collect();
    let look = |place: usize| {
        let own = left.iter().position(|colour| *colour == place % COLOURS);
        let colour = if left.is_empty() { place } else { left.remove(own.unwrap_or(0)) };
        Look::at(place).coloured(colour)
    };
    places.into_iter().map(look).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without colour: what is left of a look in grey print.
    fn grey(look: Look) -> String {
        format!("{:?} {:?}", look.dash, look.mark.map(|mark| (mark.shape, mark.inside)))
    }

    #[test]
    fn no_two_policies_look_alike_and_each_looks_the_same_everywhere() {
        let names: Vec<String> = PolicyKind::ALL.iter().map(ToString::to_string).collect();
        let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
        // Two more, which are in no list.
        names.extend(["fixed-micro-batch-4", "fixed-micro-batch-8"]);
        let all = looks(&names);
        for (index, look) in all.iter().enumerate() {
            for (other, name) in all.iter().zip(&names).skip(index + 1) {
                assert_ne!(grey(*look), grey(*other), "{} and {name}", names[index]);
            }
        }
        let (two, of) = (["full-model-federated", "no-pipeline"], |name: &str| names.iter().position(|n| *n == name));
        for (name, look) in two.into_iter().zip(looks(&two)) {
            assert_eq!(grey(look), grey(all[of(name).unwrap()]));
        }
        // As many as there are colours differ in colour as well, as those that are compared by default do.
        let few = ["exact", "uniform-segments", "proportional-speed", "fixed-radio", "no-pipeline", "offline"];
        let colours: std::collections::HashSet<_> = looks(&few).into_iter().map(|look| look.colour).collect();
        assert_eq!(colours.len(), few.len());
        // One that is not a policy leaves the looks of those alone.
        let mixed = looks(&["mine", "exact"]);
        assert_eq!(grey(mixed[1]), grey(all[0]));
        assert_ne!(grey(mixed[0]), grey(mixed[1]));
    }
}
