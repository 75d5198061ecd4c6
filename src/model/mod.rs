//! Transformer models and what their parts cost.
