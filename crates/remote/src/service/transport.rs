//! How requests go out: with our own idea of whom to trust, and of what an answer means that says "not now".
//!
//! Unaware of which service is asked. OpenDAL does not hand on for how long a service wants to be left alone, and reads
//! the text of an error however long it is.

use std::future::ready;
use std::time::Duration;

use futures::StreamExt;
use opendal::{Buffer, Error, ErrorKind, HttpBody, HttpTransport, Result};
use opendal_http_transport_reqwest::ReqwestTransport;
use reqwest::redirect::Policy;

use crate::options::Options;
use crate::tls;

/// The text of an error has so many bytes at most.
const WORDS: u64 = 64 * 1024;

/// An answer that says "not now" or "not well", kept as the source of the error that is made of it.
#[derive(Debug, thiserror::Error)]
#[error("answered with status {status}")]
pub(super) struct Answered {
    pub(super) status: u16,
    /// For how long it wants to be left alone.
    pub(super) after: Option<Duration>,
}

impl Answered {
    /// What an error was made of, if it was made here.
    pub(super) fn of(error: &Error) -> Option<&Self> {
        let mut source = std::error::Error::source(error);
        while let Some(error) = source {
            if let Some(answered) = error.downcast_ref() {
                return Some(answered);
            }
            source = error.source();
        }
        None
    }
}

/// Sends requests.
pub(super) struct Transport(ReqwestTransport);

impl Transport {
    pub(super) fn new(options: &Options) -> std::io::Result<Self> {
        reqwest::Client::builder()
            .tls_backend_preconfigured(tls::trusted()?)
            .connect_timeout(options.connect.min(options.call))
            .pool_max_idle_per_host(options.in_flight)
            .redirect(Policy::limited(3))
            .build()
            .map(|client| Self(client.into()))
            .map_err(std::io::Error::other)
    }
}

impl HttpTransport for Transport {
    async fn fetch(&self, request: http::Request<Buffer>) -> Result<http::Response<HttpBody>> {
        let response = self.0.fetch(request).await?;
        let status = response.status().as_u16();
        let header = |name| {
            response
                .headers()
                .get(name)
                .and_then(|text| text.to_str().ok())
        };
        if status == 429 || status >= 500 {
            let seconds = header("retry-after").and_then(|text| text.trim().parse().ok());
            let after = seconds.map(Duration::from_secs);
            let error = Error::new(
                ErrorKind::Unexpected,
                format!("answered with status {status}"),
            );
            return Err(error.set_source(Answered { status, after }));
        }
        if status < 400 {
            return Ok(response);
        }
        Ok(response.map(|body| {
            body.map_inner(|stream| {
                let mut left = WORDS;
                Box::new(stream.take_while(move |piece| {
                    let bytes = piece.as_ref().map_or(0, |piece| piece.len() as u64);
                    left = left.saturating_sub(bytes);
                    ready(left > 0)
                }))
            })
        }))
    }
}
