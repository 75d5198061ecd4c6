//! The same answer bit for bit on any number of threads.

use collapipe::instances::InstanceSize;
use collapipe::problem::Participation;
use collapipe::solver::{Settings, Solution, solve};
use rayon::ThreadPoolBuilder;

#[test]
fn one_thread_and_four_agree_bit_for_bit() {
    let on = |threads: usize, size: InstanceSize, seed: u64| -> Solution {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| solve(&size.sample(seed).unwrap(), &Settings::default()).unwrap())
    };
    for participation in [Participation::All, Participation::Select] {
        for (clusters, devices, seed) in [(1, 6, 1), (2, 3, 2), (7, 4, 3), (20, 5, 4), (1300, 2, 5)] {
            if clusters > 100 && participation == Participation::Select {
                continue;
            }
            let size = InstanceSize { clusters, devices, blocks: 12, plans: 4, participation };
            let (one, four) = (on(1, size, seed), on(4, size, seed));
            assert!(one.certified().is_some());
            assert_eq!(one, four, "{clusters} clusters, {participation:?}");
        }
    }
}
