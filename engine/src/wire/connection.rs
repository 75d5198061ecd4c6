//! Connections: greeting, reading, writing.

use std::io::{BufReader, Read};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::frame::{Frame, Limit, WireError};
use super::message::{Address, Message};

/// Longest time that a greeting may take.
const GREETING: Duration = Duration::from_secs(5);
/// Longest time that a write may be held up by a receiver that takes nothing.
const STALLED: Duration = Duration::from_secs(60);

/// The writing half of a connection; threads may share it.
#[derive(Debug)]
pub struct Outgoing {
    stream: Mutex<TcpStream>,
    sent: AtomicU64,
}

/// The reading half of a connection.
#[derive(Debug)]
pub struct Incoming {
    reader: BufReader<TcpStream>,
}

/// A caller that knows the token.
#[derive(Debug)]
pub struct Caller {
    /// Who it says it is; none: whoever is needed.
    pub address: Option<Address>,
    /// Where it listens, on the address from which it called.
    pub listens: Option<SocketAddr>,
    /// What it says.
    pub incoming: Incoming,
    /// What it is told.
    pub outgoing: Outgoing,
}

fn halves(stream: TcpStream) -> Result<(Outgoing, Incoming), WireError> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(STALLED))?;
    let reader = BufReader::with_capacity(1 << 16, stream.try_clone()?);
    Ok((Outgoing { stream: Mutex::new(stream), sent: AtomicU64::new(0) }, Incoming { reader }))
}

impl Outgoing {
    /// Sends a message; returns its bytes.
    ///
    /// # Errors
    /// [`WireError`].
    pub fn send(&self, message: &Message, payload: Vec<u8>) -> Result<usize, WireError> {
        let frame = message.frame(payload)?;
        // Who panicked while it held the lock left at most a frame that its reader refuses.
        let mut stream = self.stream.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let bytes = frame.write(&mut *stream)?;
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
        Ok(bytes)
    }

    /// Bytes sent so far.
    #[must_use]
    pub fn sent_bytes(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Ends the connection, for both sides.
    pub fn close(&self) {
        let stream = self.stream.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // A connection that is already gone is closed.
        let _ = stream.shutdown(std::net::Shutdown::Both);
    }
}

impl Incoming {
    /// The next message of a member.
    ///
    /// # Errors
    /// [`WireError`].
    pub fn receive(&mut self) -> Result<(Message, Vec<u8>), WireError> {
        self.read(Limit::MEMBER)
    }

    fn read(&mut self, limit: Limit) -> Result<(Message, Vec<u8>), WireError> {
        let frame = Frame::read(&mut self.reader, limit)?;
        Ok((Message::of(&frame)?, frame.payload))
    }

    /// Limits the time that a read may take.
    ///
    /// # Errors
    /// [`WireError::Io`].
    pub fn patience(&self, longest: Option<Duration>) -> Result<(), WireError> {
        Ok(self.reader.get_ref().set_read_timeout(longest)?)
    }
}

impl Read for Incoming {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        self.reader.read(to)
    }
}

/// Calls a member of the run.
///
/// # Errors
/// [`WireError::Token`] and [`WireError::Refused`] where the caller is refused, [`WireError::Version`] where the other side is of
/// another version, [`WireError::Io`] where nobody answers.
pub fn dial(
    to: SocketAddr,
    token: &str,
    address: Option<Address>,
    listens: Option<SocketAddr>,
) -> Result<(Address, Outgoing, Incoming), WireError> {
    let (outgoing, mut incoming) = halves(TcpStream::connect_timeout(&to, GREETING)?)?;
    incoming.patience(Some(GREETING))?;
    outgoing.send(&Message::Hello { token: token.into(), address, listens }, Vec::new())?;
    let answer = incoming.read(Limit::STRANGER)?.0;
    incoming.patience(None)?;
    match answer {
        Message::Welcome { address, .. } => Ok((address, outgoing, incoming)),
        Message::Refused { reason } if reason == WireError::Token.to_string() => Err(WireError::Token),
        Message::Refused { reason } => Err(WireError::Refused { reason }),
        other => Err(WireError::Unexpected { found: other.name(), due: "a welcome" }),
    }
}

/// Whether two texts are equal; takes as long for any two of one length.
fn same(one: &str, other: &str) -> bool {
    let differs = one.bytes().zip(other.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b));
    one.len() == other.len() && differs == 0
}

/// Hears who calls; the caller is to be welcomed by a [`Message::Welcome`]. One that does not know the token is told so.
///
/// # Errors
/// [`WireError`] for whoever is no member; the listener goes on.
pub fn accept(stream: TcpStream, token: &str) -> Result<Caller, WireError> {
    // A listener that does not block makes connections that do not.
    stream.set_nonblocking(false)?;
    let ip = stream.peer_addr()?.ip();
    let (outgoing, mut incoming) = halves(stream)?;
    incoming.patience(Some(GREETING))?;
    let message = match incoming.read(Limit::STRANGER) {
        Ok((message, _)) => message,
        Err(error) => {
            // Whoever is of another version learns it from the header of this; a stranger makes nothing of it.
            let _ = outgoing.send(&Message::Refused { reason: error.to_string() }, Vec::new());
            return Err(error);
        }
    };
    let Message::Hello { token: said, address, listens } = message else {
        return Err(WireError::Unexpected { found: message.name(), due: "a hello" });
    };
    if !same(&said, token) {
        outgoing.send(&Message::Refused { reason: WireError::Token.to_string() }, Vec::new())?;
        return Err(WireError::Token);
    }
    incoming.patience(None)?;
    let listens = listens.map(|listens| SocketAddr::new(ip, listens.port()));
    Ok(Caller { address, listens, incoming, outgoing })
}
