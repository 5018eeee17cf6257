//! Where settings come from. A flag comes before the environment, that before
//! the project's own configuration, and that before the user's. The first two
//! are read with the arguments; here the rest is added.

use std::ffi::OsStr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use refrain::{CacheConfig, Remote, SealKey};
use refrain_command::CACHE_KEY;
use serde::Deserialize;

use crate::args::Options;
use crate::error::{Error, Result};
use crate::style::When;

/// The environment variable that may name a file with the key of the cache.
const CACHE_KEY_FILE: &str = "REFRAIN_CACHE_KEY_FILE";

/// The user's own settings, from `refrain/config.toml` in the directory for
/// configuration. Everything in it is optional.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// When output is coloured.
    pub color: Option<When>,
    /// How many nodes run at once.
    pub jobs: Option<NonZeroUsize>,
    /// Whether a run goes on after a failure.
    pub keep_going: bool,
    /// Keys of a cache configuration.
    cache: toml::Table,
}

impl Settings {
    /// The settings of whoever runs the program; none where there is no file.
    pub fn of_user() -> Result<Self> {
        match Self::path() {
            Some(path) => Self::read(&path),
            None => Ok(Settings::default()),
        }
    }

    /// Reads one file.
    fn read(path: &Path) -> Result<Self> {
        let refuse = |problem: String| Error::Settings {
            path: path.to_owned(),
            problem,
        };
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Settings::default()),
            Err(error) => return Err(refuse(error.to_string())),
        };
        let settings: Settings = toml::from_str(&text).map_err(|e| refuse(e.to_string()))?;
        // What is wrong with these should be told with the place where it stands.
        Self::config(&settings.cache).map_err(refuse)?;
        Ok(settings)
    }

    fn path() -> Option<PathBuf> {
        let absolute = |name| {
            env::var_os(name)
                .map(PathBuf::from)
                .filter(|p| p.is_absolute())
        };
        let home = absolute("XDG_CONFIG_HOME");
        let home = home.or_else(|| Some(absolute("HOME")?.join(".config")))?;
        Some(home.join("refrain/config.toml"))
    }

    /// The cache configuration of projects that say nothing about it.
    pub fn cache(&self) -> Result<CacheConfig> {
        let config = Self::config(&self.cache);
        config.map_err(|problem| Error::Usage {
            problem,
            help: None,
        })
    }

    /// A cache configuration, as flags and the environment change it. What is
    /// relative is so to where the user is.
    pub fn apply(mut config: CacheConfig, options: &Options, here: &Path) -> Result<CacheConfig> {
        config = remotes(config, options);
        if let Some(dir) = &options.cache_dir {
            config = config.cache_dir(here.join(dir));
        }
        if let Some(path) = env::var_os(CACHE_KEY_FILE) {
            config.key = None;
            config = config.key_file(here.join(path));
        }
        if let Some(digits) = env::var_os(CACHE_KEY) {
            config = config.key(key(&digits)?);
        }
        Ok(config)
    }

    fn config(keys: &toml::Table) -> Result<CacheConfig, String> {
        let mut table = toml::Table::from_iter([("enabled".to_owned(), true.into())]);
        table.extend(keys.clone());
        let config = table.try_into();
        config.map_err(|error: toml::de::Error| error.to_string())
    }
}

/// The key as it stands in the environment. An empty one is none: who has no
/// key is to say so, and not to work without by mistake.
fn key(digits: &OsStr) -> Result<SealKey> {
    let key = SealKey::from_hex(digits.to_str().unwrap_or_default());
    key.map_err(|error| Error::Usage {
        problem: format!("{CACHE_KEY}: {error}"),
        help: Some(format!("unset {CACHE_KEY} to work without a key")),
    })
}

/// The remotes as flags and the environment change them.
fn remotes(mut config: CacheConfig, options: &Options) -> CacheConfig {
    let given = options.remote.iter().filter(|url| !url.is_empty());
    if options.no_remote {
        config.remote.clear();
    } else if !options.remote.is_empty() {
        config.remote = given.map(Remote::new).collect();
    }
    if let Some(usage) = options.remote_mode {
        config
            .remote
            .iter_mut()
            .for_each(|remote| remote.usage = usage);
    }
    config
}
