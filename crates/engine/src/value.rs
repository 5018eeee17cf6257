//! Values that travel along edges. The engine looks inside none of them: a
//! value type says whether it can be written as bytes, and that is all.

use std::any::{Any, TypeId, type_name};
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use refrain_store::{Codec, Damage, Home, Output, Store, codec};
use serde::{Serialize, de::DeserializeOwned};

/// A value of any type, shared by all that read it.
#[derive(Clone)]
pub struct Value(Arc<dyn Any + Send + Sync>);

impl Value {
    /// Wraps a value.
    pub fn new<T: Any + Send + Sync>(value: T) -> Self {
        Value(Arc::new(value))
    }

    /// The value as a `T`, if it is one.
    pub fn get<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.0.downcast_ref()
    }

    /// A shared pointer to the value as a `T`, if it is one.
    pub fn arc<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.0.clone().downcast().ok()
    }

    /// The value itself as a `T`, if it is one; a copy where others have it too.
    pub(crate) fn take<T: Any + Send + Sync + Clone>(self) -> Option<T> {
        self.0.downcast().ok().map(Arc::unwrap_or_clone)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Value(..)")
    }
}

/// Puts values of one type into the store and gets them back.
pub trait ValueCodec: Send + Sync {
    /// Puts a value into the store, for a home; an error says why it cannot be
    /// kept.
    fn put(&self, store: &Store, home: &Home, value: &Value) -> Result<Output, String>;
    /// Gets the value that [`put`](Self::put) made this output of.
    fn get(&self, store: &Store, output: &Output) -> Result<Value, Damage>;
    /// Says where a value and a stored output begin to differ; `None` where
    /// they do not.
    fn differs(
        &self,
        store: &Store,
        value: &Value,
        output: &Output,
    ) -> Result<Option<String>, String>;
    /// Whether a value is still good when the store has it: otherwise the
    /// store took it over, and gives it anew to everybody who asks.
    fn in_memory(&self) -> bool;
    /// Whether the values are lists that are kept item by item.
    fn is_list(&self) -> bool {
        false
    }
    /// A value as JSON has it, for people and other programs; `None` where its
    /// stored bytes are what they want, or JSON cannot have it.
    fn plain(&self, _value: &Value) -> Option<serde_json::Value> {
        None
    }
}

/// A type as the engine knows it: an identity, a name for people, and a codec
/// where its values can be kept. As small as a reference: graphs hold many.
#[derive(Clone, Copy)]
pub struct ValueType(&'static dyn Describe);

/// What there is to know of a type.
pub trait Describe: Send + Sync {
    /// Its identity.
    fn id(&self) -> TypeId;
    /// Its name, for messages.
    fn name(&self) -> &'static str;
    /// How to keep values of it, where they can be kept.
    fn codec(&self) -> Option<&'static dyn ValueCodec>;
}

impl ValueType {
    /// A type whose values live in memory only.
    pub fn memory<T: Any + Send + Sync>() -> Self {
        ValueType(&InMemory::<T>(PhantomData))
    }

    /// A type whose values can be kept on disk.
    pub fn kept<T: Any + Send + Sync + Serialize + DeserializeOwned>() -> Self {
        ValueType(&SerdeCodec::<T>(PhantomData))
    }

    /// A type that describes itself.
    pub fn described(by: &'static dyn Describe) -> Self {
        ValueType(by)
    }

    /// Its identity; edges join equal ids only.
    pub fn id(&self) -> TypeId {
        self.0.id()
    }

    /// Its name, for messages.
    pub fn name(&self) -> &'static str {
        self.0.name()
    }

    /// How to keep values of it; `None` where they live in memory only.
    pub fn codec(&self) -> Option<&'static dyn ValueCodec> {
        self.0.codec()
    }
}

impl fmt::Debug for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ValueType({})", self.name())
    }
}

struct InMemory<T>(PhantomData<fn() -> T>);

impl<T: Any + Send + Sync> Describe for InMemory<T> {
    fn id(&self) -> TypeId {
        TypeId::of::<T>()
    }
    fn name(&self) -> &'static str {
        type_name::<T>()
    }
    fn codec(&self) -> Option<&'static dyn ValueCodec> {
        None
    }
}

impl<T: Any + Send + Sync + Serialize + DeserializeOwned> Describe for SerdeCodec<T> {
    fn id(&self) -> TypeId {
        TypeId::of::<T>()
    }
    fn name(&self) -> &'static str {
        type_name::<T>()
    }
    fn codec(&self) -> Option<&'static dyn ValueCodec> {
        Some(&SerdeCodec::<T>(PhantomData))
    }
}

struct SerdeCodec<T>(PhantomData<fn() -> T>);

impl<T: Any + Send + Sync + Serialize + DeserializeOwned> ValueCodec for SerdeCodec<T> {
    fn put(&self, store: &Store, home: &Home, value: &Value) -> Result<Output, String> {
        let value = value
            .get::<T>()
            .expect("a node's output has the type it declared");
        let viewed = match home {
            Home::Blobs => codec::view(value),
            Home::Pickle(_) => codec::view_pickled(value),
        };
        let (codec, bytes) = viewed.map_err(|e| e.to_string())?;
        store.admit(bytes.len() as u64).map_err(|e| e.to_string())?;
        (store.write_at(home, &bytes, codec)).map_err(|e| e.to_string())
    }

    fn get(&self, store: &Store, output: &Output) -> Result<Value, Damage> {
        let bytes = store.load(output)?;
        codec::decode::<T>(output.codec, bytes)
            .map(Value::new)
            .map_err(|e| Damage::Corrupt(e.to_string()))
    }

    fn differs(
        &self,
        store: &Store,
        value: &Value,
        output: &Output,
    ) -> Result<Option<String>, String> {
        let value = value.get::<T>().expect("a value of the declared type");
        let viewed = match output.codec {
            Codec::PICKLE => codec::view_pickled(value),
            _ => codec::view(value),
        };
        let (_, bytes) = viewed.map_err(|e| e.to_string())?;
        let stored = store.load(output).map_err(|e| e.to_string())?;
        Ok(first_difference(&stored, &bytes, 0))
    }

    fn in_memory(&self) -> bool {
        true
    }

    fn plain(&self, value: &Value) -> Option<serde_json::Value> {
        serde_json::to_value(value.get::<T>()?).ok()
    }
}

/// Where bytes begin to differ, in words; the first of them has this number.
pub(crate) fn first_difference(old: &[u8], new: &[u8], first: u64) -> Option<String> {
    let same = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    if same == old.len() && same == new.len() {
        return None;
    }
    let byte = |bytes: &[u8]| match bytes.get(same) {
        Some(byte) => format!("0x{byte:02x}"),
        None => "the end".to_owned(),
    };
    let at = first + same as u64;
    Some(format!("byte {at}: {} -> {}", byte(old), byte(new)))
}
