//! Devices and the radio between them.

pub mod device;
pub mod radio;
