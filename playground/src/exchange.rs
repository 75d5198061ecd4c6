//! How texts come in and out: one buffer for each, in the module's memory.

use std::sync::{Mutex, PoisonError};

use crate::request::Planner;

/// The request that is being written, the last answer, and who answers. A module has one thread; the lock is for the compiler.
static TEXTS: Mutex<Texts> = Mutex::new(Texts { planner: Planner::new(), input: Vec::new(), output: Vec::new() });

struct Texts {
    planner: Planner,
    input: Vec<u8>,
    output: Vec<u8>,
}

/// Room for a request of `length` bytes, until the next call; the caller writes all of it.
#[allow(unsafe_code, reason = "the name is exported")]
#[unsafe(no_mangle)]
pub extern "C" fn collapipe_input(length: usize) -> *mut u8 {
    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    texts.input.clear();
    texts.input.resize(length, 0);
    texts.input.as_mut_ptr()
}

/// Answers the request that was written; how many bytes the answer has.
#[allow(unsafe_code, reason = "the name is exported")]
#[unsafe(no_mangle)]
pub extern "C" fn collapipe_answer() -> usize {
    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    let Texts { planner, input, output } = &mut *texts;
    *output = planner.answer(input).into_bytes();
    output.len()
}

/// Where the answer is, until the next request.
#[allow(unsafe_code, reason = "the name is exported")]
#[unsafe(no_mangle)]
pub extern "C" fn collapipe_output() -> *const u8 {
    TEXTS.lock().unwrap_or_else(PoisonError::into_inner).output.as_ptr()
}
