//! Several clusters.
use super::active::Workspace;
use super::cluster::Domain;
use super::{Proposal, Settings};
use crate::problem::SlotProblem;
pub(super) fn solve(_p: &SlotProblem, _d: Vec<Domain>, _s: &Settings, _w: &mut Workspace) -> Option<Proposal> {
    None
}
