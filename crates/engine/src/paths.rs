//! Values that are files or directories: an action leaves one in its scratch
//! directory, the store takes it over, and whoever reads it is given a path.
//! Its bytes are never in memory as a whole.

use std::any::{TypeId, type_name};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use refrain_store::{Damage, Home, Output, Store};

use crate::execution::Scratch;
use crate::files;
use crate::value::{Describe, Value, ValueCodec, ValueType};

/// The path of a node's output: a regular file or a directory, not to be
/// written to. Parameters of nodes that read such outputs have this type.
#[derive(Clone, Debug)]
pub struct OutputPath {
    path: Arc<Path>,
    /// What keeps a file alive that the store does not have.
    scratch: Option<Scratch>,
}

impl OutputPath {
    /// An output that was just made in a scratch directory.
    pub fn new(path: impl Into<PathBuf>, scratch: Scratch) -> Self {
        OutputPath {
            path: path.into().into(),
            scratch: Some(scratch),
        }
    }

    pub(crate) fn placed(path: PathBuf) -> Self {
        OutputPath {
            path: path.into(),
            scratch: None,
        }
    }

    /// Its absolute path, good for as long as this value is held.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The outputs of a mapped node that are files or directories, in the order of
/// its items, each with the item's key.
#[derive(Clone, Debug)]
pub struct OutputList(pub(crate) Vec<(Arc<str>, OutputPath)>);

impl OutputList {
    /// The items' keys and outputs, in order.
    pub fn items(&self) -> impl ExactSizeIterator<Item = (&str, &Path)> {
        self.0.iter().map(|(key, output)| (&**key, output.path()))
    }
}

/// What stands at an [`OutputPath`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathKind {
    /// A regular file.
    File,
    /// A directory with all that is in it.
    Dir,
}

impl PathKind {
    /// The type of kept outputs of this kind.
    pub(crate) fn kept(self) -> ValueType {
        match self {
            PathKind::File => ValueType::described(&Kept(PathKind::File)),
            PathKind::Dir => ValueType::described(&Kept(PathKind::Dir)),
        }
    }
}

/// Outputs of one kind that the store keeps.
struct Kept(PathKind);

impl Describe for Kept {
    fn id(&self) -> TypeId {
        TypeId::of::<OutputPath>()
    }
    fn name(&self) -> &'static str {
        type_name::<OutputPath>()
    }
    fn codec(&self) -> Option<&'static dyn ValueCodec> {
        Some(match self.0 {
            PathKind::File => &Kept(PathKind::File),
            PathKind::Dir => &Kept(PathKind::Dir),
        })
    }
}

impl ValueCodec for Kept {
    fn put(&self, store: &Store, home: &Home, value: &Value) -> Result<Output, String> {
        let output = value.get::<OutputPath>();
        let output = output.expect("a node's output has the type it declared");
        // What the store has is not for anybody to take over.
        if output.scratch.is_none() {
            return Err("it is the output of another node".to_owned());
        }
        let adopted = match self.0 {
            PathKind::File => store.adopt_file_at(home, &output.path),
            PathKind::Dir => store.adopt_tree(&output.path),
        };
        adopted.map_err(|e| e.to_string())
    }

    fn get(&self, store: &Store, output: &Output) -> Result<Value, Damage> {
        store
            .place(output)
            .map(|path| Value::new(OutputPath::placed(path)))
    }

    fn differs(
        &self,
        store: &Store,
        value: &Value,
        output: &Output,
    ) -> Result<Option<String>, String> {
        let value = value.get::<OutputPath>();
        let value = value.expect("a node's output has the type it declared");
        let stored = store.place(output).map_err(|e| e.to_string())?;
        files::first_difference(&stored, &value.path).map_err(|e| e.to_string())
    }

    fn in_memory(&self) -> bool {
        false
    }
}
