//! What a Rust function stands on.
//!
//! Given a function in a package, [`Sources::analyse`] finds every item that the function's result may
//! depend on: constants, helpers, types with their `impl` blocks, macros, files and variables read at
//! compile time, in its own module, in other modules of its crate, in the crates that the workspace
//! holds; and the locked versions of the crates it does not hold. Each item comes with a hash that
//! formatting and comments do not change and everything else does, and with the *level* at which it is
//! reached: 0 in the function's own module, one more for each import on the way.
//!
//! The promise is one-sided: **over-approximate, never miss**. An item too many costs an execution that
//! was not needed; an item too few gives a stale result. Names are therefore read off tokens
//! (`names`), resolved in all namespaces and all `cfg` variants (`resolve`), and where a name
//! cannot be found, whatever may have made it counts.
//!
//! The crate knows nothing of nodes, signatures or caches, and nothing of the compiler: it runs in a
//! procedural macro, and as well on any directory that holds a package.
//!
//! ```no_run
//! use refrain_code::{Site, Sources};
//!
//! let mut sources = Sources::new();
//! let site = Site {
//!     file: Some("src/main.rs".into()),
//!     line: 12,
//!     name: "load_corpus".into(),
//!     manifest_dir: "/package".into(),
//!     crate_name: "package".into(),
//!     bin_name: Some("package".into()),
//!     working_dir: "/package".into(),
//! };
//! let code = sources.analyse(&site, "fn load_corpus() {}");
//! for item in code.up_to(1) {
//!     println!("{} {}", item.level, item.path);
//! }
//! ```

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod closure;
mod edges;
mod entry;
mod features;
mod fingerprint;
mod impls;
mod imports;
mod includes;
mod layout;
mod leaf;
mod locals;
mod lock;
mod makers;
mod manifest;
mod methods;
mod names;
mod normal;
mod resolve;
mod scope;
mod site;
mod tokens;
mod tree;
mod words;
mod world;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use site::Site;

use world::World;

/// Everything a function stands on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Code {
    /// The function itself, then what it stands on, by level and path.
    pub items: Vec<Item>,
    /// What only the compiler can say, and what decides which of the items are there at all.
    pub conditions: Vec<Condition>,
    /// Files read that the compiler does not read for this crate by itself.
    pub files: Vec<PathBuf>,
    /// Why something the function stands on may not be among the items, if so.
    pub incomplete: Option<String>,
}

impl Code {
    /// The items of at most `level` import levels.
    pub fn up_to(&self, level: u32) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(move |item| item.level <= level)
    }
}

/// A `cfg` predicate that a function stands on; its value is the compiler's to give.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// As of an [`Item`].
    pub level: u32,
    /// `crate (cfg(feature = "fast"))`.
    pub path: String,
    /// What stands between the parentheses of `cfg!(..)`.
    pub predicate: String,
    /// The hash when it is false, and when it is true.
    pub hashes: [[u8; 32]; 2],
}

/// One thing that a function stands on.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The import levels on the shortest way to it; 0 in the function's own module.
    pub level: u32,
    /// What it is: `crate::helpers::SCALE`, `crate::Vec2 (impl Add)`, `serde_json 1.0.154`.
    pub path: String,
    /// Its BLAKE3 hash, the same for all formattings of the same code.
    pub hash: [u8; 32],
    /// Its text in one canonical layout, for showing what changed; never a secret.
    pub text: String,
    /// The file it stands in, relative to the workspace or below its package's name.
    pub file: String,
    /// Its line there, from 1; 0 where there is none.
    pub line: u32,
}

/// Sources read so far: each file is parsed once.
///
/// Meant to live for one compilation: it does not notice that a file has changed.
#[derive(Default)]
pub struct Sources {
    world: World,
}

impl Sources {
    /// Nothing read yet; `env!` is answered from the process's environment.
    pub fn new() -> Self {
        Sources::default()
    }

    /// Nothing read yet; `env!` is answered from `variables` alone.
    pub fn with_variables(variables: BTreeMap<String, String>) -> Self {
        let world = World {
            variables: Some(variables),
            ..World::default()
        };
        Sources { world }
    }

    /// By what name the package in `manifest_dir` knows the engine's crate `package`, which it may have
    /// renamed; None when it does not depend on it.
    pub fn name_of(&mut self, manifest_dir: &Path, package: &str) -> Option<String> {
        let manifest = self.world.package(manifest_dir).ok()?;
        let engine = manifest::Origin::Engine(package.to_owned());
        let mut origins = manifest.origins.iter();
        origins.find_map(|(name, origin)| (*origin == engine).then(|| name.clone()))
    }

    /// Finds what the function at `site` stands on. `source` is the function itself as text, all that
    /// is known where its place is not; then [`Code::incomplete`] says why.
    pub fn analyse(&mut self, site: &Site, source: &str) -> Code {
        match self.world.locate(site) {
            Ok(starts) => self.world.closure(&starts),
            Err(reason) => World::alone(source, &site.name, site.line, reason),
        }
    }
}
