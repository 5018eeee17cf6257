//! A package as Cargo sees it: its targets, and where each name of its extern prelude leads.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use cargo_toml::{Dependency, DepsSet, Manifest, Product};

use crate::lock::Lock;

/// Crates that are the engine itself: its own version is in every signature's format, so they never
/// count as code that a function stands on.
const ENGINE: [&str; 5] = [
    "refrain",
    "refrain-cli",
    "refrain-code",
    "refrain-macros",
    "refrain-store",
];

/// Where a name of the extern prelude leads.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Origin {
    /// A package in this directory, followed item by item.
    Path(PathBuf),
    /// A package of a registry or of git, by its name in Cargo.lock.
    Locked(String),
    /// One of the engine's own crates, which do not count.
    Engine(String),
}

/// One compilation target.
#[derive(Debug)]
pub(crate) struct Target {
    /// As rustc sees it: `-` replaced by `_`.
    pub(crate) crate_name: String,
    /// A binary, rather than a library, test, example or bench.
    pub(crate) bin: bool,
    /// The library.
    pub(crate) lib: bool,
    /// The root source file.
    pub(crate) root: PathBuf,
    /// A crate of procedural macros.
    pub(crate) proc_macro: bool,
}

/// The features of a package, each with what it turns on.
pub(crate) type Features = BTreeMap<String, Vec<String>>;

/// One package.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) edition: String,
    pub(crate) dir: PathBuf,
    /// The directory of Cargo.lock, else the package's own.
    pub(crate) workspace: PathBuf,
    pub(crate) targets: Vec<Target>,
    /// By crate name, renames applied.
    pub(crate) origins: BTreeMap<String, Origin>,
    /// What is asked of a dependency, by crate name: its features, and whether not the default ones.
    pub(crate) asked: BTreeMap<String, BTreeSet<String>>,
    /// The package's own table of features.
    pub(crate) features: Features,
    pub(crate) lock: Rc<Lock>,
}

impl Package {
    /// Reads the package in `dir`, an absolute path.
    ///
    /// # Errors
    /// Says which file could not be read, and why.
    pub(crate) fn read(dir: &Path) -> Result<Self, String> {
        let path = dir.join("Cargo.toml");
        let manifest = Manifest::from_path(&path)
            .map_err(|error| format!("cannot read Cargo.toml: {error}"))?;
        let package = manifest
            .package
            .as_ref()
            .ok_or("Cargo.toml has no [package]")?;
        let workspace = dir
            .ancestors()
            .find(|dir| dir.join("Cargo.lock").is_file())
            .unwrap_or(dir)
            .to_owned();
        let lock = Rc::new(Lock::read(&workspace.join("Cargo.lock")));
        let patches = patches(&workspace);
        let mut origins = BTreeMap::new();
        let mut asked: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (name, dependency) in tables(&manifest).flatten() {
            let origin = origin(dir, name, dependency, &lock, &patches);
            let name = name.replace('-', "_");
            let words = asked.entry(name.clone()).or_default();
            words.extend(dependency.req_features().iter().cloned());
            if dependency
                .detail()
                .is_some_and(|detail| !detail.default_features)
            {
                words.insert("default-features = false".to_owned());
            }
            // One name may stand in several tables; a path is the most there is to follow.
            if matches!(origin, Origin::Path(_)) {
                origins.insert(name, origin);
            } else {
                origins.entry(name).or_insert(origin);
            }
        }
        let mut targets = Vec::new();
        let mut add = |product: &Product, lib: bool, bin: bool| {
            let (Some(path), Some(name)) = (&product.path, &product.name) else {
                return;
            };
            targets.push(Target {
                crate_name: name.replace('-', "_"),
                bin,
                lib,
                root: clean(&dir.join(path)),
                proc_macro: product.proc_macro
                    || product.crate_type.iter().any(|kind| kind == "proc-macro"),
            });
        };
        if let Some(lib) = &manifest.lib {
            let named = lib.name.clone().or_else(|| Some(package.name.clone()));
            let path = lib.path.clone().or_else(|| Some("src/lib.rs".to_owned()));
            add(
                &Product {
                    name: named,
                    path,
                    ..lib.clone()
                },
                true,
                false,
            );
        }
        manifest
            .bin
            .iter()
            .for_each(|product| add(product, false, true));
        for products in [&manifest.example, &manifest.test, &manifest.bench] {
            products
                .iter()
                .for_each(|product| add(product, false, false));
        }
        let build = Product {
            name: Some("build_script_build".to_owned()),
            path: Some("build.rs".to_owned()),
            ..Product::default()
        };
        add(&build, false, false);
        targets.retain(|target| target.root.is_file());
        Ok(Package {
            name: package.name.clone(),
            version: package
                .version
                .get()
                .map(ToString::to_string)
                .unwrap_or_default(),
            edition: package
                .edition
                .get()
                .map(|edition| format!("{edition:?}"))
                .unwrap_or_default(),
            dir: dir.to_owned(),
            workspace,
            targets,
            origins,
            asked,
            features: manifest.features.clone().into_iter().collect(),
            lock,
        })
    }

