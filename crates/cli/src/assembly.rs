//! Makes a project of a manifest: its commands become the nodes of a pipeline,
//! its inputs what they are at this moment. It is unaware of commands typed.

use std::collections::HashSet;
use std::env;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use refrain::{CacheConfig, Digest, Inputs, Pipeline, Remote, dir, file, files};
use refrain_command::{Programs, Surroundings, node, versions};
use refrain_manifest::{
    CacheTable, Eviction, Files, Input, InputKind, Manifest, Problem, RemoteTable,
};
use refrain_store::TierUse;
use serde_json::Value;

use crate::args::Options;
use crate::basis::Basis;
use crate::discovery::Found;
use crate::error::{Error, Result};
use crate::printer::{Printer, Verbosity};
use crate::project::{Cache, Here, Project};
use crate::settings::Settings;
use crate::style::DIM;

/// The project of a manifest. Where it was looked for its files and its code
/// goes to `basis`, also if something is wrong there.
pub fn assemble(
    found: &Found,
    settings: &Settings,
    options: &Options,
    printer: &Printer,
    mut basis: Option<&mut Basis>,
) -> Result<Project> {
    let Found {
        manifest,
        root,
        here,
        ..
    } = found;
    if let Some(basis) = &mut basis {
        basis.files.extend(named_files(found));
    }
    let cache = cache(found, settings, options)?;
    let CacheConfig {
        cache_dir,
        dependency_depth,
        ..
    } = &cache.config;
    let files = manifest.files(root, cache_dir).map_err(Box::new)?;
    if let Some(basis) = &mut basis {
        basis.folders.extend(files.folders().map(Path::to_owned));
        let ignored = files.folders().map(|folder| folder.join(".gitignore"));
        basis.files.extend(ignored);
    }
    let pipeline = pipeline(found, &files, *dependency_depth, printer, basis)?;
    let exports = manifest.nodes.iter().filter_map(|node| {
        let to = node.to.as_ref()?;
        Some((node.name.value.clone(), to.value.clone()))
    });
    Ok(Project {
        inputs: inputs(manifest, &files, &pipeline)?,
        texts: texts(manifest),
        exports: exports.collect(),
        pipeline,
        cache,
        here: Some(Here {
            user: here.clone(),
            root: root.clone(),
        }),
        jobs: settings.jobs,
        keep_going: settings.keep_going,
        warnings: files.warnings().cloned(),
    })
}

/// The manifest and the files that it names one by one.
fn named_files(found: &Found) -> impl Iterator<Item = PathBuf> {
    let manifest = &found.manifest;
    let lists = manifest
        .inputs
        .iter()
        .filter_map(|input| match &input.kind {
            InputKind::Files(patterns) => Some(patterns),
            _ => None,
        });
    let sources = manifest.nodes.iter().map(|node| &node.sources);
    let patterns = lists.chain(sources).flatten();
    let files = patterns.filter_map(|pattern| pattern.as_path().map(Path::to_owned));
    files.chain([found.path.clone()])
}

/// Where the outputs of a manifest's pipeline are remembered.
pub fn cache(found: &Found, settings: &Settings, options: &Options) -> Result<Cache> {
    let manifest = &found.manifest;
    let config = configured(&manifest.cache, settings.cache()?);
    Ok(Cache {
        pipeline: name(manifest, &found.root),
        config: Settings::apply(config, options, &found.here)?,
    })
}

fn configured(table: &CacheTable, mut config: CacheConfig) -> CacheConfig {
    if let Some(enabled) = table.enabled {
        config = config.enabled(enabled);
    }
    if let Some(backend) = &table.backend {
        config = config.backend(&backend.value);
    }
    if let Some(dir) = &table.cache_dir {
        config = config.cache_dir(&dir.value);
    }
    if let Some(name) = &table.env_hash {
        config = config.env_hash(name);
    }
    if let Some(levels) = table.dependency_depth {
        config = config.dependency_depth(levels);
    }
    if let Some(path) = &table.key_file {
        config = config.key_file(&path.value);
    }
    if !table.remote.is_empty() {
        config.remote = table.remote.iter().map(remote).collect();
    }
    config.max_size = table.max_size.or(config.max_size);
    config.max_entry_size = table.max_entry_size.or(config.max_entry_size);
    config.max_age = table.max_age.or(config.max_age);
    config.ttl = table.ttl.or(config.ttl);
    if let Some(eviction) = table.eviction {
        config = config.eviction(match eviction {
            Eviction::Cost => refrain::Eviction::Cost,
            Eviction::Lru => refrain::Eviction::Lru,
        });
    }
    config
}

fn remote(table: &RemoteTable) -> Remote {
    let mode = table
        .mode
        .as_ref()
        .and_then(|mode| TierUse::named(&mode.value));
    let mut remote = Remote::new(&table.url.value).usage(mode.unwrap_or_default());
    remote.timeout = table.timeout;
    remote
}

