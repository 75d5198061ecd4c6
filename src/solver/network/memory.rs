//! What is remembered of a network from one slot to the next, to start from. Only the time of a solve depends on it.
//!
//! Remembered are the best choices with their weights and prices, and for every plan the choices that were best in some
//! part of the search: with them at hand the dual needs few rounds, and it is seen at once where to cut.

use crate::ground::route::DeviceId;
use crate::solver::cluster::Domain;
use crate::solver::network::envelope::Known;

/// A condition on one device of one cluster: at most `most` blocks, or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    pub cluster: usize,
    pub device: DeviceId,
    pub most: u32,
    pub more: bool,
}

impl Cut {
    /// What is left of a domain; `None` where nothing is.
    pub fn apply(&self, domain: &Domain) -> Option<Domain> {
        let (mut left, k) = (domain.clone(), self.device.0);
        // A device that there is not holds no blocks.
        let Some(high) = left.high.get_mut(k) else { return (!self.more).then_some(left) };
        if self.more {
            left.low[k] = left.low[k].max(self.most + 1);
        } else {
            *high = (*high).min(self.most);
        }
        (left.low[k] <= left.high[k]).then_some(left)
    }
}

/// Where the last slot's search ended.
#[derive(Clone, Debug)]
pub(crate) struct Best {
    pub plan: usize,
    /// V_n/V.
    pub shares: Vec<f64>,
}

/// What a network solve leaves to the next one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    pub best: Option<Best>,
    /// Per plan and cluster the choices that were best in some part of a search, the latest first.
    pub pools: Vec<Vec<Vec<Known>>>,
}

/// Choices of a cluster under a plan that are kept, and that are used of a plan that was not the best.
const MOST_KEPT: usize = 8;
pub(crate) const FEW_USED: usize = 2;

impl Memory {
    /// Forgets what does not fit so many plans and clusters.
    pub fn fit(&mut self, plans: usize, clusters: usize) {
        if self.pools.len() != plans || self.pools.iter().any(|pool| pool.len() != clusters) {
            *self = Self { best: None, pools: vec![vec![Vec::new(); clusters]; plans] };
        }
    }

    /// Puts choices first in a plan's pools, each with what is known of it.
    pub fn keep(&mut self, plan: usize, first: Vec<Vec<Known>>) {
        for (pool, first) in self.pools[plan].iter_mut().zip(first) {
            let mut kept: Vec<Known> = Vec::with_capacity(MOST_KEPT);
            for known in first.into_iter().chain(pool.drain(..)) {
                if kept.len() < MOST_KEPT && kept.iter().all(|kept| kept.choice != known.choice) {
                    kept.push(known);
                }
            }
            *pool = kept;
        }
    }
}
