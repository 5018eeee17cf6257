//! What a tier is made with besides its URL: limits, and where credentials come from.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Gives an environment variable by its name.
type Variables = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Limits of a tier, and the environment that its credentials are taken from.
///
/// A call ends when [`call`](Options::call) has passed, prolonged by what it has got done: by a second for each
/// [`rate`](Options::rate) bytes that went over, a thing of a batch counting as 4 KiB at least. So a large blob over a
/// slow line is let finish, and a tier that stands still, or drips, is not.
#[derive(Clone)]
pub struct Options {
    pub(crate) connect: Duration,
    pub(crate) call: Duration,
    pub(crate) rate: u64,
    pub(crate) in_flight: usize,
    pub(crate) variables: Arc<Variables>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            call: Duration::from_secs(10),
            rate: 256 * 1024,
            in_flight: 16,
            variables: Arc::new(|name| std::env::var(name).ok()),
        }
    }
}

impl Options {
    /// How long may pass until the other side has answered to being connected to. 3 seconds by default, and never
    /// longer than [`call`](Options::call).
    pub fn connect(mut self, limit: Duration) -> Self {
        self.connect = limit;
        self
    }

    /// How long a call may take that gets nothing done. 10 seconds by default.
    pub fn call(mut self, limit: Duration) -> Self {
        self.call = limit;
        self
    }

    /// How many bytes a second prolong a call by that second. 256 KiB by default.
    pub fn rate(mut self, bytes_per_second: u64) -> Self {
        self.rate = bytes_per_second.max(1);
        self
    }

    /// How many requests of one call are under way at once, where a tier cannot send them all together. 16 by default.
    pub fn in_flight(mut self, requests: usize) -> Self {
        self.in_flight = requests.max(1);
        self
    }

    /// Where environment variables are looked up, of which the credentials of Redis and S3 are taken. The process's
    /// own environment by default.
    pub fn variables(
        mut self,
        look_up: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.variables = Arc::new(look_up);
        self
    }

    /// The variable of this name, if it is there and says something.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        (self.variables)(name).filter(|value| !value.is_empty())
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("connect", &self.connect)
            .field("call", &self.call)
            .field("rate", &self.rate)
            .field("in_flight", &self.in_flight)
            .finish_non_exhaustive()
    }
}