fn pipeline(
    found: &Found,
    files: &Files,
    depth: u32,
    printer: &Printer,
    basis: Option<&mut Basis>,
) -> Result<Pipeline> {
    let Found { manifest, root, .. } = found;
    let unreadable = |error| Error::file("read the directory", root, error);
    let mut programs = Programs::new(root, depth).map_err(unreadable)?;
    let mut around = Surroundings::new(root);
    if printer.verbosity() == Verbosity::Verbose {
        let printer = printer.clone();
        around.live = Some(Arc::new(move |node: &str, line: &[u8]| {
            let line = String::from_utf8_lossy(line);
            printer.note(format_args!("{DIM}{node}:{DIM:#} {line}"));
        }));
    }
    around.tools = tools(manifest, root)?;
    let around = Arc::new(around);
    let mut nodes = Vec::with_capacity(manifest.nodes.len());
    let mut state = basis
        .is_some()
        .then(|| state(manifest, files, &around.tools));
    for (index, each) in manifest.nodes.iter().enumerate() {
        let program = programs.program(each, files.of_node(index));
        if let Some(state) = &mut state {
            state.extend(program.state().as_bytes());
        }
        nodes.push(node(manifest, each, program, &around));
    }
    if let Some(basis) = basis {
        basis.files.extend(programs.looked_up());
        let folders = programs.folders().map(Path::to_owned);
        basis.folders.extend(folders);
        basis.state = state.map(|state| Digest::of(&state));
    }
    let pipeline = Pipeline::new(nodes)?.named(&name(manifest, root));
    let targets = manifest.targets();
    Ok(pipeline.targets(targets.iter().map(|target| &**target))?)
}

/// All that makes the project of a manifest what it is, but its programs.
fn state(manifest: &Manifest, files: &Files, tools: &[(String, String)]) -> Vec<u8> {
    let lists = (0..manifest.inputs.len()).map(|index| files.of_input(index));
    let paths = lists.flat_map(|list| list.iter().map(PathBuf::as_path).chain([Path::new("")]));
    let paths = paths.map(|path| path.as_os_str().as_bytes());
    let versions = tools.iter().map(|(_, version)| version.as_bytes());
    let texts = [manifest.source().text().as_bytes()]
        .into_iter()
        .chain(paths);
    let mut state = Vec::new();
    for text in texts.chain(versions) {
        state.extend(text);
        state.push(0);
    }
    state
}

/// The tools that all commands depend on, with their versions.
fn tools(manifest: &Manifest, root: &Path) -> Result<Vec<(String, String)>> {
    let tools = &manifest.env.tools;
    let commands: Vec<&str> = tools.iter().map(|tool| &*tool.value).collect();
    let (mut known, mut problems) = (Vec::new(), Vec::new());
    for (tool, version) in tools.iter().zip(versions(&commands, root)) {
        match version {
            Ok(version) => known.push((tool.value.clone(), version)),
            Err(why) => {
                let problem = Problem::new(tool.span, format!("this tells no version: {why}"));
                problems.push(problem.help("write a command that prints one"));
            }
        }
    }
    match problems.is_empty() {
        true => Ok(known),
        false => Err(Box::new(manifest.problems(problems)).into()),
    }
}

/// The pipeline's name: as it is given, or else that of its directory.
fn name(manifest: &Manifest, root: &Path) -> String {
    let given = manifest.pipeline.name.clone();
    given.unwrap_or_else(|| {
        let name = root.file_name().unwrap_or(root.as_os_str());
        name.to_string_lossy().into_owned()
    })
}

/// What the inputs are that some node takes. One that stands for a variable
/// that is not set is left out, and refused when it is needed.
fn inputs(manifest: &Manifest, files: &Files, pipeline: &Pipeline) -> Result<Inputs> {
    let taken: HashSet<&str> = pipeline.inputs().collect();
    let mut inputs = Inputs::new();
    for (index, input) in manifest.inputs.iter().enumerate() {
        if taken.contains(&*input.name.value) {
            inputs = give(inputs, input, files.of_input(index))?;
        }
    }
    Ok(inputs)
}

fn give(inputs: Inputs, input: &Input, list: &[PathBuf]) -> Result<Inputs> {
    let name = &*input.name.value;
    Ok(match &input.kind {
        InputKind::Value(value) => inputs.with(name, value.clone()),
        InputKind::File(path) => inputs.with(name, file(&path.value).named()),
        InputKind::Dir(path) => inputs.with(name, dir(&path.value).named()),
        InputKind::Files(_) => inputs.with(name, files(list)),
        InputKind::Env(variable) => match env::var(&**variable) {
            Ok(value) => inputs.with(name, Value::String(value)),
            Err(env::VarError::NotPresent) => inputs,
            Err(env::VarError::NotUnicode(_)) => {
                return Err(Error::Usage {
                    problem: format!("the environment variable {} is not UTF-8", **variable),
                    help: Some(format!("give input \"{name}\" another way")),
                });
            }
        },
    })
}

/// The inputs that are texts, so that a number typed for them stays a text.
fn texts(manifest: &Manifest) -> Vec<Arc<str>> {
    let is_text = |input: &&Input| {
        matches!(
            input.kind,
            InputKind::Value(Value::String(_)) | InputKind::Env(_)
        )
    };
    let texts = manifest.inputs.iter().filter(is_text);
    texts.map(|input| input.name.value.clone()).collect()
}
