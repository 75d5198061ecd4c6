//! The blocks of a Transformer with hand-written backward passes.
