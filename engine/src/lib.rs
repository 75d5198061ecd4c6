//! Executes collapipe's plans: pipelined training of a Transformer over threads, processes or boards.

pub mod compare;
pub mod emulate;
pub mod nn;
pub mod reproduce;
pub mod roles;
pub mod training;
pub mod wire;
pub mod work;
