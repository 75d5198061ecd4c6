//! Devices and the radio between them.

pub mod device;
