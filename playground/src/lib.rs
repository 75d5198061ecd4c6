//! The core as a WebAssembly module: text in, text out, by four functions of the C ABI and nothing else.
//!
//! A page asks `collapipe_input` for room, writes a request (JSON, UTF-8) there, calls
//! `collapipe_answer`, and reads the answer (JSON) from where it says. `request.rs` has requests and answers.

mod exchange;
mod request;
