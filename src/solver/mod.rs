//! The exact slot solver.
