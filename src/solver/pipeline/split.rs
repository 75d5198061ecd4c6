//! Where to cut a region in two.

use super::choice::Choice;
use super::instance::Instance;
use super::search::Root;
use super::windows::{Split, Windows, work};

/// Between choices that share the weight of a region's dual (with their shares; `stage_weights` say what a second of each
/// position's stage costs): at the position where their segments differ most in what their time costs. `None` where the
/// region holds one choice.
pub(super) fn among(
    instance: &Instance,
    windows: &Windows,
    choices: &[(&Choice, f64)],
    stage_weights: &[[f64; 2]],
) -> Option<Split> {
    let mut best: Option<(f64, Split)> = None;
    if let [(one, _), (other, _), ..] = choices {
        for s in 0..windows.positions {
            let weights = stage_weights.get(s).copied().unwrap_or([1.0; 2]);
            let works: Vec<(f64, f64)> = choices
                .iter()
                .map(|(choice, alpha)| {
                    let first = if s == 0 { 0 } else { usize::from(choice.cuts[s - 1]) };
                    let (k, past) = (usize::from(choice.devices[s]), usize::from(choice.cuts[s]));
                    (work(instance, weights, k, first, past), *alpha)
                })
                .collect();
            let sum: f64 = works.iter().map(|w| w.1).sum();
            let mean = works.iter().map(|w| w.0 * w.1).sum::<f64>() / sum;
            let spread = (works.iter().map(|w| w.1 * (w.0 - mean).powi(2)).sum::<f64>() / sum).sqrt();
            let most = works.iter().map(|w| w.0).fold(0.0, f64::max);
            if spread > 1e-9 * most && best.as_ref().is_none_or(|(least, _)| spread > *least) {
                best = Some((spread, Split::Work { position: s, weights, threshold: mean }));
            }
        }
        if best.is_none() {
            return between(instance, one, other);
        }
    }
    best.map(|(_, split)| split).or_else(|| widest(instance, windows))
}

/// A split between two choices of as many devices: by the segments that differ most in time.
fn between(instance: &Instance, one: &Choice, other: &Choice) -> Option<Split> {
    let weights = [1.0, if instance.kind.has_backward() { 1.0 } else { 0.0 }];
    let mut best: Option<(f64, Split)> = None;
    for ((s, k, first, past), (_, j, from, to)) in one.segments().zip(other.segments()) {
        let (a, b) = (work(instance, weights, k, first, past), work(instance, weights, j, from, to));
        let spread = (a - b).abs();
        if spread > 1e-9 * a.max(b) && best.as_ref().is_none_or(|(most, _)| spread > *most) {
            best = Some((spread, Split::Work { position: s, weights, threshold: 0.5 * (a + b) }));
        }
    }
    best.map(|(_, split)| split).or_else(|| {
        one.segments().zip(other.segments()).find_map(|((position, k, _, past), (_, j, _, to))| {
            if k != j {
                Some(Split::Device { position, device: k })
            } else {
                (past != to).then(|| Split::Past { position, cut: past.min(to) })
            }
        })
    })
}

/// A split of any region that holds more than one choice: a device apart, or a range of cuts halved.
fn widest(instance: &Instance, windows: &Windows) -> Option<Split> {
    for position in 0..windows.positions {
        let usable: Vec<usize> = (0..instance.devices).filter(|&k| windows.open(position, k)).collect();
        if usable.len() > 1 {
            return Some(Split::Device { position, device: usable[0] });
        }
        let (mut low, mut high) = (usize::MAX, 0);
        for first in 0..instance.blocks {
            let &[k] = usable.as_slice() else { return None };
            let (least, most) = windows.get(position, k, first);
            if least <= most {
                (low, high) = (low.min(least), high.max(most));
            }
        }
        if low < high {
            return Some(Split::Past { position, cut: (low + high) / 2 });
        }
    }
    None
}

/// Cuts a region in two between two choices, or anyhow; `None` where it holds one choice.
pub(super) fn halve(
    instance: &Instance,
    region: &[Root],
    choices: Option<(&Choice, &Choice)>,
) -> Option<[Vec<Root>; 2]> {
    if let Some((one, other)) = choices {
        let of = |choice: &Choice| region.iter().position(|root| root.windows.holds(choice));
        let (a, b) = (of(one)?, of(other)?);
        if a != b {
            let (mut left, mut right) = (Vec::new(), Vec::new());
            let middle = a.min(b);
            for (index, root) in region.iter().enumerate() {
                if index <= middle { &mut left } else { &mut right }.push(root.clone());
            }
            return Some([left, right]);
        }
        let split = between(instance, one, other)?;
        return Some(apart(instance, region, a, split));
    }
    if region.len() > 1 {
        let (left, right) = region.split_at(region.len() / 2);
        return Some([left.to_vec(), right.to_vec()]);
    }
    let split = widest(instance, &region.first()?.windows)?;
    Some(apart(instance, region, 0, split))
}

/// One root's lower side on its own, everything else on the other side.
fn apart(instance: &Instance, region: &[Root], at: usize, split: Split) -> [Vec<Root>; 2] {
    let root = &region[at];
    let side = |lower| Root { plan: root.plan, windows: root.windows.side(instance, split, lower) };
    let mut rest = region.to_vec();
    rest[at] = side(false);
    [vec![side(true)], rest]
}
