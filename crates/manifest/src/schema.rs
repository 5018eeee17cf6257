//! The shape of a manifest for editors and other programs.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use serde_json::Value;

use crate::manifest::Manifest;

/// The JSON schema of a manifest, from the types that it is read into.
///
/// It says what can be said of one value alone; that names stand for something is left to
/// [`Manifest::parse`].
pub fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12();
    let settings = settings.with_transform(RecursiveTransform(without_null));
    settings
        .into_generator()
        .into_root_schema_for::<Manifest>()
        .into()
}

/// TOML has no null: what is optional is left out.
fn without_null(schema: &mut Schema) {
    if schema.get("default").is_some_and(Value::is_null) {
        schema.remove("default");
    }
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
}
