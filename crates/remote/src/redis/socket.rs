//! A socket to a server, whose every wait ends and which takes no more than was asked for.
//!
//! Unaware of what is said over it.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel;
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

use crate::apart::Apart;
use crate::patience::Patience;
use crate::tls;

/// Where a server is.
#[derive(Debug, Clone)]
pub(super) enum Place {
    Host { host: String, port: u16, tls: bool },
    Path(PathBuf),
}

/// An open connection.
pub(super) enum Socket {
    Plain(Limited),
    Tls(Box<StreamOwned<ClientConnection, Limited>>),
}

impl Socket {
    /// Connects. Looking up the host may hang, so that this is done apart.
    pub(super) fn connect(place: &Place, apart: &Apart, patience: Patience) -> io::Result<Self> {
        let (give, connected) = channel::bounded(1);
        let (there, limit) = (place.clone(), patience.left());
        apart
            .run(move || drop(give.send(dial(&there, limit))))
            .map_err(io::Error::other)?;
        let stream = connected
            .recv_timeout(patience.left())
            .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, patience.over()))??;
        let limited = Limited {
            stream,
            patience,
            allowance: 0,
            overrun: false,
        };
        match place {
            Place::Host {
                host, tls: true, ..
            } => {
                let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
                let client = ClientConnection::new(Arc::new(tls::trusted()?), name)
                    .map_err(io::Error::other)?;
                Ok(Self::Tls(Box::new(StreamOwned::new(client, limited))))
            }
            _ => Ok(Self::Plain(limited)),
        }
    }

    /// From now on, waits end with `patience`, and no more than `allowance` bytes are taken.
    pub(super) fn limit(&mut self, patience: &Patience, allowance: u64) {
        let limited = self.limited_mut();
        limited.patience = patience.clone();
        limited.allowance = allowance;
    }

    /// What is left of what was given to [`Socket::limit`].
    pub(super) fn patience(&self) -> &Patience {
        &self.limited().patience
    }

    /// Says whether more bytes came than were asked for.
    pub(super) fn is_overrun(&self) -> bool {
        self.limited().overrun
    }

    /// Says whether the other side still holds a connection over which nothing is expected.
    pub(super) fn is_alive(&self) -> bool {
        let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
        match recv(self.limited().stream.as_raw_fd(), &mut [0], flags) {
            Ok(0) => false,
            // TLS talks by itself now and then. A server that does is out of step.
            Ok(_) => matches!(self, Self::Tls(_)),
            Err(error) => error == Errno::EAGAIN,
        }
    }

    fn limited(&self) -> &Limited {
        match self {
            Self::Plain(limited) => limited,
            Self::Tls(tls) => &tls.sock,
        }
    }

    fn limited_mut(&mut self) -> &mut Limited {
        match self {
            Self::Plain(limited) => limited,
            Self::Tls(tls) => &mut tls.sock,
        }
    }
}

impl Read for Socket {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(limited) => limited.read(into),
            Self::Tls(tls) => tls.read(into),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(limited) => limited.write(from),
            Self::Tls(tls) => tls.write(from),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(limited) => limited.flush(),
            Self::Tls(tls) => tls.flush(),
        }
    }
}

/// What bytes go over, in time and no more of them than expected.
pub(super) struct Limited {
    stream: Stream,
    patience: Patience,
    allowance: u64,
    overrun: bool,
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Self::Tcp(stream) => stream.as_raw_fd(),
            Self::Unix(stream) => stream.as_raw_fd(),
        }
    }
}

impl Limited {
    fn left(&self) -> io::Result<Option<Duration>> {
        match self.patience.left() {
            Duration::ZERO => Err(self.over()),
            left => Ok(Some(left)),
        }
    }

    fn over(&self) -> io::Error {
        io::Error::new(io::ErrorKind::TimedOut, self.patience.over())
    }

    fn moved(&mut self, moved: io::Result<usize>) -> io::Result<usize> {
        match moved {
            Ok(bytes) => self.patience.moved(bytes as u64),
            // What the system says when the time is over that it was given.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(self.over()),
            Err(_) => {}
        }
        moved
    }
}

impl Read for Limited {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.left()?;
        let read = match &mut self.stream {
            Stream::Tcp(stream) => stream
                .set_read_timeout(left)
                .and_then(|()| stream.read(into)),
            Stream::Unix(stream) => stream
                .set_read_timeout(left)
                .and_then(|()| stream.read(into)),
        };
        let read = self.moved(read)?;
        match self.allowance.checked_sub(read as u64) {
            Some(left) => self.allowance = left,
            None => {
                self.overrun = true;
                return Err(io::Error::other("more bytes than were asked for"));
            }
        }
        Ok(read)
    }
}

impl Write for Limited {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        let left = self.left()?;
        let written = match &mut self.stream {
            Stream::Tcp(stream) => stream
                .set_write_timeout(left)
                .and_then(|()| stream.write(from)),
            Stream::Unix(stream) => stream
                .set_write_timeout(left)
                .and_then(|()| stream.write(from)),
        };
        self.moved(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Connects to the first of a host's addresses that answers.
fn dial(place: &Place, limit: Duration) -> io::Result<Stream> {
    let (host, port) = match place {
        Place::Path(path) => return UnixStream::connect(path).map(Stream::Unix),
        Place::Host { host, port, .. } => (host, *port),
    };
    let end = Instant::now() + limit;
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in (host.as_str(), port).to_socket_addrs()? {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        match TcpStream::connect_timeout(&address, left) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(Stream::Tcp(stream));
            }
            Err(error) => failed = error,
        }
    }
    Err(failed)
}
