//! The answer does not depend on the number of threads: bit for bit.

use collapipe::instances::InstanceSize;
use collapipe::problem::Participation;
use collapipe::solver::{Settings, Solution, solve};

/// Solves in a pool of its own.
fn on(threads: usize, size: InstanceSize, seed: u64) -> Solution {
    let problem = size.sample(seed).unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        assert_eq!(rayon::current_num_threads(), threads);
        solve(&problem, &Settings::default()).unwrap()
    })
}

fn same_on_one_and_four_threads(size: InstanceSize, seeds: u64) {
    for seed in 0..seeds {
        let (one, four) = (on(1, size, seed), on(4, size, seed));
        let place = format!("{size:?}, seed {seed}");
        let (alone, together) = (one.certified().unwrap(), four.certified().unwrap());
        assert_eq!(alone.objective().to_bits(), together.objective().to_bits(), "{place}");
        assert_eq!(alone.lower_bound.to_bits(), together.lower_bound.to_bits(), "{place}");
        // Decision, evaluation, prices and the counts of work: equality of floats is equality of bits up to the sign of
        // zero.
        assert_eq!(one, four, "{place}");
    }
}

const SELECT: InstanceSize =
    InstanceSize { clusters: 1, devices: 8, blocks: 24, plans: 8, participation: Participation::Select };
const ALL: InstanceSize = InstanceSize { participation: Participation::All, ..SELECT };

#[test]
fn single_clusters() {
    same_on_one_and_four_threads(ALL, 20);
    same_on_one_and_four_threads(SELECT, 10);
}

#[test]
fn networks_of_all_devices() {
    same_on_one_and_four_threads(InstanceSize { clusters: 2, devices: 3, blocks: 9, ..ALL }, 20);
    same_on_one_and_four_threads(InstanceSize { clusters: 12, ..ALL }, 6);
    // Enough clusters for the cheap work to be spread as well.
    same_on_one_and_four_threads(InstanceSize { clusters: 1100, devices: 2, blocks: 6, plans: 2, ..ALL }, 1);
}

#[test]
fn networks_that_choose_their_devices() {
    same_on_one_and_four_threads(InstanceSize { clusters: 2, devices: 4, blocks: 8, plans: 3, ..SELECT }, 8);
    same_on_one_and_four_threads(InstanceSize { clusters: 6, devices: 5, blocks: 12, plans: 4, ..SELECT }, 4);
}
