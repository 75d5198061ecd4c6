//! One cluster that chooses among its devices.

use std::error::Error;

use collapipe::instances::InstanceSize;
use collapipe::problem::Participation;

use super::{Row, solved};

/// Solves the seeded problems of 24 blocks and 8 plans.
pub fn rows(devices: usize, seeds: u64) -> Result<Vec<Row>, Box<dyn Error>> {
    let size = InstanceSize { devices, participation: Participation::Select, ..InstanceSize::default() };
    (0..seeds).map(|seed| solved(&size.sample(seed)?, seed)).collect()
}
