//! Executes the plans of [`collapipe`]: pipelined training of a real Transformer over the threads of a process, the processes
//! of a machine, or boards.

pub mod compare;
pub mod data;
pub mod emulate;
pub mod network;
pub mod nn;
pub mod profile;
pub mod reproduce;
pub mod roles;
pub mod training;
pub mod wire;
pub mod work;
