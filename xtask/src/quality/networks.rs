//! Networks of 2 to 50 clusters with 2 to 10 devices each, 24 blocks and 8 plans.

use std::error::Error;

use collapipe::instances::InstanceSize;
use collapipe::problem::Participation;

use super::{Row, solved};

/// What is solved: every device takes part, or the solver chooses.
pub const KINDS: [(&str, Participation); 2] = [("all", Participation::All), ("select", Participation::Select)];

/// Solves the seeded networks; both kinds have the same sizes.
pub fn rows(participation: Participation, seeds: u64, work_limit: Option<u64>) -> Result<Vec<Row>, Box<dyn Error>> {
    let drawn = (0..seeds).map(|seed| {
        let (clusters, devices) = (2 + (13 * seed % 49) as usize, 2 + (seed % 9) as usize);
        let size = InstanceSize { clusters, devices, participation, ..InstanceSize::default() };
        solved(&size.sample(seed)?, seed, work_limit)
    });
    drawn.collect()
}
