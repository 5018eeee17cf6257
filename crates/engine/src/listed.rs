//! What the outputs of a mapped node's items are together: values of these types
//! are kept item by item, and given as one list. It knows no item's work.

use std::any::{Any, TypeId, type_name};
use std::marker::PhantomData;
use std::sync::Arc;

use refrain_store::{Damage, Home, Output, Store, codec};
use serde::{Serialize, de::DeserializeOwned};

use crate::paths::{OutputList, OutputPath};
use crate::value::{Describe, Value, ValueCodec, ValueType};

/// Puts items' outputs together, which are in order and have their items' keys.
pub(crate) type Gather = fn(Vec<(Arc<str>, Value)>) -> Value;

/// A kind of lists.
pub(crate) trait Listed: 'static {
    /// The output of one item.
    type Item: Any + Send + Sync + Clone;
    /// The list of them.
    type List: Any + Send + Sync;
    /// Makes the list.
    fn list(items: impl Iterator<Item = (Arc<str>, Self::Item)>) -> Self::List;
}

/// A kind of lists whose items can be kept.
pub(crate) trait KeptListed: Listed {
    /// Whether a list that was made is still good when the store has its items;
    /// otherwise the store gives it anew.
    const IN_MEMORY: bool;
    /// Gets the output of one item.
    fn load(store: &Store, output: &Output) -> Result<Self::Item, Damage>;
    /// A list as JSON has it, where JSON can.
    fn plain(list: &Self::List) -> Option<serde_json::Value>;
}

/// The lists of a kind, in memory only.
pub(crate) fn in_memory<L: Listed>() -> ValueType {
    ValueType::memory::<L::List>()
}

/// The lists of a kind, kept.
pub(crate) fn kept<L: KeptListed>() -> ValueType {
    ValueType::described(&Kept::<L>(PhantomData))
}

/// Makes a list of a kind.
pub(crate) fn gather<L: Listed>(items: Vec<(Arc<str>, Value)>) -> Value {
    let item = |(key, value): (Arc<str>, Value)| {
        let item = value.get::<L::Item>();
        (key, item.expect("an item of the declared type").clone())
    };
    Value::new(L::list(items.into_iter().map(item)))
}

/// Lists of files and directories.
pub(crate) struct Paths;

impl Listed for Paths {
    type Item = OutputPath;
    type List = OutputList;

    fn list(items: impl Iterator<Item = (Arc<str>, OutputPath)>) -> OutputList {
        OutputList(items.collect())
    }
}

impl KeptListed for Paths {
    const IN_MEMORY: bool = false;

    fn load(store: &Store, output: &Output) -> Result<OutputPath, Damage> {
        store.place(output).map(OutputPath::placed)
    }

    fn plain(_list: &OutputList) -> Option<serde_json::Value> {
        None
    }
}

/// Vectors of values.
pub(crate) struct Values<O>(PhantomData<O>);

impl<O: Any + Send + Sync + Clone> Listed for Values<O> {
    type Item = O;
    type List = Vec<O>;

    fn list(items: impl Iterator<Item = (Arc<str>, O)>) -> Vec<O> {
        items.map(|(_, item)| item).collect()
    }
}

impl<O: Any + Send + Sync + Clone + Serialize + DeserializeOwned> KeptListed for Values<O> {
    const IN_MEMORY: bool = true;

    fn load(store: &Store, output: &Output) -> Result<O, Damage> {
        codec::decode(output.codec, store.load(output)?).map_err(|e| Damage::Corrupt(e.to_string()))
    }

    fn plain(list: &Vec<O>) -> Option<serde_json::Value> {
        serde_json::to_value(list).ok()
    }
}

/// Lists of a kind that the store keeps.
struct Kept<L>(PhantomData<fn() -> L>);

impl<L: KeptListed> Describe for Kept<L> {
    fn id(&self) -> TypeId {
        TypeId::of::<L::List>()
    }
    fn name(&self) -> &'static str {
        type_name::<L::List>()
    }
    fn codec(&self) -> Option<&'static dyn ValueCodec> {
        Some(&Kept::<L>(PhantomData))
    }
}

impl<L: KeptListed> ValueCodec for Kept<L> {
    fn put(&self, _store: &Store, _home: &Home, _value: &Value) -> Result<Output, String> {
        // Its items are kept one by one, and the list of them by the scheduler.
        Err("a list is kept item by item".to_owned())
    }

    fn get(&self, store: &Store, output: &Output) -> Result<Value, Damage> {
        let entries = store.load_list(output)?;
        if store.owes() {
            // What does not come now is told when it is loaded.
            store.fetch(
                &entries
                    .iter()
                    .map(|entry| &entry.output)
                    .collect::<Vec<_>>(),
            );
        }
        let entries = entries.into_iter();
        let items = entries.map(|entry| Ok((entry.key, L::load(store, &entry.output)?)));
        let items = items.collect::<Result<Vec<_>, Damage>>()?;
        Ok(Value::new(L::list(items.into_iter())))
    }

    fn differs(
        &self,
        _store: &Store,
        _value: &Value,
        _output: &Output,
    ) -> Result<Option<String>, String> {
        Err("a list is compared item by item".to_owned())
    }

    fn in_memory(&self) -> bool {
        L::IN_MEMORY
    }

    fn is_list(&self) -> bool {
        true
    }

    fn plain(&self, value: &Value) -> Option<serde_json::Value> {
        L::plain(value.get()?)
    }
}
