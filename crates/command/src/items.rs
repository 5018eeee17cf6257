//! The items of a JSON array, each with what tells it apart. It knows no node.

use std::collections::HashMap;

use refrain::Part;
use serde_json::value::RawValue;

/// A longer value does not serve as its own key, nor is it shown.
const SHOWN: usize = 200;

/// Takes a JSON array apart. An item is its JSON text, as a `String`, digit for digit as it stands.
///
/// With `key`, every item is an object and known by the value that it has there; without, by itself.
pub fn split(array: &str, key: Option<&str>) -> Result<Vec<Part>, String> {
    let items: Vec<&RawValue> =
        serde_json::from_str(array).map_err(|_| "it is no JSON array".to_owned())?;
    let parts = items.into_iter().enumerate().map(|(index, item)| {
        let text = item.get();
        let known_by = match key {
            Some(key) => Some(
                member(text, key).ok_or_else(|| format!("item {} has no \"{key}\"", index + 1))?,
            ),
            None => (text.len() <= SHOWN).then(|| plain(text)),
        };
        let part = Part::new(text.to_owned(), text.as_bytes());
        let part = match known_by {
            Some(key) => part.keyed(key),
            None => part,
        };
        Ok(match text.len() {
            0..=SHOWN => part.shown(text),
            _ => part,
        })
    });
    parts.collect()
}

fn member(object: &str, key: &str) -> Option<String> {
    let members: HashMap<String, &RawValue> = serde_json::from_str(object).ok()?;
    Some(plain(members.get(key)?.get()))
}

/// A JSON text as one word: a string without its quotes, anything else as it is.
pub(crate) fn plain(json: &str) -> String {
    serde_json::from_str(json).unwrap_or_else(|_| json.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(array: &str, key: Option<&str>) -> Result<Vec<String>, String> {
        let parts = split(array, key)?;
        Ok(parts
            .iter()
            .map(|part| part.key.clone().unwrap_or_default().to_string())
            .collect())
    }

    #[test]
    fn items_are_known_by_a_member_or_by_themselves() {
        let array = r#"[{"id":"a b","n":1},{"id":10000000000000000000000}]"#;
        assert_eq!(
            keys(array, Some("id")).unwrap(),
            ["a b", "10000000000000000000000"]
        );
        assert_eq!(
            keys(r#"["a\n",1.50,true]"#, None).unwrap(),
            ["a\n", "1.50", "true"]
        );
        assert_eq!(keys(array, Some("n")).unwrap_err(), "item 2 has no \"n\"");
        assert_eq!(keys("[1]", Some("n")).unwrap_err(), "item 1 has no \"n\"");
        assert_eq!(keys("{}", None).unwrap_err(), "it is no JSON array");
        let long = format!("[\"{}\"]", "x".repeat(1000));
        assert!(split(&long, None).unwrap()[0].key.is_none());
    }
}
