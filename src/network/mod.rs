//! Devices and the radio between them.
