//! Where else outputs are remembered than in the cache directory: tiers, as a
//! configuration names them. It opens none.

use std::fmt;
use std::time::Duration;

use refrain_store::TierUse;
use serde::{Deserialize, Deserializer, Serialize};

/// A tier behind the cache directory, shared with other machines.
///
/// ```
/// use refrain::{CacheConfig, Remote};
/// use refrain_store::TierUse;
///
/// let nightly = Remote::new("dir:/mnt/cache").usage(TierUse::Read);
/// let config = CacheConfig::new(".cache").remote(nightly).remote("redis://cache.example");
/// assert_eq!(config.remote.len(), 2);
/// ```
#[derive(Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Remote {
    /// What it is, and where.
    pub url: String,
    /// What it is used for.
    #[serde(rename = "mode", with = "mode")]
    pub usage: TierUse,
    /// How long a call may take that gets nothing done; `None`: 10 seconds.
    #[serde(with = "limit")]
    pub timeout: Option<Duration>,
}

impl Remote {
    /// A tier that is read and written.
    pub fn new(url: impl Into<String>) -> Self {
        Remote {
            url: url.into(),
            usage: TierUse::ReadWrite,
            timeout: None,
        }
    }

    /// What it is used for.
    pub fn usage(mut self, usage: TierUse) -> Self {
        self.usage = usage;
        self
    }

    /// How long a call may take that gets nothing done.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// The URL as it may be shown: without a password.
    pub fn shown(&self) -> String {
        let Some((scheme, rest)) = self.url.split_once("://") else {
            return self.url.clone();
        };
        let (place, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        match place.rsplit_once('@') {
            Some((_, host)) => format!("{scheme}://{host}{path}"),
            None => self.url.clone(),
        }
    }
}

impl<T: Into<String>> From<T> for Remote {
    fn from(url: T) -> Self {
        Remote::new(url)
    }
}

impl fmt::Debug for Remote {
    /// Without a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Remote")
            .field(&self.shown())
            .field(&self.usage)
            .finish()
    }
}

/// As it stands in a configuration: a URL, or a table with one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Url(String),
    Table(Table),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    url: String,
    #[serde(default, with = "mode")]
    mode: TierUse,
    #[serde(default, with = "limit")]
    timeout: Option<Duration>,
}

impl<'de> Deserialize<'de> for Remote {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(match Written::deserialize(from)? {
            Written::Url(url) => Remote::new(url),
            Written::Table(table) => Remote {
                url: table.url,
                usage: table.mode,
                timeout: table.timeout,
            },
        })
    }
}

/// One remote or several, as configurations may have them.
pub(crate) fn one_or_more<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Remote>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMore {
        One(Remote),
        More(Vec<Remote>),
    }
    Ok(match OneOrMore::deserialize(from)? {
        OneOrMore::One(remote) => vec![remote],
        OneOrMore::More(remotes) => remotes,
    })
}

/// The names of what a tier is used for.
mod mode {
    use refrain_store::TierUse;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(usage: &TierUse, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(usage.name())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<TierUse, D::Error> {
        let name = String::deserialize(from)?;
        let usage = TierUse::named(&name);
        usage.ok_or_else(|| serde::de::Error::unknown_variant(&name, &TierUse::NAMES))
    }
}

/// Times as texts, such as "5s".
mod limit {
    use std::time::Duration;

    use jiff::SignedDuration;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(limit: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        let text = limit.map(|limit| format!("{}ms", limit.as_millis()));
        text.serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        let Some(text) = Option::<String>::deserialize(from)? else {
            return Ok(None);
        };
        let limit: Result<SignedDuration, _> = text.parse();
        let limit = limit.ok().and_then(|limit| Duration::try_from(limit).ok());
        let refused = || serde::de::Error::custom(format!("{text:?} is no time, such as \"5s\""));
        limit.map(Some).ok_or_else(refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::CacheConfig;

    #[test]
    fn remotes_are_written_as_one_url_or_as_tables() {
        let one: CacheConfig = toml::from_str("remote = \"dir:x\"").unwrap();
        assert_eq!(one.remote, [Remote::new("dir:x")]);
        let text = "[[remote]]\nurl = \"dir:x\"\nmode = \"read\"\ntimeout = \"2s\"\n[[remote]]\nurl = \"dir:y\"";
        let two: CacheConfig = toml::from_str(text).unwrap();
        let reading = Remote::new("dir:x").usage(TierUse::Read);
        let wanted = [
            reading.timeout(Duration::from_secs(2)),
            Remote::new("dir:y"),
        ];
        assert_eq!(two.remote, wanted);
        assert!(toml::from_str::<CacheConfig>("remote = {url = \"x\", mode = \"y\"}").is_err());
    }

    #[test]
    fn nothing_shows_a_password() {
        for (url, shown) in [
            (
                "redis://me:secret@host:1/2?prefix=x",
                "redis://host:1/2?prefix=x",
            ),
            ("redis://:p%40@host", "redis://host"),
            ("dir:/a@b", "dir:/a@b"),
            ("s3://bucket/a@b", "s3://bucket/a@b"),
        ] {
            let remote = Remote::new(url);
            assert_eq!(remote.shown(), shown);
            let config = CacheConfig::new(".cache").remote(remote);
            assert!(!format!("{config:?}").contains("secret"));
        }
    }
}
