//! One cluster that chooses among its devices.

use std::error::Error;

use collapipe::instances::InstanceSize;
use collapipe::problem::Participation;

use super::{Row, solved};

/// Solves the seeded problems of so many devices and blocks, and 8 plans.
pub fn rows((devices, blocks): (usize, u32), seeds: u64, work_limit: Option<u64>) -> Result<Vec<Row>, Box<dyn Error>> {
    let size = InstanceSize { devices, blocks, participation: Participation::Select, ..InstanceSize::default() };
    (0..seeds).map(|seed| solved(&size.sample(seed)?, seed, work_limit)).collect()
}