    /// Whether a package is part of the engine itself.
    pub(crate) fn is_engine(name: &str) -> bool {
        ENGINE.contains(&name)
    }

    /// The package's library, which its other targets see by its crate name.
    pub(crate) fn lib(&self) -> Option<&Target> {
        self.targets.iter().find(|target| target.lib)
    }

    /// A file's name in reports: relative to the workspace, else below the package's name.
    pub(crate) fn relative(&self, file: &Path) -> String {
        let shown = match (
            file.strip_prefix(&self.workspace),
            file.strip_prefix(&self.dir),
        ) {
            (Ok(inside), _) => inside.to_owned(),
            (_, Ok(inside)) => Path::new(&self.name).join(inside),
            _ => PathBuf::from(file.file_name().unwrap_or_default()),
        };
        shown.to_string_lossy().replace('\\', "/")
    }
}

/// All dependency tables: normal, dev, build, and those of every target platform.
fn tables(manifest: &Manifest) -> impl Iterator<Item = &DepsSet> {
    let platforms = manifest.target.values();
    let platforms = platforms.flat_map(|table| {
        [
            &table.dependencies,
            &table.dev_dependencies,
            &table.build_dependencies,
        ]
    });
    [
        &manifest.dependencies,
        &manifest.dev_dependencies,
        &manifest.build_dependencies,
    ]
    .into_iter()
    .chain(platforms)
}

fn origin(
    dir: &Path,
    name: &str,
    dependency: &Dependency,
    lock: &Lock,
    patches: &BTreeMap<String, PathBuf>,
) -> Origin {
    let detail = dependency.detail();
    let package = detail
        .and_then(|detail| detail.package.as_deref())
        .unwrap_or(name);
    if Package::is_engine(package) {
        return Origin::Engine(package.to_owned());
    }
    if let Some(path) = detail.and_then(|detail| detail.path.as_deref()) {
        return Origin::Path(clean(&dir.join(path)));
    }
    match patches.get(package) {
        Some(path) if lock.is_local(package) => Origin::Path(path.clone()),
        _ => Origin::Locked(package.to_owned()),
    }
}

/// Packages that the workspace's `[patch]` tables replace by a directory.
fn patches(workspace: &Path) -> BTreeMap<String, PathBuf> {
    let Ok(text) = std::fs::read_to_string(workspace.join("Cargo.toml")) else {
        return BTreeMap::new();
    };
    let Ok(manifest) = Manifest::from_str(&text) else {
        return BTreeMap::new();
    };
    let patched = manifest
        .patch
        .into_values()
        .flatten()
        .filter_map(|(name, dependency)| {
            let detail = dependency.detail()?;
            let package = detail.package.clone().unwrap_or(name);
            Some((package, clean(&workspace.join(detail.path.as_deref()?))))
        });
    patched.collect()
}

/// Takes `.` and `..` out of a path without asking the disk, so that one file has one name.
pub(crate) fn clean(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir if out.file_name().is_some() => _ = out.pop(),
            part => out.push(part),
        }
    }
    out
}
