//! Segments by a rule, before anything else is decided.

use crate::problem::DeviceId;
use crate::problem::{Device, Participation, SlotProblem};
use crate::solver::backend::Segments;
use crate::solver::block_caps;

/// For each device the most blocks that its memory holds; 0 for one that cannot take part.
pub(super) fn caps(problem: &SlotProblem) -> Vec<Vec<u32>> {
    problem.clusters.iter().map(|cluster| block_caps(problem, cluster)).collect()
}

/// Sizes in proportion to `weight`, at least one block each and no more than memory holds, by largest remainder; ties
/// go to the device that comes first. Under participation `select` devices without memory or links to the control unit
/// are left out, and of more devices than blocks those of most weight stay.
///
/// # Errors
/// In words, why there are no such sizes.
pub(super) fn proportional(problem: &SlotProblem, weight: impl Fn(&Device) -> f64) -> Result<Vec<Segments>, String> {
    let clusters = problem.clusters.iter().zip(caps(problem)).enumerate();
    let sizes = clusters.map(|(n, (cluster, caps))| {
        let weights: Vec<f64> = cluster.devices.iter().map(&weight).collect();
        share(&caps, &weights, problem.encoder.blocks(), problem.participation)
            .map_err(|reason| format!("clusters[{n}]: {reason}"))
    });
    sizes.collect()
}

/// The sizes of a cluster.
fn share(caps: &[u32], weights: &[f64], blocks: u32, participation: Participation) -> Result<Segments, String> {
    // Device, most blocks, weight.
    let mut devices: Vec<(usize, u32, f64)> =
        caps.iter().zip(weights).enumerate().map(|(k, (&cap, &weight))| (k, cap, weight)).collect();
    match participation {
        Participation::All => {
            if let Some((k, ..)) = devices.iter().find(|(_, cap, _)| *cap == 0) {
                return Err(format!("devices[{k}] has no memory for a block, but all devices must take part"));
            }
            if devices.len() as u64 > u64::from(blocks) {
                return Err(format!("{} devices must all take part in {blocks} blocks", devices.len()));
            }
        }
        Participation::Select => {
            devices.retain(|(_, cap, _)| *cap > 0);
            if devices.len() as u64 > u64::from(blocks) {
                devices.sort_by(|(_, _, a), (_, _, b)| b.total_cmp(a));
                devices.truncate(blocks as usize);
                devices.sort_by_key(|(k, ..)| *k);
            }
        }
    }
    let room: u64 = devices.iter().map(|(_, cap, _)| u64::from(*cap)).sum();
    if devices.is_empty() || room < u64::from(blocks) {
        return Err(format!("the devices that can take part hold {room} of {blocks} blocks"));
    }
    let whole: f64 = devices.iter().map(|(.., weight)| weight).sum();
    let quotas: Vec<f64> = devices.iter().map(|(.., weight)| f64::from(blocks) * weight / whole).collect();
    let mut sizes: Vec<u32> =
        devices.iter().zip(&quotas).map(|((_, cap, _), quota)| (quota.floor() as u32).clamp(1, *cap)).collect();
    // One block at a time goes to, or comes from, the device that is furthest from its quota.
    let missing = |sizes: &[u32], k: usize| quotas.get(k).zip(sizes.get(k)).map_or(0.0, |(q, &d)| q - f64::from(d));
    loop {
        let placed: u64 = sizes.iter().map(|&size| u64::from(size)).sum();
        let indices = devices.iter().zip(&sizes).enumerate();
        let (next, change) = match placed.cmp(&u64::from(blocks)) {
            std::cmp::Ordering::Equal => break,
            std::cmp::Ordering::Less => {
                let open = indices.filter(|(_, ((_, cap, _), size))| *size < cap).map(|(k, _)| k);
                // `max_by` takes the last of equals.
                let next = open.rev().max_by(|&a, &b| missing(&sizes, a).total_cmp(&missing(&sizes, b)));
                (next, 1)
            }
            std::cmp::Ordering::Greater => {
                let open = indices.filter(|(_, (_, size))| **size > 1).map(|(k, _)| k);
                (open.min_by(|&a, &b| missing(&sizes, a).total_cmp(&missing(&sizes, b))), -1)
            }
        };
        match next.and_then(|next| sizes.get_mut(next)) {
            Some(size) => *size = size.saturating_add_signed(change),
            None => return Err(format!("{blocks} blocks cannot be shared by {} devices", sizes.len())),
        }
    }
    Ok(Segments { active: devices.iter().map(|(k, ..)| DeviceId(*k)).collect(), sizes })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn sizes(caps: &[u32], weights: &[f64], blocks: u32, participation: Participation) -> Vec<u32> {
        share(caps, weights, blocks, participation).unwrap().sizes
    }

    #[test]
    fn largest_remainders_by_hand() {
        let all = Participation::All;
        // Quotas 6, 4, 2.
        assert_eq!(sizes(&[12; 3], &[3.0, 2.0, 1.0], 12, all), [6, 4, 2]);
        // Quotas 4.71, 4.71, 0.57: the floor of the last is raised to one, the one left goes to the first.
        assert_eq!(sizes(&[10; 3], &[33.0, 33.0, 4.0], 10, all), [5, 4, 1]);
        // What does not fit on the first is shifted.
        assert_eq!(sizes(&[2, 12, 12], &[1.0; 3], 12, all), [2, 5, 5]);
        assert_eq!(sizes(&[12; 5], &[1.0; 5], 12, all), [3, 3, 2, 2, 2]);
        // Quotas 9.8, 0.1, 0.1: two minima cost the first what it has.
        assert_eq!(sizes(&[10; 3], &[98.0, 1.0, 1.0], 10, all), [8, 1, 1]);
    }

    #[test]
    fn devices_that_cannot_take_part() {
        let some = share(&[5, 0, 8], &[1.0; 3], 12, Participation::Select).unwrap();
        assert_eq!((some.active, some.sizes), (vec![DeviceId(0), DeviceId(2)], vec![5, 7]));
        let most = share(&[1; 4], &[1.0, 4.0, 2.0, 3.0], 2, Participation::Select).unwrap();
        assert_eq!((most.active, most.sizes), (vec![DeviceId(1), DeviceId(3)], vec![1, 1]));
        for participation in [Participation::All, Participation::Select] {
            assert!(share(&[5, 0, 6], &[1.0; 3], 12, participation).is_err());
        }
        assert!(share(&[1; 4], &[1.0; 4], 3, Participation::All).is_err());
    }
}
