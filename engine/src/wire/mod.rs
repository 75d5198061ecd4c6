//! What the roles say to each other: framed messages over TCP.
//!
//! A frame is a header of [`HEADER_BYTES`] bytes (magic, version, lengths, checksum) and a body: the message's head as
//! JSON, then its numbers. Whoever reads checks the header before it allocates anything, and the checksum before it
//! believes anything; what is refused is a [`WireError`] that says why.

mod connection;
mod frame;
mod message;
mod numbers;

pub use connection::{Caller, Incoming, Outgoing, accept, dial};
pub use frame::{Frame, HEADER_BYTES, Limit, VERSION, WireError};
pub use message::{
    Address, Channel, Learned, LinkRoute, Message, Order, Plan, Report, Span, TensorKey, TensorKind, Transfer, Travel,
};
pub use numbers::{Numbers, decode, encode};
