//! A tier that is a service which OpenDAL speaks with.
//!
//! Each thing is read and written by a request of its own, several at once. A service gives a thing its name when all
//! of it is there. Unaware of what the bytes mean, and of which service it is.

#[cfg(feature = "azblob")]
mod azblob;
#[cfg(feature = "gcs")]
mod gcs;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "mongodb")]
mod mongodb;
#[cfg(feature = "s3")]
mod s3;
mod transport;

use std::fmt;
use std::io::{self, Read, Write};
use std::pin::pin;
use std::rc::Rc;
use std::sync::OnceLock;

use futures::{Stream, StreamExt, stream};
use opendal::{Error, ErrorKind, HttpTransporter, OperationContext, Operator};
use refrain_store::{Name, Tier, TierError, Trouble};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

#[cfg(feature = "azblob")]
pub(crate) use self::azblob::open as azblob;
#[cfg(feature = "gcs")]
pub(crate) use self::gcs::open as gcs;
#[cfg(feature = "http")]
pub(crate) use self::http::open as http;
#[cfg(feature = "mongodb")]
pub(crate) use self::mongodb::open as mongodb;
#[cfg(feature = "s3")]
pub(crate) use self::s3::open as s3;
use self::transport::{Answered, Transport};
use crate::address::Address;
use crate::answers::Answers;
use crate::options::Options;
use crate::patience::Patience;
use crate::trouble::{Label, said};

/// A large thing goes over in parts of this size, the least that S3 takes.
const PART: u64 = 5 * 1024 * 1024;

/// No service takes more parts than these.
const PARTS: u64 = 9_000;

/// So many parts of one thing are under way at once.
const PARTS_IN_FLIGHT: usize = 3;

/// The tier of one service.
pub(crate) struct Service {
    label: Label,
    /// Not to be called before it has a transport.
    operator: Operator,
    options: Options,
    running: OnceLock<Result<Running, String>>,
}

/// What the first call starts.
struct Running {
    operator: Operator,
    runtime: Option<Runtime>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // Looking up a host may hang, and would be waited for.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Service({})", self.label.0)
    }
}

impl Service {
    pub(crate) fn new(address: &Address, operator: Operator, options: Options) -> Self {
        Self {
            label: Label(address.label().to_owned()),
            operator,
            options,
            running: OnceLock::new(),
        }
    }

    /// Does something with the service, and waits for it.
    fn run<T>(
        &self,
        work: impl AsyncFnOnce(&Operator) -> Result<T, TierError>,
    ) -> Result<T, TierError> {
        let running = self.running.get_or_init(|| {
            let transport = Transport::new(&self.options).map_err(|error| error.to_string())?;
            let context =
                OperationContext::new().with_http_transport(HttpTransporter::new(transport));
            let runtime = Builder::new_multi_thread()
                .worker_threads(1)
                .thread_name("refrain-tier")
                .enable_all()
                .build();
            Ok(Running {
                operator: self.operator.clone().with_context(context),
                runtime: Some(runtime.map_err(|error| error.to_string())?),
            })
        });
        match running {
            Ok(Running {
                operator,
                runtime: Some(runtime),
            }) => runtime.block_on(work(operator)),
            Ok(Running { runtime: None, .. }) => Err(self.label.unreachable("it is over")),
            Err(message) => Err(self.label.error(Trouble::Refused, message)),
        }
    }

    fn failed(&self, doing: &str, error: &Error) -> TierError {
        let trouble = match (error.kind(), Answered::of(error)) {
            (
                _,
                Some(&Answered {
                    status: 429 | 503,
                    after,
                }),
            ) => Trouble::Busy(after),
            (_, Some(_)) => Trouble::Unreachable,
            (ErrorKind::RateLimited | ErrorKind::Conflict, _) => Trouble::Busy(None),
            (ErrorKind::Unexpected, _) if error.is_temporary() => Trouble::Unreachable,
            _ => Trouble::Refused,
        };
        let mut text = error.message().to_owned();
        let mut source = std::error::Error::source(error);
        while let Some(error) = source {
            if !error.is::<Answered>() {
                text = format!("{text}: {error}");
            }
            source = error.source();
        }
        self.label
            .error(trouble, format!("{doing}: {}", said(&text)))
    }

    /// Waits no longer than it may.
    async fn wait<T>(
        &self,
        patience: &Patience,
        doing: impl Future<Output = T>,
    ) -> Result<T, TierError> {
        timeout(patience.left(), doing)
            .await
            .map_err(|_| self.label.unreachable(patience.over()))
    }

    /// Copies what is under a name.
    async fn copy(
        &self,
        operator: &Operator,
        name: &Name,
        limit: u64,
        patience: &mut Patience,
        into: &mut dyn Write,
    ) -> Result<Option<u64>, TierError> {
        let opening = async {
            operator
                .reader(&name.to_string())
                .await?
                .into_stream(..)
                .await
        };
        let mut pieces = match self.wait(patience, opening).await? {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(|error| self.failed("read", &error))?,
        };
        let mut size = 0;
        while let Some(piece) = self.wait(patience, pieces.next()).await? {
            let piece = match piece {
                Err(error) if size == 0 && error.kind() == ErrorKind::NotFound => return Ok(None),
                piece => piece.map_err(|error| self.failed("read", &error))?,
            };
            size += piece.len() as u64;
            if size > limit {
                return Err(self.label.too_large(name, limit));
            }
            patience.moved(piece.len() as u64);
            for bytes in piece {
                into.write_all(&bytes)
                    .map_err(|error| self.label.callers(format!("keep {name}"), &error))?;
            }
        }
        Ok(Some(size))
    }

