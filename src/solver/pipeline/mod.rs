//! The exact solver of pipelines as they run.

pub(crate) mod block;
pub(crate) mod cheapest;
pub(crate) mod choice;
pub(crate) mod curve;
pub(crate) mod deadline;
pub(crate) mod instance;
pub(crate) mod joint;
pub(crate) mod linear;
pub(crate) mod network;
pub(crate) mod paths;
pub(crate) mod radio;
pub(crate) mod search;
pub(crate) mod tables;
pub(crate) mod timeline;
pub(crate) mod windows;

use crate::kind::ScheduleKind;
