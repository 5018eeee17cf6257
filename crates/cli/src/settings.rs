//! Where settings come from. A flag comes before the environment, that before
//! the project's own configuration, and that before the user's. The first two
//! are read with the arguments; here the rest is added.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use refrain::CacheConfig;
use serde::Deserialize;

use crate::args::Options;
use crate::error::{Error, Result};
use crate::style::When;

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
    pub fn apply(config: CacheConfig, options: &Options, here: &Path) -> CacheConfig {
        match &options.cache_dir {
            Some(dir) => config.cache_dir(here.join(dir)),
            None => config,
        }
    }

    fn config(keys: &toml::Table) -> Result<CacheConfig, String> {
        let mut table = toml::Table::from_iter([("enabled".to_owned(), true.into())]);
        table.extend(keys.clone());
        let config = table.try_into();
        config.map_err(|error: toml::de::Error| error.to_string())
    }
}