    /// Puts `size` bytes under a name.
    async fn put(
        &self,
        operator: &Operator,
        name: &Name,
        size: u64,
        patience: &mut Patience,
        from: &mut dyn Read,
    ) -> Result<(), TierError> {
        let part = match operator.info().capability().write_can_multi {
            true => PART.max(size.div_ceil(PARTS)),
            false => size.max(1),
        } as usize;
        let path = name.to_string();
        let opening = operator.writer_with(&path).chunk(part);
        let opening = opening.concurrent(PARTS_IN_FLIGHT);
        let failed = |error| self.failed("write", &error);
        let opened = self.wait(patience, async { opening.await }).await?;
        let mut writer = opened.map_err(failed)?;
        let written = async {
            let mut left = size;
            while left > 0 {
                let mut piece = Vec::new();
                let wanted = left.min(part as u64);
                let read = from.take(wanted).read_to_end(&mut piece);
                let read = read.and_then(|read| match read as u64 == wanted {
                    true => Ok(wanted),
                    false => Err(io::ErrorKind::UnexpectedEof.into()),
                });
                let doing = || format!("take bytes of {name}");
                left -= read.map_err(|error| self.label.callers(doing(), &error))?;
                // It may take its time for these, beginning now: it does not tell how far it is.
                patience.moved(wanted);
                self.wait(patience, writer.write(piece))
                    .await?
                    .map_err(failed)?;
            }
            self.wait(patience, writer.close()).await?.map_err(failed)
        };
        let written = written.await.map(drop);
        if written.is_err() {
            // What is there of it goes, where the service still answers.
            let _ = timeout(self.options.connect, writer.abort()).await;
        }
        written
    }

    /// Asks something of each of many, several at once.
    fn many<'a, A, T>(
        &self,
        asked: &'a [A],
        ask: impl AsyncFn(&'a A) -> Result<T, TierError>,
    ) -> impl Stream<Item = (usize, Result<T, TierError>)> {
        let ask = Rc::new(ask);
        let answers = asked.iter().enumerate().map(move |(place, asked)| {
            let ask = Rc::clone(&ask);
            async move { (place, ask(asked).await) }
        });
        stream::iter(answers).buffer_unordered(self.options.in_flight)
    }
}

impl Tier for Service {
    fn label(&self) -> &str {
        &self.label.0
    }

    fn read_many(
        &self,
        names: &[Name],
        limit: u64,
        each: &mut dyn FnMut(usize, Result<Option<Vec<u8>>, TierError>),
    ) {
        let mut given = Answers::new(names.len(), each);
        let ended = self.run(async |operator| {
            let mut patience = Patience::new(&self.options);
            let mut answers = pin!(self.many(names, async |name| {
                let mut patience = Patience::new(&self.options);
                let mut bytes = Vec::new();
                let copied = self.copy(operator, name, limit, &mut patience, &mut bytes);
                Ok(copied.await?.map(|_| bytes))
            }));
            while let Some((place, answer)) = self.wait(&patience, answers.next()).await? {
                // What it says of one name it says of all of them, but for what is under it.
                if let Err(error) = &answer
                    && error.trouble != Trouble::Garbled
                {
                    return Err(error.clone());
                }
                let bytes = answer.as_ref().ok().and_then(Option::as_ref);
                patience.answered(bytes.map_or(0, Vec::len));
                given.give(place, answer);
            }
            Ok(())
        });
        given.end(ended);
    }

    fn read(
        &self,
        name: &Name,
        limit: u64,
        into: &mut dyn Write,
    ) -> Result<Option<u64>, TierError> {
        self.run(async |operator| {
            let mut patience = Patience::new(&self.options);
            self.copy(operator, name, limit, &mut patience, into).await
        })
    }

    fn has_many(&self, names: &[Name]) -> Result<Vec<bool>, TierError> {
        self.run(async |operator| {
            let mut has = vec![false; names.len()];
            let mut patience = Patience::new(&self.options);
            let mut answers = pin!(self.many(names, async |name| {
                let there = operator.exists(&name.to_string()).await;
                there.map_err(|error| self.failed("look", &error))
            }));
            while let Some((place, there)) = self.wait(&patience, answers.next()).await? {
                has[place] = there?;
                patience.answered(0);
            }
            Ok(has)
        })
    }

    fn write(&self, name: &Name, size: u64, from: &mut dyn Read) -> Result<(), TierError> {
        self.run(async |operator| {
            let mut patience = Patience::new(&self.options);
            self.put(operator, name, size, &mut patience, from).await
        })
    }

    fn write_many(&self, things: &[(Name, Vec<u8>)]) -> Result<(), TierError> {
        self.run(async |operator| {
            let mut patience = Patience::new(&self.options);
            let mut answers = pin!(self.many(things, async |(name, bytes)| {
                let (mut patience, size) = (Patience::new(&self.options), bytes.len());
                let mut from = &bytes[..];
                let put = self.put(operator, name, size as u64, &mut patience, &mut from);
                put.await.map(|()| size)
            }));
            while let Some((_, written)) = self.wait(&patience, answers.next()).await? {
                patience.answered(written?);
            }
            Ok(())
        })
    }
}
