//! What may be a name, and which known one a wrong one most resembles.

/// Whether a text can name an input, a node or a parameter: `[A-Za-z_][A-Za-z0-9_-]*`.
pub fn is_name(text: &str) -> bool {
    let starts = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_';
    let goes_on = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    text.as_bytes().first().is_some_and(starts) && text.as_bytes().iter().all(goes_on)
}

/// The known name most like `wanted`, if one is like it at all.
pub fn nearest<'k>(wanted: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let mut best = (0.7, None);
    for name in known {
        // Keeps a look through very many names short.
        if name.len().abs_diff(wanted.len()) > 4 {
            continue;
        }
        let likeness = strsim::jaro_winkler(wanted, name);
        if likeness > best.0 {
            best = (likeness, Some(name));
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_identifiers_with_dashes() {
        for name in ["a", "_", "A9", "a-b_c"] {
            assert!(is_name(name), "{name}");
        }
        for text in ["", "-a", "9", "a b", "a.b", "é", "a\n"] {
            assert!(!is_name(text), "{text}");
        }
    }

    #[test]
    fn a_name_unlike_all_has_no_nearest() {
        assert_eq!(nearest("corpsu", ["corpus", "copies"]), Some("corpus"));
        assert_eq!(nearest("zzz", ["corpus", "copies"]), None);
    }
}
