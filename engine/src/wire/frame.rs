//! Frames: header, checks, bytes.

use std::io::{self, ErrorKind, Read, Write};

/// Version of the protocol; any other one is refused.
pub const VERSION: u16 = 2;

/// Length of a header: magic (4), version (2), reserved (2), length of the head (4), length of the payload (4),
/// checksum of everything else (4). Numbers are little-endian.
pub const HEADER_BYTES: usize = 20;

const MAGIC: [u8; 4] = *b"CPIP";

/// Why a frame was refused, or could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// Bytes of another program.
    #[error("not a frame of this protocol: it begins with {found:02x?}, not with {MAGIC:02x?}")]
    Magic {
        /// What it begins with.
        found: [u8; 4],
    },
    /// Another version of the protocol.
    #[error("protocol version {found}: must be {VERSION}; run the same version of collapipe-engine on all machines")]
    Version {
        /// The version.
        found: u16,
    },
    /// A frame that announces more than may be sent.
    #[error("{part} of {bytes} bytes: must be at most {limit}")]
    TooLarge {
        /// Head or payload.
        part: &'static str,
        /// How much was announced.
        bytes: usize,
        /// How much is allowed.
        limit: usize,
    },
    /// Bytes that are not those that were sent.
    #[error("checksum {found:08x}: must be {expected:08x}; the frame was damaged on its way")]
    Checksum {
        /// The checksum of what arrived.
        found: u32,
        /// The one announced.
        expected: u32,
    },
    /// The connection ended inside a frame.
    #[error("the connection ended inside a frame")]
    Truncated,
    /// The connection ended between frames: the other side is gone.
    #[error("the connection was closed")]
    Closed,
    /// A head that is no message.
    #[error("not a message: {0}")]
    Head(String),
    /// A payload that is not a whole number of numbers.
    #[error("a payload of {bytes} bytes: must be a multiple of {width}, the bytes of a number")]
    Payload {
        /// Its length.
        bytes: usize,
        /// Bytes of a number.
        width: usize,
    },
    /// A stranger: it does not know the shared token.
    #[error("refused: the caller does not know the token of this run")]
    Token,
    /// The other side takes no such caller, and says why.
    #[error("refused: {reason}")]
    Refused {
        /// Its words.
        reason: String,
    },
    /// A message that was not due.
    #[error("unexpected message {found:?}: {due} was due")]
    Unexpected {
        /// What came.
        found: String,
        /// What was due.
        due: &'static str,
    },
    /// The network failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// How much a reader takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Most bytes of a head.
    pub head: usize,
    /// Most bytes of a payload.
    pub payload: usize,
}

impl Limit {
    /// For members of a run.
    pub const MEMBER: Self = Self { head: 1 << 24, payload: 1 << 30 };
    /// For callers that have not shown the token.
    pub const STRANGER: Self = Self { head: 1 << 12, payload: 0 };
}

/// A frame's body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// The message's head, JSON.
    pub head: Vec<u8>,
    /// Its numbers.
    pub payload: Vec<u8>,
}

fn field<const N: usize>(header: &[u8; HEADER_BYTES], at: usize) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.iter_mut().zip(header.iter().skip(at)).for_each(|(to, from)| *to = *from);
    bytes
}

impl Frame {
    /// The frame's bytes.
    ///
    /// # Errors
    /// [`WireError::TooLarge`] for what no reader takes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, WireError> {
        let (head, payload) = (length("head", self.head.len(), Limit::MEMBER.head)?, self.payload.len());
        let payload = length("payload", payload, Limit::MEMBER.payload)?;
        let mut bytes = Vec::with_capacity(HEADER_BYTES + self.head.len() + self.payload.len());
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend([0; 2]);
        bytes.extend(head.to_le_bytes());
        bytes.extend(payload.to_le_bytes());
        let checksum = self.checksum(&bytes);
        bytes.extend(checksum.to_le_bytes());
        bytes.extend(&self.head);
        bytes.extend(&self.payload);
        Ok(bytes)
    }

    fn checksum(&self, before: &[u8]) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        [before, &self.head, &self.payload].into_iter().for_each(|part| hasher.update(part));
        hasher.finalize()
    }

    /// Writes the frame at once.
    ///
    /// # Errors
    /// [`WireError::TooLarge`], or [`WireError::Io`].
    pub fn write(&self, to: &mut impl Write) -> Result<usize, WireError> {
        let bytes = self.to_bytes()?;
        to.write_all(&bytes)?;
        to.flush()?;
        Ok(bytes.len())
    }

    /// Reads a frame. Nothing beyond what has arrived is allocated for a frame that announces much and sends little.
    ///
    /// # Errors
    /// [`WireError`]; after any of them the connection is of no more use.
    pub fn read(from: &mut impl Read, limit: Limit) -> Result<Self, WireError> {
        let mut header = [0; HEADER_BYTES];
        match from.read(&mut header)? {
            0 => return Err(WireError::Closed),
            read => exactly(from, header.get_mut(read..).unwrap_or_default())?,
        }
        let magic = field::<4>(&header, 0);
        if magic != MAGIC {
            return Err(WireError::Magic { found: magic });
        }
        let version = u16::from_le_bytes(field(&header, 4));
        if version != VERSION {
            return Err(WireError::Version { found: version });
        }
        let [head, payload, expected] = [8, 12, 16].map(|at| u32::from_le_bytes(field(&header, at)));
        length("head", head as usize, limit.head)?;
        length("payload", payload as usize, limit.payload)?;
        let frame = Self { head: body(from, head)?, payload: body(from, payload)? };
        let found = frame.checksum(&field::<16>(&header, 0));
        if found != expected {
            return Err(WireError::Checksum { found, expected });
        }
        Ok(frame)
    }
}

fn length(part: &'static str, bytes: usize, limit: usize) -> Result<u32, WireError> {
    let small = u32::try_from(bytes).ok().filter(|_| bytes <= limit);
    small.ok_or(WireError::TooLarge { part, bytes, limit })
}

fn exactly(from: &mut impl Read, to: &mut [u8]) -> Result<(), WireError> {
    from.read_exact(to).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => WireError::Truncated,
        _ => error.into(),
    })
}

fn body(from: &mut impl Read, bytes: u32) -> Result<Vec<u8>, WireError> {
    let mut body = Vec::with_capacity((bytes as usize).min(1 << 20));
    from.take(bytes.into()).read_to_end(&mut body)?;
    if body.len() < bytes as usize { Err(WireError::Truncated) } else { Ok(body) }
}
