//! Why there are no shaped links.

use collapipe::schedule::Sending;

use super::shape::SHORTEST_S;
use crate::wire::Address;

/// Why links of the kernel cannot be had here, or not for a round.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// Another operating system.
    #[error("links of the kernel: network namespaces are Linux's own; leave --kernel-links out")]
    System,
    /// A program is not there.
    #[error("links of the kernel need the program {program:?} ({package}): {reason}")]
    Missing {
        /// Which.
        program: &'static str,
        /// Where it is from.
        package: &'static str,
        /// What the system says.
        reason: String,
    },
    /// The machine does not permit it.
    #[error(
        "links of the kernel: this machine permits no network namespaces with virtual Ethernet, bridge and token bucket: {reason}; \
         run as root, allow user namespaces, or leave --kernel-links out"
    )]
    Refused {
        /// What the programs said.
        reason: String,
    },
    /// A step failed that had been permitted before.
    #[error("links of the kernel: {step}: {reason}")]
    Step {
        /// Which.
        step: &'static str,
        /// What was said.
        reason: String,
    },
    /// Transmissions that share something.
    #[error("overlap {0}: links of the kernel share nothing: choose overlapped, blocking or transmitter")]
    Sending(Sending),
    /// A round that is not emulated, or in which a model learns.
    #[error("links of the kernel carry synthetic messages of emulated rounds: leave --real and --learn out")]
    Work,
    /// A transmission that is too short to be shaped.
    #[error(
        "{from} to {to}: a message takes {seconds:e} s of the wall clock, must be at least {SHORTEST_S:e} s for a token bucket to \
         hold it: give a --scale {scale:.1} times as large"
    )]
    Short {
        /// Who sends.
        from: Address,
        /// Who receives.
        to: Address,
        /// For how long its link is occupied.
        seconds: f64,
        /// By what times would have to be multiplied.
        scale: f64,
    },
}
