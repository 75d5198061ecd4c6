//! A digest that tells data apart; it does not protect against forgery.

use std::io::{self, Write};

use serde::Serialize;

/// FNV-1a (64 bits) of bytes that are written to it.
struct Fnv1a(u64);

impl Fnv1a {
    const START: Self = Self(0xcbf2_9ce4_8422_2325);

    fn hex(&self) -> String {
        format!("{:016x}", self.0)
    }
}

impl Write for Fnv1a {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        self.0 = bytes.iter().fold(self.0, step);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// FNV-1a (64 bits, in hex) of a value's compact JSON.
///
/// # Errors
/// For a value that JSON cannot hold: a map whose keys are not strings.
pub(crate) fn of_json(value: &impl Serialize) -> serde_json::Result<String> {
    let mut hash = Fnv1a::START;
    // As files are written: to write a type for another kind of writer would have to be compiled for it.
    serde_json::to_writer(&mut hash as &mut dyn Write, value)?;
    Ok(hash.hex())
}

/// [`of_json`] for plain data, which JSON can always hold: structs and lists of texts and numbers.
pub(crate) fn of_data(data: &impl Serialize) -> String {
    of_json(data).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_values() {
        // Test vectors of Fowler, Noll and Vo's reference implementation.
        let of = |text: &str| {
            let mut hash = Fnv1a::START;
            hash.write_all(text.as_bytes()).unwrap();
            hash.hex()
        };
        assert_eq!(of(""), "cbf29ce484222325");
        assert_eq!(of("a"), "af63dc4c8601ec8c");
        assert_eq!(of("foobar"), "85944171f73967e8");
    }

    #[test]
    fn of_json_is_of_the_compact_text() {
        let of = |bytes: &[u8]| {
            let mut hash = Fnv1a::START;
            hash.write_all(bytes).unwrap();
            hash.hex()
        };
        assert_eq!(of_json(&(1.5, "a", None::<u8>)).unwrap(), of(b"[1.5,\"a\",null]"));
    }
}
