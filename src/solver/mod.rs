//! The exact slot solver.
mod curve;
mod hop;
mod phase;
mod segments;
