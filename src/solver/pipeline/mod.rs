//! The exact solver of pipelines as they run: schedules, chains of unequal blocks, free order, links of fixed rate,
//! sends that block, deadlines (formulation, sections 7 and 8).
//!
//! Inside out: `instance` the data of one cluster under one plan, `paths` and `timeline` its makespan; `choice` devices
//! and cuts, `block` and `radio` the dual over a few choices; `tables`, `windows`, `cheapest` and `walks` the cheapest of
//! all choices at given prices; `rough` and `search` one cluster, `deadline` a latest time; `curve`, `joint` and `network` several
//! clusters; `program`, `reasons`, `assemble` and `solve` are the way in and out. Method and proofs: `docs/solver.md`.

#![allow(clippy::needless_range_loop, reason = "positions, devices and cuts index several tables at once")]

mod assemble;
pub(crate) mod block;
pub(crate) mod cheapest;
pub(crate) mod choice;
mod condensed;
pub(crate) mod curve;
pub(crate) mod deadline;
pub(crate) mod instance;
pub(crate) mod joint;
pub(crate) mod linear;
mod member;
pub(crate) mod network;
mod newton;
pub(crate) mod paths;
pub(crate) mod program;
pub(crate) mod radio;
mod reasons;
mod rough;
pub(crate) mod search;
mod solve;
mod split;
pub(crate) mod tables;
pub(crate) mod timeline;
pub(crate) mod walks;
pub(crate) mod windows;

pub(crate) use solve::{improve, solve};

use crate::schedule::ScheduleKind;
