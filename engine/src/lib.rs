//! Executes the plans of [`collapipe`]: pipelined training of a real Transformer over the threads of a process, the processes
//! of a machine, or boards.

pub mod data;
pub mod nn;
